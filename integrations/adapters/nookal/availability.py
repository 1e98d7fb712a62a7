"""Nookal's free times: cells of a day's clock, free or not, for no type of appointment.

How long a cell is stands nowhere; it is what the starts of two neighbours differ by. Who books
needs enough of them in a row. Pure functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

from integrations.adapters.nookal import envelope
from integrations.http.client import Reply
from integrations.http.errors import NoAnswer
from integrations.queries import FreeTime, FreeTimes

FREE: Final = "available"
#: Two neighbours that are further apart than this have a gap between them.
LONGEST_CELL: Final = timedelta(hours=2)


def parameters(
    location_id: str, practitioner_id: str, first: date, last: date
) -> Mapping[str, str]:
    """Return what to ask for."""
    return {
        "location_id": location_id,
        "practitioner_id": practitioner_id,
        "date_from": first.isoformat(),
        "date_to": last.isoformat(),
    }


def free_times(reply: Reply, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
    """Return each start from which on enough cells are free; None where cells tell no length.

    A day without any cell is one on which nothing is offered.
    """
    zone, wanted = ZoneInfo(asked.timezone), timedelta(minutes=asked.minutes)
    cells = read(reply, zone, asked.first, asked.last)
    length = _length(cells)
    if length is None:
        return None if cells else []
    return [
        FreeTime(starts_at=start.astimezone(zone), ends_at=(start + wanted).astimezone(zone))
        for start in sorted(cells)
        if start > now and _covers(cells, length, start, start + wanted)
    ]


def is_free(reply: Reply, starts_at: datetime, ends_at: datetime) -> bool | None:
    """Return whether free cells cover this time; None where the day has none to tell by.

    The start need not be a cell's own.
    """
    zone = starts_at.tzinfo
    if not isinstance(zone, ZoneInfo):
        return None
    cells = read(reply, zone, starts_at.date(), ends_at.date())
    length = _length(cells)
    if length is None:
        return None
    start, end = starts_at.astimezone(UTC), ends_at.astimezone(UTC)
    begun = [cell for cell in cells if cell <= start < cell + length]
    return bool(begun) and _covers(cells, length, max(begun), end)


def read(reply: Reply, zone: ZoneInfo, first: date, last: date) -> dict[datetime, bool]:
    """Return each cell's start, in UTC, and whether it is free.

    A cell in an hour that the clocks skip is none. Raises NoAnswer for another form.
    """
    days = envelope.results(reply).get("availabilities")
    cells: dict[datetime, bool] = {}
    try:
        for day, times in _items(days):
            on = date.fromisoformat(day)
            for clock, word in _items(times) if first <= on <= last else ():
                wall = datetime.fromisoformat(f"{on}T{clock}").replace(tzinfo=zone)
                start = wall.astimezone(UTC)
                if start.astimezone(zone).replace(tzinfo=None) == wall.replace(tzinfo=None):
                    cells[start] = str(word).lower() == FREE
    except (ValueError, OverflowError):
        raise NoAnswer("Nookal's free times are not in their documented form.") from None
    return cells


def _items(found: Any) -> list[tuple[str, Any]]:
    """Return an object's items; one without any may come as an empty list."""
    if isinstance(found, dict):
        return list(found.items())
    if found == []:
        return []
    raise ValueError("neither an object nor an empty list")


def _length(cells: Mapping[datetime, bool]) -> timedelta | None:
    """Return how long a cell is: as long as the smallest step between two."""
    starts = sorted(cells)
    steps = [later - earlier for earlier, later in pairwise(starts)]
    shortest = min(steps, default=None)
    return shortest if shortest and shortest <= LONGEST_CELL else None


def _covers(
    cells: Mapping[datetime, bool], length: timedelta, start: datetime, end: datetime
) -> bool:
    """Return whether free cells follow each other from a start to an end without a gap."""
    while start < end:
        if not cells.get(start):
            return False
        start += length
    return True
