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
