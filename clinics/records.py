"""What adapters return: one frozen record for each thing that a PMS tells us about.

Ids are the PMS's own, as strings. Datetimes are aware. An empty string means "not told".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from operator import attrgetter
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class PmsRecord:
    """The common part: the PMS's id, and a hash that changes when what it says does."""

    external_id: str
    #: When it came to be in the PMS, and when it was last changed there, as far as the PMS tells.
    made_at: datetime | None = None
    changed_at: datetime | None = None

    def payload_hash(self) -> str:
        """Return 64 hex digits over all fields but `changed_at` (SHA-256)."""
        told = _told(type(self))(self)  # type: ignore[arg-type]  # a class is hashable
        return hashlib.sha256(repr(told).encode()).hexdigest()


@cache
def _told(kind: type[PmsRecord]) -> Callable[[PmsRecord], tuple[Any, ...]]:
    """What reads the values that a hash is over, in the order of their fields' names."""
    return attrgetter(*sorted(each.name for each in fields(kind) if each.name != "changed_at"))


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationRecord(PmsRecord):
    """A site; `timezone` is an IANA name."""

    name: str
    timezone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PractitionerRecord(PmsRecord):
    """A clinician."""

    first_name: str
    last_name: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatoryRecord(PmsRecord):
    """A chair or room."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentTypeRecord(PmsRecord):
    """A kind of visit; `minutes` is its usual length, None where the PMS tells none."""

    name: str
    minutes: int | None
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord(PmsRecord):
    """A patient."""

    first_name: str
    last_name: str
    birth_date: date | None
    email: str
    phone: str
    is_active: bool
    #: A second number, where the PMS has several: at home, at work.
    other_phone: str = ""
    #: Whose account the patient's costs go to; the patient's own id for most.
    guarantor_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppointmentRecord(PmsRecord):
    """A visit, naming the others by their PMS ids; `status` is a FHIR code."""

    patient_id: str
    practitioner_id: str
    location_id: str
    operatory_id: str
    starts_at: datetime
    ends_at: datetime
    status: str
    pms_status: str
    description: str
    appointment_type_id: str = ""
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """The PMS says that a record is no more: deleted, or merged into another one."""

    external_id: str
    merged_into: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot be kept; `reason` names what is wrong with it, never a value of it.

    `external_id` is the PMS's id where that can be read: the record is there, so a full pass must
    not take it for vanished.
    """

    reason: str
    external_id: str = ""
