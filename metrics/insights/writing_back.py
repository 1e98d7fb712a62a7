"""What confirmed writebacks saved, and how long it took until they were confirmed."""

from __future__ import annotations

import math
from typing import Any, Final

from django.db.models import Count

from metrics.insights.context import Context
from metrics.insights.definitions import MINUTES_SAVED, PAST_DAYS, TIME_TO_CONFIRMATION
from metrics.insights.figure import Figure, known, lacking
from writebacks.models import Writeback
from writebacks.states import Event, Status

_MEDIAN: Final = """
    SELECT count(*), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (
        ORDER BY extract(epoch FROM own.completed_at - own.created_at)::float)
    FROM pms_writebacks AS own
    WHERE own.clinic_id = %(clinic)s AND own.status = 'completed'
        AND own.completed_at BETWEEN %(since)s AND %(now)s AND own.completed_at >= own.created_at
        AND NOT EXISTS (
            SELECT FROM pms_writeback_events AS event
            WHERE event.writeback_id = own.id AND event.event = %(decided)s
        )
"""


def figures(context: Context) -> dict[str, Figure]:
    """Return the time to confirmation; the slowest tenth took longer than `ninetieth`."""
    ((n, found),) = context.query(_MEDIAN, decided=Event.DECIDED_COMPLETED.value)
    median, ninetieth = (round(each, 1) for each in found) if n else (None, None)
    enough = n >= TIME_TO_CONFIRMATION.least
    return {
        TIME_TO_CONFIRMATION.name: known(
            TIME_TO_CONFIRMATION, median, n, ninetieth=ninetieth if enough else None
        )
    }


def minutes_saved(context: Context) -> dict[str, Figure]:
    """Return the minutes by the clinic's own figures, and each kind's share in it."""
    minutes = _minutes(context.wishes.minutes_saved)
    if not minutes:
        why = "the clinic has not said how many minutes a writeback saves."
        return {MINUTES_SAVED.name: lacking(MINUTES_SAVED, 0, why)}
    counts = dict(
        Writeback.objects.filter(
            clinic=context.clinic,
            status=Status.COMPLETED,
            completed_at__range=(context.midnight(-PAST_DAYS), context.now),
        )
        .order_by()
        .values_list("operation")
        .annotate(count=Count("pk"))
    )
    kinds = [
        {"operation": name, "count": counts[name], "minutesEach": each}
        for name, each in sorted(minutes.items())
        if name in counts
    ]
    n = sum(kind["count"] for kind in kinds)
    value = round(sum(kind["count"] * kind["minutesEach"] for kind in kinds), 1)
    left_out = {name: count for name, count in sorted(counts.items()) if name not in minutes}
    found = known(MINUTES_SAVED, value, n, operations=kinds, withoutMinutes=left_out)
    if found["enough"]:
        found["note"] = f"By the clinic's own minutes. {found['note']}"
    return {MINUTES_SAVED.name: found}


def _minutes(said: Any) -> dict[str, float]:
    """Return the minutes of each kind that can be counted with."""
    if not isinstance(said, dict):
        return {}
    return {
        str(name): each
        for name, each in said.items()
        if isinstance(each, int | float)
        and not isinstance(each, bool)
        and math.isfinite(each)
        and each >= 0
    }
