"""The breaker: shared by all processes, opened by failures in a row, probed by one caller only."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from integrations.http.breaker import LONGEST_REST, PROBE_LEASE, THRESHOLD, Breaker, Standing
from integrations.http.errors import CircuitOpen
from integrations.models import Breaker as Row
from integrations.models import Integration
from tests import make
from tests.integrations.threads import at_once

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
WELL = Standing(is_probe=False, after_failures=False)
SHAKY = Standing(is_probe=False, after_failures=True)
PROBE = Standing(is_probe=True, after_failures=True)

pytestmark = pytest.mark.django_db
at_the_same_time = pytest.mark.django_db(transaction=True)


def seconds(number: float) -> datetime:
    """The moment so many seconds after the story began."""
    return NOW + timedelta(seconds=number)


@pytest.fixture
def breaker(integration: Integration) -> Breaker:
    return Breaker(integration.pk)


def fail(breaker: Breaker, times: int, now: datetime = NOW) -> None:
    for _ in range(times):
        breaker.failed(now)


def refused_until(breaker: Breaker, now: datetime) -> datetime | None:
    """From when a caller may come again; None where the call goes through."""
    try:
        breaker.pass_or_refuse(now)
    except CircuitOpen as error:
        return error.retry_at
    return None


def row() -> Row:
    return Row.objects.get()


def test_a_pms_that_never_failed_costs_no_row(breaker: Breaker) -> None:
    assert breaker.pass_or_refuse(NOW) == WELL
    breaker.answered()
    assert Row.objects.count() == 0


def test_four_failures_in_a_row_let_calls_through_and_the_fifth_opens_it(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD - 1)
    assert breaker.pass_or_refuse(NOW) == SHAKY
    fail(breaker, 1)
    assert refused_until(breaker, NOW) == seconds(15)
    assert refused_until(breaker, seconds(14.999)) == seconds(15)
    assert (row().opened_at, row().failures) == (NOW, 5)


def test_a_success_between_resets_the_count(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD - 1)
    breaker.answered()
    assert breaker.pass_or_refuse(NOW) == WELL
    fail(breaker, THRESHOLD - 1)
    assert breaker.pass_or_refuse(NOW) == SHAKY


def test_the_probes_success_closes_it(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)
    assert breaker.pass_or_refuse(seconds(15)) == PROBE
    breaker.answered()
    assert breaker.pass_or_refuse(seconds(15)) == WELL
    fail(breaker, THRESHOLD, seconds(60))
    assert refused_until(breaker, seconds(60)) == seconds(75), "it starts with 15 seconds again"


def test_each_failed_probe_doubles_the_rest_up_to_five_minutes(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)
    rests, now = [], NOW
    for _ in range(8):
        until = refused_until(breaker, now)
        assert until is not None
        rests.append((until - now).total_seconds())
        now = until
        assert breaker.pass_or_refuse(now) == PROBE
        breaker.failed(now)
    assert rests == [15, 30, 60, 120, 240, 300, 300, 300]
    assert row().opened_at == NOW, "since when it is away, not since the last probe"


def test_an_outage_of_days_is_no_longer_than_any_number_can_hold(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)
    Row.objects.update(rests=2000, failures=2005, retry_at=NOW)
    fail(breaker, 1)
    assert refused_until(breaker, NOW) == NOW + LONGEST_REST


def test_calls_that_were_on_their_way_when_it_opened_do_not_prolong_the_rest(
    breaker: Breaker,
) -> None:
    fail(breaker, THRESHOLD)
    fail(breaker, 11, seconds(5))
    assert refused_until(breaker, seconds(5)) == seconds(15)
    assert row().rests == 1


def test_one_callers_probe_holds_the_others_off_until_its_lease_ends(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)
    assert breaker.pass_or_refuse(seconds(20)) == PROBE
    lapses = seconds(20) + PROBE_LEASE
    assert refused_until(breaker, seconds(20)) == lapses
    assert refused_until(breaker, seconds(49.999)) == lapses + timedelta(milliseconds=999)
    assert breaker.pass_or_refuse(seconds(50)) == PROBE, "the first prober was killed"
    assert refused_until(breaker, seconds(50)) == seconds(80)


def test_a_probe_given_back_unused_is_the_next_callers(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)
    assert breaker.pass_or_refuse(seconds(15)) == PROBE
    breaker.release()
    assert breaker.pass_or_refuse(seconds(15)) == PROBE


def test_one_practices_outage_is_not_anothers(breaker: Breaker) -> None:
    other = Breaker(make.integration(make.clinic()).pk)
    fail(breaker, THRESHOLD)
    assert other.pass_or_refuse(NOW) == WELL
    fail(other, 1)
    other.answered()
    assert refused_until(breaker, NOW) == seconds(15)


def test_a_person_closes_it(breaker: Breaker, caplog: pytest.LogCaptureFixture) -> None:
    fail(breaker, THRESHOLD)
    breaker.reset()
    assert breaker.pass_or_refuse(NOW) == WELL
    assert caplog.messages[1:] == [f"integration {breaker.integration_id}: breaker reset by hand"]
    fail(breaker, THRESHOLD - 1)
    assert breaker.pass_or_refuse(NOW) == SHAKY
    breaker.reset()
    assert breaker.pass_or_refuse(NOW) == WELL


def test_there_is_nothing_to_reset_where_nothing_failed(breaker: Breaker) -> None:
    breaker.reset()
    assert Row.objects.count() == 0


# --- Many processes ------------------------------------------------------------------------------


@at_the_same_time
def test_of_16_callers_exactly_one_probes(breaker: Breaker) -> None:
    fail(breaker, THRESHOLD)

    def call(number: int) -> str:
        try:
            return "probe" if breaker.pass_or_refuse(seconds(15)).is_probe else "through"
        except CircuitOpen as error:
            in_time = seconds(15) < (error.retry_at or NOW) <= seconds(15) + PROBE_LEASE
            return "refused" if in_time else "refused for too long"

    for _ in range(5):
        assert sorted(at_once(16, call)) == ["probe", *["refused"] * 15]
        breaker.release()


@at_the_same_time
def test_an_outage_is_logged_once_when_it_begins_and_once_when_it_ends(
    breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    away = f"integration {breaker.integration_id}: its PMS is away"
    back = f"integration {breaker.integration_id}: its PMS is back"

    at_once(16, lambda number: breaker.failed(NOW))
    assert caplog.messages == [away]
    assert (row().failures, row().retry_at) == (16, seconds(15))

    at_once(16, lambda number: breaker.failed(seconds(15)))  # a failed probe and its company
    assert caplog.messages == [away]
    assert row().retry_at == seconds(45)

    at_once(16, lambda number: breaker.answered())
    assert caplog.messages == [away, back]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}

    at_once(16, lambda number: breaker.failed(seconds(60)))
    assert caplog.messages == [away, back, away], "another outage is news again"
