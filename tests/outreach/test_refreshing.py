"""The list follows the patients: who comes onto it, why, in which order, and who leaves it."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from audit.models import Entry
from clinics.models import AppointmentStatus, Clinic, Patient, User
from outreach import refreshing
from outreach.models import CallList, CallTask, Status, Thresholds
from outreach.refreshing import IDLE, KEPT, place
from tests import make
from tests.outreach.conftest import NOW, listed, patient, visit

pytestmark = pytest.mark.django_db

#: The night after: 2 AM in New York.
NIGHT = datetime(2030, 3, 6, 7, 0, tzinfo=UTC)


def statuses(clinic: Clinic) -> list[str]:
    return sorted(CallTask.objects.filter(clinic=clinic).values_list("status", flat=True))


def test_who_was_here_long_ago_and_has_nothing_booked_is_listed_with_the_reason(
    clinic: Clinic, lost: Patient
) -> None:
    (task,) = listed(clinic)
    assert (task.patient, task.priority) == (lost, 1)
    assert (task.engagement, task.risk) == ("dormant", "high")
    assert task.reasons == [{"code": "no_contact", "numbers": [90]}]
    assert task.next_step == "Ask how they are, and offer a visit."


def test_who_comes_soon_was_here_lately_or_never_is_not_called(clinic: Clinic) -> None:
    patient(clinic, -400, 5)
    patient(clinic, -3)
    patient(clinic)
    assert listed(clinic) == []
    assert CallList.objects.get(clinic=clinic).refreshed_on == date(2030, 3, 5)


@pytest.mark.parametrize(
    "gone", [{"is_active": False}, {"merged_into_id": "other"}, {"removed_at": NOW}]
)
def test_the_deceased_archived_and_merged_are_left_out_and_leave_the_list(
    clinic: Clinic, lost: Patient, gone: dict[str, Any]
) -> None:
    patient(clinic, -200, **gone)
    assert [task.patient for task in listed(clinic)] == [lost]
    Patient.objects.filter(pk=lost.pk).update(**gone)
    assert listed(clinic, NIGHT) == []
    assert statuses(clinic) == ["dropped"]


def test_the_order_is_by_priority_and_then_by_who_was_here_last(clinic: Clinic) -> None:
    years = patient(clinic, -3000)
    months = patient(clinic, -100)
    weeks = patient(clinic, -40)
    missed = patient(clinic, -5, -6, -7)
    visit(missed, -2, status=AppointmentStatus.NO_SHOW)
    visit(missed, -1, status=AppointmentStatus.NO_SHOW)
    found = listed(clinic)
    assert [task.patient for task in found] == [months, years, weeks, missed]
    assert [task.priority for task in found] == [1, 1, 2, 3]


def test_places_stay_as_days_pass_and_those_never_seen_come_last() -> None:
    today = date(2030, 3, 5)
    assert place(1, 100, today) == place(1, 101, today + timedelta(days=1))
    assert place(1, 10, today) < place(1, 11, today) < place(1, None, today) < place(2, 0, today)
    assert place(1, 40_000, today) < place(1, None, today)


def test_a_list_may_go_up_to_another_priority(clinic: Clinic, lost: Patient) -> None:
    never = patient(clinic)
    patient(clinic, 4)
    own = Thresholds.objects.create(
        organization=clinic.organization, clinic=clinic, lists_up_to=4, high_after_days=150
    )
    assert [(task.patient, task.priority) for task in listed(clinic)] == [(lost, 2), (never, 4)]
    own.lists_up_to = 1
    own.save()
    assert listed(clinic, NIGHT) == []


def test_a_second_refresh_changes_nothing_and_leaves_no_entry_in_the_audit(
    clinic: Clinic, lost: Patient
) -> None:
    listed(clinic)
    before = list(CallTask.objects.values())
    entries = Entry.objects.count()
    assert refreshing.refresh(clinic, NOW + timedelta(hours=1), anew=True) is True
    assert list(CallTask.objects.values()) == before
    assert Entry.objects.count() == entries


def test_what_has_changed_is_written_onto_the_open_call(clinic: Clinic) -> None:
    patient(clinic, -89)
    (task,) = listed(clinic)
    assert (task.risk, task.priority) == ("medium", 2)
    refreshing.refresh(clinic, NOW + timedelta(days=2))
    (later,) = CallTask.objects.all()
    assert (later.pk, later.risk, later.priority) == (task.pk, "high", 1)
    assert later.made_at == task.made_at


def test_a_booking_closes_the_call_by_itself_and_its_cancelling_brings_a_new_one(
    clinic: Clinic, lost: Patient, call: CallTask
) -> None:
    booked = visit(lost, 6)
    refreshing.close_booked(clinic, NOW)
    call.refresh_from_db()
    assert (call.status, call.closed_at, call.outcome) == ("booked", NOW, "")
    booked.status = AppointmentStatus.CANCELLED
    booked.save()
    (new,) = listed(clinic, NIGHT)
    assert new.pk != call.pk
    assert statuses(clinic) == ["booked", "open"]


def test_a_booking_of_somebody_else_or_a_cancelled_one_closes_nothing(
    clinic: Clinic, lost: Patient, call: CallTask
) -> None:
    patient(clinic, 3)
    visit(lost, 3, status=AppointmentStatus.CANCELLED)
    visit(lost, 4, status=AppointmentStatus.PROPOSED)
    visit(lost, -1 / 48, status=AppointmentStatus.FULFILLED)
    refreshing.close_booked(clinic, NOW)
    call.refresh_from_db()
    assert call.status == Status.OPEN


def test_a_list_is_made_by_the_first_look_of_a_day_and_at_night(
    clinic: Clinic, lost: Patient
) -> None:
    assert refreshing.refresh(clinic, NOW) is False  # nobody has looked yet
    assert CallTask.objects.count() == 0
    refreshing.look(clinic, NOW)
    known = CallList.objects.get(clinic=clinic)
    assert (known.refreshed_at, known.due_at) == (NOW, NIGHT)
    assert refreshing.refresh(clinic, NOW + timedelta(hours=3)) is False
    assert refreshing.refresh(clinic, NIGHT) is True
    assert refreshing.refresh(clinic, NIGHT + timedelta(hours=5)) is False
    refreshing.look(clinic, NIGHT + timedelta(days=3))
    assert CallList.objects.get(clinic=clinic).refreshed_on == date(2030, 3, 9)


def test_nights_end_where_nobody_looks_any_more_and_begin_with_a_look(
    clinic: Clinic, lost: Patient
) -> None:
    refreshing.look(clinic, NOW)
    late = NOW + IDLE + timedelta(days=1)
    assert refreshing.refresh(clinic, late) is True
    assert CallList.objects.get(clinic=clinic).due_at is None
    refreshing.look(clinic, late + timedelta(hours=2))
    assert CallList.objects.get(clinic=clinic).due_at is not None


def test_calls_that_nobody_made_are_forgotten_and_outcomes_are_not(
    clinic: Clinic, lost: Patient, staff: User
) -> None:
    old = NOW - KEPT - timedelta(seconds=1)
    make.call_task(clinic, status="dropped", closed_at=old)
    make.call_task(clinic, status="booked", closed_at=old)
    young = make.call_task(clinic, status="booked", closed_at=NOW - KEPT + timedelta(days=1))
    done = {"status": "done", "outcome": "do_not_call", "called_by": staff}
    kept = make.call_task(clinic, **done, closed_at=old)
    (task,) = listed(clinic)
    assert set(CallTask.objects.all()) == {task, young, kept}


def test_a_refresh_takes_as_many_queries_for_many_as_for_one(
    clinic: Clinic, lost: Patient, django_assert_max_num_queries: Any
) -> None:
    listed(clinic)
    for days in range(40):
        patient(clinic, -100 - days)
    with django_assert_max_num_queries(12):
        refreshing.refresh(clinic, NIGHT)
    assert CallTask.objects.count() == 41


@pytest.mark.django_db(transaction=True)
def test_looks_at_the_same_moment_make_one_list() -> None:
    clinic = make.clinic()
    for days in range(30):
        patient(clinic, -100 - days)
    at_once = threading.Barrier(4)
    failed = []

    def look() -> None:
        try:
            at_once.wait(10)
            refreshing.look(clinic, NOW)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert statuses(clinic) == ["open"] * 30
