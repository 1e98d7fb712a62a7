"""One run at a time for each clinic, and none that nobody needs."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from integrations.queries import Resource
from sync.claiming import Lost, beat, claim, hand_out, lock
from sync.models import Checkpoint, SyncRun
from sync.requesting import Running, TooSoon, Wanted, cancel, request
from sync.running import carry_on
from sync.states import OPEN, Mode, Status
from tests import make
from tests.integrations.threads import at_once
from tests.sync import toy
from tests.sync.conftest import Desk


def stored(desk: Desk, patients: int) -> None:
    """Wait until so many are here: pages are fetched while the last one is being stored."""
    until = time.perf_counter_ns() + 10_000_000_000
    while desk.clinic.patients.count() < patients:
        assert time.perf_counter_ns() < until


def test_a_second_run_is_refused_while_one_is_open_and_names_it(desk: Desk) -> None:
    run = desk.ask()
    with pytest.raises(Running) as refused:
        desk.ask()
    assert refused.value.run == run
    assert SyncRun.objects.count() == 1


def test_of_ten_who_ask_at_once_one_gets_a_run_and_all_hear_of_the_same(desk: Desk) -> None:
    def ask() -> SyncRun:
        try:
            return desk.ask()
        except Running as refused:
            return refused.run

    runs = at_once(10, lambda number: ask())
    assert len({run.pk for run in runs}) == 1
    assert SyncRun.objects.count() == Checkpoint.objects.count() == 1


def test_within_half_an_hour_another_one_is_left_out_unless_it_is_forced(desk: Desk) -> None:
    first = desk.sync()
    desk.later(minutes=29)
    with pytest.raises(TooSoon) as refused:
        request(desk.integration, Wanted(), desk.clock.now)
    assert refused.value.run == first
    forced = desk.sync()  # "sync now" wins
    assert forced.pk != first.pk
    desk.later(minutes=31)
    assert request(desk.integration, Wanted(), desk.clock.now).status == Status.QUEUED


def test_a_failed_run_does_not_hold_up_the_next_one(desk: Desk) -> None:
    run = desk.ask()
    SyncRun.objects.filter(pk=run.pk).update(
        status=Status.FAILED, due_at=None, finished_at=desk.clock.now
    )
    assert request(desk.integration, Wanted(), desk.clock.now).pk != run.pk


def test_changes_read_just_now_do_not_stand_for_a_full_pass(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=1)
    desk.sync()
    assert request(desk.integration, Wanted(is_full=True), desk.clock.now).is_full


def test_patients_read_just_now_do_not_stand_for_appointments(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=1)
    desk.sync(only=[Resource.PATIENTS])
    assert request(desk.integration, Wanted(only=[Resource.APPOINTMENTS]), desk.clock.now).only == [
        "appointments"
    ]


def test_a_forced_ask_wakes_the_run_that_waits(desk: Desk) -> None:
    run = desk.ask()
    later = desk.clock.now.replace(hour=23)
    SyncRun.objects.filter(pk=run.pk).update(status=Status.WAITING, due_at=later)
    with pytest.raises(Running):
        request(desk.integration, Wanted(), desk.clock.now)
    run.refresh_from_db()
    assert run.due_at == later
    with pytest.raises(Running):
        desk.ask()
    run.refresh_from_db()
    assert run.due_at == desk.clock.now


def test_a_cancelled_run_stores_nothing_more(desk: Desk) -> None:
    for number in range(25):
        desk.pms.put(Resource.PATIENTS, toy.patient(number))
    run = desk.ask()

    def cancelling(feed: object, position: str) -> None:
        if position == "20":
            stored(desk, 20)
            assert cancel(SyncRun.objects.get(), desk.clock.now)

    desk.pms.before = cancelling
    run = desk.work(run)
    assert run.status == Status.CANCELLED
    assert desk.clinic.patients.count() == 20  # the page under way when it was cancelled is lost
    assert not cancel(run, desk.clock.now)


def test_a_worker_that_lost_its_run_can_write_no_page_of_it(desk: Desk) -> None:
    for number in range(25):
        desk.pms.put(Resource.PATIENTS, toy.patient(number))
    run = desk.ask()

    def overtaken(feed: object, position: str) -> None:
        if position == "20":
            stored(desk, 20)
            desk.later(seconds=91)  # it hung for longer than its lease
            assert claim(run.pk, desk.clock.now)

    desk.pms.before = overtaken
    run = desk.work(run)
    assert (run.status, run.claims) == (Status.RUNNING, 2)
    assert desk.clinic.patients.count() == 20
    run.claims = 1
    with pytest.raises(Lost):
        beat(run, desk.clock.now)


def test_only_one_of_two_workers_takes_a_run_up(desk: Desk) -> None:
    run = desk.ask()
    claimed = at_once(4, lambda number: claim(run.pk, desk.clock.now))
    assert len([each for each in claimed if each]) == 1


def test_a_run_is_told_once_and_again_when_nobody_took_it_up(desk: Desk) -> None:
    run = desk.ask()
    assert hand_out(desk.clock.now) == [str(run.pk)]
    assert hand_out(desk.clock.now) == []
    desk.later(seconds=60)
    assert hand_out(desk.clock.now) == [str(run.pk)]


def test_a_run_whose_worker_died_is_handed_out_with_the_next_tick(desk: Desk) -> None:
    run = desk.ask()
    assert claim(run.pk, desk.clock.now)  # no session holds its lock: the worker is gone
    desk.later(seconds=6)
    SyncRun.objects.update(told_at=None)
    assert hand_out(desk.clock.now) == [str(run.pk)]


def test_a_run_whose_worker_is_at_it_is_left_to_it(desk: Desk) -> None:
    run = desk.ask()
    held, done = threading.Event(), threading.Event()

    def working() -> None:
        with lock(desk.integration.pk) as is_held:
            assert is_held
            held.set()
            done.wait(10)
        connection.close()

    worker = threading.Thread(target=working)
    worker.start()
    try:
        assert held.wait(10)
        assert claim(run.pk, desk.clock.now)
        desk.later(seconds=30)
        assert hand_out(desk.clock.now) == []
        carry_on(run.pk)  # another worker finds the lock taken
        assert SyncRun.objects.get().claims == 1
        assert desk.pms.asked == []
    finally:
        done.set()
        worker.join()


def test_the_database_itself_allows_one_open_run(desk: Desk) -> None:
    run = desk.ask()
    assert run.status in OPEN
    other = SyncRun(
        organization_id=run.organization_id,
        clinic_id=run.clinic_id,
        integration=desk.integration,
        mode=Mode.INCREMENTAL,
        trigger="person",
        lock_key=1,
        due_at=desk.clock.now,
    )
    with pytest.raises(Exception, match="sync_one_at_a_time"):
        other.save(force_insert=True)


def test_two_clinics_sync_side_by_side(desk: Desk, connect) -> None:  # type: ignore[no-untyped-def]
    other = connect(make.clinic())
    assert desk.ask().pk != other.ask().pk
