"""Sikka's list of free slots, of the practices whose own system tells them. Pure functions.

The documentation names OrthoTrac and Dolphin; of all others the list is empty, which says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from integrations.commands import BookAppointment


def parameters(asked: BookAppointment) -> dict[str, str]:
    """Return what to ask the list for: the slots of that provider on those days."""
    return {
        "provider_id": asked.practitioner_id,
        "practice_id": asked.location_id,
        "startdate": asked.starts_at.date().isoformat(),
        "enddate": asked.ends_at.date().isoformat(),
        "fields": "get_all",
    }


def is_offered(rows: Iterable[Mapping[str, Any]], asked: BookAppointment) -> bool | None:
    """Return whether free slots cover the time asked for; None where the list tells nothing.

    Slots that follow each other count together. One without an operatory is for any.
    """
    own = [row for row in rows if str(row.get("provider_id")) == asked.practitioner_id]
    if not own:
        return None  # closed, full and not told look alike
    zone = asked.starts_at.tzinfo
    free = []
    for row in own:
        if str(row.get("operatory") or asked.operatory_id) == asked.operatory_id:
            day = date.fromisoformat(str(row["date"])[:10])
            start = datetime.fromisoformat(f"{day}T{row['time']}").replace(tzinfo=zone)
            free.append((start.astimezone(UTC), _end(row, day, start)))
    covered = asked.starts_at.astimezone(UTC)
    for start, end in sorted(free):
        if start <= covered < end:
            covered = end
    return covered >= asked.ends_at.astimezone(UTC)


def _end(row: Mapping[str, Any], day: date, start: datetime) -> datetime:
    """Return a slot's end; one that tells none lasts its minutes, by `time_units` (unverified)."""
    if text := str(row.get("end_time") or ""):
        return datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=start.tzinfo).astimezone(UTC)
    return start.astimezone(UTC) + timedelta(minutes=int(row["time_units"]))
