"""How many requests a minute each API key may send, counted in Redis or Valkey.

The minute of a key begins with its first request and is counted whole, so at the turn of two a
burst of twice the limit gets through. Without Redis requests go through uncounted: this protects
from programs that run wild, and must not be what makes bookings fail.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerMinute
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rest_framework import status
from rest_framework.exceptions import APIException

from accounts.models import ApiKey

logger = logging.getLogger(__name__)

#: Seconds to wait for Redis in each step, and how long it is left alone after a failure.
TIMEOUT = 0.3
LEFT_ALONE = 5.0


class RateLimited(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "rate_limited"
    default_detail = "This API key has spent its requests of this minute; see Retry-After."

    def __init__(self, wait: int = 0) -> None:
        super().__init__()
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Rate:
    """Requests of a key in its minute of now; `reset` in seconds."""

    limit: int
    remaining: int
    reset: int

    @property
    def headers(self) -> dict[str, str]:
        """What each answer tells of it."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset),
        }


class Counter:
    """Counts in Redis, and knows for some seconds that it is away."""

    def __init__(self, what: str = "API keys") -> None:
        self.what = what
        self.away_until: float | None = None

    def count(self, who: str, limit: int) -> tuple[int, int] | None:
        """Count one request of `limit` a minute; return how many there were, and in how many
        seconds they are forgotten.

        Returns None where Redis is away.
        """
        if self.away_until and time.monotonic() < self.away_until:
            return None
        item = RateLimitItemPerMinute(limit)
        name = item.key_for(who)
        try:
            used = storage().incr(name, item.get_expiry())
            left = round(storage().get_expiry(name) - time.time())
        except (RedisError, OSError) as error:
            if self.away_until is None:
                reason = type(error).__name__
                logger.warning("%s are not counted: Redis is away (%s)", self.what, reason)
            self.away_until = time.monotonic() + LEFT_ALONE
            return None
        if self.away_until is not None:
            logger.warning("%s are counted again", self.what)
            self.away_until = None
        return used, max(1, left)


@cache
def storage() -> RedisStorage:
    """Return the connections of this process; made once, opened when used."""
    patience: dict[str, Any] = {
        "socket_timeout": TIMEOUT,
        "socket_connect_timeout": TIMEOUT,
        "retry": Retry(NoBackoff(), 0),
    }
    return RedisStorage(settings.REDIS_URL, key_prefix="frontdesk.rate", **patience)


counter = Counter()


def take(request: HttpRequest, key: ApiKey) -> None:
    """Count the request against its key. Raises RateLimited; the answer tells what is left."""
    counted = counter.count(str(key.pk), key.rate_limit)
    if counted is None:
        return
    used, reset = counted
    rate = Rate(key.rate_limit, max(0, key.rate_limit - used), reset)
    request.rate = rate  # type: ignore[attr-defined]
    if used > key.rate_limit:
        raise RateLimited(reset)
