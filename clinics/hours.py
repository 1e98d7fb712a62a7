"""The practice's own clock: its busy day, and the night in which everything is looked at again."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

#: The day is from 6:00 to midnight of the practice.
DAY_BEGINS = time(6)
#: When the night's catch-up is due.
CATCH_UP = time(2)


def by_day(now: datetime, zone: ZoneInfo) -> bool:
    """Return whether the practice has its day, in which its calls are for people first."""
    return now.astimezone(zone).time() >= DAY_BEGINS


def next_catch_up(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the next 2 AM of the practice; where the clocks jump over it, the moment of that."""
    local = now.astimezone(zone)
    for days in (0, 1):
        wall = datetime.combine(local.date() + timedelta(days=days), CATCH_UP, tzinfo=zone)
        # By way of UTC: a wall clock that does not exist, or twice, is made one moment.
        moment = wall.astimezone(UTC)
        if moment > now:
            return moment
    raise AssertionError("tomorrow's comes after now")
