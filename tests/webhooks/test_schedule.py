"""The waits are what the documentation says, and nothing a receiver says breaks them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import START
from webhooks import schedule


def test_there_are_ten_attempts_at_the_known_times() -> None:
    waits = [schedule.next_wait(failed) for failed in range(1, 11)]
    assert waits[-1] is None
    told = [wait.total_seconds() for wait in waits if wait is not None]
    assert told == [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]


def test_a_receiver_is_given_up_only_after_a_message_was_tried_to_its_end() -> None:
    assert sum(schedule.WAITS, timedelta(0)) < schedule.GIVEN_UP_AFTER


def test_an_endpoint_that_goes_on_failing_rests_longer_up_to_a_bound() -> None:
    rests = [schedule.rest(failures).total_seconds() for failures in (1, 2, 3, 4, 5, 6, 1000)]
    assert rests == [5, 30, 60, 120, 300, 300, 300]
    assert schedule.rest(1, timedelta(minutes=20)) == timedelta(minutes=20)
    assert schedule.rest(1, timedelta(days=2)) == timedelta(hours=1)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("Tue, 05 Mar 2030 15:00:30 GMT", 30),
        ("Tue, 05 Mar 2030 14:59:00 GMT", 0),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(header: str, seconds: int) -> None:
    assert schedule.asked_wait(header, START) == timedelta(seconds=seconds)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1.5", "١٢", "Tue, 05 Mar 2030 15:00:30"])
def test_a_retry_after_that_says_nothing_is_none(header: str) -> None:
    assert schedule.asked_wait(header, START) is None


@given(st.text(), st.integers(min_value=1, max_value=9))
def test_whatever_a_receiver_sends_the_next_attempt_is_within_a_day(text: str, failed: int) -> None:
    wait = schedule.next_wait(failed, schedule.asked_wait(text, START))
    assert wait is not None
    assert schedule.WAITS[failed - 1] <= wait <= timedelta(hours=24)
