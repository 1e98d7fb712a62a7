"""What is known of somebody who failed to log in too often."""

from __future__ import annotations

import math
from datetime import datetime

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Max
from django.http import HttpRequest

from clinics.middleware import address_of


def address(request: HttpRequest) -> str | None:
    """Return the address that failures are counted for; headers of the request do not matter."""
    return address_of(request) or None


def seconds_left(username: str, address: str | None, now: datetime) -> int:
    """Return how long this name stays locked at this address; 1 where it ends in this moment."""
    failures = AccessAttempt.objects.filter(username=username, ip_address=address)
    last = failures.aggregate(last=Max("attempt_time"))["last"] or now
    return max(1, math.ceil((last + settings.AXES_COOLOFF_TIME - now).total_seconds()))


def seconds_of_address(request: HttpRequest, now: datetime) -> int:
    """Return for how long this address is refused whatever the name; 0 where it is not.

    It ends with the failure that makes it too many. Attempts meanwhile are not tried, so they
    count for nothing.
    """
    limit: int = settings.LOGIN_FAILURES_OF_ADDRESS
    asks = address(request)
    if asks is None:
        return 0  # callers that cannot be told apart must not lock each other out
    since = now - settings.AXES_COOLOFF_TIME
    failures = AccessAttempt.objects.filter(ip_address=asks, attempt_time__gt=since)
    rows = failures.order_by("-attempt_time").values_list("attempt_time", "failures_since_start")
    found = 0
    for at, times in rows[:limit]:  # each is one failure at least
        found += times
        if found >= limit:
            return max(1, math.ceil((at - since).total_seconds()))
    return 0


def words_of_address(wait: int) -> str:
    """Return what is said of that to programs and people."""
    return (
        "There were too many failed logins from this address. "
        f"Try again in {-(-wait // 60)} minutes, or ask an operator."
    )
