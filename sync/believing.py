"""What full passes believed to be gone by themselves, added up over a week.

A few records that vanish each night are believed each night; over many nights they may be a whole
site that the PMS hides from us, bit by bit. So a list remembers how many it lost on which day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from integrations.queries import Resource
from sync.models import Cursor, SyncRun

DAYS: Final = 7


def lately(run: SyncRun, resource: Resource, now: datetime) -> int:
    """Return how many of a list's records were believed to be gone within the last seven days."""
    kept = _cursors(run, resource).values_list("vanished", flat=True).first()
    return sum(_recent(kept or {}, now).values())


def note(run: SyncRun, resource: Resource, records: int, now: datetime) -> None:
    """Add to a list's sum, in the transaction that marks the records: neither is without the other.

    After a person said that the missing are gone, it begins anew: they have looked.
    """
    cursor = _cursors(run, resource).select_for_update(no_key=True).first()
    if cursor is None or not records:  # a list that was never read whole has lost nothing
        return
    days = {} if run.may_remove else _recent(cursor.vanished, now)
    if not run.may_remove:
        today = _day(now).isoformat()
        days[today] = days.get(today, 0) + records
    Cursor.objects.filter(pk=cursor.pk).update(vanished=days)


def _cursors(run: SyncRun, resource: Resource) -> QuerySet[Cursor]:
    return Cursor.objects.filter(integration=run.integration_id, resource=resource)


def _recent(kept: dict[str, int], now: datetime) -> dict[str, int]:
    first = _day(now) - timedelta(days=DAYS - 1)
    return {day: records for day, records in kept.items() if date.fromisoformat(day) >= first}


def _day(now: datetime) -> date:
    return now.astimezone(UTC).date()
