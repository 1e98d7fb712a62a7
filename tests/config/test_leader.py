"""Of several beats exactly one ticks, and another takes over when it is gone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django_celery_beat.schedulers import DatabaseScheduler

from config.celery import app
from config.leader import STANDBY_SECONDS, LeaderScheduler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ticks(monkeypatch: pytest.MonkeyPatch) -> list[DatabaseScheduler]:
    """Who ticked, in order; the schedule itself is left alone."""
    ticked: list[DatabaseScheduler] = []

    def tick(self: DatabaseScheduler) -> float:
        ticked.append(self)
        return 1.0

    monkeypatch.setattr(DatabaseScheduler, "tick", tick)
    return ticked


@pytest.fixture
def beats() -> Iterator[tuple[LeaderScheduler, LeaderScheduler]]:
    first, second = (LeaderScheduler(app=app, lazy=True) for _ in range(2))
    yield first, second
    first._session.close()
    second._session.close()


def test_only_the_first_of_two_ticks(
    beats: tuple[LeaderScheduler, LeaderScheduler], ticks: list[DatabaseScheduler]
) -> None:
    first, second = beats
    assert [first.tick(), second.tick(), first.tick(), second.tick()] == [
        1.0,
        STANDBY_SECONDS,
        1.0,
        STANDBY_SECONDS,
    ]
    assert ticks == [first, first]


def test_the_standby_takes_over_when_the_leaders_session_dies(
    beats: tuple[LeaderScheduler, LeaderScheduler], ticks: list[DatabaseScheduler]
) -> None:
    first, second = beats
    first.tick()
    first._session.close()
    assert second.tick() == 1.0
    assert first.tick() == STANDBY_SECONDS
    assert ticks == [first, second]


def test_a_leader_that_goes_on_keeps_its_lock_and_does_not_stack_it(
    beats: tuple[LeaderScheduler, LeaderScheduler], ticks: list[DatabaseScheduler]
) -> None:
    first, second = beats
    for _ in range(3):
        first.tick()
    with first._session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert second.tick() == 1.0
