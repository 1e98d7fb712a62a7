"""What an account's own people do in their system.

Unverified: that merging archives the patient who goes and hands the appointments over, and that
deleting a patient deletes the appointments. Cliniko's people mark that somebody has arrived; it
knows no visit that is done, so "complete" marks that. What is so already is left as it is.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from integrations.sandbox.changes import checked, usual_start
from integrations.sandbox.pms import Change, Stage, WrongChange

from . import records
from .accounts import ACCOUNTS
from .call import read_moment, written
from .filters import Condition, column, left_out
from .lists import read
from .records import APPOINTMENT, APPOINTMENT_TYPE, BUSINESS, PATIENT, PRACTITIONER, Record
from .truth import THERE

PATIENT_FIELDS = {
    "first_name": "first_name",
    "last_name": "last_name",
    "birth_date": "date_of_birth",
    "email": "email",
}
RELATIONS = {
    "patient_id": (PATIENT, "patient_id"),
    "practitioner_id": (PRACTITIONER, "practitioner_id"),
    "location_id": (BUSINESS, "business_id"),
}

Values = Mapping[str, Any]


def change(stage: Stage, office_id: str, wanted: Change) -> str:
    """Carry out a change at an account; see `pms.Pms.change`."""
    return _Desk(stage, office_id).carry_out(wanted)


class _Desk:
    """Changes one account's records."""

    def __init__(self, stage: Stage, office_id: str) -> None:
        self.books = stage.books
        self.account = ACCOUNTS[office_id]
        self.now = stage.clock.now()
        self.at = written(self.now)

    def carry_out(self, wanted: Change) -> str:
        kind, values = wanted.kind, checked(wanted, seconds=True)
        if wanted.action == "create":
            return self._register(values) if kind == PATIENT else self._book(values)
        record = self._existing(kind, wanted.id)
        if wanted.action == "merge":
            self._merge(record, self._existing(PATIENT, wanted.into))
        elif wanted.action == "update":
            alter = self._patient if kind == PATIENT else self._appointment
            self._keep(kind, record, alter(values, record))
        else:
            if kind == PATIENT and wanted.action == "delete":
                self._delete_appointments(wanted.id)
            self._keep(kind, record, _STATES[wanted.action](record, self.at))
        return wanted.id

    def _register(self, values: Values) -> str:
        id = self.books.next_id(self.account.office_id, PATIENT)
        record = records.patient(id, self.at, {"first_name": "New", "last_name": f"Number {id}"})
        self._put(PATIENT, {**record, **self._patient(values, record)})
        return id

    def _patient(self, values: Values, before: Record) -> Record:
        fields: Record = {
            PATIENT_FIELDS[name]: value or None if name in ("birth_date", "email") else value
            for name, value in values.items()
            if name in PATIENT_FIELDS
        }
        if "phone" in values:
            code, kind = self.account.calling_code, self.account.phones[0][0]
            phone = values["phone"]
            numbers = [records.phone_number(code, kind, phone)] if phone else []
            fields["patient_phone_numbers"] = numbers
        return fields

    def _book(self, values: Values) -> str:
        patient, practitioner = self._anybody(PATIENT), self._anybody(PRACTITIONER)
        usual = {
            "patient_id": patient["id"],
            "practitioner_id": practitioner["id"],
            "location_id": practitioner["business_ids"][0],
            "starts_at": usual_start(self.now),
        }
        id = self.books.next_id(self.account.office_id, APPOINTMENT)
        record = records.appointment(id, self.at, {})
        self._put(APPOINTMENT, {**record, **self._appointment({**usual, **values}, record)})
        return id

    def _appointment(self, values: Values, before: Record) -> Record:
        if values.get("operatory_id"):
            raise WrongChange("Cliniko has no operatories")
        fields: Record = {
            own: self._existing(kind, values[name])["id"]
            for name, (kind, own) in RELATIONS.items()
            if name in values
        }
        if "description" in values:
            fields["notes"] = values["description"] or None
        whole = {**before, **fields}
        if whole["appointment_type_id"] is None:
            practitioner = self._existing(PRACTITIONER, whole["practitioner_id"])
            fields["appointment_type_id"] = practitioner["default_appointment_type_id"]
        if "patient_id" in fields:
            fields["patient_name"] = _name(self._existing(PATIENT, fields["patient_id"]))
        start = values.get("starts_at") or read_moment(before["starts_at"])
        length = self._length(values, {**whole, **fields})
        return {**fields, "starts_at": written(start), "ends_at": written(start + length)}

    def _length(self, values: Values, record: Record) -> timedelta:
        """Return how long one is: as asked for, else as before, else as its type says."""
        if "minutes" in values:
            return timedelta(minutes=values["minutes"])
        if record["ends_at"]:
            return read_moment(record["ends_at"]) - read_moment(record["starts_at"])
        kind = self._existing(APPOINTMENT_TYPE, record["appointment_type_id"])
        return timedelta(minutes=kind["duration_in_minutes"])

    def _merge(self, gone: Record, into: Record) -> None:
        if gone["id"] == into["id"]:
            raise WrongChange("a patient cannot be merged into themselves")
        handed_over = {"patient_id": into["id"], "patient_name": _name(into)}
        for appointment in self._appointments_of(gone["id"]):
            self._keep(APPOINTMENT, appointment, handed_over)
        values = {
            "merged_at": self.at,
            "merged_with_patient_id": into["id"],
            "archived_at": gone["archived_at"] or self.at,
        }
        self._keep(PATIENT, gone, values)

    def _delete_appointments(self, patient_id: str) -> None:
        for appointment in self._appointments_of(patient_id):
            self._keep(APPOINTMENT, appointment, {"deleted_at": self.at})

    def _appointments_of(self, patient_id: str) -> list[Record]:
        own: Condition = (f"{column('patient_id')} = ?", [patient_id])
        standing: Condition = (f"{column('deleted_at')} IS NULL", ())
        return self._read(APPOINTMENT, [own, standing])

    def _anybody(self, kind: str) -> Record:
        for record in self._read(kind, left_out(kind)):
            return record
        raise WrongChange(f"there is no {kind} to book for")

    def _existing(self, kind: str, id: str) -> Record:
        for record in self._read(kind, THERE.get(kind, []), id=id):
            return record
        raise WrongChange(f"there is no {kind} {id}")

    def _read(self, kind: str, where: list[Condition], id: str | None = None) -> list[Record]:
        return read(self.books, self.account.office_id, kind, where, id=id)[0]

    def _keep(self, kind: str, record: Record, values: Record) -> None:
        after = records.changed(record, values, self.at)
        if after != record:
            self._put(kind, after)

    def _put(self, kind: str, record: Record) -> None:
        self.books.put(self.account.office_id, kind, record["id"], record, loaded_at=self.now)


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


def _name(patient: Record) -> str:
    return f"{patient['first_name']} {patient['last_name']}"
