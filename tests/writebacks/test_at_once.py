"""A PMS that answers a write at once: what it tells is kept, and is one writeback's alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from clinics.models import Appointment, AppointmentType
from integrations.contract import PreparedWrite, Receipt, State
from integrations.models import Integration
from tests import make
from webhooks.models import Message
from writebacks import keeping, submission
from writebacks.asked import facts
from writebacks.models import SlotHold, Writeback
from writebacks.slots import hold

pytestmark = pytest.mark.django_db
OVERLAPS = "It overlaps another appointment of the practitioner."


@dataclass
class Answering:
    """Stands in for a session with a PMS that answers each write so."""

    receipt: Receipt
    calls: int = 0
    sent: list[PreparedWrite] = field(default_factory=list)

    @property
    def adapter(self) -> Answering:
        return self

    def submit(self, prepared: PreparedWrite) -> Receipt:
        self.calls += 1
        self.sent.append(prepared)
        return self.receipt


@pytest.fixture
def send(integration: Integration, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what sends a new booking to a PMS that answers it so, and returns it afterwards."""

    def sent(**told: Any) -> Writeback:
        session = Answering(Receipt(**{"state": State.COMPLETED, "created_id": "7"} | told))
        monkeypatch.setattr(submission, "open_session", lambda *args, **options: session)
        asked = make.booking(integration.clinic)
        writeback = make.writeback(
            integration, command=asked.as_json(), patient_id=asked.patient.pk
        )
        hold(writeback, asked.practitioner, asked.operatory, asked.starts_at, asked.ends_at)
        try:
            submission.submit(writeback.pk, writeback.due_at, timezone.now)
        finally:
            assert len(session.sent) == 1
        writeback.refresh_from_db()
        return writeback

    return sent


def test_the_reference_and_what_the_pms_remarks_are_kept(send: Any) -> None:
    writeback = send(reference="book:7", remark=OVERLAPS)
    assert (writeback.status, writeback.external_id) == ("completed", "book:7")
    assert (writeback.created_external_id, writeback.remark) == ("7", OVERLAPS)
    assert (writeback.check_count, writeback.last_checked_at) == (0, None), "nothing was checked"
    assert [(event.event, event.note) for event in writeback.events.all()] == [
        ("claimed", ""),
        ("done", OVERLAPS),
    ]
    assert Appointment.objects.get(external_id="7").patient == writeback.patient
    assert not SlotHold.objects.exists()


def test_a_remark_is_told_to_who_hears_of_it(send: Any, integration: Integration) -> None:
    make.webhook(integration.organization)
    send(reference="book:7", remark=OVERLAPS)
    assert [message.data["remark"] for message in Message.objects.all()] == [OVERLAPS]


def test_what_another_writeback_has_already_is_not_this_ones_and_is_looked_for(
    send: Any, integration: Integration
) -> None:
    """A twin, whose own answer was lost, has adopted this one's record meanwhile."""
    pending = {"status": "pending", "submitted_at": timezone.now(), "attempts": 1}
    twin = make.writeback(integration, external_id="book:7", **pending)
    writeback = send(reference="book:7")
    assert (writeback.status, writeback.external_id) == ("unconfirmed", "")
    assert (writeback.created_external_id, writeback.completed_at) == ("", None)
    assert writeback.events.last().note == "The PMS's id is taken by another writeback."
    assert writeback.due_at > writeback.submitted_at
    assert not Appointment.objects.exists(), "our copy waits for what is found"
    assert SlotHold.objects.get().writeback == writeback, "its time is kept"
    twin.refresh_from_db()
    assert (twin.status, twin.external_id) == ("pending", "book:7")


def test_another_broken_rule_is_not_taken_for_a_twin(
    send: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise IntegrityError("something else")

    monkeypatch.setattr(keeping, "keep", broken)
    with pytest.raises(IntegrityError, match="something else"):
        send(reference="book:7")
    writeback = Writeback.objects.get()
    assert (writeback.status, writeback.external_id) == ("submitting", "")


def test_a_write_that_failed_at_once_says_why(send: Any) -> None:
    writeback = send(reference="book:7", state=State.FAILED, created_id="", remark="No such day.")
    assert (writeback.status, writeback.failure_code) == ("failed", "pms_failed")
    assert writeback.error_message == "No such day."
    assert not Appointment.objects.exists()
    assert not SlotHold.objects.exists()


def test_our_copy_gets_the_type_that_was_booked(integration: Integration) -> None:
    kind = make.record(AppointmentType, integration.clinic, name="Cleaning", minutes=45)
    asked = make.booking(integration.clinic, operatory=None, appointment_type=kind)
    writeback = make.writeback(
        integration,
        command=asked.as_json(),
        status="completed",
        completed_at=timezone.now(),
        due_at=None,
        created_external_id="7",
    )
    keeping.keep(writeback, timezone.now())
    keeping.keep(writeback, timezone.now())
    visit = Appointment.objects.get(external_id="7")
    assert (visit.appointment_type, visit.operatory) == (kind, None)


def test_a_person_reads_which_type_was_asked_for_and_of_no_chair(integration: Integration) -> None:
    kind = make.record(AppointmentType, integration.clinic, name="Cleaning")
    asked = make.booking(integration.clinic, operatory=None, appointment_type=kind)
    told = {
        fact.label: fact.value
        for fact in facts(make.writeback(integration, command=asked.as_json()))
    }
    assert told["Appointment type"] == "Cleaning"
    assert "Operatory" not in told
