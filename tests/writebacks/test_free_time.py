"""The arithmetic of free times: whatever is busy or open, what is offered keeps the rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from writebacks.free_time import Interval, OpeningHours, merged, nearest, step_for, whole_day

NEW_YORK = ZoneInfo("America/New_York")
NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def around(start: int, length: int) -> Interval:
    """An interval by minutes from nine."""
    return Interval(NINE + start * MINUTE, NINE + (start + length) * MINUTE)


def intervals(most: int) -> st.SearchStrategy[list[Interval]]:
    one = st.builds(around, st.integers(-1500, 1500), st.integers(1, 400))
    return st.lists(one, max_size=most)


@given(intervals(12))
def test_merging_keeps_every_moment_and_leaves_gaps_between(some: list[Interval]) -> None:
    joined = merged(some)
    assert all(one.end < other.start for one, other in pairwise(joined))
    for minute in range(-1500, 1901, 7):
        at = NINE + minute * MINUTE
        assert any(a <= at < b for a, b in some) == any(a <= at < b for a, b in joined)


@given(
    start=st.integers(-30, 30),
    length=st.integers(1, 120),
    open_in=intervals(6),
    busy=intervals(12),
    rooms=st.lists(intervals(6), min_size=1, max_size=3),
    not_before=st.integers(-600, 600),
    reach=st.integers(0, 1000),
)
def test_what_is_offered_is_exactly_what_is_free(
    start: int,
    length: int,
    open_in: list[Interval],
    busy: list[Interval],
    rooms: list[list[Interval]],
    not_before: int,
    reach: int,
) -> None:
    asked = around(start, length)
    earliest = NINE + not_before * MINUTE
    offered = list(
        nearest(
            asked,
            open_in=open_in,
            busy=busy,
            places=dict(enumerate(rooms)),
            not_before=earliest,
            reach=reach * MINUTE,
        )
    )
    for slot, room in offered:
        assert slot.end - slot.start == length * MINUTE
        assert slot.start >= earliest
        assert abs(slot.start - asked.start) <= reach * MINUTE
        assert not any(overlap(slot, other) for other in busy + rooms[room])
        assert all(any(a <= slot.start + n * MINUTE < b for a, b in open_in) for n in range(length))
        assert (slot, room) != (asked, 0)
    distances = [abs(slot.start - asked.start) for slot, _ in offered]
    assert distances == sorted(distances)
    # And nothing that would do is left out.
    step = step_for(length * MINUTE)
    starts = {slot.start for slot, _ in offered}
    for count in range(-(reach * MINUTE // step), reach * MINUTE // step + 1):
        slot = Interval(asked.start + count * step, asked.end + count * step)
        free = [
            room
            for room, taken in enumerate(rooms)
            if not any(overlap(slot, other) for other in busy + taken) and (count or room)
        ]
        inside = all(
            any(a <= slot.start + n * MINUTE < b for a, b in open_in) for n in range(length)
        )
        assert (slot.start in starts) == bool(free and inside and slot.start >= earliest)


def overlap(one: Interval, other: Interval) -> bool:
    return one.start < other.end and other.start < one.end


@pytest.mark.parametrize(
    ("minutes", "step"), [(30, 15), (45, 15), (60, 15), (20, 10), (50, 10), (25, 5), (7, 5), (1, 5)]
)
def test_times_are_offered_in_steps_that_the_length_is_made_of(minutes: int, step: int) -> None:
    assert step_for(minutes * MINUTE) == step * MINUTE


def test_a_visit_is_as_long_on_the_night_on_which_the_clocks_change() -> None:
    """1:30 to 3:30 by the clocks of that night is one hour, and so is what is offered for it."""
    asked = Interval(
        datetime(2030, 3, 10, 1, 30, tzinfo=NEW_YORK), datetime(2030, 3, 10, 3, 30, tzinfo=NEW_YORK)
    )
    night = whole_day(date(2030, 3, 10), NEW_YORK)
    offered = nearest(
        asked,
        open_in=[night],
        busy=[],
        places={None: []},
        not_before=night.start,
        reach=timedelta(minutes=15),
    )
    first, second = [slot for slot, _ in offered]
    assert first.start == datetime(2030, 3, 10, 6, 15, tzinfo=UTC)
    assert second.start == datetime(2030, 3, 10, 6, 45, tzinfo=UTC)
    assert first.end - first.start == second.end - second.start == timedelta(hours=1)


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2030, 3, 9), 24), (date(2030, 3, 10), 23), (date(2030, 11, 3), 25)]
)
def test_a_local_date_has_the_hours_that_its_clocks_give_it(day: date, hours: int) -> None:
    start, end = whole_day(day, NEW_YORK)
    assert end - start == timedelta(hours=hours)
    assert start.astimezone(NEW_YORK).time() == time()


def test_opening_hours_follow_the_wall_clock_over_a_change_of_clocks() -> None:
    hours = OpeningHours(
        zone=NEW_YORK,
        weekly={0: [(time(8), time(12)), (time(13), time(17))], 4: [(time(8), time(12))]},
        closed=frozenset([date(2030, 3, 18)]),
    )
    assert hours(date(2030, 3, 8)) == [  # a Friday in winter, five hours behind UTC
        Interval(datetime(2030, 3, 8, 13, tzinfo=UTC), datetime(2030, 3, 8, 17, tzinfo=UTC))
    ]
    assert hours(date(2030, 3, 11)) == [  # the Monday after, four hours behind
        Interval(datetime(2030, 3, 11, 12, tzinfo=UTC), datetime(2030, 3, 11, 16, tzinfo=UTC)),
        Interval(datetime(2030, 3, 11, 17, tzinfo=UTC), datetime(2030, 3, 11, 21, tzinfo=UTC)),
    ]
    assert hours(date(2030, 3, 12)) == []
    assert hours(date(2030, 3, 18)) == []


def test_hours_may_last_until_midnight_or_beyond_it() -> None:
    hours = OpeningHours(zone=NEW_YORK, weekly={2: [(time(18), time()), (time(20), time(2))]})
    evening, night = hours(date(2030, 3, 6))
    assert evening.end == datetime(2030, 3, 7, 5, tzinfo=UTC)
    assert night.end == datetime(2030, 3, 7, 7, tzinfo=UTC)
