"""What an office's own people do in their system.

Every change is a new version of a record, which readers see after the same lag as a write. An
appointment cannot be archived in these systems. Unverified: that a merge shows as the deletion of
one patient and a change of what was theirs; that a patient's appointments are deleted with them.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from integrations.sandbox.changes import checked, usual_start
from integrations.sandbox.pms import Change, Stage, WrongChange

from . import records
from .offices import OFFICES, Operatory, Provider
from .records import Record
from .truth import standing

CLOSING = {"cancel": "Cancelled", "no_show": "No Show", "complete": "Completed"}
PATIENT_FIELDS = {
    "first_name": "firstname",
    "last_name": "lastname",
    "email": "email",
    "phone": "cell",
}
# What else belongs to a patient, and goes where they go in a merge.
BELONGINGS = {
    records.APPOINTMENT: "appointment_sr_no",
    records.NOTE: "note_id",
    records.TRANSACTION: "transaction_sr_no",
}


def change(stage: Stage, office_id: str, wanted: Change) -> str:
    """Carry out a change at an office; see `pms.Pms.change`."""
    return _Desk(stage, office_id).carry_out(wanted)


class _Desk:
    """Changes one office's records."""

    def __init__(self, stage: Stage, office_id: str) -> None:
        self.stage, self.office = stage, OFFICES[office_id]
        self.now = stage.clock.now()
        self.wall_clock = self.now.astimezone(self.office.zone).strftime("%Y-%m-%dT%H:%M:%S")

    def carry_out(self, wanted: Change) -> str:
        values = checked(wanted)
        ways: dict[tuple[str, str], Callable[[], str | None]] = {
            ("patient", "create"): lambda: self._register(values),
            ("patient", "update"): lambda: self._alter_patient(wanted.id, _given(values)),
            ("patient", "archive"): lambda: self._alter_patient(wanted.id, {"status": "Inactive"}),
            ("patient", "unarchive"): lambda: self._alter_patient(wanted.id, {"status": "Active"}),
            ("patient", "merge"): lambda: self._merge(wanted.id, wanted.into),
            ("patient", "delete"): lambda: self._delete_patient(wanted.id),
            ("appointment", "create"): lambda: self._book(values),
            ("appointment", "update"): lambda: self._alter(wanted.id, values),
            ("appointment", "delete"): lambda: self._delete(records.APPOINTMENT, wanted.id),
        }
        if wanted.kind == "appointment" and wanted.action in CLOSING:
            self._close(wanted.id, CLOSING[wanted.action])
            return wanted.id
        if (wanted.kind, wanted.action) not in ways:
            raise WrongChange(f"this system cannot {wanted.action} a record of kind {wanted.kind}")
        return ways[wanted.kind, wanted.action]() or wanted.id

    def _register(self, values: Mapping[str, Any]) -> str:
        number = self._next_id(records.PATIENT)
        provider = self._provider(None, None)
        day = records.midnight(self.wall_clock)
        own = {
            "patient_id": number,
            "guarantor_id": number,
            "provider_id": provider.provider_id,
            "practice_id": provider.practice_id,
            "created_date": day,
        }
        names = {"firstname": "Newcomer", "lastname": f"Number {number}"}
        self._put(records.PATIENT, number, records.patient({**names, **_given(values), **own}))
        return number

    def _alter_patient(self, id: str, values: Mapping[str, str]) -> None:
        record = self._existing(records.PATIENT, id)
        self._put(records.PATIENT, id, records.with_rowhash({**record, **values}))

    def _merge(self, id: str, into: str) -> None:
        record, kept = self._existing(records.PATIENT, id), self._existing(records.PATIENT, into)
        if id == into:
            raise WrongChange("a patient cannot be merged into themselves")
        name = f"{kept['firstname']} {kept['lastname']}"
        for kind, key, item in self._belongings(id):
            moved = {**item, "patient_id": into}
            if kind == records.APPOINTMENT:
                moved = records.changed(moved, {"patient_name": name}, self.wall_clock)
            elif kind == records.TRANSACTION:
                moved = records.with_rowhash(moved)
            self._put(kind, item[key], moved)
        self._put(records.PATIENT, id, records.deleted(record))

    def _delete_patient(self, id: str) -> None:
        self._delete(records.PATIENT, id)
        for kind, key, item in self._belongings(id):
            if kind == records.APPOINTMENT:
                self._put(kind, item[key], records.deleted(item))

    def _belongings(self, patient_id: str) -> Iterator[tuple[str, str, Record]]:
        for kind, key in BELONGINGS.items():
            for item in standing(self.stage, self.office.office_id, kind):
                if item["patient_id"] == patient_id:
                    yield kind, key, item

    def _book(self, values: Mapping[str, Any]) -> str:
        number = self._next_id(records.APPOINTMENT)
        provider = self._provider(values.get("practitioner_id"), values.get("location_id"))
        practice_id = values.get("location_id", provider.practice_id)
        patient_id = values.get("patient_id") or self._anybody()
        usual: dict[str, Any] = {
            "patient_id": patient_id,
            "practitioner_id": provider.provider_id,
            "location_id": practice_id,
            "operatory_id": self._operatory(practice_id).operatory,
            "starts_at": usual_start(self.now),
            "minutes": 30,
            "description": "Limited exam",
        }
        own = {
            "appointment_sr_no": number,
            "status": "Unconfirmed",
            "appointment_made_date": records.midnight(self.wall_clock),
            "last_changed_date": self.wall_clock,
        }
        fields = self._appointment_fields({**usual, **values})
        self._put(records.APPOINTMENT, number, records.appointment({**fields, **own}))
        return number

    def _alter(self, id: str, values: Mapping[str, Any]) -> None:
        record = self._existing(records.APPOINTMENT, id)
        fields = self._appointment_fields(values)
        self._put(records.APPOINTMENT, id, records.changed(record, fields, self.wall_clock))

    def _close(self, id: str, status: str) -> None:
        record = self._existing(records.APPOINTMENT, id)
        self._put(records.APPOINTMENT, id, records.with_status(record, status, self.wall_clock))

    def _delete(self, kind: str, id: str) -> None:
        self._put(kind, id, records.deleted(self._existing(kind, id)))

    def _appointment_fields(self, values: Mapping[str, Any]) -> Record:
        """Return values of a change as this office's fields, checked against what it knows."""
        fields: Record = {}
        if "patient_id" in values:
            patient = self._existing(records.PATIENT, values["patient_id"])
            name = f"{patient['firstname']} {patient['lastname']}"
            fields |= {"patient_id": patient["patient_id"], "patient_name": name}
            fields |= {"guarantor_id": patient["guarantor_id"], "guarantor_name": name}
        if "practitioner_id" in values:
            fields["provider_id"] = self._provider(values["practitioner_id"], None).provider_id
        if "location_id" in values:
            if records.practice_of(self.office.office_id, values["location_id"]) is None:
                raise WrongChange(f"there is no location {values['location_id']}")
            fields["practice_id"] = values["location_id"]
        if "operatory_id" in values:
            if values["operatory_id"] not in [item.operatory for item in self.office.operatories]:
                raise WrongChange(f"there is no operatory {values['operatory_id']}")
            fields["operatory"] = values["operatory_id"]
        if "starts_at" in values:
            local = values["starts_at"].astimezone(self.office.zone)
            fields |= {"date": records.midnight(local.isoformat()), "time": f"{local:%H:%M}"}
        if "minutes" in values:
            fields["length"] = str(values["minutes"])
        if "description" in values:
            fields["description"] = values["description"]
        return fields

    def _provider(self, provider_id: str | None, practice_id: str | None) -> Provider:
        for provider in self.office.providers:
            if provider_id is not None and provider.provider_id == provider_id:
                return provider
            here = practice_id in (None, provider.practice_id)
            if provider_id is None and here and provider.active:
                return provider
        raise WrongChange(f"there is no practitioner {provider_id or f'at {practice_id}'}")

    def _operatory(self, practice_id: str) -> Operatory:
        chairs = [item for item in self.office.operatories if item.practice_id == practice_id]
        if not chairs:
            raise WrongChange(f"there is no location {practice_id}")
        return chairs[0]

    def _anybody(self) -> str:
        for patient in standing(self.stage, self.office.office_id, records.PATIENT):
            return patient["patient_id"]
        raise WrongChange("there is no patient to book for")

    def _existing(self, kind: str, id: str) -> Record:
        record = self.stage.books.truth(self.office.office_id, kind, id)
        if record is None or records.is_deleted(record):
            raise WrongChange(f"there is no {kind} {id}")
        return record

    def _next_id(self, kind: str) -> str:
        return self.stage.books.next_id(self.office.office_id, kind)

    def _put(self, kind: str, id: str, record: Record) -> None:
        seen_from = self.now + timedelta(seconds=self.stage.knobs.refresh_lag)
        self.stage.books.put(self.office.office_id, kind, id, record, loaded_at=seen_from)


def _given(values: Mapping[str, Any]) -> Record:
    """Return a patient's values as this system's fields."""
    fields = {PATIENT_FIELDS[name]: value for name, value in values.items() if name != "birth_date"}
    if "birth_date" in values:
        born = values["birth_date"]
        fields["birthdate"] = records.midnight(born) if born else ""
    return fields
