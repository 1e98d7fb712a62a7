"""What the practice's own people do in their system, and what is true there.

Unverified: that merging archives the patient who goes and hands the appointments over, and that
deleting a patient deletes the appointments. Cliniko's people mark that somebody has arrived; it
knows no visit that is done, so "complete" marks that. Chairs (`operatory_id`) are unknown to it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.sandbox.pms import Change, Stage, WrongChange

from . import records
from .accounts import ACCOUNTS
from .call import iso_day, read_moment, written
from .filters import Condition, column, left_out
from .lists import read
from .records import APPOINTMENT, APPOINTMENT_TYPE, BUSINESS, PATIENT, PRACTITIONER, Record

PATIENT_VALUES = frozenset({"first_name", "last_name", "birth_date", "email", "phone"})
RELATIONS = {
    "patient_id": (PATIENT, "patient_id"),
    "practitioner_id": (PRACTITIONER, "practitioner_id"),
    "location_id": (BUSINESS, "business_id"),
}
APPOINTMENT_VALUES = frozenset({*RELATIONS, "operatory_id", "starts_at", "minutes", "description"})

Values = Mapping[str, Any]
# Gone for good, as far as lists tell; what is archived or cancelled can still be worked with.
_GONE: dict[str, list[Condition]] = {
    PATIENT: [(f"{column(name)} IS NULL", ()) for name in ("deleted_at", "merged_at")],
    APPOINTMENT: [(f"{column(name)} IS NULL", ()) for name in ("deleted_at", "archived_at")],
}


class Practice:
    """The books of one account, in the hands of those who work there."""

    def __init__(self, stage: Stage, office_id: str) -> None:
        self._books = stage.books
        self._account = ACCOUNTS[office_id]
        self._now = stage.clock.now()
        self._at = written(self._now)

    def change(self, change: Change) -> str:
        """Make a change and return the record's id. What is so already is left alone."""
        known = PATIENT_VALUES if change.kind == PATIENT else APPOINTMENT_VALUES
        if unknown := set(change.values) - known:
            raise WrongChange(f"{change.kind} has no {', '.join(sorted(unknown))}")
        if change.action == "create":
            return self._create(change.kind, change.values)
        record = self._live(change.kind, change.id)
        if change.action == "merge":
            return self._merge(record, self._live(PATIENT, change.into))
        if change.action == "delete" and change.kind == PATIENT:
            self._delete_appointments(change.id)
        if change.action == "update":
            values = self._values(change.kind, change.values, record)
        else:
            values = _STATES[change.action](record, self._at)
        self._keep(change.kind, record, values)
        return change.id

    def truth(self) -> dict[str, Any]:
        """Return what is true now, as `pms.Pms.truth` says. A phone is the mobile, else the first.

        An appointment's description is its notes.
        """
        patients, _ = self._read(PATIENT, _GONE[PATIENT])
        appointments, _ = self._read(APPOINTMENT, _GONE[APPOINTMENT])
        return {
            "patients": {item["id"]: _patient(item) for item in patients},
            "appointments": {item["id"]: _appointment(item) for item in appointments},
        }

    def _create(self, kind: str, given: Values) -> str:
        id = self._books.next_id(self._account.office_id, kind)
        if kind == PATIENT:
            usual = {"first_name": "New", "last_name": f"Patient {id[-4:]}"}
            record = records.patient(id, self._at, {})
        else:
            usual = self._usual_appointment()
            record = records.appointment(id, self._at, {})
        made = {**record, **self._values(kind, {**usual, **given}, record)}
        self._put(kind, made)
        return id

    def _usual_appointment(self) -> dict[str, Any]:
        """Return what an appointment is with, where nobody says: the first of each, in a week."""
        patient, practitioner = (
            self._read(kind, left_out(kind), limit=1)[0][0] for kind in (PATIENT, PRACTITIONER)
        )
        day = self._now.astimezone(self._account.zone) + timedelta(days=7)
        start = day.replace(hour=10, minute=0, second=0, microsecond=0)
        return {
            "patient_id": patient["id"],
            "practitioner_id": practitioner["id"],
            "location_id": practitioner["business_ids"][0],
            "starts_at": start.isoformat(),
        }

    def _values(self, kind: str, given: Values, before: Record) -> Record:
        return (
            self._patient_values(given)
            if kind == PATIENT
            else self._appointment_values(given, before)
        )

    def _patient_values(self, given: Values) -> Record:
        values: Record = {}
        for name, value in given.items():
            if not isinstance(value, str):
                raise WrongChange(f"{name} must be a string")
            match name:
                case "birth_date":
                    values["date_of_birth"] = _day(value)
                case "phone":
                    code, kind = self._account.calling_code, self._account.phones[0][0]
                    numbers = [records.phone_number(code, kind, value)] if value else []
                    values["patient_phone_numbers"] = numbers
                case "email":
                    values["email"] = value or None
                case _:
                    values[name] = value
        return values

    def _appointment_values(self, given: Values, before: Record) -> Record:
        values: Record = {}
        for name, (kind, own) in RELATIONS.items():
            if name in given:
                values[own] = self._live(kind, given[name])["id"]
        if "description" in given:
            values["notes"] = given["description"] or None
        whole = {**before, **values}
        if not whole["appointment_type_id"]:
            practitioner = self._live(PRACTITIONER, whole["practitioner_id"])
            values["appointment_type_id"] = practitioner["default_appointment_type_id"]
        patient = self._live(PATIENT, whole["patient_id"], even_gone=True)
        values["patient_name"] = f"{patient['first_name']} {patient['last_name']}"
        starts_at = _moment(given["starts_at"]) if "starts_at" in given else whole["starts_at"]
        minutes = given.get("minutes") or self._minutes(before, {**whole, **values})
        if type(minutes) is not int or minutes < 1:
            raise WrongChange("minutes must be a whole number, 1 or more")
        ends_at = written(read_moment(starts_at) + timedelta(minutes=minutes))
        return {**values, "starts_at": starts_at, "ends_at": ends_at}

    def _minutes(self, before: Record, after: Record) -> int:
        """Return how long an appointment is: as before, or as its type says."""
        if before["starts_at"]:
            length = read_moment(before["ends_at"]) - read_moment(before["starts_at"])
            return int(length.total_seconds()) // 60
        kind = self._live(APPOINTMENT_TYPE, after["appointment_type_id"])
        return int(kind["duration_in_minutes"])

    def _merge(self, gone: Record, into: Record) -> str:
        if gone["id"] == into["id"]:
            raise WrongChange("a patient cannot be merged into themselves")
        name = f"{into['first_name']} {into['last_name']}"
        for appointment in self._appointments_of(gone["id"]):
            handed_over = {"patient_id": into["id"], "patient_name": name}
            self._keep(APPOINTMENT, appointment, handed_over)
        values = {
            "merged_at": self._at,
            "merged_with_patient_id": into["id"],
            "archived_at": gone["archived_at"] or self._at,
        }
        self._keep(PATIENT, gone, values)
        return str(gone["id"])

    def _delete_appointments(self, patient_id: str) -> None:
        for appointment in self._appointments_of(patient_id):
            self._keep(APPOINTMENT, appointment, {"deleted_at": self._at})

    def _appointments_of(self, patient_id: str) -> list[Record]:
        own: Condition = (f"{column('patient_id')} = ?", [patient_id])
        live: Condition = (f"{column('deleted_at')} IS NULL", ())
        return self._read(APPOINTMENT, [own, live])[0]

    def _live(self, kind: str, id: object, *, even_gone: bool = False) -> Record:
        """Return a record that is still there. Raises WrongChange."""
        where = [] if even_gone else _GONE.get(kind, [])
        found, _ = self._read(kind, where, id=str(id))
        if not found:
            raise WrongChange(f"there is no {kind} {id!r}")
        return found[0]

    def _read(
        self, kind: str, where: list[Condition], *, id: str | None = None, limit: int = -1
    ) -> tuple[list[Record], int]:
        return read(self._books, self._account.office_id, kind, where, id=id, limit=limit)

    def _keep(self, kind: str, record: Record, values: Record) -> None:
        after = records.changed(record, values, self._at)
        if after != record:
            self._put(kind, after)

    def _put(self, kind: str, record: Record) -> None:
        self._books.put(self._account.office_id, kind, record["id"], record, loaded_at=self._now)


def _cancelled(record: Record, at: str) -> Record:
    if record["cancelled_at"]:
        return {}
    return {
        "cancelled_at": at,
        "cancellation_reason": 50,
        "cancellation_reason_description": records.CANCELLATION_REASONS[50],
    }


# What each action makes of a record, beside creating, changing and merging.
_STATES: dict[str, Callable[[Record, str], Record]] = {
    "archive": lambda record, at: {"archived_at": record["archived_at"] or at},
    "unarchive": lambda record, at: {"archived_at": None},
    "delete": lambda record, at: {"deleted_at": at},
    "cancel": _cancelled,
    "no_show": lambda record, at: {"did_not_arrive": True, "patient_arrived": False},
    "complete": lambda record, at: {"did_not_arrive": False, "patient_arrived": True},
}


def _patient(record: Record) -> dict[str, Any]:
    numbers = record["patient_phone_numbers"]
    mobiles = [item for item in numbers if item["phone_type"] == "Mobile"]
    return {
        "first_name": record["first_name"],
        "last_name": record["last_name"],
        "birth_date": record["date_of_birth"] or "",
        "email": record["email"] or "",
        "phone": next((item["number"] for item in (*mobiles, *numbers)), ""),
        "is_active": record["archived_at"] is None,
    }


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


def _day(text: str) -> str | None:
    try:
        return iso_day(text).isoformat() if text else None
    except ValueError as error:
        raise WrongChange(f"birth_date {error}") from None


def _moment(value: object) -> str:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise WrongChange("starts_at must be a time in ISO 8601") from None
    if moment.tzinfo is None:
        raise WrongChange("starts_at needs an offset")
    return written(moment.astimezone(UTC))
