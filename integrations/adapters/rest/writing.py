"""Put what is asked into a service's words, and tell from a write what it asks for.

A write is kept as it is sent: method, path and body. What it asks for is read back from these by
the same description, and then held against what the service shows. Pure functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from clinics.records import AppointmentRecord, PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.rest import matching
from integrations.adapters.rest.description import Description, Write
from integrations.adapters.rest.fields import (
    Field,
    Kind,
    Path,
    UnreadableField,
    ZoneUnknown,
    is_usable_id,
)
from integrations.adapters.rest.write_options import CREATES, resource_of
from integrations.commands import (
    BookAppointment,
    Command,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite
from integrations.http.errors import Refused
from integrations.queries import Resource

#: Our field of a write → the field of a record that shows it; those of the same name are left out.
SHOWN_AS: Final = {"status": "pms_status"}
#: A service may cut these or add to them: the appointment stands all the same.
NO_PROOF: Final = frozenset({"description"})
#: What a path of a write may be long at most: the column that keeps it.
LONGEST_ENDPOINT: Final = 250


@dataclass(frozen=True, slots=True)
class Wish:
    """What a write asks for: which record, and what it is to show."""

    operation: str
    #: "" for a record that is to be made.
    external_id: str
    values: Mapping[str, Any]

    @property
    def resource(self) -> Resource:
        """Which list has the record."""
        return resource_of(self.operation)

    @property
    def is_new(self) -> bool:
        """Whether it makes a record."""
        return self.operation in CREATES

    def is_shown_by(self, record: PmsRecord | Removed | Unreadable) -> bool:
        """Return whether a record is as it was asked for, in all that records tell."""
        if self.operation == "cancel" and isinstance(record, Removed):
            return True
        if not isinstance(record, AppointmentRecord | PatientRecord):
            return False
        if self.operation == "cancel":
            return getattr(record, "status", "") == "cancelled"
        proof = [
            (SHOWN_AS.get(name, name), value)
            for name, value in self.values.items()
            if name not in NO_PROOF and hasattr(record, SHOWN_AS.get(name, name))
        ]
        return bool(proof) and all(
            matching.same(name, value, getattr(record, name)) for name, value in proof
        )

    def is_worded_as_asked(self, record: object) -> bool:
        """Return whether the description is the one that was asked for."""
        asked = self.values.get("description")
        return not asked or matching.same("description", asked, getattr(record, "description", ""))


# --- Preparing --------------------------------------------------------------------------------


def prepare(description: Description, command: Command) -> PreparedWrite:
    """Return the call that does this. Raises Refused where the service cannot do it."""
    operation, external_id, values = _asked(description, command)
    write = description.writes.get(operation)
    if write is None:
        what = operation.replace("_", " ")
        raise Refused(f"The description of this service has no way to {what}.")
    path = write.path
    if external_id:
        if not is_usable_id(external_id):
            raise Refused("The PMS's id of this record cannot stand in an address.")
        path = path.replace("{id}", quote(external_id, safe=""))
    if len(path) > LONGEST_ENDPOINT:
        raise Refused("The PMS's id of this record is too long for an address.")
    body: dict[str, Any] = {}
    for name, field in write.body.items():
        # Of a new record, what says nothing is better not sent: it might be refused. Of one that
        # there is, only what is to change comes along, and what is empty empties it.
        if name in values and (values[name] or write.operation not in CREATES):
            for place, value in _places(field, values[name]):
                _put(body, place, value)
    for place, value in write.constants.items():
        _put(body, place, value)
    return PreparedWrite(method=write.method, endpoint=path, body=body)


def _asked(description: Description, command: Command) -> tuple[str, str, dict[str, Any]]:
    """Return the operation, the id of what it changes, and our fields' values."""
    match command:
        case BookAppointment():
            values = {
                "patient_id": command.patient_id,
                "appointment_type_id": command.type,
                "description": command.description,
            }
            return "book", "", values | _when_and_where(command)
        case RescheduleAppointment():
            return "reschedule", command.appointment_id, _when_and_where(command)
        case SetStatus():
            cancels = description.status(command.word) == "cancelled"
            operation = "cancel" if cancels and "cancel" in description.writes else "set_status"
            values = {"status": command.word, "location_id": command.location_id}
            return operation, command.appointment_id, values
        case CreatePatient():
            names = ("first_name", "last_name", "birth_date", "email", "phone")
            values = {name: getattr(command, name) for name in names}
            place = {
                "practitioner_id": command.practitioner_id,
                "location_id": command.location_id,
            }
            return "create_patient", "", values | place
        case UpdatePatient():
            place = {"location_id": command.location_id}
            return "update_patient", command.patient_id, dict(command.changes) | place
    raise Refused(f"A service that is described by data knows no {type(command).__name__}.")


def _when_and_where(command: BookAppointment | RescheduleAppointment) -> dict[str, Any]:
    # Two times of the same zone are subtracted as wall clocks, so not directly.
    lasts = command.ends_at.astimezone(UTC) - command.starts_at.astimezone(UTC)
    found: dict[str, Any] = {
        "practitioner_id": command.practitioner_id,
        "operatory_id": command.operatory_id,
        "location_id": command.location_id,
        "starts_at": command.starts_at,
        "ends_at": command.ends_at,
        "minutes": int(lasts.total_seconds() // 60),
    }
    if not command.operatory_id:
        del found["operatory_id"]
    return found


def _places(field: Field, value: Any) -> Iterator[tuple[Path, Any]]:
    try:
        yield from field.written(value)
    except ValueError:
        raise Refused(f"The PMS's {field.name} is to be a number, and is none.") from None


def _put(body: dict[str, Any], path: Path, value: Any) -> None:
    for step in path[:-1]:
        body = body.setdefault(step, {})
    body[path[-1]] = value


# --- Reading back -----------------------------------------------------------------------------


def wish(description: Description, prepared: PreparedWrite, zone: ZoneInfo | None) -> Wish | None:
    """Return what a write asks for; None where the description has no such write any more.

    `zone` is whose clock its times are, where they have none of their own. Raises ZoneUnknown where
    it is None and that matters.
    """
    leaves = set(_leaves(prepared.body))
    fitting = []
    for write in description.writes.values():
        external_id = _target(write, prepared)
        known = {place for field in write.body.values() for place in field.paths}
        if external_id is not None and leaves <= known | set(write.constants):
            fitting.append((len(known), write, external_id))
    if not fitting:
        return None
    # Of two that could be it, the one that says less beside: a status is no new time.
    _, write, external_id = min(fitting, key=lambda each: each[0])
    try:
        values = {
            name: _value(field, prepared.body, zone)
            for name, field in write.body.items()
            if set(field.paths) & leaves
        }
    except ZoneUnknown:
        raise
    except UnreadableField:
        return None
    if "minutes" in values and values.get("starts_at"):
        values["ends_at"] = values["starts_at"] + timedelta(minutes=values.pop("minutes") or 0)
    return Wish(write.operation, external_id, values)


def location_of(description: Description, prepared: PreparedWrite) -> str:
    """Return the site that a write names; "" where it names none."""
    found = wish(description, prepared, ZoneInfo("UTC"))
    return str(found.values.get("location_id") or "") if found else ""


def _value(field: Field, body: Mapping[str, Any], zone: ZoneInfo | None) -> Any:
    match field.kind:
        case Kind.MOMENT:
            found: datetime | None = field.moment(body, zone)
            return found
        case Kind.DATE:
            return field.date(body)
        case Kind.COUNT:
            return field.count(body)
        case Kind.ID:
            return field.id(body)
    return field.text(body)


def _target(write: Write, prepared: PreparedWrite) -> str | None:
    """Return the id in a write's path, "" where there is none to be; None for another write."""
    if write.method != prepared.method:
        return None
    before, has_id, after = write.path.partition("{id}")
    path = prepared.endpoint
    if not has_id:
        return "" if path == before else None
    middle = path[len(before) : len(path) - len(after)]
    whole = path.startswith(before) and path.endswith(after) and middle and "/" not in middle
    return unquote(middle) if whole else None


def _leaves(body: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name)
