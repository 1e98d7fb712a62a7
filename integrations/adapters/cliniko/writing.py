"""Put what is asked into the words of Cliniko's writing endpoints. Pure functions.

Paths, methods and fields are from Cliniko's documentation of its API.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import singledispatch
from typing import Any, Final
from urllib.parse import quote

from integrations.adapters.cliniko import mapping, phones
from integrations.adapters.cliniko.fields import written
from integrations.commands import (
    BookAppointment,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite

APPOINTMENTS: Final = "/individual_appointments"
PATIENTS: Final = "/patients"
#: Our name of a patient's field → Cliniko's.
PATIENT_FIELDS: Final = {
    "first_name": "first_name",
    "last_name": "last_name",
    "birth_date": "date_of_birth",
    "email": "email",
    "phone": phones.FIELD,
}


@singledispatch
def prepare(command: Any) -> PreparedWrite:
    """Return the call that does this."""
    raise TypeError(f"Cliniko knows no {type(command).__name__}")


@prepare.register
def _book(asked: BookAppointment) -> PreparedWrite:
    body = {
        "starts_at": written(asked.starts_at),
        "ends_at": written(asked.ends_at),
        "patient_id": asked.patient_id,
        "practitioner_id": asked.practitioner_id,
        "business_id": asked.location_id,
    }
    # What says nothing is better not sent: it might be refused.
    body |= {"appointment_type_id": asked.type} if asked.type else {}
    body |= {"notes": asked.description} if asked.description else {}
    return PreparedWrite(method="POST", endpoint=APPOINTMENTS, body=body)


@prepare.register
def _reschedule(asked: RescheduleAppointment) -> PreparedWrite:
    body = {
        "starts_at": written(asked.starts_at),
        "ends_at": written(asked.ends_at),
        "practitioner_id": asked.practitioner_id,
        "business_id": asked.location_id,
    }
    endpoint = f"{APPOINTMENTS}/{quote(asked.appointment_id, safe='')}"
    return PreparedWrite(method="PATCH", endpoint=endpoint, body=body)


@prepare.register
def _cancel(asked: SetStatus) -> PreparedWrite:
    """The only status that can be written is that an appointment is cancelled, with a reason."""
    if asked.word not in {term.value for term in mapping.REASONS}:
        raise ValueError("Cliniko has no such reason for a cancellation.")
    endpoint = f"{APPOINTMENTS}/{quote(asked.appointment_id, safe='')}/cancel"
    return PreparedWrite(
        method="PATCH", endpoint=endpoint, body={"cancellation_reason": int(asked.word)}
    )


@prepare.register
def _create_patient(asked: CreatePatient) -> PreparedWrite:
    values = {name: getattr(asked, name) for name in PATIENT_FIELDS}
    told = {name: value for name, value in values.items() if value}
    return PreparedWrite(method="POST", endpoint=PATIENTS, body=_patient(told))


@prepare.register
def _update_patient(asked: UpdatePatient) -> PreparedWrite:
    """A phone stands there as the whole list; those to keep are added when it is sent."""
    endpoint = f"{PATIENTS}/{quote(asked.patient_id, safe='')}"
    return PreparedWrite(method="PATCH", endpoint=endpoint, body=_patient(asked.changes))


def _patient(values: Mapping[str, Any]) -> dict[str, Any]:
    return {PATIENT_FIELDS[name]: _value(name, value) for name, value in values.items()}


def _value(name: str, value: Any) -> Any:
    """Return a patient's field as Cliniko has it; an empty one is null, and an empty list."""
    if name == "phone":
        return [{"phone_type": phones.MOBILE, "number": value}] if value else []
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip() or None if value else None
