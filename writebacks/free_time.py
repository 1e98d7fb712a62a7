"""Free times near one that is taken: arithmetic of intervals, without a database or a clock.

Intervals are half-open, [start, end), between aware datetimes: two that adjoin do not overlap. They
are reckoned in UTC, so that minutes are elapsed minutes also on days on which clocks change.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo

Place = TypeVar("Place", bound=Hashable)
DAY = timedelta(days=1)
#: Between two times that are offered: the longest of these that the length is a multiple of.
STEPS = tuple(timedelta(minutes=minutes) for minutes in (15, 10, 5))


class Interval(NamedTuple):
    """From `start` until before `end`, both aware."""

    start: datetime
    end: datetime


#: Tells when a place is open on a local date.
Hours = Callable[[date], Iterable[Interval]]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningHours:
    """Opening hours by the wall clock of one place: `hours(date)` are the intervals of that date.

    `weekly` has pairs of opening and closing time by weekday, Monday being 0; a closing time that
    is not after the opening one is of the next day, so 0:00 is midnight. On `closed` dates nothing
    opens.
    """

    zone: ZoneInfo
    weekly: Mapping[int, Sequence[tuple[time, time]]]
    closed: frozenset[date] = frozenset()

    def __call__(self, day: date) -> list[Interval]:
        if day in self.closed:
            return []
        return [
            Interval(
                local(day, opens, self.zone),
                local(day if closes > opens else day + DAY, closes, self.zone),
            )
            for opens, closes in self.weekly.get(day.weekday(), ())
        ]


def local(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return, in UTC, when the clocks of a zone show this."""
    return datetime.combine(day, at, zone).astimezone(UTC)


def whole_day(day: date, zone: ZoneInfo) -> Interval:
    """Return a local date: 23 or 25 hours where clocks change on it."""
    return Interval(local(day, time(), zone), local(day + DAY, time(), zone))


def step_for(length: timedelta) -> timedelta:
    """Return how far apart times of this length are offered: 15, 10 or 5 minutes."""
    return next((step for step in STEPS if not length % step), STEPS[-1])


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same moments as intervals that neither overlap nor adjoin, in order."""
    joined: list[Interval] = []
    for each in sorted(intervals):
        if each.start >= each.end:
            continue
        if joined and each.start <= joined[-1].end:
            joined[-1] = Interval(joined[-1].start, max(joined[-1].end, each.end))
        else:
            joined.append(each)
    return joined


class Timeline:
    """Some intervals, to be asked often: whether they hold all of another, or any of it."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._intervals = merged(intervals)
        self._starts = [each.start for each in self._intervals]

    def covers(self, asked: Interval) -> bool:
        """Return whether every moment of `asked` is in it."""
        at = bisect_right(self._starts, asked.start)
        return at > 0 and asked.end <= self._intervals[at - 1].end

    def touches(self, asked: Interval) -> bool:
        """Return whether any moment of `asked` is in it."""
        # Of those that begin before its end, the last one also ends last.
        at = bisect_left(self._starts, asked.end)
        return at > 0 and asked.start < self._intervals[at - 1].end


def nearest(
    asked: Interval,
    *,
    open_in: Iterable[Interval],
    busy: Iterable[Interval],
    places: Mapping[Place, Iterable[Interval]],
    not_before: datetime,
    reach: timedelta,
) -> Iterator[tuple[Interval, Place]]:
    """Yield free times as long as the one asked for, the nearest first, the earlier of two equal.

    Each lies within `open_in`, outside of `busy`, and outside of what is taken of the place that
    comes with it: the first of `places`, in their order, that is free. None starts before
    `not_before`, or further than `reach` from the time asked for. The time asked for itself comes
    only with another place than the first.
    """
    openings, taken = Timeline(open_in), Timeline(busy)
    rooms = {place: Timeline(intervals) for place, intervals in places.items()}
    # In UTC: datetimes of one zone are added up and compared by its wall clock.
    start = asked.start.astimezone(UTC)
    length = asked.end.astimezone(UTC) - start
    step = step_for(length)
    for count in range(reach // step + 1):
        for at in (start - count * step, start + count * step) if count else (start,):
            slot = Interval(at, at + length)
            if at < not_before or not openings.covers(slot) or taken.touches(slot):
                continue
            for place in list(rooms)[0 if count else 1 :]:
                if not rooms[place].touches(slot):
                    yield slot, place
                    break
