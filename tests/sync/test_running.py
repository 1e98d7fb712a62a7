"""A run from its first page to its end, and the traps that other syncs fell into on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError

from clinics.models import Appointment, Patient
from clinics.records import Removed, Unreadable
from integrations.http.errors import BudgetExhausted, NoAnswer, NotAuthorized, NotReady
from integrations.models import IntegrationStatus
from integrations.queries import Changes, Resource
from sync import running
from sync.claiming import hand_out
from sync.models import Checkpoint, Cursor, SetAside, Sighting, SyncRun
from sync.states import Mode, Status
from tests.sync import toy
from tests.sync.conftest import Desk

PATIENTS, APPOINTMENTS = Resource.PATIENTS, Resource.APPOINTMENTS


def fill(desk: Desk, patients: int = 25) -> None:
    for number in range(1, patients + 1):
        desk.pms.put(PATIENTS, toy.patient(number))


def ids() -> set[str]:
    return set(Patient.objects.present().values_list("external_id", flat=True))


def test_the_first_run_of_a_clinic_is_full_by_itself(desk: Desk) -> None:
    fill(desk)
    desk.pms.put(APPOINTMENTS, toy.appointment(1))
    run = desk.sync()
    assert (run.status, run.is_full, run.mode) == (Status.COMPLETED, True, Mode.INCREMENTAL)
    assert desk.pms.read == [
        ("locations", ""),
        ("practitioners", ""),
        ("patients", ""),
        ("patients", "10"),
        ("patients", "20"),
        ("appointments", ""),
    ]
    assert Patient.objects.count() == 25
    visit = Appointment.objects.get()
    assert visit.patient is not None
    assert (visit.patient.external_id, visit.location.external_id) == ("p00001", "l1")
    found = run.checkpoint
    assert (found.pages, found.records, found.created, found.set_aside) == (6, 28, 28, 0)


def test_the_next_run_reads_changes_alone_from_the_start_of_the_last_less_the_overlap(
    desk: Desk,
) -> None:
    fill(desk)
    began = desk.clock.now
    desk.pms.before = lambda feed, position: desk.later(seconds=10)
    desk.sync()
    desk.pms.before = lambda feed, position: None
    desk.pms.asked.clear()
    desk.later(hours=4)
    run = desk.sync()
    assert [(feed.resource, feed.changed_since) for feed, _ in desk.pms.asked] == [
        (PATIENTS, began - timedelta(minutes=5)),
        (APPOINTMENTS, began - timedelta(minutes=5)),
    ]
    assert (run.is_full, run.checkpoint.records) == (False, 0)


def test_a_change_made_while_a_run_reads_is_seen_by_the_next_one(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(hours=4)

    def meanwhile(feed: object, position: str) -> None:
        desk.later(seconds=30)
        changed = toy.patient(3, last_name="Changed")
        if desk.pms.read[-1] == ("appointments", ""):  # after the patients were read
            desk.pms.put(PATIENTS, changed, desk.clock.now)

    desk.pms.before = meanwhile
    desk.sync()
    assert Patient.objects.get(external_id="p00003").last_name == "Invented3"
    desk.pms.before = lambda feed, position: None
    desk.later(hours=4)
    desk.sync()
    assert Patient.objects.get(external_id="p00003").last_name == "Changed"


def test_an_appointment_is_seen_though_its_patient_did_not_change(desk: Desk) -> None:
    fill(desk)
    desk.pms.put(APPOINTMENTS, toy.appointment(1))
    desk.sync()
    desk.later(hours=4)
    moved = toy.appointment(1 + 24 * 35)
    desk.pms.put(APPOINTMENTS, replace(moved, external_id="a00001"), desk.clock.now)
    desk.later(hours=4)
    run = desk.sync()
    assert Appointment.objects.get().starts_at == moved.starts_at  # five weeks ahead
    assert (run.checkpoint.updated, run.checkpoint.created) == (1, 0)


def test_a_no_show_entered_after_eight_days_is_seen(desk: Desk) -> None:
    fill(desk)
    desk.pms.put(APPOINTMENTS, toy.appointment(1))
    desk.sync()
    desk.later(days=8)
    desk.sync()
    desk.pms.put(APPOINTMENTS, toy.appointment(1, status="noshow"), desk.clock.now)
    desk.later(hours=4)
    desk.sync()
    assert Appointment.objects.get().status == "noshow"


def test_what_is_not_changed_is_not_written(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    written = dict(Patient.objects.values_list("pk", "last_synced_at"))
    desk.later(days=1)
    run = desk.sync(is_full=True)
    assert (run.checkpoint.unchanged, run.checkpoint.updated) == (27, 0)
    assert dict(Patient.objects.values_list("pk", "last_synced_at")) == written


def test_a_killed_run_goes_on_with_the_page_after_the_last_stored_one(desk: Desk) -> None:
    fill(desk, 95)

    def killed(feed: object, position: str) -> None:
        if desk.pms.read[-1] == ("patients", "50"):
            raise KeyboardInterrupt  # as a kill: nothing of ours runs any more

    desk.pms.before = killed
    run = desk.ask()
    with pytest.raises(KeyboardInterrupt):
        desk.work(run)
    assert Patient.objects.count() == 50
    desk.pms.before = lambda feed, position: None
    desk.later(seconds=91)
    asked = len(desk.pms.asked)
    run = desk.work(run)
    assert run.status == Status.COMPLETED
    assert desk.pms.read[asked] == ("patients", "50")
    assert Patient.objects.count() == 95
    # 2 lists, 10 pages of patients, 1 of appointments, and the one that was lost on the way.
    assert len(desk.pms.asked) == 2 + 10 + 1 + 1


def test_a_spent_budget_lets_the_run_wait_for_its_next_window(desk: Desk) -> None:
    fill(desk, 95)
    again = desk.clock.now + timedelta(minutes=40)

    def spent(feed: object, position: str) -> None:
        if position == "50" and desk.clock.now < again:
            raise BudgetExhausted("All 150 calls are used.", retry_at=again)

    desk.pms.before = spent
    run = desk.sync()
    assert (run.status, run.due_at, run.waiting_for) == (
        Status.WAITING,
        again,
        "waiting_for_budget",
    )
    assert (Patient.objects.count(), run.failures) == (50, 0)
    assert desk.work(run).status == Status.WAITING  # before its time nothing happens
    desk.later(minutes=40)
    assert desk.work(run).status == Status.COMPLETED
    assert Patient.objects.count() == 95


def test_an_error_is_never_the_end_of_a_list(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)

    def failing(feed: object, position: str) -> None:
        if position == "10":
            raise NoAnswer("The PMS answered 500.")

    desk.pms.before = failing
    run = desk.sync(is_full=True)
    assert run.status == Status.WAITING
    for minutes in (1, 2, 5, 15, 30, 60):
        assert run.due_at == desk.clock.now + timedelta(minutes=minutes)
        desk.later(minutes=minutes)
        run = desk.work(run)
    assert (run.status, run.waiting_for) == (Status.FAILED, "no_answer")
    assert len(ids()) == 25  # nobody was taken for gone
    assert Cursor.objects.get(resource=PATIENTS).full_at < run.started_at


def test_what_vanished_is_marked_after_a_full_pass_and_comes_back_when_seen(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.delete(PATIENTS, "p00007")
    assert desk.sync().checkpoint.removed == 0  # a list of changes tells nothing of it
    desk.later(days=1)
    run = desk.sync(is_full=True)
    gone = Patient.objects.get(external_id="p00007")
    assert (run.checkpoint.removed, gone.removed_at) == (1, desk.clock.now)
    desk.pms.put(PATIENTS, toy.patient(7))
    desk.later(days=1)
    desk.sync(is_full=True)
    gone.refresh_from_db()
    assert gone.removed_at is None


def test_more_than_a_few_are_not_believed_to_have_vanished(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    for number in range(1, 7):
        desk.pms.delete(PATIENTS, f"p{number:05}")
    run = desk.sync(is_full=True)
    assert (run.status, run.checkpoint.vanished, run.checkpoint.removed) == (Status.HELD, 6, 0)
    assert len(ids()) == 25
    desk.later(hours=1)
    run = desk.sync(is_full=True, may_remove=True)  # a person has looked
    assert (run.status, run.checkpoint.removed) == (Status.COMPLETED, 6)
    assert len(ids()) == 19


def test_few_missing_ones_are_asked_for_before_they_are_taken_for_gone(desk: Desk) -> None:
    fill(desk)
    toy.with_lookups(desk.pms)
    desk.sync()
    desk.later(days=1)
    desk.pms.delete(PATIENTS, "p00003")
    hidden = desk.pms.records[PATIENTS]["p00021"]

    def moving(feed: object, position: str) -> None:
        """A row is deleted while pages are read, and another slips past the border of a page."""
        rows = desk.pms.records[PATIENTS]
        if position == "20":
            rows.pop("p00021")
        elif feed.resource == APPOINTMENTS:  # type: ignore[attr-defined]
            rows["p00021"] = hidden

    desk.pms.before = moving
    original = desk.pms.lookup
    desk.pms.lookup = lambda resource, external_id: (  # type: ignore[method-assign]
        hidden if external_id == "p00021" else original(resource, external_id)
    )
    run = desk.sync(is_full=True)
    assert run.checkpoint.removed == 1
    assert ids() == {f"p{number:05}" for number in range(1, 26)} - {"p00003"}


def test_a_list_that_cannot_be_asked_singly_is_read_again_before_anything_is_missing(
    desk: Desk,
) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.asked.clear()

    def moving(feed: object, position: str) -> None:
        """A row of the first page goes while the second is read: the one behind slips past."""
        if position == "10":
            desk.pms.records[PATIENTS].pop("p00003", None)

    desk.pms.before = moving
    run = desk.sync(is_full=True)
    assert (run.status, run.checkpoint.removed) == (Status.COMPLETED, 0)
    assert "p00011" in ids(), "it was hidden, and is not missing"
    assert [position for resource, position in desk.pms.read if resource == "patients"] == [
        "", "10", "20", "", "10", "20",
    ]  # fmt: skip
    desk.later(days=1)
    assert desk.sync(is_full=True).checkpoint.removed == 1
    assert ids() == {f"p{number:05}" for number in range(1, 26)} - {"p00003"}


def test_a_list_of_which_nothing_is_missing_is_read_once(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.asked.clear()
    desk.sync(is_full=True)
    assert len([resource for resource, _ in desk.pms.read if resource == "patients"]) == 3


def test_a_record_that_came_while_the_pass_was_under_way_is_not_taken_for_vanished(
    desk: Desk,
) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)

    def booked(feed: object, position: str) -> None:
        desk.later(seconds=1)
        if position == "20":
            from tests import make

            make.record(Patient, desk.clinic, external_id="new", first_name="Bo")

    desk.pms.before = booked
    desk.sync(is_full=True)
    assert "new" in ids()


def test_what_the_pms_says_was_removed_is_marked_at_once(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(hours=4)
    desk.pms.put(PATIENTS, Removed(external_id="p00002", merged_into="p00001"), desk.clock.now)
    run = desk.sync()
    assert (run.is_full, run.checkpoint.removed) == (False, 1)
    assert len(ids()) == 24


def test_a_record_that_cannot_be_read_is_set_aside_and_stops_no_other(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.put(PATIENTS, Unreadable("has an impossible date", "p00004"), desk.clock.now)
    run = desk.sync(is_full=True)
    assert (run.status, run.checkpoint.set_aside, run.checkpoint.removed) == (
        Status.COMPLETED,
        1,
        0,
    )
    kept = SetAside.objects.get()
    assert (kept.resource, kept.external_id, kept.reason) == (
        "patients",
        "p00004",
        "has an impossible date",
    )
    before = Patient.objects.get(external_id="p00004")
    assert (before.sync_status, before.removed_at) == ("error", None)
    desk.pms.put(PATIENTS, toy.patient(4, last_name="Mended"), desk.clock.now)
    desk.later(days=1)
    desk.sync()
    assert not SetAside.objects.exists()
    before.refresh_from_db()
    assert (before.last_name, before.sync_status) == ("Mended", "synced")


def test_while_a_record_without_an_id_is_in_the_list_nothing_counts_as_vanished(
    desk: Desk,
) -> None:
    fill(desk)
    desk.sync()
    desk.later(days=1)
    desk.pms.delete(PATIENTS, "p00002")
    desk.pms.records[PATIENTS]["zzz"] = Unreadable("has no id")
    run = desk.sync(is_full=True)
    assert (run.status, run.checkpoint.removed, run.checkpoint.set_aside) == (
        Status.COMPLETED,
        0,
        1,
    )


def test_a_lying_total_changes_nothing(desk: Desk) -> None:
    fill(desk)
    desk.pms.bend = lambda page: replace(page, total=-5 if page.next else 2**40)
    assert desk.sync().status == Status.COMPLETED
    assert len(ids()) == 25


def test_a_rejected_credential_ends_the_run_and_says_so(desk: Desk) -> None:
    def rejected(feed: object, position: str) -> None:
        raise NotAuthorized("The PMS answered 401: check the key.")

    desk.pms.before = rejected
    run = desk.sync()
    assert (run.status, run.waiting_for, run.error_message) == (
        Status.FAILED,
        "not_authorized",
        "The PMS answered 401: check the key.",
    )


def test_a_pms_that_is_still_loading_is_waited_for_without_counting_as_a_failure(
    desk: Desk,
) -> None:
    ready_at = desk.clock.now + timedelta(minutes=5)

    def loading(feed: object, position: str) -> None:
        if desk.clock.now < ready_at:
            raise NotReady("The PMS loads its data.", retry_at=ready_at)

    desk.pms.before = loading
    run = desk.sync()
    assert (run.status, run.due_at, run.failures) == (Status.WAITING, ready_at, 0)
    desk.later(minutes=5)
    assert desk.work(run).status == Status.COMPLETED


def test_an_error_of_ours_ends_the_run_and_tells_no_value(desk: Desk) -> None:
    def wrong(feed: object, position: str) -> None:
        raise ValueError("Ada Invented, born in 1984")

    desk.pms.before = wrong
    run = desk.ask()
    with pytest.raises(ValueError, match="Ada"):
        desk.work(run)
    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert run.error_message == "An error of Frontdesk itself (ValueError); the log says more."


@pytest.mark.parametrize("error", [OperationalError, InterfaceError, SoftTimeLimitExceeded])
def test_a_worker_whose_database_or_time_is_gone_leaves_the_run_to_the_next_one(
    desk: Desk, error: type[Exception]
) -> None:
    fill(desk)

    def gone(feed: object, position: str) -> None:
        if position == "20":
            raise error

    desk.pms.before = gone
    run = desk.ask()
    with pytest.raises(error):
        desk.work(run)
    run.refresh_from_db()
    assert run.status == Status.RUNNING
    desk.pms.before = lambda feed, position: None
    desk.later(seconds=6)
    assert hand_out(desk.clock.now) == [str(run.pk)]
    assert desk.work(run).status == Status.COMPLETED
    assert len(ids()) == 25


def test_a_long_run_works_in_shifts(desk: Desk) -> None:
    fill(desk, 95)
    desk.pms.before = lambda feed, position: desk.later(seconds=10)
    run = desk.ask()
    shifts = 0
    while run.is_open:
        run = desk.work(run, shift=running.SHIFT)
        shifts += 1
    assert run.status == Status.COMPLETED
    assert shifts > 3
    assert len(ids()) == 95


def test_a_finished_full_run_sets_a_new_integration_going(desk: Desk) -> None:
    desk.integration.status = IntegrationStatus.SETUP_REQUIRED
    desk.integration.save()
    desk.sync()
    desk.integration.refresh_from_db()
    assert desk.integration.status == IntegrationStatus.ACTIVE
    assert desk.integration.imported_at == desk.clock.now


def test_nothing_of_the_sightings_stays_behind(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    assert not Sighting.objects.exists()


def test_a_practitioner_whom_a_new_appointment_names_is_read_in_the_same_run(desk: Desk) -> None:
    fill(desk)
    desk.sync()
    desk.later(hours=4)
    desk.pms.put(Resource.PRACTITIONERS, toy.practitioner("d2"))
    new = replace(toy.appointment(9), practitioner_id="d2")
    desk.pms.put(APPOINTMENTS, new, desk.clock.now)
    desk.pms.asked.clear()
    desk.sync()
    assert [resource for resource, _ in desk.pms.read] == [
        "patients",
        "appointments",
        "practitioners",
    ]
    assert Appointment.objects.get().practitioner.external_id == "d2"
    desk.later(hours=4)
    desk.pms.asked.clear()
    desk.sync()
    assert [resource for resource, _ in desk.pms.read] == ["patients", "appointments"]


def test_changes_older_than_the_pms_tells_are_read_by_a_full_pass_of_that_list(
    desk: Desk,
) -> None:
    fill(desk)
    told = Changes(told=True, removals=True, furthest=timedelta(days=7))
    desk.pms.lists = {**desk.pms.lists, PATIENTS: told}
    desk.sync()
    desk.later(days=8)
    desk.pms.asked.clear()
    desk.sync()
    asked = {feed.resource: feed.changed_since is None for feed, _ in desk.pms.asked}
    assert asked == {PATIENTS: True, APPOINTMENTS: False}


def test_two_clinics_with_the_same_ids_keep_their_own_records(desk: Desk, connect) -> None:  # type: ignore[no-untyped-def]
    from tests import make

    fill(desk, 3)
    other = connect(make.clinic())
    desk.sync()
    desk.pms.put(PATIENTS, toy.patient(1, last_name="Other"))
    other.sync()
    names = Patient.objects.filter(external_id="p00001").values_list("clinic_id", flat=True)
    assert set(names) == {desk.clinic.pk, other.clinic.pk}
    assert desk.clinic.patients.get(external_id="p00001").last_name == "Invented1"
    assert other.clinic.patients.get(external_id="p00001").last_name == "Other"


def test_counts_are_of_what_was_stored_and_read_once_each(desk: Desk) -> None:
    fill(desk, 12)
    run = desk.sync()
    kept = Checkpoint.objects.get(run=run)
    assert (kept.created, kept.unchanged, kept.step_records, kept.position) == (14, 0, 0, "")
    assert SyncRun.objects.count() == 1


def test_the_clock_of_a_run_is_the_one_it_is_given(desk: Desk) -> None:
    run = desk.sync()
    assert run.started_at == run.finished_at == desk.clock.now
    assert run.started_at == datetime.now(UTC)
