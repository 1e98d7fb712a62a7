"""Sikka's list of free slots, of the practices whose own system tells them. Pure functions.

The documentation names OrthoTrac and Dolphin; of all others the list is empty, which says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from integrations.commands import BookAppointment
from integrations.queries import FreeTime, FreeTimes

#: Start and end in UTC of each slot, by its operatory; "" for those that are for any.
Slots = dict[str, list[tuple[datetime, datetime]]]


def parameters(practitioner_id: str, location_id: str, first: date, last: date) -> dict[str, str]:
    """Return what to ask the list for: the slots of that provider on those days."""
    return {
        "provider_id": practitioner_id,
        "practice_id": location_id,
        "startdate": first.isoformat(),
        "enddate": last.isoformat(),
        "fields": "get_all",
    }


def is_offered(rows: Iterable[Mapping[str, Any]], asked: BookAppointment) -> bool | None:
    """Return whether free slots cover the time asked for; None where the list tells nothing.

    Slots that follow each other count together. Raises KeyError or ValueError for another form.
    """
    slots = _slots(rows, asked.practitioner_id, asked.starts_at.tzinfo)
    if not slots:
        return None  # closed, full and not told look alike
    spans = _spans(slots, asked.operatory_id)
    return _covers(spans, asked.starts_at.astimezone(UTC), asked.ends_at.astimezone(UTC))


def free_times(
    rows: Iterable[Mapping[str, Any]], asked: FreeTimes, now: datetime
) -> list[FreeTime] | None:
    """Return each slot's start from which on one operatory is free for long enough.

    None where the list tells nothing. Raises KeyError or ValueError for another form.
    """
    zone, length = ZoneInfo(asked.timezone), timedelta(minutes=asked.minutes)
    slots = _slots(rows, asked.practitioner_id, zone)
    if not slots:
        return None
    starts = set()
    for operatory in slots:
        spans = _spans(slots, operatory)
        starts |= {at for at, _ in spans if at > now and _covers(spans, at, at + length)}
    found = (
        FreeTime(starts_at=start.astimezone(zone), ends_at=(start + length).astimezone(zone))
        for start in sorted(starts)
    )
    return [each for each in found if asked.first <= each.starts_at.date() <= asked.last]


def _slots(rows: Iterable[Mapping[str, Any]], practitioner_id: str, zone: tzinfo | None) -> Slots:
    """Return the slots of one provider; the list may not have kept to what it was asked for."""
    found: Slots = {}
    for row in rows:
        if str(row.get("provider_id")) == practitioner_id:
            day = date.fromisoformat(str(row["date"])[:10])
            start = datetime.fromisoformat(f"{day}T{row['time']}").replace(tzinfo=zone)
            span = (start.astimezone(UTC), _end(row, day, start))
            found.setdefault(str(row.get("operatory") or ""), []).append(span)
    return found


def _spans(slots: Slots, operatory: str) -> list[tuple[datetime, datetime]]:
    """Return the slots of an operatory and those that are for any, in order."""
    return sorted(slots.get(operatory, []) + (slots.get("", []) if operatory else []))


def _covers(spans: list[tuple[datetime, datetime]], starts_at: datetime, ends_at: datetime) -> bool:
    covered = starts_at
    for start, end in spans:
        if start <= covered < end:
            covered = end
    return covered >= ends_at


def _end(row: Mapping[str, Any], day: date, start: datetime) -> datetime:
    """Return a slot's end; one that tells none lasts its minutes, by `time_units` (unverified)."""
    if text := str(row.get("end_time") or ""):
        return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=start.tzinfo).astimezone(UTC)
    return start.astimezone(UTC) + timedelta(minutes=int(row["time_units"]))
