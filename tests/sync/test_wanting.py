"""What a PMS says while a run reads is not lost, and many words of it make few runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import call, patch

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as NoRedis

from clinics.models import Clinic
from integrations.http.errors import NoAnswer, Refused
from integrations.models import IntegrationStatus
from integrations.queries import Changes, Resource
from sync import tasks, wanting
from sync.models import Cursor, SyncRun
from sync.requesting import cancel
from sync.states import Mode, Status, Trigger
from tests import make
from tests.conftest import START
from tests.sync import toy
from tests.sync.conftest import Desk

PATIENTS, APPOINTMENTS = Resource.PATIENTS, Resource.APPOINTMENTS


@pytest.fixture
def current(desk: Desk) -> Desk:
    """A clinic that was read whole four hours ago."""
    desk.sync()
    desk.integration.refresh_from_db()
    desk.later(hours=4)
    desk.pms.asked.clear()
    return desk


def note(desk: Desk, *resources: Resource) -> None:
    wanting.note([desk.integration], resources or (PATIENTS,), desk.clock.now)


def wanted(desk: Desk) -> set[str]:
    return set(
        desk.integration.cursors.filter(wanted_at__isnull=False).values_list("resource", flat=True)
    )


def make_and_work(desk: Desk) -> SyncRun | None:
    if not wanting.make_runs(desk.clock.now):
        return None
    return desk.work(SyncRun.objects.exclude(status=Status.COMPLETED).get())


def test_many_words_make_one_run_of_just_those_lists(current: Desk) -> None:
    for _ in range(20):
        note(current)
        assert wanting.make_runs(current.clock.now) in (0, 1)
        current.later(seconds=1)
    run = SyncRun.objects.exclude(status=Status.COMPLETED).get()
    assert (run.trigger, run.mode, run.only) == (Trigger.WEBHOOK, Mode.INCREMENTAL, ["patients"])
    current.work(run)
    assert current.pms.read == [("patients", "")]
    assert wanted(current) == set()


def test_a_change_told_while_a_run_reads_is_read_by_another(current: Desk) -> None:
    note(current)
    run = current.ask()

    def meanwhile(feed: Any, position: str) -> None:
        """After the patients were read: a patient changes, and the PMS says so."""
        if feed.resource is APPOINTMENTS:
            current.later(seconds=5)
            current.pms.put(PATIENTS, toy.patient(1, last_name="Late"), current.clock.now)
            note(current)

    current.pms.before = meanwhile
    current.work(run)
    current.pms.before = lambda feed, position: None
    assert not current.clinic.patients.exists()
    assert wanted(current) == {"patients"}
    current.later(minutes=1)
    second = make_and_work(current)
    assert second is not None
    assert current.clinic.patients.get().last_name == "Late"
    assert wanted(current) == set()
    current.later(hours=1)
    assert make_and_work(current) is None


def test_a_change_told_before_a_run_begins_needs_no_other(current: Desk) -> None:
    note(current, PATIENTS, APPOINTMENTS)
    current.later(seconds=1)
    assert wanting.make_runs(current.clock.now) == 1
    run = SyncRun.objects.exclude(status=Status.COMPLETED).get()
    current.later(seconds=1)
    current.work(run)
    assert wanted(current) == set()


def test_what_is_open_already_is_left_alone_and_a_waiting_run_is_not_hurried(
    current: Desk,
) -> None:
    run = current.ask()
    current.pms.before = lambda feed, position: (_ for _ in ()).throw(NoAnswer("Nothing came."))
    current.work(run)
    due_at = run.due_at
    note(current)
    current.later(seconds=5)
    assert wanting.make_runs(current.clock.now) == 0
    run.refresh_from_db()
    assert (run.status, run.due_at) == (Status.WAITING, due_at)
    assert wanted(current) == {"patients"}


def test_a_run_that_is_cancelled_or_fails_loses_nothing_and_is_not_repeated_at_once(
    current: Desk,
) -> None:
    note(current)
    run = current.ask()
    cancel(run, current.clock.now)
    assert wanted(current) == {"patients"}
    assert wanting.make_runs(current.clock.now) == 0
    current.later(minutes=1)
    assert wanting.make_runs(current.clock.now) == 1
    run = SyncRun.objects.get(status=Status.QUEUED)
    current.pms.before = lambda feed, position: (_ for _ in ()).throw(Refused("No."))
    assert current.work(run).status == Status.FAILED
    assert wanted(current) == {"patients"}
    current.later(minutes=14)
    assert wanting.make_runs(current.clock.now) == 0
    current.later(minutes=1)
    assert wanting.make_runs(current.clock.now) == 1


def test_a_run_of_todays_visits_alone_does_not_stand_for_the_whole_list(current: Desk) -> None:
    current.pms.lists = {**current.pms.lists, APPOINTMENTS: Changes(told=False)}
    note(current, APPOINTMENTS)
    current.later(seconds=1)
    run = current.sync(mode=Mode.UPCOMING)
    assert [(feed.resource, feed.first is not None) for feed, _ in current.pms.asked] == [
        (APPOINTMENTS, True)
    ]
    assert run.status == Status.COMPLETED
    assert wanted(current) == {"appointments"}
    current.later(minutes=1)
    assert make_and_work(current) is not None
    assert wanted(current) == set()


def test_nothing_is_made_for_a_clinic_that_was_never_read_or_whose_credential_is_rejected(
    desk: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    note(desk, PATIENTS, APPOINTMENTS)
    assert not Cursor.objects.exists()
    assert wanting.make_runs(desk.clock.now) == 0
    desk.sync()
    desk.later(hours=1)
    note(desk)
    type(desk.integration).objects.update(status=IntegrationStatus.ERROR)
    assert wanting.make_runs(desk.clock.now) == 0
    type(desk.integration).objects.update(status=IntegrationStatus.ACTIVE)
    assert wanting.make_runs(desk.clock.now) == 1


def test_a_change_told_while_the_first_run_reads_is_read_by_the_next_one(desk: Desk) -> None:
    def meanwhile(feed: Any, position: str) -> None:
        if feed.resource is APPOINTMENTS:
            desk.later(seconds=5)
            desk.pms.put(PATIENTS, toy.patient(1), desk.clock.now)
            note(desk)

    desk.pms.before = meanwhile
    desk.sync()
    desk.pms.before = lambda feed, position: None
    desk.later(hours=4)
    desk.sync()
    assert desk.clinic.patients.count() == 1


def test_each_practice_is_asked_for_its_own(
    current: Desk, connect: Callable[[Clinic], Desk]
) -> None:
    other = connect(make.clinic())
    other.sync()
    current.later(minutes=5)
    note(current)
    assert wanting.make_runs(current.clock.now) == 1
    assert SyncRun.objects.get(status=Status.QUEUED).integration == current.integration
    assert SyncRun.objects.get(status=Status.QUEUED).created_at == current.clock.now
    assert wanting._rest_until(
        SyncRun.objects.get(status=Status.QUEUED)
    ) == current.clock.now + timedelta(minutes=1)


@pytest.mark.django_db(transaction=True)
def test_what_a_webhook_wants_is_looked_at_at_once_and_asked_for_once() -> None:
    cache.clear()
    integration = make.integration(make.clinic())
    Cursor.objects.create(
        integration=integration,
        organization=integration.organization,
        resource=Resource.APPOINTMENTS,
        read_until=START,
        looked_at=START,
    )
    with patch.object(tasks.dispatch, "apply_async") as sent:
        for _ in range(3):
            wanting.note([integration], [Resource.APPOINTMENTS], START)
        assert sent.call_args_list == [call(expires=tasks.EXPIRES, queue="dispatch")]
        with patch.object(tasks.carry_on, "apply_async") as begun:
            tasks.dispatch()
        assert begun.call_count == 1
        wanting.note([integration], [Resource.APPOINTMENTS], START)
        assert sent.call_count == 2


@pytest.mark.django_db(transaction=True)
def test_without_redis_what_is_wanted_stays_for_the_next_tick() -> None:
    cache.clear()
    integration = make.integration(make.clinic())
    list_ = Cursor.objects.create(
        integration=integration,
        organization=integration.organization,
        resource=Resource.APPOINTMENTS,
        read_until=START,
        looked_at=START,
    )
    with patch.object(tasks.dispatch, "apply_async", side_effect=NoRedis("away")):
        wanting.note([integration], [Resource.APPOINTMENTS], START)
    list_.refresh_from_db()
    assert list_.wanted_at == START
