"""Put what is asked into the words of Nookal's writing functions. Pure functions.

Functions and parameters are from Nookal's PHP SDK, but for updateAppointmentBooking, which only its
reference has and users report. A parameter of another name is ignored without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import singledispatch
from typing import Any, Final

from integrations.commands import (
    BookAppointment,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite, Term
from integrations.http.errors import Refused

BOOK: Final = "/addAppointmentBooking"
CHANGE: Final = "/updateAppointmentBooking"
CANCEL: Final = "/cancelAppointment"
ADD_PATIENT: Final = "/addPatient"
EDIT_PATIENT: Final = "/editPatient"

#: What begins so is not sent: it says what to look for when the record is read back.
EXPECTED: Final = "expected_"
#: Where a function that creates something says which id it has.
CREATED: Final[Mapping[str, str]] = {BOOK: "appointment_id", ADD_PATIENT: "patient_id"}

CANCELLED: Final = "Cancelled"
#: Every status that can be written (documented); there is none for a patient who has arrived.
STATUSES: Final = (
    Term(CANCELLED, "Cancelled"),
    Term("DNA", "Did not arrive"),
    Term("Completed", "Completed"),
    Term("Pending", "Pending"),
)
#: Our name of a patient's field → Nookal's for a write, whose names are not those of a read.
PATIENT_FIELDS: Final[Mapping[str, str]] = {
    "first_name": "first_name",
    "last_name": "last_name",
    "birth_date": "date_of_birth",
    "email": "email",
    "phone": "mobile",
}
#: What no patient of Nookal's can be without (documented).
REQUIRED: Final = ("first_name", "last_name", "birth_date")


@singledispatch
def prepare(command: Any) -> PreparedWrite:
    """Return the call that does this. Raises Refused for what Nookal would not take."""
    raise TypeError(f"Nookal knows no {type(command).__name__}")


@prepare.register
def _book(asked: BookAppointment) -> PreparedWrite:
    if not asked.type:
        raise Refused("Name the appointment's type: Nookal takes its length from that.")
    body = {
        "patient_id": asked.patient_id,
        "appointment_type_id": asked.type,
        **_when(asked),
        **({"notes": asked.description} if asked.description else {}),
    }
    return PreparedWrite(method="POST", endpoint=BOOK, body=body)


@prepare.register
def _reschedule(asked: RescheduleAppointment) -> PreparedWrite:
    body = {"appointment_id": asked.appointment_id, **_when(asked)}
    return PreparedWrite(method="POST", endpoint=CHANGE, body=body)


@prepare.register
def _set_status(asked: SetStatus) -> PreparedWrite:
    word = next((each.value for each in STATUSES if each.value == asked.word), None)
    if word is None:
        raise Refused("Nookal has no status of this name.")
    if not asked.patient_id:
        # It is read back among its patient's: there is no function that reads one by its id.
        raise Refused("Whose appointment it is, is not known yet; sync the clinic first.")
    body = {"appointment_id": asked.appointment_id}
    if word == CANCELLED:
        body |= {"patient_id": asked.patient_id}
        return PreparedWrite(method="POST", endpoint=CANCEL, body=body)
    body |= {"status": word, f"{EXPECTED}patient_id": asked.patient_id}
    return PreparedWrite(method="POST", endpoint=CHANGE, body=body)


@prepare.register
def _create_patient(asked: CreatePatient) -> PreparedWrite:
    values = {name: getattr(asked, name) for name in PATIENT_FIELDS}
    if not all(values[name] for name in REQUIRED):
        raise Refused("Nookal registers nobody without first name, last name and date of birth.")
    body = _patient({name: value for name, value in values.items() if value})
    return PreparedWrite(method="POST", endpoint=ADD_PATIENT, body=body)


@prepare.register
def _update_patient(asked: UpdatePatient) -> PreparedWrite:
    if any(not asked.changes.get(name, True) for name in REQUIRED):
        raise Refused("Nookal has no patient without first name, last name and date of birth.")
    body = {"patient_id": asked.patient_id, **_patient(asked.changes)}
    return PreparedWrite(method="POST", endpoint=EDIT_PATIENT, body=body)


def form(prepared: PreparedWrite) -> dict[str, str]:
    """Return what is sent of a prepared write."""
    return {
        name: str(value) for name, value in prepared.body.items() if not name.startswith(EXPECTED)
    }


def _when(asked: BookAppointment | RescheduleAppointment) -> dict[str, str]:
    """Return place and time, on the site's wall clock. An end cannot be sent."""
    return {
        "location_id": asked.location_id,
        "practitioner_id": asked.practitioner_id,
        "appointment_date": f"{asked.starts_at:%Y-%m-%d}",
        "start_time": f"{asked.starts_at:%H:%M:%S}",
        f"{EXPECTED}end_time": f"{asked.ends_at:%H:%M:%S}",
    }


def _patient(values: Mapping[str, Any]) -> dict[str, str]:
    """Return a patient's fields in Nookal's names; an empty one empties it (unverified)."""
    return {
        PATIENT_FIELDS[name]: value.isoformat() if isinstance(value, date) else str(value or "")
        for name, value in values.items()
    }
