"""Hold an answer back until the outcome is known, for a caller who waits on the line."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from writebacks.models import Writeback
from writebacks.states import TERMINAL, Status

#: Seconds; proxies commonly end a request that is silent for a minute.
LONGEST: Final = 55
#: Seconds between two looks at the row.
PAUSE: Final = 0.5
#: After these, only time or a person brings news: nobody is kept waiting for that.
SETTLED: Final = TERMINAL | {Status.UNCONFIRMED}

#: Each answer that is held back takes a thread of this process.
seats = threading.BoundedSemaphore(settings.WAITING_ANSWERS)

PARAMETER = OpenApiParameter(
    "wait",
    type={"type": "integer", "minimum": 0, "maximum": LONGEST, "default": 0},
    description="Seconds to hold the answer back until `status` is completed, failed, cancelled "
    "or unconfirmed. The answer may come earlier than that when many wait; look at `status`.",
)


class WaitSerializer(serializers.Serializer):
    """How long the asker would wait for the outcome."""

    wait = serializers.IntegerField(min_value=0, max_value=LONGEST, required=False, default=0)


def seconds_asked(request: Request) -> int:
    """Return for how many seconds the asker would wait. Raises ValidationError."""
    # As a plain dict, in which an empty value is a value, and not left out.
    form = WaitSerializer(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    seconds: int = form.validated_data["wait"]
    return seconds


def until(now: datetime, seconds: int) -> datetime | None:
    """Return until when somebody waits, for a new writeback's `awaited_until`."""
    return now + timedelta(seconds=seconds) if seconds else None


def tell(writeback: Writeback, until: datetime | None) -> None:
    """Have one that is open checked for somebody who waits until then (writebacks/pace.py)."""
    if until and writeback.status not in SETTLED:
        open_one = Writeback.objects.filter(pk=writeback.pk, status=writeback.status)
        open_one.update(awaited_until=Greatest(Coalesce(F("awaited_until"), until), until))


def wait_for(writeback: Writeback, seconds: float) -> None:
    """Return once the writeback is settled, or after this many seconds.

    At once where as many wait already as this process has seats for.
    """
    ends = time.monotonic() + seconds
    if not seconds or writeback.status in SETTLED or not seats.acquire(blocking=False):
        return
    try:
        while (left := ends - time.monotonic()) > 0:
            _let_the_connection_go()
            time.sleep(min(PAUSE, left))
            statuses = Writeback.objects.filter(pk=writeback.pk).values_list("status", flat=True)
            if SETTLED.intersection(statuses):
                return
    finally:
        seats.release()


def _let_the_connection_go() -> None:
    """Leave the connection to others meanwhile; a transaction, if there is one, keeps it."""
    if not connection.in_atomic_block:
        connection.close()
