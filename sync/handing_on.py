"""Have a run that is due, or wanted, taken up at once; without a broker the next tick finds it."""

from __future__ import annotations

import logging
from typing import Final

from django.core.cache import cache
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

#: Seconds in which all who ask are served by the one look that was asked for first.
ASKED: Final = 2
_KEY: Final = "sync.dispatch.asked"


def look_soon() -> None:
    """Have the dispatcher look once the transaction is committed: somebody waits for it."""
    transaction.on_commit(_enqueue)


def begins() -> None:
    """Note that the dispatcher begins to look: who asks from here on asks for the next look."""
    try:
        cache.delete(_KEY)
    except RedisError:
        logger.warning("Redis does not answer; syncs begin with the next tick")


def _enqueue() -> None:
    from sync.tasks import EXPIRES, dispatch

    try:
        if cache.add(_KEY, True, ASKED):
            dispatch.apply_async(expires=EXPIRES, queue="dispatch")
    except (OperationalError, RedisError):
        logger.warning("no broker now; the sync begins with a later tick")
