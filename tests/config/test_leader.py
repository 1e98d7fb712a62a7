"""Of several beats exactly one ticks, and another takes over when it is gone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.schedules import schedule as every
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

from config.beat_entries import EDITABLE
from config.celery import app
from config.leader import LOCK_KEY, STANDBY_SECONDS, LeaderScheduler

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
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database"
            " WHERE locktype = 'advisory' AND objid = %s AND datname = current_database()",
            [LOCK_KEY],
        )
        assert cursor.fetchone() == (1,)
        cursor.execute("SELECT pg_advisory_unlock_all()")
    assert second.tick() == 1.0


def test_an_entry_that_a_person_edited_stays_as_it_is_over_restarts_of_beat() -> None:
    LeaderScheduler(app=app)._session.close()
    entry = PeriodicTask.objects.get(name="make syncs that are due")
    entry.interval, _ = IntervalSchedule.objects.get_or_create(every=7, period="minutes")
    entry.save()
    LeaderScheduler(app=app)._session.close()
    entry.refresh_from_db()
    assert (entry.interval.every, entry.interval.period) == (7, "minutes")


def test_an_entry_that_a_person_switched_off_stays_off() -> None:
    LeaderScheduler(app=app)._session.close()
    PeriodicTask.objects.filter(name="dispatch syncs").update(enabled=False)
    LeaderScheduler(app=app)._session.close()
    assert not PeriodicTask.objects.get(name="dispatch syncs").enabled


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("task", "sync.tasks.prune"),
        ("args", "[1]"),
        ("kwargs", '{"a": 1}'),
        ("queue", "slow"),
        ("exchange", "elsewhere"),
        ("routing_key", "elsewhere"),
        ("priority", 3),
        ("expires", datetime(2031, 1, 1, tzinfo=UTC)),
        ("expire_seconds", 7),
        ("one_off", True),
        ("start_time", datetime(2031, 1, 1, tzinfo=UTC)),
        ("enabled", False),
        ("description", "Agreed with the practice."),
    ],
)
def test_whatever_a_person_edited_of_an_entry_a_new_default_leaves_it_as_it_is(
    monkeypatch: pytest.MonkeyPatch, column: str, value: Any
) -> None:
    LeaderScheduler(app=app)._session.close()
    rows = PeriodicTask.objects.filter(name="dispatch syncs")
    before = rows.get()
    rows.update(**{column: value})
    entry = app.conf.beat_schedule["dispatch syncs"]
    monkeypatch.setitem(entry, "schedule", every(timedelta(seconds=11)))
    LeaderScheduler(app=app)._session.close()
    row = rows.get()
    assert getattr(row, column) == value
    assert row.interval == before.interval


def test_headers_that_a_person_added_stay() -> None:
    LeaderScheduler(app=app)._session.close()
    row = PeriodicTask.objects.get(name="dispatch syncs")
    row.headers = json.dumps({**json.loads(row.headers), "x-team": "desk"})
    row.save()
    LeaderScheduler(app=app)._session.close()
    row.refresh_from_db()
    assert json.loads(row.headers)["x-team"] == "desk"


def test_every_column_that_the_admin_edits_counts_as_an_edit() -> None:
    by_beat = {"id", "name", "last_run_at", "total_run_count", "date_changed"}
    schedule = {"interval", "crontab", "solar", "clocked"}
    columns = {each.name for each in PeriodicTask._meta.concrete_fields}
    assert columns - by_beat - schedule - {"headers"} == set(EDITABLE)


def test_a_new_default_replaces_one_that_nobody_edited(monkeypatch: pytest.MonkeyPatch) -> None:
    LeaderScheduler(app=app)._session.close()
    entry = app.conf.beat_schedule["dispatch syncs"]
    monkeypatch.setitem(entry, "schedule", every(timedelta(seconds=11)))
    LeaderScheduler(app=app)._session.close()
    assert PeriodicTask.objects.get(name="dispatch syncs").interval.every == 11


def test_a_tick_that_comes_too_late_is_worth_nothing() -> None:
    LeaderScheduler(app=app)._session.close()
    assert PeriodicTask.objects.get(name="dispatch syncs").expire_seconds == 60
