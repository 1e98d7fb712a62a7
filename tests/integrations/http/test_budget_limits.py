"""Several limits at once, and what a PMS says of its own: all of them hold, or nothing is spent."""

from __future__ import annotations

import itertools
from collections import Counter as Tally
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.contract import Limit, Priority, RateSignal, Scope
from integrations.http.budget import Counter, observe, take
from integrations.http.errors import BudgetExhausted
from integrations.models import BudgetCap, BudgetWindow

HIGH, LOW = Priority.HIGH, Priority.LOW
PRACTICE_SCOPE, APPLICATION_SCOPE = Scope.INTEGRATION, Scope.APPLICATION
NOW = datetime(2030, 3, 5, 15, 20, 17, 250_000, tzinfo=UTC)
HOUR = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
MINUTE = datetime(2030, 3, 5, 15, 20, tzinfo=UTC)
RESET = NOW + timedelta(seconds=40)

BY_MINUTE = Counter("integration:one", Limit(PRACTICE_SCOPE, calls=4, seconds=60, reserve=1))
BY_HOUR = Counter("integration:one", Limit(PRACTICE_SCOPE, calls=10, seconds=3600, reserve=5))
APPLICATION = Counter("application:app", Limit(APPLICATION_SCOPE, calls=6, seconds=60, reserve=2))
ALL = [BY_MINUTE, BY_HOUR, APPLICATION]

fresh = itertools.count()


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def left(counters: list[Counter], priority: Priority = HIGH, now: datetime = NOW) -> int | None:
    """Take a call and return how many are left, or None when it is refused."""
    try:
        return take(counters, priority, now)
    except BudgetExhausted:
        return None


def refusal(counters: list[Counter], priority: Priority, now: datetime = NOW) -> BudgetExhausted:
    with pytest.raises(BudgetExhausted) as caught:
        take(counters, priority, now)
    return caught.value


def rows(*counters: Counter) -> list[tuple[str, int, datetime, int, int]]:
    windows = BudgetWindow.objects.filter(key__in={counter.key for counter in counters})
    found = windows.order_by("key", "seconds", "starts_at")
    return list(found.values_list("key", "seconds", "starts_at", "used_high", "used_low"))


def caps() -> list[tuple[str, int, datetime]]:
    return list(BudgetCap.objects.order_by("key").values_list("key", "calls_left", "until"))


def told(left: int, until: datetime = RESET, scope: Scope = APPLICATION_SCOPE) -> RateSignal:
    return RateSignal(scope, left, until)


# --- Several windows and scopes at once --------------------------------------------------------


@pytest.mark.django_db
def test_a_call_is_counted_in_each_window_and_scope() -> None:
    take(ALL, HIGH, NOW)
    take(ALL, LOW, NOW)
    assert rows(*ALL) == [
        ("application:app", 60, MINUTE, 1, 1),
        ("integration:one", 60, MINUTE, 1, 1),
        ("integration:one", 3600, HOUR, 1, 1),
    ]


@pytest.mark.django_db
def test_what_is_left_is_of_the_tightest_limit_and_for_this_priority() -> None:
    assert left(ALL, HIGH) == 3  # of the practice's minute
    assert left(ALL, LOW) == 1
    assert left([BY_HOUR], LOW) == 2
    assert left([BY_HOUR], HIGH) == 6
    assert left([BY_HOUR, APPLICATION], HIGH) == 3  # of the application's minute
    assert left([BY_HOUR], HIGH) == 4
    assert left([APPLICATION], LOW) == 0
    assert left([], HIGH) is None


@pytest.mark.django_db
@pytest.mark.parametrize("full", ALL)
@pytest.mark.parametrize("priority", [HIGH, LOW])
def test_whichever_limit_refuses_the_others_get_their_call_back(
    full: Counter, priority: Priority
) -> None:
    others = [counter for counter in ALL if counter is not full]
    left(others[:1], priority)  # one of them has a row already, the other has none
    while left([full], HIGH) is not None:
        pass
    before = rows(*ALL)
    assert left(ALL, priority) is None
    assert left(ALL[::-1], priority) is None
    assert rows(*ALL) == before


@pytest.mark.django_db
def test_integrations_of_one_application_share_its_limit_and_nothing_else() -> None:
    other = Counter("integration:two", BY_HOUR.limit)
    assert [left([BY_HOUR, APPLICATION]) for _ in range(4)] == [5, 4, 3, 2]
    assert [left([other, APPLICATION]) for _ in range(3)] == [1, 0, None]
    assert rows(APPLICATION, BY_HOUR, other) == [
        ("application:app", 60, MINUTE, 6, 0),
        ("integration:one", 3600, HOUR, 4, 0),
        ("integration:two", 3600, HOUR, 2, 0),
    ]


@pytest.mark.django_db
def test_a_key_may_hold_any_character() -> None:
    odd = Counter('a "b", {c} \\ %s é', BY_HOUR.limit)
    assert [left([odd]), left([odd])] == [9, 8]
    assert rows(odd) == [(odd.key, 3600, HOUR, 2, 0)]


@pytest.mark.django_db
@settings(max_examples=40, deadline=None)
@given(
    calls=st.lists(
        st.tuples(
            st.sampled_from(["one", "two"]), st.sampled_from([HIGH, LOW]), st.integers(0, 4000)
        ),
        min_size=15,
        max_size=60,
    )
)
def test_any_calls_in_any_order_of_time_are_granted_as_a_plain_recount_says(
    calls: list[tuple[str, Priority, int]],
) -> None:
    run = next(fresh)
    used: Tally[tuple[str, int, datetime]] = Tally()
    for practice, priority, offset in calls:
        now = HOUR + seconds(offset)
        counters = [
            Counter(f"{practice}:{run}", Limit(PRACTICE_SCOPE, 3, 60, reserve=1)),
            Counter(f"{practice}:{run}", Limit(PRACTICE_SCOPE, 8, 3600, reserve=3)),
            Counter(f"app:{run}", Limit(APPLICATION_SCOPE, 12, 3600, reserve=2)),
        ]
        windows = []
        for counter in counters:
            length = counter.limit.seconds
            start = HOUR + seconds(offset // length * length)
            windows.append(((counter.key, length, start), counter.limit.ceiling(priority)))
        expected = min(ceiling - used[window] - 1 for window, ceiling in windows)
        assert left(counters, priority, now) == (expected if expected >= 0 else None)
        if expected >= 0:
            used.update(window for window, _ in windows)
    stored = BudgetWindow.objects.filter(key__endswith=f":{run}")
    assert {(row.key, row.seconds, row.starts_at): row.used for row in stored} == dict(used)


# --- What a PMS says of its own limits ---------------------------------------------------------


@pytest.mark.django_db
def test_a_cap_is_spent_by_our_own_calls_and_tells_what_is_left() -> None:
    observe(ALL, told(3), NOW)
    assert caps() == [("application:app", 3, RESET)]
    assert [left([APPLICATION]) for _ in range(4)] == [2, 1, 0, None]
    assert caps() == [("application:app", 0, RESET)]
    assert rows(APPLICATION) == [("application:app", 60, MINUTE, 3, 0)]


@pytest.mark.django_db
def test_a_cap_is_for_its_own_scope_and_counts_a_call_once_however_many_limits_it_has() -> None:
    observe(ALL, told(5, scope=PRACTICE_SCOPE), NOW)
    assert caps() == [("integration:one", 5, RESET)]
    assert left([BY_MINUTE, BY_HOUR]) == 3  # of the practice's own minute
    assert caps() == [("integration:one", 4, RESET)]
    assert left([APPLICATION]) == 5
    assert caps() == [("integration:one", 4, RESET)]


@pytest.mark.django_db
def test_low_leaves_the_smallest_reserve_of_what_the_pms_says_is_left() -> None:
    counters = [BY_HOUR, Counter(BY_HOUR.key, Limit(PRACTICE_SCOPE, 90, 60, reserve=2))]
    observe(counters, told(4, scope=PRACTICE_SCOPE), NOW)
    assert [left(counters, LOW) for _ in range(3)] == [1, 0, None]
    assert [left(counters, HIGH) for _ in range(3)] == [1, 0, None]


@pytest.mark.django_db
def test_a_cap_that_leaves_enough_does_not_answer_for_the_limit_that_refuses() -> None:
    for _ in range(5):
        take([BY_HOUR], HIGH, NOW)
    observe(ALL, told(3, scope=PRACTICE_SCOPE), NOW)
    refused = refusal([BY_MINUTE, BY_HOUR], LOW)
    assert str(refused) == "All 5 calls for low priority are used until 16:00:00 UTC."
    assert refused.retry_at == HOUR + seconds(3600)


@pytest.mark.django_db
def test_only_a_lower_number_is_believed() -> None:
    later = RESET + seconds(30)
    observe([APPLICATION], told(3), NOW)
    observe([APPLICATION], told(5, later), NOW)
    assert caps() == [("application:app", 3, RESET)]
    observe([APPLICATION], told(2, RESET - seconds(5)), NOW)
    assert caps() == [("application:app", 2, RESET)]
    observe([APPLICATION], told(2, later), NOW)
    assert caps() == [("application:app", 2, later)]
    observe([APPLICATION], told(-1, later), NOW)
    assert caps() == [("application:app", 0, later)]


@pytest.mark.django_db
def test_a_cap_never_gives_more_than_our_own_count() -> None:
    observe([APPLICATION], told(1000), NOW)
    assert [left([APPLICATION]) for _ in range(7)] == [5, 4, 3, 2, 1, 0, None]


@pytest.mark.django_db
def test_a_cap_ends_when_it_resets_and_the_next_one_starts_anew() -> None:
    observe([APPLICATION], told(0), NOW)
    last = RESET - timedelta(microseconds=1)
    assert left([APPLICATION], now=last) is None
    assert left([APPLICATION], now=RESET) == 5
    observe([APPLICATION], told(4, RESET + seconds(60)), RESET)
    assert caps() == [("application:app", 4, RESET + seconds(60))]
    assert left([APPLICATION], now=RESET) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("priority", [HIGH, LOW])
def test_nothing_left_closes_the_application_and_takes_nothing_from_the_practice(
    priority: Priority,
) -> None:
    observe(ALL, told(0), NOW)
    refused = refusal(ALL, priority)
    assert refused.retry_at == RESET
    assert str(refused) == (
        f"The PMS itself allows no call for {priority} priority until 15:20:57 UTC."
    )
    assert rows(*ALL) == []
    assert left([BY_MINUTE, BY_HOUR], priority) is not None


@pytest.mark.django_db
def test_a_closed_day_closes_the_practice_until_midnight_and_no_other() -> None:
    midnight = datetime(2030, 3, 6, tzinfo=UTC)
    observe(ALL, told(0, midnight, PRACTICE_SCOPE), NOW)
    assert refusal(ALL, HIGH).retry_at == midnight
    assert refusal(ALL, HIGH, midnight - seconds(1)).retry_at == midnight
    assert left([Counter("integration:two", BY_HOUR.limit), APPLICATION]) == 5
    assert left(ALL, HIGH, midnight) == 3


@pytest.mark.django_db
def test_a_limit_that_refuses_leaves_the_caps_as_they_were() -> None:
    observe(ALL, told(3), NOW)
    observe(ALL, told(9, scope=PRACTICE_SCOPE), NOW)
    for _ in range(4):
        take([BY_MINUTE], HIGH, NOW - seconds(60))
        take([BY_MINUTE], HIGH, NOW)
    before = rows(*ALL), caps()
    refused = refusal(ALL, HIGH)
    assert refused.retry_at == MINUTE + seconds(60)
    assert str(refused) == "All 4 calls for high priority are used until 15:21:00 UTC."
    assert (rows(*ALL), caps()) == before
