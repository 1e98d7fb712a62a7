"""What is true at an office now, seen by readers or not yet, in words that suit every PMS."""

from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.pms import Stage

from . import records
from .offices import OFFICES
from .records import Record

# Our words for a practice's own; a status that is not here counts as booked.
STATUSES = {
    records.ARRIVED: "arrived",
    "Completed": "fulfilled",
    "Broken": "cancelled",
    "Cancelled": "cancelled",
    "No Show": "noshow",
}
# Which of a patient's telephones is meant where only one is asked for: the first there is.
PHONES = ("cell", "homephone", "workphone")


def truth(stage: Stage, office_id: str) -> dict[str, Any]:
    """Return what is true at an office; see `pms.Pms.truth`."""
    zone = OFFICES[office_id].zone
    patients = standing(stage, office_id, records.PATIENT)
    appointments = standing(stage, office_id, records.APPOINTMENT)
    return {
        "patients": {item["patient_id"]: _patient(item) for item in patients},
        "appointments": {
            item["appointment_sr_no"]: _appointment(item, records.moment(item, zone))
            for item in appointments
        },
    }


def standing(stage: Stage, office_id: str, kind: str) -> list[Record]:
    """Return all records of a kind that were not deleted."""
    found = stage.books.truths(office_id, kind)
    return [item for item in found if not records.is_deleted(item)]


def _patient(record: Record) -> dict[str, Any]:
    return {
        "first_name": record["firstname"],
        "last_name": record["lastname"],
        "birth_date": record["birthdate"][:10],
        "email": record["email"],
        "phone": next((record[name] for name in PHONES if record[name]), ""),
        "is_active": record["status"] != "Inactive",
    }


def _appointment(record: Record, starts_at: datetime) -> dict[str, Any]:
    ends_at = starts_at + timedelta(minutes=int(record["length"]))
    return {
        "patient_id": record["patient_id"],
        "practitioner_id": record["provider_id"],
        "location_id": record["practice_id"],
        "starts_at": starts_at.astimezone(UTC).isoformat(),
        "ends_at": ends_at.astimezone(UTC).isoformat(),
        "status": STATUSES.get(record["status"], "booked"),
        "description": record["description"],
    }
