"""What can be asked of a PMS: one frozen record for each operation, in the PMS's own ids.

Datetimes are in the site's own zone, since many PMSs know wall clocks only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAppointment:
    """A new appointment; `type` is the PMS's own value, empty for its usual one."""

    patient_id: str
    practitioner_id: str
    operatory_id: str
    location_id: str
    starts_at: datetime
    ends_at: datetime
    description: str
    type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RescheduleAppointment:
    """An appointment as it is to be: when, with whom and where."""

    appointment_id: str
    practitioner_id: str
    operatory_id: str
    location_id: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus:
    """An appointment's new status, cancelled ones included; `word` is the PMS's own value.

    `patient_id` is whose it is, for a PMS that asks for it; empty where that is not known.
    """

    appointment_id: str
    location_id: str
    word: str
    patient_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePatient:
    """A new patient, with the practitioner who is to be theirs."""

    location_id: str
    practitioner_id: str
    first_name: str
    last_name: str
    birth_date: date | None
    email: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdatePatient:
    """What is to change of a patient: `first_name`, `last_name`, `birth_date`, `email`, `phone`."""

    patient_id: str
    location_id: str
    changes: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AddNote:
    """A note in a patient's record; `type` is the PMS's own value."""

    patient_id: str
    practitioner_id: str
    location_id: str
    type: str
    text: str
    written_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPayment:
    """Money that a patient paid, already received; `type` is the PMS's own value.

    `guarantor_id` is whose account it belongs to, in the currency that the practice keeps.
    """

    patient_id: str
    guarantor_id: str
    practitioner_id: str
    location_id: str
    type: str
    description: str
    amount: Decimal
    paid_on: date


Command = (
    BookAppointment
    | RescheduleAppointment
    | SetStatus
    | CreatePatient
    | UpdatePatient
    | AddNote
    | RecordPayment
)
