"""What staff would ask for at a practice of a simulated PMS, in that PMS's own ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clinics.records import AppointmentRecord
from integrations.commands import (
    BookAppointment,
    Command,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import Outcome, Receipt, SentWrite, State
from integrations.queries import Resource
from tests.integrations.contract.practices import Practice, of_truth

#: A PMS that carries writes out later has done so by then; it is looked at so often.
LOOKS, BETWEEN = 20, timedelta(minutes=1)


@dataclass
class Desk:
    """Asks for things at a practice, and follows what becomes of them."""

    practice: Practice
    #: An appointment to come, whose people, site and type are known to go together.
    model: AppointmentRecord = field(init=False)

    def __post_init__(self) -> None:
        ahead = [
            each
            for each in self.practice.read(Resource.APPOINTMENTS)
            if each.starts_at > self.practice.now and each.status == "booked"
        ]
        self.model = min(ahead, key=lambda each: (each.starts_at, each.external_id))

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.practice.zones()[self.model.location_id])

    def at(self, days: int, hour: int = 10) -> datetime:
        """Return a time on a weekday of coming weeks on which the model's people are free."""
        start = (self.practice.now + timedelta(days=45 + days)).astimezone(self.zone)
        start = start.replace(hour=hour, minute=0, second=0, microsecond=0)
        while start.weekday() > 4:
            start += timedelta(days=1)
        return start

    def booking(self, days: int = 0, **changes: Any) -> BookAppointment:
        start = changes.pop("starts_at", self.at(days))
        lasts = self.model.ends_at - self.model.starts_at
        values = {
            "patient_id": self.model.patient_id,
            "practitioner_id": self.model.practitioner_id,
            "operatory_id": self.model.operatory_id,
            "location_id": self.model.location_id,
            "starts_at": start,
            "ends_at": start + lasts,
            "description": "Follow-up; see #7+8 Zoë",
            "type": self.model.appointment_type_id,
        }
        return BookAppointment(**(values | changes))

    def reschedule(self, appointment_id: str, days: int) -> RescheduleAppointment:
        start = self.at(days, hour=14)
        return RescheduleAppointment(
            appointment_id=appointment_id,
            practitioner_id=self.model.practitioner_id,
            operatory_id=self.model.operatory_id,
            location_id=self.model.location_id,
            starts_at=start,
            ends_at=start + (self.model.ends_at - self.model.starts_at),
        )

    def cancel(self, appointment_id: str) -> SetStatus:
        """Write the word that looks most like "cancelled", as a person would choose it."""
        words = self.practice.adapter().vocabulary().statuses
        like = [term for term in words if "cancel" in f"{term.value} {term.label}".lower()]
        return SetStatus(
            appointment_id=appointment_id,
            location_id=self.model.location_id,
            word=(like or list(words))[0].value,
            patient_id=self.model.patient_id,
        )

    def patient(self, **changes: Any) -> CreatePatient:
        values = {
            "location_id": self.model.location_id,
            "practitioner_id": self.model.practitioner_id,
            "first_name": "Zoë",
            "last_name": "Newcomer",
            "birth_date": date(1984, 12, 10),
            "email": "zoe.newcomer@example.org",
            "phone": "2075550123",
        }
        return CreatePatient(**(values | changes))

    def rename(self, patient_id: str, last_name: str) -> UpdatePatient:
        return UpdatePatient(
            patient_id=patient_id,
            location_id=self.model.location_id,
            changes={"last_name": last_name},
        )

    def ask(self, command: Command) -> tuple[SentWrite, Receipt]:
        prepared = self.practice.adapter().prepare(command)
        sent_at = self.practice.now
        receipt = self.practice.adapter().submit(prepared)
        sent = SentWrite(prepared=prepared, sent_at=sent_at, reference=receipt.reference)
        return sent, receipt

    def follow(self, sent: SentWrite) -> Outcome:
        """Ask from time to time, each time as a new process, until it is no longer pending."""
        for _ in range(LOOKS):
            self.practice.later(seconds=BETWEEN.total_seconds())
            told = dict(self.practice.adapter().outcomes([sent], self.practice.now))
            outcome = told.get(sent.reference)
            if outcome and outcome.state is not State.PENDING:
                return outcome
        raise AssertionError("still pending")

    def done(self, command: Command) -> tuple[SentWrite, str]:
        """Have something done; return it, and the id of what it created."""
        sent, receipt = self.ask(command)
        outcome = self.follow(sent)
        assert outcome.state is State.COMPLETED, outcome.message
        ids = dict(self.practice.adapter().created_ids([sent], self.practice.now))
        created = {receipt.created_id, outcome.created_id, ids.get(sent.reference, "")} - {""}
        assert len(created) <= 1, "one write has created one thing"
        return sent, next(iter(created), "")

    def patients(self) -> dict[str, Any]:
        found: dict[str, Any] = of_truth(self.practice.truth["patients"])
        return found

    def appointments(self) -> dict[str, Any]:
        found: dict[str, Any] = of_truth(self.practice.truth["appointments"])
        return found
