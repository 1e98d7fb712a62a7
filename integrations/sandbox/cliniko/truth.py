"""What is true at an account now, in words that suit every PMS."""

from collections.abc import Mapping, Sequence
from typing import Any

from integrations.sandbox.pms import Stage

from .call import read_moment
from .filters import Condition, column
from .lists import read
from .records import APPOINTMENT, PATIENT, Record

# What a record must not have to be there at all.
THERE: Mapping[str, list[Condition]] = {
    PATIENT: [(f"{column(name)} IS NULL", ()) for name in ("deleted_at", "merged_at")],
    APPOINTMENT: [(f"{column(name)} IS NULL", ()) for name in ("deleted_at", "archived_at")],
}


def truth(stage: Stage, office_id: str) -> dict[str, Any]:
    """Return what is true at an account; see `pms.Pms.truth`."""
    patients, _ = read(stage.books, office_id, PATIENT, THERE[PATIENT])
    appointments, _ = read(stage.books, office_id, APPOINTMENT, THERE[APPOINTMENT])
    return {
        "patients": {item["id"]: _patient(item) for item in patients},
        "appointments": {item["id"]: _appointment(item) for item in appointments},
    }


def _patient(record: Record) -> dict[str, Any]:
    return {
        "first_name": record["first_name"],
        "last_name": record["last_name"],
        "birth_date": record["date_of_birth"] or "",
        "email": record["email"] or "",
        "phone": _phone(record["patient_phone_numbers"]),
        "is_active": record["archived_at"] is None,
    }


def _phone(numbers: Sequence[Mapping[str, str]]) -> str:
    """Return the number that is meant where only one is asked for: a mobile's, else the first."""
    mobiles = [item for item in numbers if item["phone_type"] == "Mobile"]
    return next((item["number"] for item in (*mobiles, *numbers)), "")


def _appointment(record: Record) -> dict[str, Any]:
    return {
        "patient_id": record["patient_id"],
        "practitioner_id": record["practitioner_id"],
        "location_id": record["business_id"],
        "starts_at": read_moment(record["starts_at"]).isoformat(),
        "ends_at": read_moment(record["ends_at"]).isoformat(),
        "status": _status(record),
        "description": record["notes"] or "",
    }


def _status(record: Record) -> str:
    if record["cancelled_at"]:
        return "cancelled"
    if record["did_not_arrive"]:
        return "noshow"
    return "arrived" if record["patient_arrived"] else "booked"
