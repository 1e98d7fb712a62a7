"""Runs that nobody asked for: each clinic at its own interval and in its own night."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from clinics.models import Clinic
from integrations.contract import Limit, Scope
from integrations.models import BudgetWindow, Integration, IntegrationStatus
from integrations.profiles import start_profile
from integrations.queries import Resource
from sync import schedule, spare, tasks
from sync.models import Checkpoint, SyncRun
from sync.standing import standings
from sync.states import Mode, Status, Trigger
from tests import make
from tests.conftest import Clock
from tests.sync import toy
from tests.sync.conftest import Desk

Connect = Callable[[Clinic], Desk]


def newest() -> SyncRun:
    return SyncRun.objects.order_by("-created_at").first()


def test_a_clinic_without_any_patient_is_scheduled_too(desk: Desk) -> None:
    assert schedule.make_due_runs(desk.clock.now) == 1
    assert desk.work(newest()).is_full


def test_the_next_run_is_made_once_its_interval_has_passed_and_once_only(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=3, minutes=59)
    assert schedule.make_due_runs(desk.clock.now) == 0
    desk.later(minutes=1)
    assert schedule.make_due_runs(desk.clock.now) == 1
    assert schedule.make_due_runs(desk.clock.now) == 0
    run = desk.work(newest())
    assert (run.trigger, run.only, run.is_full) == (Trigger.SCHEDULE, [], False)
    assert schedule.make_due_runs(desk.clock.now) == 0


def test_an_integration_may_have_its_own_interval(desk: Desk) -> None:
    desk.sync()
    Integration.objects.update(sync_minutes=60)
    desk.later(minutes=60)
    assert schedule.make_due_runs(desk.clock.now) == 1


def test_lists_may_have_intervals_of_their_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = {Resource.PATIENTS: 360, Resource.APPOINTMENTS: 120}
    monkeypatch.setattr(toy, "MANIFEST", replace(toy.MANIFEST, usual_minutes=minutes))
    desk.sync()
    read = []
    for _ in range(6):
        desk.later(hours=1)
        if schedule.make_due_runs(desk.clock.now):
            read.append(desk.work(newest()).only)
    assert read == [["appointments"], ["appointments"], []]


@pytest.mark.parametrize("lacked", [Resource.PATIENTS, Resource.APPOINTMENTS])
def test_a_list_that_a_practices_own_service_lacks_makes_no_run(
    desk: Desk, lacked: Resource
) -> None:
    lists = toy.MANIFEST.lists
    desk.pms.lists = {each: lists[each] for each in lists if each != lacked}
    desk.sync()
    desk.later(hours=3, minutes=59)
    assert schedule.make_due_runs(desk.clock.now) == 0
    jobs = standings([desk.integration], desk.clock.now, ())[0].jobs
    assert str(lacked) not in {job.name for job in jobs}
    desk.later(minutes=1)
    assert schedule.make_due_runs(desk.clock.now) == 1
    assert newest().only == [], "all that it has is due"


def test_runs_of_two_organizations_begin_half_a_minute_apart(desk: Desk, connect: Connect) -> None:
    connect(make.clinic())
    connect(make.clinic(desk.clinic.organization))
    assert schedule.make_due_runs(desk.clock.now) == 3
    due = sorted((run.due_at - desk.clock.now).total_seconds() for run in SyncRun.objects.all())
    assert due in ([0, 0, 30], [0, 30, 30])


def test_an_integration_that_is_not_active_is_left_alone(desk: Desk) -> None:
    Integration.objects.update(status=IntegrationStatus.ERROR)
    assert schedule.make_due_runs(desk.clock.now) == 0


def test_the_scheduler_can_be_switched_off(desk: Desk, settings: Settings) -> None:
    settings.ENABLE_SYNC_SCHEDULER = False
    tasks.make_runs()
    assert not SyncRun.objects.exists()
    settings.ENABLE_SYNC_SCHEDULER = True
    tasks.make_runs()
    assert SyncRun.objects.count() == 1


def test_a_tick_reads_once_whom_runs_are_made_for(desk: Desk, settings: Settings) -> None:
    settings.SYNC_WITH_SPARE_CALLS = True
    desk.sync()
    desk.later(minutes=2)
    with CaptureQueriesContext(connection) as queries:
        tasks.make_runs()
    assert newest().mode == Mode.UPCOMING
    read = [query for query in queries if 'FROM "pms_integrations"' in query["sql"]]
    assert len(read) == 1


@pytest.mark.parametrize(
    ("zone", "two_at_night"),
    [
        ("America/New_York", datetime(2030, 3, 6, 7, 0, tzinfo=UTC)),
        ("Australia/Sydney", datetime(2030, 3, 5, 15, 0, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2030, 3, 5, 20, 15, tzinfo=UTC)),
    ],
)
def test_the_night_begins_at_2_of_the_clinics_own_clock_once_in_a_date(
    transactional_db: None, connect: Connect, clock: Clock, zone: str, two_at_night: datetime
) -> None:
    desk = connect(make.clinic(zone=zone))
    desk.sync()
    desk.later(days=2)
    two_at_night += timedelta(days=2)
    while two_at_night < clock.now:
        two_at_night += timedelta(days=1)
    desk.later(seconds=(two_at_night - clock.now).total_seconds() - 60)
    before = SyncRun.objects.count()
    # The last full pass is so old that by day it would be due as well; not in the evening before.
    schedule.make_nightly_runs(clock.now)
    SyncRun.objects.exclude(status=Status.COMPLETED).delete()
    Integration.objects.update(full_sync_on=None)
    desk.integration.cursors.update(full_at=clock.now - timedelta(hours=21))
    assert schedule.make_nightly_runs(clock.now) == 0
    desk.later(seconds=60)
    assert schedule.make_nightly_runs(clock.now) == 1
    run = desk.work(newest())
    assert (run.trigger, run.is_full, run.status) == (Trigger.NIGHT, True, Status.COMPLETED)
    assert schedule.make_nightly_runs(clock.now) == 0
    desk.later(hours=1)
    assert schedule.make_nightly_runs(clock.now) == 0
    assert SyncRun.objects.count() == before + 1


def test_a_night_in_which_the_clocks_jump_over_2_has_one_full_pass_and_so_has_the_longer_one(
    transactional_db: None, connect: Connect, clock: Clock
) -> None:
    desk = connect(make.clinic(zone="America/New_York"))
    for jump in (datetime(2030, 3, 10, 5, tzinfo=UTC), datetime(2030, 11, 3, 4, tzinfo=UTC)):
        desk.later(seconds=(jump - clock.now).total_seconds())
        desk.sync(is_full=True)
        desk.integration.cursors.update(full_at=clock.now - timedelta(hours=21))
        made = 0
        for _ in range(20 * 4):
            desk.later(minutes=15)
            if schedule.make_nightly_runs(clock.now):
                made += 1
                desk.work(newest())
        assert made == 1


def test_a_full_pass_is_not_repeated_at_night_where_there_was_one_in_the_evening(
    desk: Desk,
) -> None:
    desk.later(hours=12)
    desk.sync(is_full=True)  # 10 PM in New York
    desk.later(hours=5)
    assert schedule.make_nightly_runs(desk.clock.now) == 0


def test_where_a_run_is_open_at_2_the_night_waits_for_it(desk: Desk) -> None:
    desk.sync()
    desk.later(hours=21)
    desk.integration.cursors.update(full_at=desk.clock.now - timedelta(hours=30))
    Integration.objects.update(full_sync_on=None)
    desk.later(seconds=0)
    open_run = desk.ask()
    now = desk.clock.now.replace(hour=7, minute=5) + timedelta(days=0)
    assert schedule.make_nightly_runs(now) == 0
    desk.integration.refresh_from_db()
    assert desk.integration.full_sync_on is None
    desk.work(open_run)
    assert schedule.make_nightly_runs(now) == 1


# --- With calls left over ---


def limit(calls: int = 200, reserve: int = 50) -> Limit:
    return Limit(Scope.INTEGRATION, calls=calls, seconds=3600, reserve=reserve)


def test_spare_calls_are_spread_evenly_and_a_part_is_kept_for_checks() -> None:
    at = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
    assert spare.spread(limit(), 0, at) == timedelta(minutes=1)  # no more often than this
    assert spare.spread(limit(), 90, at) == timedelta(hours=1) / 30
    assert spare.spread(limit(), 110, at + timedelta(minutes=50)) == timedelta(minutes=1)
    assert spare.spread(limit(), 120, at) is None
    assert spare.spread(limit(calls=60, reserve=60), 0, at) is None


def test_with_calls_left_over_todays_visits_are_read_every_minute_in_opening_hours(
    desk: Desk, settings: Settings
) -> None:
    settings.SYNC_WITH_SPARE_CALLS = True
    desk.sync()  # 10 AM in New York
    profile = start_profile(desk.integration)
    profile.hours = {"tue": [["09:00", "17:00"]]}
    profile.save()
    desk.pms.asked.clear()
    desk.later(seconds=59)
    assert spare.make_runs(desk.clock.now) == 0
    desk.later(seconds=1)
    assert spare.make_runs(desk.clock.now) == 1
    run = desk.work(newest())
    assert (run.mode, run.trigger, desk.pms.read) == (
        Mode.UPCOMING,
        Trigger.SPARE,
        [("appointments", "")],
    )
    desk.later(hours=8)  # past closing
    assert spare.make_runs(desk.clock.now) == 0


def test_no_run_is_made_of_calls_that_are_not_left(desk: Desk) -> None:
    desk.sync()
    desk.later(minutes=5)
    counter = desk.integration.practice_counter()
    BudgetWindow.objects.create(
        key=counter.key,
        seconds=3600,
        starts_at=desk.clock.now.replace(minute=0, second=0, microsecond=0),
        used_low=120,
    )
    assert spare.make_runs(desk.clock.now) == 0


# --- What stays on record ---


def test_runs_are_deleted_after_so_many_days_with_all_that_belongs_to_them(
    desk: Desk, settings: Settings
) -> None:
    settings.SYNC_RUN_DAYS = 30
    old = desk.sync()
    desk.later(days=29)
    recent = desk.sync()
    assert tasks.prune() == 0
    desk.later(days=2)
    tasks.prune()
    assert list(SyncRun.objects.values_list("pk", flat=True)) == [recent.pk]
    assert not Checkpoint.objects.filter(run_id=old.pk).exists()
    assert desk.integration.cursors.count() == 4, "how current the copy is stays known"
