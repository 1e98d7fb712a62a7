"""The budget: two ceilings over one counter, exact whoever spends at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from integrations.contract import Limit, Priority, Scope
from integrations.http.budget import Counter, take, window_start
from integrations.http.errors import BudgetExhausted
from integrations.models import BudgetWindow
from tests.integrations.threads import at_once

HIGH, LOW = Priority.HIGH, Priority.LOW
NOW = datetime(2030, 3, 5, 15, 20, 17, 250_000, tzinfo=UTC)
HOUR = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
MINUTE = datetime(2030, 3, 5, 15, 20, tzinfo=UTC)

PRACTICE = Counter("integration:one", Limit(Scope.INTEGRATION, calls=200, seconds=3600, reserve=50))
OTHER = Counter("integration:two", PRACTICE.limit)
APPLICATION = Counter(
    "application:app", Limit(Scope.APPLICATION, calls=120, seconds=60, reserve=20)
)


def granted(counters: list[Counter], priority: Priority, now: datetime = NOW) -> bool:
    try:
        take(counters, priority, now)
    except BudgetExhausted:
        return False
    return True


def spend(calls: int, counters: list[Counter], priority: Priority, now: datetime = NOW) -> int:
    """Try so many calls and return how many were granted."""
    return sum(granted(counters, priority, now) for _ in range(calls))


def used(counter: Counter) -> list[tuple[datetime, int, int]]:
    """What the table says of a counter: each window with its HIGH and LOW calls."""
    windows = BudgetWindow.objects.filter(key=counter.key).order_by("starts_at")
    return list(windows.values_list("starts_at", "used_high", "used_low"))


@pytest.mark.django_db
def test_low_leaves_the_reserve_and_high_may_use_it() -> None:
    assert spend(160, [PRACTICE], LOW) == 150
    assert spend(60, [PRACTICE], HIGH) == 50
    assert used(PRACTICE) == [(HOUR, 50, 150)]


@pytest.mark.django_db
def test_low_stops_at_150_in_total_whoever_used_them() -> None:
    assert spend(149, [PRACTICE], HIGH) == 149
    assert spend(3, [PRACTICE], LOW) == 1
    assert spend(100, [PRACTICE], HIGH) == 50
    assert spend(1, [PRACTICE], LOW) == 0
    assert used(PRACTICE) == [(HOUR, 199, 1)]


@pytest.mark.django_db
def test_one_practices_calls_are_not_anothers() -> None:
    assert spend(200, [PRACTICE], HIGH) == 200
    assert spend(1, [OTHER], HIGH) == 1
    assert used(OTHER) == [(HOUR, 1, 0)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("priority", "ceiling", "message"),
    [
        (HIGH, 200, "All 200 calls for high priority are used until 16:00:00 UTC."),
        (LOW, 150, "All 150 calls for low priority are used until 16:00:00 UTC."),
    ],
)
def test_a_refusal_says_when_the_window_ends(
    priority: Priority, ceiling: int, message: str
) -> None:
    assert spend(ceiling, [PRACTICE], priority) == ceiling
    with pytest.raises(BudgetExhausted) as caught:
        take([PRACTICE], priority, NOW)
    assert caught.value.retry_at == datetime(2030, 3, 5, 16, 0, tzinfo=UTC)
    assert str(caught.value) == message
    assert caught.value.may_have_happened is False


@pytest.mark.django_db
def test_the_time_to_retry_is_of_the_window_that_is_used_up_not_of_the_others() -> None:
    spend(120, [APPLICATION], HIGH)
    with pytest.raises(BudgetExhausted) as caught:
        take([PRACTICE, APPLICATION], HIGH, NOW)
    assert caught.value.retry_at == datetime(2030, 3, 5, 15, 21, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize(("full", "other"), [(APPLICATION, PRACTICE), (PRACTICE, APPLICATION)])
@pytest.mark.parametrize("priority", [HIGH, LOW])
def test_a_refused_limit_takes_nothing_from_the_others(
    full: Counter, other: Counter, priority: Priority
) -> None:
    spend(1, [other], priority)
    spend(full.limit.calls, [full], HIGH)
    before = used(other), used(full)
    assert spend(3, [full, other], priority) == 0
    assert spend(3, [other, full], priority) == 0
    assert (used(other), used(full)) == before


@pytest.mark.django_db
def test_a_call_takes_one_of_each_of_its_limits() -> None:
    assert spend(3, [PRACTICE, APPLICATION], HIGH) == 3
    assert used(PRACTICE) == [(HOUR, 3, 0)]
    assert used(APPLICATION) == [(MINUTE, 3, 0)]


@pytest.mark.django_db
def test_a_limit_whose_reserve_is_all_of_it_gives_nothing_to_low() -> None:
    reserved = Counter("integration:reserved", Limit(Scope.INTEGRATION, 5, 3600, reserve=5))
    assert spend(2, [reserved], LOW) == 0
    assert used(reserved) == []
    assert spend(6, [reserved], HIGH) == 5


@pytest.mark.django_db
def test_a_new_window_starts_fresh_and_leaves_the_old_one_as_it_was() -> None:
    last = datetime(2030, 3, 5, 15, 59, 59, 999_999, tzinfo=UTC)
    assert spend(201, [PRACTICE], HIGH, last) == 200
    first = last + timedelta(microseconds=1)
    assert spend(151, [PRACTICE], LOW, first) == 150
    assert used(PRACTICE) == [(HOUR, 200, 0), (HOUR + timedelta(hours=1), 0, 150)]


@pytest.mark.parametrize(
    ("now", "seconds", "start"),
    [
        (NOW, 3600, HOUR),
        (NOW, 60, MINUTE),
        (NOW, 86_400, datetime(2030, 3, 5, tzinfo=UTC)),
        (HOUR, 3600, HOUR),
        (HOUR - timedelta(microseconds=1), 3600, HOUR - timedelta(hours=1)),
        (NOW.astimezone(), 60, MINUTE),
    ],
)
def test_windows_start_at_multiples_of_their_length(
    now: datetime, seconds: int, start: datetime
) -> None:
    found = window_start(now, seconds)
    assert (found, found.tzinfo) == (start, UTC)
    assert found.timestamp() % seconds == 0


@pytest.mark.django_db
def test_it_refuses_to_run_inside_a_transaction_whose_rollback_would_un_count() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        take([PRACTICE], HIGH, NOW)
    assert used(PRACTICE) == []


@pytest.mark.django_db(transaction=True)
def test_of_400_attempts_at_once_exactly_200_are_granted() -> None:
    assert sum(at_once(8, lambda number: spend(50, [PRACTICE], HIGH))) == 200
    assert used(PRACTICE) == [(HOUR, 200, 0)]


@pytest.mark.django_db(transaction=True)
def test_low_never_passes_150_in_total_while_high_goes_on_to_200() -> None:
    def low_beside_high(number: int) -> int:
        return spend(50, [PRACTICE], [LOW, HIGH][number % 2])

    low_first = sum(at_once(4, lambda number: spend(45, [PRACTICE], LOW)))
    assert (low_first, used(PRACTICE)) == (150, [(HOUR, 0, 150)])
    both = at_once(8, low_beside_high)
    assert (sum(both[0::2]), sum(both[1::2])) == (0, 50)
    assert used(PRACTICE) == [(HOUR, 50, 150)]


@pytest.mark.django_db(transaction=True)
def test_high_and_low_together_use_up_the_window_and_not_one_call_more() -> None:
    granted_calls = at_once(8, lambda number: spend(60, [PRACTICE], [LOW, HIGH][number % 2]))
    low, high = sum(granted_calls[0::2]), sum(granted_calls[1::2])
    assert low + high == 200
    assert low <= 150
    assert used(PRACTICE) == [(HOUR, high, low)]


@pytest.mark.django_db(transaction=True)
def test_two_practices_share_the_applications_limit_exactly() -> None:
    # Half of them name the limits the other way round: that must not deadlock.
    orders = [
        [PRACTICE, APPLICATION],
        [APPLICATION, PRACTICE],
        [OTHER, APPLICATION],
        [APPLICATION, OTHER],
    ]
    granted_calls = at_once(8, lambda number: spend(25, orders[number % 4], HIGH))
    assert sum(granted_calls) == 120
    assert used(APPLICATION) == [(MINUTE, 120, 0)]
    assert used(PRACTICE) == [(HOUR, sum(granted_calls[0::4] + granted_calls[1::4]), 0)]
    assert used(OTHER) == [(HOUR, sum(granted_calls[2::4] + granted_calls[3::4]), 0)]


KILLED = """
import os, signal, sys
import django
django.setup()
from datetime import datetime, UTC
from django.db import transaction
from integrations.contract import Limit, Priority, Scope
from integrations.http import budget

now = datetime.fromisoformat(sys.argv[1])
practice = budget.Counter("integration:one", Limit(Scope.INTEGRATION, 200, 3600, 50))
assert budget.take([practice], Priority.HIGH, now) == 199
budget._refuse_open_transaction = lambda: None  # to stand in the middle of a statement's effect
with transaction.atomic():
    assert budget.take([practice], Priority.HIGH, now) == 198
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_neither_un_counts_its_call_nor_blocks_the_next() -> None:
    # The same server, but the tests' own database.
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    address = f"{server}/{connection.settings_dict['NAME']}"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, NOW.isoformat()],
        env={**os.environ, "DATABASE_URL": address},
        check=False,
        timeout=30,
        capture_output=True,
    )
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, b"")

    # The first call was committed before its take returned; the second was not, and is not held.
    assert spend(200, [PRACTICE], HIGH) == 199
    assert used(PRACTICE) == [(HOUR, 200, 0)]
