"""Moving windows, held against a plain recount; and the reserve that LOW gets late in a window."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from integrations.contract import Limit, Priority, Scope
from integrations.http.budget import Counter, released, take
from integrations.http.errors import BudgetExhausted
from integrations.models import BudgetWindow
from tests.integrations.threads import at_once

HIGH, LOW = Priority.HIGH, Priority.LOW
HOUR = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

fresh = itertools.count()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def moving(calls: int, length: int, reserve: int = 0) -> Counter:
    """A counter of its own."""
    limit = Limit(Scope.INTEGRATION, calls, length, reserve, moving=True)
    return Counter(f"moving:{next(fresh)}", limit)


def left(counter: Counter, priority: Priority, now: datetime) -> int | None:
    """Take a call and return how many are left, or None when it is refused."""
    try:
        return take([counter], priority, now)
    except BudgetExhausted:
        return None


def retry_at(counter: Counter, priority: Priority, now: datetime) -> datetime | None:
    """Take a call and return None, or when it is refused, until when."""
    try:
        take([counter], priority, now)
    except BudgetExhausted as error:
        return error.retry_at
    return None


def used_up(counter: Counter, priority: Priority, now: datetime) -> int:
    """Take calls at one moment until one is refused; returns how many were granted."""
    return sum(1 for _ in iter(lambda: left(counter, priority, now), None))


def rows(counter: Counter) -> list[tuple[datetime, int, int]]:
    windows = BudgetWindow.objects.filter(key=counter.key).order_by("starts_at")
    return list(windows.values_list("starts_at", "used_high", "used_low"))


# --- Moving windows ----------------------------------------------------------------------------

#: Lengths that the slices divide, and ones that they do not.
lengths = st.sampled_from([1, 7, 12, 60, 100])
#: Milliseconds, of which a second is a step that hits the edges of rows and windows.
moments = st.lists(
    st.integers(0, 150_000) | st.integers(0, 150).map(lambda second: second * 1000),
    min_size=5,
    max_size=40,
)
demands = moments.flatmap(
    lambda times: st.tuples(
        st.just(times),
        st.lists(st.sampled_from([HIGH, LOW]), min_size=len(times), max_size=len(times)),
    )
)


@pytest.mark.django_db
@hypothesis_settings(max_examples=150, deadline=None)
@given(demand=demands, length=lengths, calls=st.integers(1, 6), data=st.data())
def test_no_stretch_of_its_length_ever_holds_more_than_the_limit(
    demand: tuple[list[int], list[Priority]], length: int, calls: int, data: st.DataObject
) -> None:
    """Also where the clocks of processes differ, so that calls come in any order of time."""
    reserve = data.draw(st.integers(0, calls))
    counter = moving(calls, length, reserve)
    granted: list[datetime] = []
    for offset, priority in zip(*demand, strict=True):
        now = HOUR + timedelta(milliseconds=offset)
        if left(counter, priority, now) is not None:
            granted.append(now)
            before = sum(now - seconds(length) <= moment <= now for moment in granted)
            assert before <= counter.limit.ceiling(priority)
    for first in granted:
        assert sum(first <= moment <= first + seconds(length) for moment in granted) <= calls


@pytest.mark.django_db
@hypothesis_settings(max_examples=100, deadline=None)
@given(times=moments, length=lengths, calls=st.integers(1, 6))
def test_a_call_is_refused_only_for_calls_at_most_a_slice_older_than_the_window(
    times: list[int], length: int, calls: int
) -> None:
    counter = moving(calls, length)
    granted: list[datetime] = []
    for offset in sorted(times):
        now = HOUR + timedelta(milliseconds=offset)
        window = now - seconds(length)
        at_most = calls - sum(moment >= window for moment in granted)
        at_least = calls - sum(moment > window - seconds(counter.row_seconds) for moment in granted)
        found = left(counter, HIGH, now)
        if found is None:
            assert at_least <= 0
        else:
            assert at_least - 1 <= found <= at_most - 1
            granted.append(now)


@pytest.mark.django_db
@hypothesis_settings(max_examples=100, deadline=None)
@given(demand=demands, length=lengths, calls=st.integers(1, 6), data=st.data())
def test_a_refusal_names_the_first_moment_at_which_a_call_is_granted(
    demand: tuple[list[int], list[Priority]], length: int, calls: int, data: st.DataObject
) -> None:
    counter = moving(calls, length, data.draw(st.integers(0, calls - 1)))
    now = HOUR
    for offset, priority in zip(sorted(demand[0]), demand[1], strict=True):
        now = HOUR + timedelta(milliseconds=offset)
        left(counter, priority, now)
    asks = data.draw(st.sampled_from([HIGH, LOW]))
    then = retry_at(counter, asks, now)
    assume(then is not None)
    assert then is not None
    assert then > now
    assert retry_at(counter, asks, then - MICROSECOND) == then
    assert left(counter, asks, then) is not None


@pytest.mark.django_db
def test_a_moving_minute_counts_in_twelve_rows_of_five_seconds() -> None:
    counter = moving(3, 60)
    assert [left(counter, HIGH, HOUR + seconds(at)) for at in (1, 4, 31, 40)] == [2, 1, 0, None]
    assert rows(counter) == [(HOUR, 2, 0), (HOUR + seconds(30), 1, 0)]
    # The row from :00 to :05 counts until all of it is a minute old.
    assert retry_at(counter, HIGH, HOUR + seconds(64.999)) == HOUR + seconds(65)
    assert [left(counter, LOW, HOUR + seconds(65)) for _ in range(3)] == [1, 0, None]
    assert rows(counter)[-1] == (HOUR + seconds(65), 0, 2)


@pytest.mark.django_db
def test_low_waits_until_high_calls_above_its_ceiling_are_past_too() -> None:
    counter = moving(10, 60, reserve=5)
    for at in (0, 0, 10, 10, 10, 10, 20, 20):
        assert left(counter, HIGH, HOUR + seconds(at)) is not None
    # 8 are used; 4 stay once those of :10 are past.
    refused_at = HOUR + seconds(20)
    assert retry_at(counter, LOW, refused_at) == HOUR + seconds(75)
    assert left(counter, LOW, HOUR + seconds(74)) is None
    assert left(counter, LOW, HOUR + seconds(75)) == 2


@pytest.mark.django_db
def test_a_moving_second_is_not_a_fixed_one() -> None:
    counter = moving(2, 1)
    late, early = HOUR + seconds(0.9), HOUR + seconds(1.1)
    assert [left(counter, HIGH, late) for _ in range(3)] == [1, 0, None]
    assert left(counter, HIGH, early) is None
    assert left(counter, HIGH, HOUR + seconds(2)) == 1


@pytest.mark.django_db
def test_a_moving_limit_whose_reserve_is_all_of_it_gives_nothing_to_low() -> None:
    counter = moving(5, 60, reserve=5)
    assert retry_at(counter, LOW, HOUR) == HOUR + seconds(65)
    assert rows(counter) == []
    assert used_up(counter, HIGH, HOUR) == 5


@pytest.mark.django_db
def test_a_limit_refused_after_a_moving_one_gives_its_call_back() -> None:
    counter = moving(5, 60)
    full = Counter("z", Limit(Scope.APPLICATION, 1, 60))
    take([full], HIGH, HOUR)
    take([counter], HIGH, HOUR - seconds(30))
    for _ in range(2):
        with pytest.raises(BudgetExhausted):
            take([counter, full], HIGH, HOUR)
    assert rows(counter) == [(HOUR - seconds(30), 1, 0)]
    assert rows(full) == [(HOUR, 1, 0)]


@pytest.mark.django_db(transaction=True)
def test_at_once_exactly_as_many_are_granted_as_a_moving_window_holds() -> None:
    counters = [moving(3, 60, reserve=1) for _ in range(60)]

    def spend(number: int) -> list[bool]:
        priority, now = [LOW, HIGH][number % 2], HOUR + seconds(number)
        return [left(counter, priority, now) is not None for counter in counters]

    granted = at_once(8, spend)
    for number, counter in enumerate(counters):
        assert sum(one[number] for one in granted) == 3
        assert sum(one[number] for one in granted[0::2]) <= 2
        assert sum(high + low for _, high, low in rows(counter)) == 3


# --- The reserve, late in a window -------------------------------------------------------------

PRACTICE = Counter("integration:late", Limit(Scope.INTEGRATION, 200, 3600, reserve=50))
#: Half of the last fifth is over.
LATE = HOUR + seconds(54 * 60)


@pytest.mark.django_db
def test_nothing_is_released_by_default() -> None:
    assert used_up(PRACTICE, LOW, HOUR + seconds(3599)) == 150


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("minute", "ceiling"),
    [(0, 150), (30, 150), (48, 150), (48.24, 151), (51, 162), (54, 175), (57, 187), (59.999, 199)],
)
def test_in_the_last_fifth_the_reserve_shrinks_with_the_time(
    settings: Any, minute: float, ceiling: int
) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    assert used_up(PRACTICE, LOW, HOUR + seconds(minute * 60)) == ceiling
    assert rows(PRACTICE) == [(HOUR, 0, ceiling)]


@pytest.mark.django_db
def test_what_is_left_for_low_is_told_of_the_higher_ceiling(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    assert [left(PRACTICE, LOW, LATE), left(PRACTICE, LOW, LATE)] == [174, 173]
    assert left(PRACTICE, HIGH, LATE) == 197
    assert left(PRACTICE, LOW, LATE) == 146


@pytest.mark.django_db
@pytest.mark.parametrize(("windows_ago", "low"), [(0, 149), (1, 150), (2, 175)])
def test_demand_in_this_window_or_the_one_before_keeps_the_reserve(
    settings: Any, windows_ago: int, low: int
) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    take([PRACTICE], HIGH, LATE - windows_ago * seconds(3600))
    assert used_up(PRACTICE, LOW, LATE) == low


@pytest.mark.django_db
def test_calls_of_low_are_no_demand(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    take([PRACTICE], LOW, LATE - seconds(3600))
    take([PRACTICE], LOW, LATE)
    assert used_up(PRACTICE, LOW, LATE) == 174


@pytest.mark.django_db
def test_high_may_use_all_that_is_left_and_ends_the_release(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    assert used_up(PRACTICE, LOW, LATE) == 175
    assert left(PRACTICE, HIGH, LATE) == 24
    later = HOUR + seconds(3599)
    assert left(PRACTICE, LOW, later) is None
    assert used_up(PRACTICE, HIGH, later) == 24
    assert rows(PRACTICE) == [(HOUR, 25, 175)]


@pytest.mark.django_db
def test_somebody_who_comes_in_the_last_second_still_finds_a_call(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    last = HOUR + seconds(3600) - MICROSECOND
    assert used_up(PRACTICE, LOW, last) == 199
    assert left(PRACTICE, HIGH, last) == 0


@pytest.mark.django_db
def test_a_reserve_of_all_is_released_too(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    reserved = Counter("integration:reserved", Limit(Scope.INTEGRATION, 10, 3600, reserve=10))
    assert used_up(reserved, LOW, HOUR) == 0
    assert used_up(reserved, LOW, LATE) == 5


def test_neither_high_nor_a_moving_window_is_released(settings: Any) -> None:
    settings.BUDGET_RELEASE_SHARE = 0.2
    limit = PRACTICE.limit
    rolling = Limit(Scope.INTEGRATION, 200, 3600, reserve=50, moving=True)
    assert released(limit, HIGH, LATE) == 200
    assert released(rolling, LOW, LATE) == 150


@pytest.mark.django_db
def test_the_database_refuses_a_count_below_nothing() -> None:
    with pytest.raises(IntegrityError, match="pms_call_count"), transaction.atomic():
        BudgetWindow.objects.create(key="a", seconds=60, starts_at=HOUR, used_high=-1)
    assert not BudgetWindow.objects.exists()
