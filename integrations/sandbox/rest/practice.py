"""What an account's own people do in the service, past its API.

A client is archived by being no longer active, and deleted with their appointments; a merge deletes
one client and gives their appointments to the other. An appointment cannot be archived, and there
are no operatories: one that is named is passed over.
"""

from collections.abc import Callable, Mapping
from typing import Any

from integrations.sandbox.changes import checked, usual_start
from integrations.sandbox.pms import Change, Stage, WrongChange

from . import records
from .accounts import ACCOUNTS, Site, Staff
from .call import stamped
from .records import Record
from .truth import standing

CLOSING = {"cancel": "cancelled", "no_show": "no_show", "complete": "completed"}
FIELDS = {"birth_date": "date_of_birth"}
# What the service keeps as null where there is nothing.
EMPTY = ("date_of_birth", "email", "phone")
USUAL_MINUTES = 30


def change(stage: Stage, account_id: str, wanted: Change) -> str:
    """Carry out a change at an account; see `pms.Pms.change`."""
    return _Desk(stage, account_id).carry_out(wanted)


class _Desk:
    """Changes one account's records."""

    def __init__(self, stage: Stage, account_id: str) -> None:
        self.stage, self.account = stage, ACCOUNTS[account_id]
        self.now = stage.clock.now()
        self.at = stamped(self.now)

    def carry_out(self, wanted: Change) -> str:
        values = checked(wanted)
        ways: dict[tuple[str, str], Callable[[], str | None]] = {
            ("patient", "create"): lambda: self._register(values),
            ("patient", "update"): lambda: self._alter_client(wanted.id, _given(values)),
            ("patient", "archive"): lambda: self._alter_client(wanted.id, {"active": False}),
            ("patient", "unarchive"): lambda: self._alter_client(wanted.id, {"active": True}),
            ("patient", "merge"): lambda: self._merge(wanted.id, wanted.into),
            ("patient", "delete"): lambda: self._delete_client(wanted.id),
            ("appointment", "create"): lambda: self._book(values),
            ("appointment", "update"): lambda: self._alter(wanted.id, self._fields(values)),
            ("appointment", "delete"): lambda: self._delete(records.APPOINTMENT, wanted.id),
        }
        if wanted.kind == "appointment" and wanted.action in CLOSING:
            self._alter(wanted.id, {"status": CLOSING[wanted.action]})
            return wanted.id
        if (wanted.kind, wanted.action) not in ways:
            raise WrongChange(f"this system cannot {wanted.action} a record of kind {wanted.kind}")
        return ways[wanted.kind, wanted.action]() or wanted.id

    def _register(self, values: Mapping[str, Any]) -> str:
        id = self._next_id(records.CLIENT)
        usual = {"id": int(id), "first_name": "Newcomer", "last_name": f"Number {id}"}
        self._put(records.CLIENT, records.client({**usual, **_given(values)}, self.at))
        return id

    def _alter_client(self, id: str, values: Mapping[str, Any]) -> None:
        record = self._existing(records.CLIENT, id)
        self._put(records.CLIENT, records.changed(record, values, self.at))

    def _merge(self, id: str, into: str) -> None:
        record, kept = self._existing(records.CLIENT, id), self._existing(records.CLIENT, into)
        if id == into:
            raise WrongChange("a patient cannot be merged into themselves")
        for item in self._appointments_of(id):
            moved = records.changed(item, {"client_id": kept["id"]}, self.at)
            self._put(records.APPOINTMENT, moved)
        self._put(records.CLIENT, records.deleted(record, self.at))

    def _delete_client(self, id: str) -> None:
        self._delete(records.CLIENT, id)
        for item in self._appointments_of(id):
            self._put(records.APPOINTMENT, records.deleted(item, self.at))

    def _appointments_of(self, client_id: str) -> list[Record]:
        found = standing(self.stage, self.account.id, records.APPOINTMENT)
        return [item for item in found if str(item["client_id"]) == client_id]

    def _book(self, values: Mapping[str, Any]) -> str:
        id = self._next_id(records.APPOINTMENT)
        member = self._member(values.get("practitioner_id"), values.get("location_id"))
        usual = {
            "practitioner_id": str(member.id),
            "location_id": str(member.site_ids[0]),
            "starts_at": usual_start(self.now),
            "minutes": USUAL_MINUTES,
            "description": "Follow-up",
            "patient_id": values.get("patient_id") or self._anybody(),
        }
        fields = {"id": int(id), **self._fields({**usual, **values})}
        self._put(records.APPOINTMENT, records.appointment(fields, self.at))
        return id

    def _alter(self, id: str, values: Mapping[str, Any]) -> None:
        record = self._existing(records.APPOINTMENT, id)
        self._put(records.APPOINTMENT, records.changed(record, values, self.at))

    def _delete(self, kind: str, id: str) -> None:
        self._put(kind, records.deleted(self._existing(kind, id), self.at))

    def _fields(self, values: Mapping[str, Any]) -> Record:
        """Return an appointment's values as the service's fields, checked against what it knows."""
        fields: Record = {}
        if "patient_id" in values:
            fields["client_id"] = self._existing(records.CLIENT, values["patient_id"])["id"]
        if "practitioner_id" in values:
            fields["staff_id"] = self._member(values["practitioner_id"], None).id
        if "location_id" in values:
            fields["site_id"] = self._site(values["location_id"]).id
        if "starts_at" in values:
            fields["starts_at"] = records.on_wall(values["starts_at"], self.account)
        if "minutes" in values:
            fields["duration_minutes"] = values["minutes"]
        if "description" in values:
            fields["notes"] = values["description"] or None
        return fields

    def _member(self, staff_id: str | None, site_id: str | None) -> Staff:
        for member in self.account.staff:
            if staff_id is not None and str(member.id) == staff_id:
                return member
            here = site_id is None or site_id in map(str, member.site_ids)
            if staff_id is None and here and member.active:
                return member
        raise WrongChange(f"there is no practitioner {staff_id or f'at {site_id}'}")

    def _site(self, site_id: str) -> Site:
        for site in self.account.sites:
            if str(site.id) == site_id:
                return site
        raise WrongChange(f"there is no location {site_id}")

    def _anybody(self) -> str:
        for client in standing(self.stage, self.account.id, records.CLIENT):
            return str(client["id"])
        raise WrongChange("there is no patient to book for")

    def _existing(self, kind: str, id: str) -> Record:
        record: Record | None = self.stage.books.truth(self.account.id, kind, id)
        if record is None or record["deleted_at"]:
            raise WrongChange(f"there is no {'patient' if kind == records.CLIENT else kind} {id}")
        return record

    def _next_id(self, kind: str) -> str:
        return self.stage.books.next_id(self.account.id, kind)

    def _put(self, kind: str, record: Record) -> None:
        id = str(record["id"])
        self.stage.books.put(self.account.id, kind, id, record, loaded_at=self.now)


def _given(values: Mapping[str, Any]) -> Record:
    """Return a patient's values as the service's fields of a client."""
    fields = {FIELDS.get(name, name): value for name, value in values.items()}
    return {name: (value or None) if name in EMPTY else value for name, value in fields.items()}
