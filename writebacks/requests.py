"""What can be asked for, in our words: everything in a request belongs to one clinic.

A request is kept as JSON with its writeback, so that it can be read again: to be asked once more,
or to be sent when what it waited for is there.
"""

from __future__ import annotations

import types
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar, Union, get_args, get_origin, get_type_hints

from django.db.models import Model

from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Patient,
    Practitioner,
)
from integrations import commands
from integrations.profile_model import Profile
from integrations.profiles import appointment_type, status_word, word
from writebacks.operations import NewStatus, Operation


class NotConfigured(Exception):
    """The integration's profile lacks what this operation needs; the message says what."""


class Incomplete(Exception):
    """A record lacks what the PMS needs of it; the message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The common part of everything that can be asked for."""

    operation: ClassVar[Operation]

    @property
    def expires_at(self) -> datetime | None:
        """After this moment it is not sent any more."""
        return None

    def in_pms_words(self, profile: Profile) -> commands.Command:
        """Return it in the PMS's ids and words. Raises NotConfigured or Incomplete."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """Return it by our own ids; `read` is the way back."""
        return {each.name: _json(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking(Request):
    """A new appointment. Its patient may be one that an earlier writeback is to create.

    Its operatory is None where the PMS has none. `type` is a word of the profile for what
    `appointment_type` is in our copy; without both it is of the profile's usual type.
    """

    operation = Operation.BOOK

    patient: Patient | None
    practitioner: Practitioner
    operatory: Operatory | None
    location: Location
    starts_at: datetime
    ends_at: datetime
    description: str = ""
    type: str = ""
    appointment_type: AppointmentType | None = None
    allow_overlap: bool = False

    @property
    def expires_at(self) -> datetime:
        return self.starts_at

    def in_pms_words(self, profile: Profile) -> commands.BookAppointment:
        if self.patient is None:
            raise Incomplete("The patient does not stand in the PMS yet.")
        return commands.BookAppointment(
            patient_id=self.patient.external_id,
            practitioner_id=self.practitioner.external_id,
            operatory_id=self.operatory.external_id if self.operatory else "",
            location_id=self.location.external_id,
            starts_at=self.starts_at.astimezone(self.location.zone),
            ends_at=self.ends_at.astimezone(self.location.zone),
            description=self.description,
            type=self._type(profile),
        )

    def _type(self, profile: Profile) -> str:
        """Return the PMS's value for its type; empty where neither asker nor profile names one."""
        if self.appointment_type:
            return self.appointment_type.external_id
        if self.type:
            value = appointment_type(profile, self.type)
            if value is None:
                raise NotConfigured(
                    "The integration's profile has no PMS value for the appointment type "
                    f"“{self.type}”."
                )
            return value
        usual = word(profile, "appointment_type")
        if not usual and profile.integration.manifest.books_by_type:
            raise NotConfigured(
                "Name the appointment's type, or choose a usual one in the integration's profile: "
                "this PMS books nothing without."
            )
        return usual or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescheduling(Request):
    """An appointment as it is to be."""

    operation = Operation.RESCHEDULE

    appointment: Appointment
    practitioner: Practitioner
    operatory: Operatory | None
    location: Location
    starts_at: datetime
    ends_at: datetime
    allow_overlap: bool = False

    @property
    def expires_at(self) -> datetime:
        return self.starts_at

    def in_pms_words(self, profile: Profile) -> commands.RescheduleAppointment:
        return commands.RescheduleAppointment(
            appointment_id=self.appointment.external_id,
            practitioner_id=self.practitioner.external_id,
            operatory_id=self.operatory.external_id if self.operatory else "",
            location_id=self.location.external_id,
            starts_at=self.starts_at.astimezone(self.location.zone),
            ends_at=self.ends_at.astimezone(self.location.zone),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange(Request):
    """An appointment's new status."""

    operation = Operation.SET_STATUS

    appointment: Appointment
    status: NewStatus

    def in_pms_words(self, profile: Profile) -> commands.SetStatus:
        value = status_word(profile, self.status)
        if not value:
            raise NotConfigured(
                f"The profile of this integration does not say how its PMS calls “{self.status}”; "
                "a clinic admin can choose the word there. What the PMS offers, `manage.py "
                f"profile {profile.integration.clinic_id} --read` shows."
            )
        location = self.appointment.location
        if location is None:
            raise Incomplete("The appointment's location is not known yet; sync the clinic first.")
        return commands.SetStatus(
            appointment_id=self.appointment.external_id,
            location_id=location.external_id,
            word=value,
            patient_id=self.appointment.patient.external_id if self.appointment.patient else "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation(StatusChange):
    """An appointment that is not to take place."""

    operation = Operation.CANCEL

    status: NewStatus = NewStatus.CANCELLED

    @property
    def expires_at(self) -> datetime:
        return self.appointment.ends_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPatient(Request):
    """A patient who is to be registered."""

    operation = Operation.CREATE_PATIENT

    location: Location
    practitioner: Practitioner
    first_name: str
    last_name: str
    birth_date: date | None = None
    email: str = ""
    phone: str = ""

    def in_pms_words(self, profile: Profile) -> commands.CreatePatient:
        return commands.CreatePatient(
            location_id=self.location.external_id,
            practitioner_id=self.practitioner.external_id,
            first_name=self.first_name,
            last_name=self.last_name,
            birth_date=self.birth_date,
            email=self.email,
            phone=self.phone,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientChange(Request):
    """What is to change of a patient; a field that is None stays as it is."""

    operation = Operation.UPDATE_PATIENT

    patient: Patient
    location: Location
    first_name: str | None = None
    last_name: str | None = None
    birth_date: date | None = None
    email: str | None = None
    phone: str | None = None

    @property
    def changes(self) -> dict[str, Any]:
        """The fields that change, by their name."""
        names = ("first_name", "last_name", "birth_date", "email", "phone")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def in_pms_words(self, profile: Profile) -> commands.UpdatePatient:
        return commands.UpdatePatient(
            patient_id=self.patient.external_id,
            location_id=self.location.external_id,
            changes=self.changes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Request):
    """A note in a patient's record; an empty `type` is the profile's usual one."""

    operation = Operation.ADD_NOTE

    patient: Patient
    practitioner: Practitioner
    location: Location
    text: str
    written_on: date
    type: str = ""

    def in_pms_words(self, profile: Profile) -> commands.AddNote:
        kind = self.type or word(profile, "note_type")
        if not kind:
            raise NotConfigured(
                "Name the note's type, or choose a usual one in the integration's profile."
            )
        return commands.AddNote(
            patient_id=self.patient.external_id,
            practitioner_id=self.practitioner.external_id,
            location_id=self.location.external_id,
            type=kind,
            text=self.text,
            written_on=self.written_on,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment(Request):
    """Money received from a patient; an empty `type` is the profile's usual one."""

    operation = Operation.RECORD_PAYMENT

    patient: Patient
    practitioner: Practitioner
    location: Location
    amount: Decimal
    currency: str
    paid_on: date
    type: str = ""
    description: str = field(default="Payment")

    def in_pms_words(self, profile: Profile) -> commands.RecordPayment:
        kind = self.type or word(profile, "payment_type")
        if not kind:
            raise NotConfigured(
                "Name the payment's type, or choose a usual one in the integration's profile."
            )
        if not self.patient.guarantor_id:
            raise Incomplete(
                "Whose account this patient's costs go to is not known; sync the clinic first."
            )
        return commands.RecordPayment(
            patient_id=self.patient.external_id,
            guarantor_id=self.patient.guarantor_id,
            practitioner_id=self.practitioner.external_id,
            location_id=self.location.external_id,
            type=kind,
            description=self.description,
            amount=self.amount,
            paid_on=self.paid_on,
        )


REQUESTS: dict[Operation, type[Request]] = {
    kind.operation: kind
    for kind in (
        Booking,
        Rescheduling,
        Cancellation,
        StatusChange,
        NewPatient,
        PatientChange,
        Note,
        Payment,
    )
}


def read(operation: str, clinic: Clinic, command: dict[str, Any]) -> Request:
    """Return the request that a writeback keeps as JSON. Raises Incomplete where a record that it
    names is gone."""
    kind = REQUESTS[Operation(operation)]
    hints = get_type_hints(kind)
    known = {each.name for each in fields(kind)}
    return kind(
        **{
            name: _value(hints[name], clinic, value)
            for name, value in command.items()
            if name in known
        }
    )


def _json(value: Any) -> Any:
    match value:
        case Model():
            return str(value.pk)
        case date():  # a datetime is one, too
            return value.isoformat()
        case Decimal():
            return str(value)
    return value


def _value(hint: Any, clinic: Clinic, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(each for each in get_args(hint) if each is not type(None))
    if issubclass(hint, Model):
        found = hint._default_manager.filter(clinic=clinic, pk=value).first()
        if found is None:
            raise Incomplete(f"The {hint._meta.verbose_name} is not there any more.")
        return found
    if issubclass(hint, date):
        return hint.fromisoformat(value)
    return hint(value)
