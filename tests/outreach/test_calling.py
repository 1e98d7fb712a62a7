"""An outcome ends a call once; it can be taken back, and says when somebody is called again."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from clinics.models import Clinic, Patient, User
from outreach import calling, refreshing
from outreach.calling import AlreadyCalled, Caller, NotCalled, NotListed, WrongDate
from outreach.models import CallTask, Status, Thresholds
from outreach.outcomes import Outcome
from tests import make
from tests.outreach.conftest import NOW, listed, patient, visit

pytestmark = pytest.mark.django_db

TODAY = date(2030, 3, 5)
DAY = timedelta(days=1)


@pytest.fixture
def mara(staff: User) -> Caller:
    return Caller(user=staff)


@pytest.fixture
def other(clinic: Clinic) -> Caller:
    return Caller(user=make.member(clinic.organization))


def patients(tasks: list[CallTask]) -> list[Patient]:
    return [task.patient for task in tasks]


@pytest.mark.parametrize(
    ("outcome", "again_on"),
    [
        (Outcome.REACHED_BOOKED, TODAY + 7 * DAY),
        (Outcome.REACHED_WILL_THINK, TODAY + 7 * DAY),
        (Outcome.NO_ANSWER, TODAY + 2 * DAY),
        (Outcome.LEFT_MESSAGE, TODAY + 2 * DAY),
        (Outcome.WRONG_NUMBER, None),
        (Outcome.DO_NOT_CALL, None),
    ],
)
def test_an_outcome_has_a_time_a_person_and_a_date_to_come_again(
    call: CallTask, mara: Caller, outcome: Outcome, again_on: date | None
) -> None:
    done = calling.record(call, outcome, mara, NOW, note="Asked for a morning")
    assert (done.status, done.outcome, done.again_on) == (Status.DONE, outcome, again_on)
    assert (done.called_by, done.closed_at, done.note) == (mara.user, NOW, "Asked for a morning")
    assert listed(call.clinic) == []


def test_who_did_not_answer_comes_again_after_the_clinics_days(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    Thresholds.objects.create(organization=clinic.organization, clinic=clinic, no_answer_days=5)
    assert calling.record(call, Outcome.NO_ANSWER, mara, NOW).again_on == TODAY + 5 * DAY
    assert listed(clinic, NOW + 4 * DAY) == []
    (again,) = listed(clinic, NOW + 5 * DAY)
    assert (again.patient, again.pk != call.pk) == (lost, True)


def test_who_is_to_be_called_on_a_date_comes_again_then(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.LEFT_MESSAGE, mara, NOW, again=TODAY + 20 * DAY)
    assert listed(clinic, NOW + 19 * DAY) == []
    assert patients(listed(clinic, NOW + 20 * DAY)) == [lost]


def test_who_was_reached_rests_until_the_risk_rises_anew(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.REACHED_WILL_THINK, mara, NOW)
    assert listed(clinic, NOW + 30 * DAY) == []
    (again,) = listed(clinic, NOW + 31 * DAY)
    assert (again.risk, again.reasons[0]["code"]) == ("medium", "nothing_booked")


def test_who_does_not_want_to_be_called_never_comes_again(
    clinic: Clinic, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.DO_NOT_CALL, mara, NOW)
    for days in (1, 30, 1000):
        assert listed(clinic, NOW + days * DAY) == []


def test_a_wrong_number_rests_until_there_is_another(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.WRONG_NUMBER, mara, NOW)
    assert listed(clinic, NOW + 100 * DAY) == []
    lost.refresh_from_db()
    lost.phone = "(212) 555-0100"  # the same in other words
    lost.save()
    assert listed(clinic, NOW + 101 * DAY) == []
    lost.phone = "212-555-0199"
    lost.save()
    assert patients(listed(clinic, NOW + 102 * DAY)) == [lost]


def test_the_same_said_twice_by_one_person_is_said_once(call: CallTask, mara: Caller) -> None:
    first = calling.record(call, Outcome.NO_ANSWER, mara, NOW)
    second = calling.record(call, Outcome.NO_ANSWER, mara, NOW + timedelta(seconds=2))
    assert second.closed_at == first.closed_at == NOW
    with pytest.raises(AlreadyCalled):
        calling.record(call, Outcome.DO_NOT_CALL, mara, NOW)


def test_a_second_person_is_told_who_was_first_and_changes_nothing(
    call: CallTask, mara: Caller, other: Caller
) -> None:
    calling.record(call, Outcome.NO_ANSWER, mara, NOW)
    with pytest.raises(AlreadyCalled) as refused:
        calling.record(call, Outcome.NO_ANSWER, other, NOW, note="Mine")
    assert str(refused.value) == (
        f"This call has an outcome already: no answer, by {mara.user}, 05 Mar, 10:00."
    )
    call.refresh_from_db()
    assert (call.called_by, call.note) == (mara.user, "")


def test_who_books_on_the_telephone_can_still_be_said_to_be_reached(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    visit(lost, 6)
    refreshing.close_booked(clinic, NOW)
    done = calling.record(call, Outcome.REACHED_BOOKED, mara, NOW + timedelta(minutes=3))
    assert (done.status, done.outcome) == (Status.DONE, "reached_booked")


def test_what_closed_long_ago_takes_no_outcome(
    clinic: Clinic, lost: Patient, call: CallTask, mara: Caller
) -> None:
    visit(lost, 6)
    refreshing.close_booked(clinic, NOW)
    with pytest.raises(NotListed):
        calling.record(call, Outcome.REACHED_BOOKED, mara, NOW + DAY)
    call.refresh_from_db()
    assert (call.status, call.outcome) == (Status.BOOKED, "")


def test_an_outcome_taken_back_leaves_the_call_as_it_was(
    clinic: Clinic, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.DO_NOT_CALL, mara, NOW)
    undone = calling.undo(call, NOW)
    assert (undone.status, undone.outcome, undone.closed_at) == (Status.OPEN, "", None)
    assert (undone.called_by, undone.again_on) == (None, None)
    assert listed(clinic) == [undone]
    with pytest.raises(NotCalled):
        calling.undo(call, NOW)


def test_an_outcome_taken_back_late_does_not_list_somebody_twice(
    clinic: Clinic, call: CallTask, mara: Caller
) -> None:
    calling.record(call, Outcome.NO_ANSWER, mara, NOW)
    (again,) = listed(clinic, NOW + 3 * DAY)
    undone = calling.undo(call, NOW + 3 * DAY)
    assert (undone.status, undone.outcome) == (Status.DROPPED, "")
    assert listed(clinic, NOW + 3 * DAY) == [again]


def test_a_call_put_off_stays_open_and_an_outcome_ends_it_all_the_same(
    clinic: Clinic, call: CallTask, mara: Caller
) -> None:
    snoozed = calling.snooze(call, TODAY + 9 * DAY, NOW)
    assert (snoozed.status, snoozed.not_before) == (Status.OPEN, TODAY + 9 * DAY)
    refreshing.refresh(clinic, NOW + DAY, anew=True)
    call.refresh_from_db()
    assert call.not_before == TODAY + 9 * DAY
    done = calling.record(call, Outcome.NO_ANSWER, mara, NOW)
    assert done.not_before is None
    with pytest.raises(AlreadyCalled):
        calling.snooze(call, TODAY + DAY, NOW)


@pytest.mark.parametrize("days", [-1, 0, 367])
def test_nobody_is_called_again_in_the_past_today_or_in_years(
    call: CallTask, mara: Caller, days: int
) -> None:
    with pytest.raises(WrongDate):
        calling.record(call, Outcome.NO_ANSWER, mara, NOW, again=TODAY + days * DAY)
    with pytest.raises(WrongDate):
        calling.snooze(call, TODAY + days * DAY, NOW)
    call.refresh_from_db()
    assert (call.status, call.not_before) == (Status.OPEN, None)


def test_no_date_goes_with_an_outcome_after_which_nobody_calls(
    call: CallTask, mara: Caller
) -> None:
    with pytest.raises(WrongDate):
        calling.record(call, Outcome.DO_NOT_CALL, mara, NOW, again=TODAY + DAY)
    call.refresh_from_db()
    assert call.status == Status.OPEN


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("one_open_call", {}),
        (
            "outcome_has_time_and_person",
            {"status": "done", "outcome": "no_answer", "closed_at": NOW},
        ),
        ("outcome_has_time_and_person", {"outcome": "no_answer"}),
        ("open_call_is_not_closed", {"status": "dropped"}),
        ("call_within_bounds", {"status": "dropped", "closed_at": NOW, "priority": 5}),
    ],
)
def test_the_database_itself_refuses_what_cannot_be(
    call: CallTask, name: str, fields: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make.call_task(call.clinic, patient=call.patient, **fields)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_press_at_once_one_is_first_and_the_others_are_told() -> None:
    clinic = make.clinic()
    patient(clinic, -120)
    (call,) = listed(clinic)
    callers = [Caller(user=make.member(clinic.organization)) for _ in range(4)]
    at_once = threading.Barrier(len(callers))
    told: list[str] = []

    def press(caller: Caller) -> None:
        try:
            at_once.wait(10)
            calling.record(call, Outcome.NO_ANSWER, caller, NOW)
            told.append("done")
        except AlreadyCalled as refused:
            told.append(refused.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=press, args=(each,)) for each in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(told) == ["already_called"] * 3 + ["done"]


@pytest.mark.django_db(transaction=True)
def test_a_refresh_at_the_moment_of_an_outcome_does_not_list_the_patient_anew() -> None:
    clinic = make.clinic()
    patient(clinic, -120)
    (call,) = listed(clinic)
    caller = Caller(user=make.member(clinic.organization))
    begun, said = threading.Event(), threading.Event()

    def say() -> None:
        try:
            begun.wait(10)
            calling.record(call, Outcome.NO_ANSWER, caller, NOW)
        finally:
            said.set()
            connection.close()

    thread = threading.Thread(target=say)
    thread.start()
    with transaction.atomic():
        refreshing.refresh(clinic, NOW, anew=True)
        begun.set()
        # The outcome waits for the list, which this transaction holds.
        assert said.wait(0.5) is False
    thread.join(10)
    assert list(CallTask.objects.values_list("status", flat=True)) == ["done"]
