"""A practice's pace: a few checks at once, then so many an hour, and never one more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.models import Integration
from tests import make
from tests.integrations.threads import at_once
from writebacks import pace

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
INTERVAL = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def _four_an_hour(settings: Any) -> None:
    settings.CHECKS_PER_HOUR = 4


@pytest.mark.django_db
def test_a_quiet_practice_may_ask_five_times_at_once_and_then_each_quarter_of_an_hour(
    integration: Integration,
) -> None:
    assert [pace.may_ask(integration, NOW) for _ in range(6)] == [True] * 5 + [False]
    assert pace.next_at(integration, NOW) == NOW + INTERVAL
    assert not pace.may_ask(integration, NOW + INTERVAL - timedelta(microseconds=1))
    assert pace.may_ask(integration, NOW + INTERVAL)
    assert not pace.may_ask(integration, NOW + INTERVAL)


@pytest.mark.django_db
def test_what_was_not_used_comes_back_and_does_not_pile_up(integration: Integration) -> None:
    assert all(pace.may_ask(integration, NOW) for _ in range(5))
    much_later = NOW + timedelta(days=30)
    assert pace.next_at(integration, much_later) == much_later
    assert [pace.may_ask(integration, much_later) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.django_db
def test_each_practice_has_its_own(integration: Integration) -> None:
    other = make.integration(make.clinic())
    assert all(pace.may_ask(integration, NOW) for _ in range(5))
    assert pace.next_at(other, NOW) == NOW
    assert pace.may_ask(other, NOW)


@pytest.mark.django_db
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(waits=st.lists(st.integers(0, 40 * 60), min_size=1, max_size=25))
def test_no_window_has_more_than_the_burst_and_its_share_of_the_rate(
    integration: Integration, waits: list[int]
) -> None:
    Integration.objects.update(checks_paid_until=None)
    now, taken = NOW, []
    for wait in waits:
        now += timedelta(seconds=wait)
        if pace.may_ask(integration, now):
            taken.append(now)
        else:
            # It refuses no longer than it must: from the moment that it names it lets through.
            next_at = pace.next_at(integration, now)
            assert now < next_at <= now + INTERVAL
            now = next_at
            assert pace.may_ask(integration, now)
            taken.append(now)
    for first, last in combinations_with_replacement(range(len(taken)), 2):
        assert last - first + 1 <= pace.BURST + (taken[last] - taken[first]) / INTERVAL


@pytest.mark.django_db(transaction=True)
def test_twelve_processes_at_once_take_exactly_what_there_is() -> None:
    integration = make.integration(make.clinic())
    for start, there_is in ((NOW, 5), (NOW + 2 * INTERVAL, 2), (NOW + 2 * HOUR, 5)):
        taken = at_once(12, lambda _, now=start: pace.may_ask(integration, now))
        assert taken.count(True) == there_is
