"""Put what is asked into the words of Sikka's writing endpoints. Pure functions.

Paths, fields and the path of a status change are from Sikka's documentation of its write-backs.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import singledispatch
from typing import Any

from integrations.commands import (
    AddNote,
    BookAppointment,
    CreatePatient,
    RecordPayment,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite

BOOK = "/appointment"
#: An offline practice then answers 412 at once instead of keeping the write for later.
CHECK_AGENT = {"check_spu": "true"}
#: Our name of a patient's field → Sikka's.
PATIENT_FIELDS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "birth_date": "birthdate",
    "email": "email",
    "phone": "cell",
}


@singledispatch
def prepare(command: Any) -> PreparedWrite:
    """Return the call that does this."""
    raise TypeError(f"Sikka knows no {type(command).__name__}")


@prepare.register
def _book(asked: BookAppointment) -> PreparedWrite:
    body = {
        "patient_id": asked.patient_id,
        "provider_id": asked.practitioner_id,
        "practice_id": asked.location_id,
        "operatory": asked.operatory_id,
        **_when(asked.starts_at, asked.ends_at),
        "description": asked.description,
    }
    return _write("POST", BOOK, body | ({"type": asked.type} if asked.type else {}))


@prepare.register
def _reschedule(asked: RescheduleAppointment) -> PreparedWrite:
    body = {
        "provider_id": asked.practitioner_id,
        "practice_id": asked.location_id,
        "operatory": asked.operatory_id,
        **_when(asked.starts_at, asked.ends_at),
    }
    return _write("PUT", f"/appointments/{asked.appointment_id}", body)


@prepare.register
def _set_status(asked: SetStatus) -> PreparedWrite:
    body = {
        "op": "replace",
        "path": "/appointment_status",
        "value": asked.word,
        "practice_id": asked.location_id,
        "appointment_sr_no": asked.appointment_id,
    }
    return _write("PATCH", f"/appointments/{asked.appointment_id}", body)


@prepare.register
def _create_patient(asked: CreatePatient) -> PreparedWrite:
    values = {name: getattr(asked, name) for name in PATIENT_FIELDS}
    body = {"provider_id": asked.practitioner_id, "practice_id": asked.location_id}
    # A field that says nothing is better not sent: it might be refused.
    return _write("POST", "/patient", body | _patient({k: v for k, v in values.items() if v}))


@prepare.register
def _update_patient(asked: UpdatePatient) -> PreparedWrite:
    body = {"practice_id": asked.location_id, **_patient(asked.changes)}
    return _write("PATCH", f"/patient/{asked.patient_id}", body)


@prepare.register
def _add_note(asked: AddNote) -> PreparedWrite:
    body = {
        "patient_id": asked.patient_id,
        "provider_id": asked.practitioner_id,
        "practice_id": asked.location_id,
        "type": asked.type,
        "text": asked.text,
        "date": asked.written_on.isoformat(),
    }
    return _write("POST", "/medical_notes", body)


@prepare.register
def _record_payment(asked: RecordPayment) -> PreparedWrite:
    body = {
        "patient_id": asked.patient_id,
        "guarantor_id": asked.guarantor_id,
        "provider_id": asked.practitioner_id,
        "practice_id": asked.location_id,
        "procedure_code": asked.type,
        "procedure_description": asked.description,
        "amount": str(asked.amount),
        "transaction_date": asked.paid_on.isoformat(),
    }
    return _write("POST", "/transaction", body)


def _write(method: str, endpoint: str, body: Mapping[str, str]) -> PreparedWrite:
    return PreparedWrite(method=method, endpoint=endpoint, body={**body, **CHECK_AGENT})


def _when(starts_at: datetime, ends_at: datetime) -> dict[str, str]:
    # Two times of the same zone are subtracted as wall clocks, so not directly.
    lasts = ends_at.astimezone(UTC) - starts_at.astimezone(UTC)
    return {
        "date": f"{starts_at:%Y-%m-%d}",
        "time": f"{starts_at:%H:%M}",
        "length": str(int(lasts.total_seconds() // 60)),
    }


def _patient(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a patient's fields in Sikka's names; an empty one empties it."""
    return {PATIENT_FIELDS[name]: str(value or "") for name, value in values.items()}
