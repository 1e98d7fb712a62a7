"""The schedule of checks, looks and attempts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from writebacks import backoff
from writebacks.models import LEASE


def test_twenty_checks_end_14_hours_and_three_and_a_half_minutes_after_submission() -> None:
    waits = [backoff.check_wait(done) for done in range(backoff.MAX_CHECKS)]
    assert waits[:8] == [
        timedelta(seconds=30),
        *(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60)),
    ]
    assert set(waits[8:]) == {timedelta(hours=1)}
    assert sum(waits, timedelta()) == timedelta(hours=14, minutes=3, seconds=30)


@pytest.mark.parametrize("wait", [backoff.check_wait, backoff.look_wait, backoff.send_wait])
def test_waits_never_shrink_and_the_last_one_repeats(wait: object) -> None:
    waits = [wait(count) for count in range(1, 40)]  # type: ignore[operator]
    assert waits == sorted(waits)
    assert waits[-1] == waits[-2]


def test_absence_needs_two_looks_with_time_between_them() -> None:
    assert backoff.LOOKS_TO_PROVE_ABSENCE == 2
    assert backoff.look_wait(1) >= timedelta(seconds=30)


def test_a_claim_outlives_the_task_that_made_it(settings: object) -> None:
    assert LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT  # type: ignore[attr-defined]
