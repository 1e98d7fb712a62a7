"""Cliniko's free times for online booking. Pure functions.

They are asked for by dates of the account's own zone, which a key does not tell; dates are taken to
be the site's. Where the two differ, times in the first or last hours of a range may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from integrations.adapters.cliniko.fields import UnreadableRecord, moment
from integrations.http.errors import NoAnswer
from integrations.queries import FreeTime, FreeTimes

#: Documented: `to` is not more than 7 days after `from`. A reply of the vendor's calls 7 too many,
#: and 6 safe.
LONGEST: Final = timedelta(days=6)


def path(asked: FreeTimes) -> str:
    """Return the list's address: of one practitioner at one business, for one type."""
    business, practitioner, kind = (
        quote(each, safe="")
        for each in (asked.location_id, asked.practitioner_id, asked.appointment_type)
    )
    return (
        f"/businesses/{business}/practitioners/{practitioner}"
        f"/appointment_types/{kind}/available_times"
    )


def today(asked: FreeTimes, now: datetime) -> date:
    """Return the site's own date."""
    return now.astimezone(ZoneInfo(asked.timezone)).date()


def minutes(starts_at: datetime, ends_at: datetime) -> int:
    """Return the minutes that pass, over changes of the clocks, too."""
    return int((ends_at.astimezone(UTC) - starts_at.astimezone(UTC)).total_seconds() // 60)


def windows(first: date, last: date) -> Iterator[tuple[date, date]]:
    """Cut a range of dates into those that can be asked for in one call."""
    while first <= last:
        end = min(last, first + LONGEST)
        yield first, end
        first = end + timedelta(days=1)


def free_times(asked: FreeTimes, items: Iterable[Any]) -> list[FreeTime]:
    """Return each time once, in order; of other local dates than those asked for none.

    Raises NoAnswer for one that cannot be read: a list without it would be another list.
    """
    zone, lasts = ZoneInfo(asked.timezone), timedelta(minutes=asked.minutes)
    try:
        starts = {moment(item, "appointment_start") for item in items}
    except (UnreadableRecord, AttributeError):
        raise NoAnswer("Cliniko's free times are not in their documented form.") from None
    return [
        FreeTime(starts_at=start, ends_at=start + lasts)
        for start in sorted(starts)
        if asked.first <= start.astimezone(zone).date() <= asked.last
    ]
