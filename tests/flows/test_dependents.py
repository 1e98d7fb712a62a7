"""A new patient and a booking: the second goes once the first is there, or fails with it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from clinics.models import Appointment, Patient
from tests.flows.practices import Practice
from writebacks import ending, steering
from writebacks.models import SlotHold, Writeback
from writebacks.requests import Booking, NewPatient

BOOK, REGISTER = "POST /appointment", "POST /patient"


def people(practice: Practice) -> dict[str, Any]:
    clinic = practice.integration.clinic
    return {
        "practitioner": clinic.practitioners.filter(is_active=True)[0],
        "location": clinic.locations.order_by("external_id")[0],
    }


def register(practice: Practice) -> Writeback:
    """Ask for a new patient."""
    named = {"first_name": "Nova", "last_name": "Invented"}
    return practice.ask(NewPatient(**people(practice), **named))


def visit(practice: Practice, first: Writeback, day: int = 5) -> Writeback:
    """Ask for a booking of the patient that another writeback is to create."""
    start = datetime.fromisoformat(f"2030-05-{day:02}T14:00:00+00:00")
    booking = Booking(
        **people(practice),
        patient=None,
        operatory=practice.integration.clinic.operatories.order_by("external_id")[0],
        starts_at=start,
        ends_at=start + timedelta(minutes=30),
    )
    return practice.ask(booking, after=first)


def states(*writebacks: Writeback) -> list[str]:
    found = Writeback.objects.in_bulk([each.pk for each in writebacks])
    return [found[each.pk].status for each in writebacks]


def test_the_booking_goes_once_the_patients_id_is_known(practice: Practice) -> None:
    first = register(practice)
    second = visit(practice, first)
    seen = practice.see(second)
    assert (seen["status"], seen["waiting_for"]) == ("queued", "earlier_write")
    assert seen["next_check_at"] is None
    practice.pass_time(25)
    assert practice.calls() == [REGISTER], "nothing can be booked for nobody"

    practice.pass_time(5)
    assert states(first, second) == ["completed", "pending"]
    assert practice.calls()[-1] == BOOK
    practice.pass_time(30)
    assert states(first, second) == ["completed", "completed"]
    first.refresh_from_db()
    patient = Patient.objects.get(external_id=first.created_external_id)
    assert (patient.first_name, patient.last_name) == ("Nova", "Invented")
    (made,) = practice.in_pms()
    assert made["patient_id"] == patient.external_id == first.created_external_id
    assert Appointment.objects.get(external_id=made["appointment_sr_no"]).patient == patient


def test_among_many_the_booking_goes_as_soon_as_the_id_can_be_read(practice: Practice) -> None:
    """The list tells the end, but no id: somebody's booking waits for this one, so it is read."""
    for number in range(4):
        practice.book(f"other {number}", days=60 + number, patient=number)
    first = register(practice)
    second = visit(practice, first)
    practice.pass_time(30)
    assert states(first, second) == ["completed", "pending"]


def test_a_patient_whom_the_practice_refuses_fails_the_booking_and_frees_its_slot(
    practice: Practice,
) -> None:
    practice.sandbox.control.knobs(failures=1.0)
    first = register(practice)
    practice.sandbox.control.knobs(failures=0.0)
    second = visit(practice, first)
    assert SlotHold.objects.filter(writeback=second).exists()
    practice.pass_time(30)
    seen = practice.see(second)
    assert (seen["status"], seen["failure_code"]) == ("failed", "earlier_failed")
    assert "What it depends on failed" in seen["error_message"]
    assert not SlotHold.objects.exists()
    practice.pass_time(120)
    assert BOOK not in practice.calls()
    assert not practice.in_pms()


@pytest.mark.parametrize("sent", [False, True])
def test_a_patient_who_is_withdrawn_fails_the_booking(practice: Practice, sent: bool) -> None:
    practice.sandbox.control.knobs(agent_offline=not sent)
    first = register(practice)
    second = visit(practice, first)
    steering.withdraw(Writeback.objects.get(pk=first.pk), practice.clock.now)
    practice.pass_time(10)
    assert states(first, second) == ["cancelled", "failed"]
    assert practice.see(second)["failure_code"] == "earlier_failed"
    assert not SlotHold.objects.exists()
    practice.sandbox.control.knobs(agent_offline=False)
    practice.pass_time(120)
    assert BOOK not in practice.calls()
    books = practice.sandbox.control.books()["offices"][practice.office]
    assert books["patients"] == []


def test_while_nobody_knows_of_the_patient_the_booking_waits(practice: Practice) -> None:
    practice.sandbox.control.fault(REGISTER, "lost_answer")
    practice.sandbox.control.fault("GET /writebacks", "error", count=4)
    first = register(practice)
    second = visit(practice, first)
    practice.pass_time(60)
    assert states(first, second) == ["unconfirmed", "queued"]
    assert SlotHold.objects.filter(writeback=second).exists()
    assert BOOK not in practice.calls()
    practice.sandbox.control.clear_faults()
    practice.pass_time(300)
    assert states(first, second) == ["completed", "completed"]
    assert (practice.calls().count(REGISTER), practice.calls().count(BOOK)) == (1, 1)


def test_a_crash_between_the_two_loses_neither(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What a kill -9 looks like from here: nothing after it runs."""

    before = Patient.objects.count()

    def killed(*arguments: Any) -> None:
        raise Killed

    first = register(practice)
    second = visit(practice, first)
    with monkeypatch.context() as patch:
        patch.setattr(ending, "_release", killed)
        with pytest.raises(Killed):
            practice.pass_time(30)
    assert states(first, second) == ["pending", "queued"], "both steps or none"
    assert Patient.objects.count() == before
    practice.pass_time(180)
    assert states(first, second) == ["completed", "completed"]
    assert len(practice.in_pms()) == 1


def test_a_booking_that_is_asked_for_after_the_patient_has_come_is_sent_at_once(
    practice: Practice,
) -> None:
    first = register(practice)
    practice.pass_time(30)
    first.refresh_from_db()
    assert first.status == "completed"
    second = visit(practice, first)
    assert states(second) == ["pending"]
    practice.pass_time(30)
    assert states(second) == ["completed"]
    assert practice.in_pms()[0]["patient_id"] == first.created_external_id


def test_a_booking_whose_patient_has_ended_while_it_was_asked_for(practice: Practice) -> None:
    """The caller's row is older than the end: it must neither wait for ever nor go nowhere."""
    first = register(practice)
    practice.pass_time(30)
    assert (first.status, states(first)) == ("queued", ["completed"])
    second = visit(practice, first)
    assert states(second) == ["pending"]

    refused = register(practice)
    steering.withdraw(Writeback.objects.get(pk=refused.pk), practice.clock.now)
    practice.pass_time(5)
    assert states(refused) == ["cancelled"]
    third = visit(practice, refused, day=6)
    assert states(third) == ["failed"]
    assert not SlotHold.objects.filter(writeback=third).exists()
