"""Tell others that a clinic's appointments changed, or how current they are, once committed.

The parts of the product that stand above (metrics) want to hear of changes that those below make,
and those below know nothing of them. What is told is a clinic's id and no more: whoever hears it
looks at the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.db import transaction

logger = logging.getLogger(__name__)

Listener = Callable[[UUID], None]

_listeners: list[Listener] = []


def subscribe(listener: Listener) -> None:
    """Have a function called with the clinic's id after each change; once, however often asked."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(clinic_id: UUID) -> None:
    """Tell all listeners when the transaction has committed; at once outside of one.

    A listener that fails is logged and stops nothing: a change is never undone by who hears of it.
    """
    transaction.on_commit(partial(_tell, clinic_id))


def _tell(clinic_id: UUID) -> None:
    for listener in _listeners:
        try:
            listener(clinic_id)
        except Exception:
            logger.exception("clinic %s changed, and a listener failed", clinic_id)
