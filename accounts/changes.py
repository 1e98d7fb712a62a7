"""Tell others, once it is committed, that somebody may do less than before.

What stays open for long, as the sockets of metrics/ do, was let in by a login that may end
meanwhile. Whoever hears of it looks at the rows again; what is not told, they find by themselves.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.db.models.signals import post_delete, post_save

from clinics.models import Membership, User

logger = logging.getLogger(__name__)

Listener = Callable[[list[str]], None]

_listeners: list[Listener] = []


def person(user_id: int) -> str:
    """Return how a person is named here."""
    return f"person {user_id}"


def key(key_id: UUID | str) -> str:
    """Return how an API key is named here."""
    return f"key {key_id}"


def subscribe(listener: Listener) -> None:
    """Have a function called with whose access has changed; once, however often asked."""
    if listener not in _listeners:
        _listeners.append(listener)


def announce(who: Iterable[str]) -> None:
    """Tell all listeners of these people and keys when the transaction has committed."""
    transaction.on_commit(partial(_tell, sorted(who)))


def watch() -> None:
    """Have changes of roles and people announced, and the end of a session."""
    post_save.connect(_of_membership, Membership)
    post_delete.connect(_of_membership, Membership)
    post_save.connect(_of_person, User)
    post_delete.connect(_of_person, User)
    user_logged_out.connect(_of_logout)


def _of_membership(instance: Membership, created: bool = False, **_: Any) -> None:
    if not created:
        announce([person(instance.user_id)])


def _of_person(instance: User, created: bool = False, update_fields: Any = None, **_: Any) -> None:
    # Who has just logged in, or was made, may do no less.
    if not created and set(update_fields or ["all"]) != {"last_login"}:
        announce([person(instance.pk)])


def _of_logout(user: Any, **_: Any) -> None:
    if isinstance(user, User):
        announce([person(user.pk)])


def _tell(who: list[str]) -> None:
    for listener in _listeners:
        try:
            listener(who)
        except Exception:
            logger.exception("access has changed, and a listener failed")
