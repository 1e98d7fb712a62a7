"""What is true at an account now, in words that suit every PMS."""

from typing import Any

from integrations.sandbox.pms import Stage

from .records import APPOINTMENT, PATIENT, Record, span, standing

# Which of a patient's telephones is meant where only one is asked for: the first there is.
PHONES = ("Mobile", "Home", "Work")


def truth(stage: Stage, office_id: str) -> dict[str, Any]:
    """Return what is true at an account; see `pms.Pms.truth`."""
    patients = standing(stage.books, office_id, PATIENT)
    appointments = standing(stage.books, office_id, APPOINTMENT)
    return {
        "patients": {item["ID"]: _patient(item) for item in patients},
        "appointments": {item["ID"]: _appointment(item) for item in appointments},
    }


def _patient(record: Record) -> dict[str, Any]:
    return {
        "first_name": record["FirstName"],
        "last_name": record["LastName"],
        "birth_date": record["DOB"],
        "email": record["Email"],
        "phone": next((record[name] for name in PHONES if record[name]), ""),
        "is_active": record["active"] == "1",
    }


def _appointment(record: Record) -> dict[str, Any]:
    starts_at, ends_at = span(record)
    return {
        "patient_id": record["patientID"],
        "practitioner_id": record["practitionerID"],
        "location_id": record["locationID"],
        "starts_at": starts_at.isoformat(),
        "ends_at": ends_at.isoformat(),
        "status": _status(record),
        "description": record["Notes"],
    }


def _status(record: Record) -> str:
    """Return the word for a status: flags come before Nookal's own word."""
    if record["cancelled"] == "1":
        return "cancelled"
    if record["DNA"] == "1":
        return "noshow"
    if record["status"] == "Completed":
        return "fulfilled"
    return "arrived" if record["arrived"] == "1" else "booked"
