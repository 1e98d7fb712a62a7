"""What an account's own people do in their system.

Nothing tells a reader of a deletion or a merge: the record is not listed any more. Unverified: that
a merge gives the appointments of one patient to the other, which changes them; that a patient's
appointments are deleted with them. Appointments cannot be archived, and may overlap.
"""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.sandbox.changes import checked, usual_start
from integrations.sandbox.pms import Change, Stage, WrongChange

from . import records
from .accounts import ACCOUNTS, TYPES, AppointmentType, Location
from .records import APPOINTMENT, PATIENT, Record

PATIENT_FIELDS = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "birth_date": "DOB",
    "email": "Email",
    "phone": "Mobile",
}
USUAL_TYPE = "2"


def change(stage: Stage, office_id: str, wanted: Change) -> str:
    """Carry out a change at an account; see `pms.Pms.change`."""
    return _Desk(stage, office_id).carry_out(wanted)


class _Desk:
    """Changes one account's records."""

    def __init__(self, stage: Stage, office_id: str) -> None:
        self.books, self.knobs = stage.books, stage.knobs
        self.account = ACCOUNTS[office_id]
        self.now = stage.clock.now()

    def carry_out(self, wanted: Change) -> str:
        id, values = wanted.id, checked(wanted)
        ways: dict[tuple[str, str], Callable[[], str | None]] = {
            (PATIENT, "create"): lambda: self._register(values),
            (PATIENT, "update"): lambda: self._alter_patient(id, _given(values)),
            (PATIENT, "archive"): lambda: self._alter_patient(id, {"active": "0"}),
            (PATIENT, "unarchive"): lambda: self._alter_patient(id, {"active": "1"}),
            (PATIENT, "merge"): lambda: self._merge(id, wanted.into),
            (PATIENT, "delete"): lambda: self._delete_patient(id),
            (APPOINTMENT, "create"): lambda: self._book(values),
            (APPOINTMENT, "update"): lambda: self._alter(id, values),
            (APPOINTMENT, "cancel"): lambda: self._cancel(id),
            (APPOINTMENT, "no_show"): lambda: self._set_status(id, "DNA"),
            (APPOINTMENT, "complete"): lambda: self._set_status(id, "Completed"),
            (APPOINTMENT, "delete"): lambda: self._delete(APPOINTMENT, id),
        }
        if (wanted.kind, wanted.action) not in ways:
            raise WrongChange(f"Nookal cannot {wanted.action} a record of kind {wanted.kind}")
        return ways[wanted.kind, wanted.action]() or id

    def _register(self, values: Mapping[str, Any]) -> str:
        number = self.books.next_id(self.account.account_id, PATIENT)
        usual = {"FirstName": "Newcomer", "LastName": f"Number {number}", "DOB": "1990-01-01"}
        own = {"ID": number, "LocationID": self.account.locations[0].id, **self._made(PATIENT)}
        self._put(PATIENT, records.patient({**usual, **_given(values), **own}))
        return number

    def _alter_patient(self, id: str, values: Mapping[str, str]) -> None:
        record = self._existing(PATIENT, id)
        self._put(PATIENT, {**record, **values, "DateModified": records.written(self.now)})

    def _merge(self, id: str, into: str) -> None:
        self._existing(PATIENT, id)
        self._existing(PATIENT, into)
        if id == into:
            raise WrongChange("a patient cannot be merged into themselves")
        for item in self._appointments_of(id):
            changed = {"patientID": into, "lastModified": records.written(self.now)}
            self._put(APPOINTMENT, {**item, **changed})
        self._delete(PATIENT, id)

    def _delete_patient(self, id: str) -> None:
        self._delete(PATIENT, id)
        for item in self._appointments_of(id):
            self._delete(APPOINTMENT, item["ID"])

    def _book(self, values: Mapping[str, Any]) -> str:
        number = self.books.next_id(self.account.account_id, APPOINTMENT)
        usual: dict[str, Any] = {
            "patient_id": self._anybody(),
            "practitioner_id": next(who.id for who in self.account.practitioners if who.active),
            "location_id": self.account.locations[0].id,
            "starts_at": usual_start(self.now),
            "minutes": TYPES[USUAL_TYPE].minutes,
        }
        record = {"ID": number, **self._made(APPOINTMENT)}
        self._put(APPOINTMENT, records.appointment(self._altered(record, {**usual, **values})))
        return number

    def _alter(self, id: str, values: Mapping[str, Any]) -> None:
        record = self._existing(APPOINTMENT, id)
        starts_at = records.span(record)[0]
        present = {
            "location_id": record["locationID"],
            "starts_at": starts_at,
            "minutes": records.length(record),
        }
        self._put(APPOINTMENT, self._altered(record, {**present, **values}))

    def _altered(self, record: Record, values: Mapping[str, Any]) -> Record:
        """Return an appointment with these values, which tell at least its place and its time."""
        if values.get("operatory_id"):
            raise WrongChange("Nookal has no operatories")
        location = self._location(values["location_id"])
        fields = {**record, **records.when(location, values["starts_at"], values["minutes"])}
        if "minutes" in values and (
            not record.get("appointmentTypeID") or _resized(record, values)
        ):
            fields |= records.type_fields(_type_of(values["minutes"]))
        if "patient_id" in values:
            fields["patientID"] = self._existing(PATIENT, values["patient_id"])["ID"]
        if "practitioner_id" in values:
            if self.account.practitioner(values["practitioner_id"]) is None:
                raise WrongChange(f"there is no practitioner {values['practitioner_id']}")
            fields["practitionerID"] = values["practitioner_id"]
        if "description" in values:
            fields["Notes"] = values["description"]
        return {**fields, "lastModified": records.written(self.now)}

    def _cancel(self, id: str) -> None:
        record = self._existing(APPOINTMENT, id)
        location = self._location(record["locationID"])
        moves = self.knobs.nookal_modified_covers_cancellations
        self._put(APPOINTMENT, records.cancelled(record, self.now, location, moves=moves))

    def _set_status(self, id: str, status: str) -> None:
        record = records.with_status(self._existing(APPOINTMENT, id), status)
        self._put(APPOINTMENT, {**record, "lastModified": records.written(self.now)})

    def _delete(self, kind: str, id: str) -> None:
        self._put(kind, {**self._existing(kind, id), "gone": "1"})

    def _appointments_of(self, patient_id: str) -> list[Record]:
        everything = records.standing(self.books, self.account.account_id, APPOINTMENT)
        return [item for item in everything if item["patientID"] == patient_id]

    def _anybody(self) -> str:
        for patient in records.standing(self.books, self.account.account_id, PATIENT):
            return patient["ID"]
        raise WrongChange("there is no patient to book for")

    def _location(self, location_id: str) -> Location:
        location = self.account.location(location_id)
        if location is None:
            raise WrongChange(f"there is no location {location_id}")
        return location

    def _existing(self, kind: str, id: str) -> Record:
        record = records.existing(self.books, self.account.account_id, kind, id)
        if record is None:
            raise WrongChange(f"there is no {kind} {id}")
        return record

    def _made(self, kind: str) -> Record:
        names = (
            ("DateCreated", "DateModified") if kind == PATIENT else ("dateCreated", "lastModified")
        )
        return dict.fromkeys(names, records.written(self.now))

    def _put(self, kind: str, record: Record) -> None:
        office_id = self.account.account_id
        self.books.put(office_id, kind, record["ID"], record, loaded_at=self.now)


def _given(values: Mapping[str, Any]) -> Record:
    """Return a patient's values as Nookal's fields."""
    return {PATIENT_FIELDS[name]: value for name, value in values.items()}


def _resized(record: Record, values: Mapping[str, Any]) -> bool:
    return bool(values["minutes"] != records.length(record))


def _type_of(minutes: int) -> AppointmentType:
    """Return the type that takes so long, or the usual one that somebody has stretched."""
    fitting = (kind for kind in TYPES.values() if kind.minutes == minutes and kind.active)
    return next(fitting, TYPES[USUAL_TYPE])
