"""What may go wrong between two workers, over days of waiting, and over nights."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction

from clinics.models import Appointment, Clinic, Location, Patient, Practitioner
from clinics.records import Removed, Unreadable
from clinics.services import store
from integrations.http.errors import NotReady, Refused
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Changes, Page, Resource
from sync import holding, running, schedule, spare, vanishing
from sync.models import Checkpoint, SetAside, SyncRun
from sync.requesting import Running, Wanted, cancel, request
from sync.states import Mode, Status, Trigger
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk
from tests.sync.test_running import APPOINTMENTS, PATIENTS, fill, ids


def test_a_run_cancelled_before_it_looked_for_the_missing_marks_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    run = desk.ask(is_full=True, may_remove=True)
    settle = vanishing.settle

    def cancelled(*args, **kwargs):  # type: ignore[no-untyped-def]
        cancel(run, desk.clock.now)
        return settle(*args, **kwargs)

    monkeypatch.setattr(vanishing, "settle", cancelled)
    assert desk.work(run).status == Status.CANCELLED
    assert Practitioner.objects.present().count() == 1
    assert Location.objects.present().count() == 1
    assert len(ids()) == 25


def test_a_first_load_that_failed_half_way_is_completed_by_the_next_run(desk: Desk) -> None:
    desk.integration.status = IntegrationStatus.SETUP_REQUIRED
    desk.integration.save()
    fill(desk)

    def refusing(feed, position):  # type: ignore[no-untyped-def]
        if feed.resource == APPOINTMENTS:
            raise Refused("Appointments are not allowed.")

    desk.pms.before = refusing
    assert desk.sync().status == Status.FAILED
    desk.integration.refresh_from_db()
    assert desk.integration.status == IntegrationStatus.SETUP_REQUIRED
    desk.pms.before = lambda feed, position: None
    desk.later(hours=1)
    assert desk.sync().status == Status.COMPLETED
    desk.integration.refresh_from_db()
    assert desk.integration.imported_at == desk.clock.now
    assert desk.integration.status == IntegrationStatus.ACTIVE


def test_a_run_that_fails_is_not_made_again_with_each_tick(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=4)

    def refusing(feed, position):  # type: ignore[no-untyped-def]
        raise Refused("It says no.")

    desk.pms.before = refusing
    assert schedule.make_due_runs(desk.clock.now) == 1
    desk.work(SyncRun.objects.first())
    desk.later(minutes=1)
    assert schedule.make_due_runs(desk.clock.now) == 0


def test_only_a_person_wakes_a_run_that_waits(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=4)

    def away(feed, position):  # type: ignore[no-untyped-def]
        raise NotReady("It loads.", retry_at=desk.clock.now + timedelta(hours=1))

    desk.pms.before = away
    run = desk.sync()
    due = run.due_at
    for trigger in (Trigger.SPARE, Trigger.NIGHT):
        with pytest.raises(Running):
            request(desk.integration, Wanted(trigger=trigger, is_forced=True), desk.clock.now)
    run.refresh_from_db()
    assert run.due_at == due


def test_days_read_with_spare_calls_do_not_put_off_the_regular_reading(desk: Desk) -> None:
    needs = replace(toy.MANIFEST.lists[APPOINTMENTS], needs_window=True)
    desk.pms.lists = {**toy.MANIFEST.lists, APPOINTMENTS: needs}
    desk.sync()
    for _ in range(4):
        desk.later(hours=1)
        desk.sync(mode=Mode.UPCOMING, trigger=Trigger.SPARE)
    assert schedule.due_resources(desk.integration, desk.clock.now) == [PATIENTS, APPOINTMENTS]


def test_a_reading_with_spare_calls_that_fails_is_not_repeated_with_each_tick(desk: Desk) -> None:
    desk.sync()
    desk.later(minutes=5)

    def refusing(feed, position):  # type: ignore[no-untyped-def]
        raise Refused("It says no.")

    desk.pms.before = refusing
    assert spare.make_runs(desk.clock.now) == 1
    desk.work(SyncRun.objects.first())
    desk.later(minutes=2)
    assert spare.make_runs(desk.clock.now) == 0


def test_days_that_a_list_covers_no_more_after_a_wait_are_not_missing(desk: Desk) -> None:
    lists = dict(toy.MANIFEST.lists)
    lists[APPOINTMENTS] = Changes(told=True, removals=True, covers=(365, 364))
    desk.pms.lists = lists
    fill(desk)
    now = desk.clock.now
    old = now - timedelta(days=364, hours=-12)
    desk.pms.put(APPOINTMENTS, toy.appointment(1, starts_at=old, ends_at=old + timedelta(hours=1)))
    desk.sync()
    desk.later(hours=1)
    run = desk.ask(is_full=True)
    waited = []

    def loading(feed, position):  # type: ignore[no-untyped-def]
        if feed.resource == APPOINTMENTS and not waited:
            waited.append(True)
            raise NotReady("It loads.", retry_at=now + timedelta(days=3))

    desk.pms.before = loading
    desk.work(run)
    desk.later(days=3)
    desk.pms.delete(APPOINTMENTS, "a00001")  # its list begins three days later by now
    assert desk.work(run).status == Status.COMPLETED
    assert Appointment.objects.present().count() == 1


def test_a_shift_ends_without_a_call_that_is_thrown_away(desk: Desk) -> None:
    fill(desk, 95)
    desk.pms.before = lambda feed, position: desk.later(seconds=10)
    run = desk.ask()
    while run.is_open:
        run = desk.work(run, shift=running.SHIFT)
    assert len(desk.pms.read) == len(set(desk.pms.read)) == 13


@pytest.mark.parametrize("external_id", ["x" * 300, "a\0b"])
def test_an_id_that_no_column_takes_stops_no_run(desk: Desk, external_id: str) -> None:
    fill(desk)
    desk.pms.put(PATIENTS, toy.patient(99, external_id=external_id))
    desk.pms.records[PATIENTS]["zz"] = Unreadable("has no name", external_id)
    assert desk.sync().status == Status.COMPLETED
    assert len(ids()) == 25


def test_who_came_back_while_a_full_pass_read_is_not_missing(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    Patient.objects.filter(external_id="p00007").update(removed_at=desk.clock.now)
    desk.pms.delete(PATIENTS, "p00007")
    desk.later(hours=1)

    def back(feed, position):  # type: ignore[no-untyped-def]
        desk.later(seconds=1)
        if position == "20":  # past their page they are restored, and a search stores them
            store(desk.clinic, [toy.patient(7)], now=desk.clock.now)

    desk.pms.before = back
    desk.sync(is_full=True)
    assert "p00007" in ids()


def test_an_empty_list_is_not_believed_however_few_there_were(desk: Desk) -> None:
    desk.pms.put(Resource.PRACTITIONERS, toy.practitioner("d2"))
    desk.sync()
    desk.later(days=1)
    desk.pms.records[Resource.PRACTITIONERS].clear()
    run = desk.sync(is_full=True)
    assert (run.status, run.checkpoint.vanished) == (Status.HELD, 2)
    assert Practitioner.objects.present().count() == 2


def test_a_cancel_and_the_planning_of_steps_do_not_block_each_other(desk: Desk) -> None:
    run = desk.ask()
    ended: list[bool] = []

    def cancels() -> None:
        try:
            ended.append(cancel(run, desk.clock.now))
        finally:
            connection.close()

    with transaction.atomic():  # as the first shift does
        Checkpoint.objects.filter(pk=run.pk).update(steps=[])
        thread = threading.Thread(target=cancels)
        thread.start()
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        with connection.cursor() as cursor:
            until = time.perf_counter_ns() + 10_000_000_000
            cursor.execute(waits)
            while not cursor.fetchone():
                assert time.perf_counter_ns() < until
                cursor.execute(waits)
        SyncRun.objects.filter(pk=run.pk).update(is_full=True)
    thread.join(10)
    assert ended == [True]


def test_accepting_what_vanished_takes_no_more_than_somebody_has_seen(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    for number in range(1, 7):
        desk.pms.delete(PATIENTS, f"p{number:05}")
    held = desk.sync(is_full=True)
    assert held.checkpoint.vanished == 6
    desk.later(hours=1)
    there = dict(desk.pms.records[PATIENTS])
    desk.pms.records[PATIENTS].clear()  # its list breaks just now
    run = desk.work(holding.accept(held, desk.clock.now))
    assert (run.status, run.checkpoint.vanished, len(ids())) == (Status.HELD, 25, 25)
    desk.pms.records[PATIENTS].update(there)
    run = desk.work(holding.accept(run, desk.clock.now))
    assert (run.status, len(ids())) == (Status.COMPLETED, 19)


def test_a_pms_without_appointments_has_none_coming(desk: Desk) -> None:
    lists = toy.MANIFEST.lists
    desk.pms.lists = {each: lists[each] for each in lists if each != APPOINTMENTS}
    desk.sync()
    desk.later(hours=1)
    run = desk.sync(mode=Mode.UPCOMING)
    assert (run.status, run.is_full) == (Status.COMPLETED, False)


def test_what_was_set_aside_is_forgotten_once_the_record_is_gone(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.put(PATIENTS, Unreadable("has an impossible date", "p00004"), desk.clock.now)
    desk.sync(is_full=True)
    assert SetAside.objects.count() == 1
    desk.later(days=1)
    desk.pms.delete(PATIENTS, "p00004")
    desk.sync(is_full=True)
    assert not SetAside.objects.exists()


def test_an_integration_that_cannot_be_scheduled_keeps_no_other_from_it(
    desk: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    other = connect(make.clinic()).integration
    Integration.objects.filter(pk=desk.integration.pk).update(pms="gone")
    assert schedule.make_due_runs(desk.clock.now) == 1
    assert SyncRun.objects.get().integration == other


def test_of_a_record_told_as_removed_and_then_as_there_the_last_counts(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(hours=4)

    def twice(page: Page) -> Page:
        if "p00001" in {each.external_id for each in page.records}:
            return replace(page, records=(Removed(external_id="p00001"), *page.records))
        return page

    desk.pms.bend = twice
    desk.pms.put(PATIENTS, toy.patient(1, first_name="Eva"), desk.clock.now)
    desk.sync()
    assert "p00001" in ids()


def test_a_page_asked_for_before_a_write_was_confirmed_does_not_undo_it(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)

    def confirmed(page: Page) -> Page:
        """Change a record as a confirmed writeback does, while its page is on its way."""
        if "p00021" in {each.external_id for each in page.records}:
            desk.later(seconds=1)
            Patient.objects.filter(external_id="p00021").update(
                first_name="Confirmed", payload_hash="", updated_at=desk.clock.now
            )
        return page

    desk.pms.bend = confirmed
    desk.sync(is_full=True)
    assert Patient.objects.get(external_id="p00021").first_name == "Confirmed"
    desk.pms.bend = lambda page: page
    desk.later(days=1)
    desk.sync(is_full=True)  # the PMS has the last word
    assert Patient.objects.get(external_id="p00021").first_name == "Ada"
