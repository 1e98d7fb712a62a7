"""Read how a service is written to: method, path, and our fields by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from integrations.adapters.rest import field_options
from integrations.adapters.rest.description import Listing, Write
from integrations.adapters.rest.fields import Field, Kind, Path
from integrations.adapters.rest.options import Section, dotted, wrong
from integrations.queries import Resource

_PATIENT: Final = {
    "first_name": Kind.TEXT,
    "last_name": Kind.TEXT,
    "birth_date": Kind.DATE,
    "email": Kind.TEXT,
    "phone": Kind.TEXT,
}
_PLACE: Final = {"practitioner_id": Kind.ID, "location_id": Kind.ID}
_TIME: Final = {
    **_PLACE,
    "operatory_id": Kind.ID,
    "starts_at": Kind.MOMENT,
    "ends_at": Kind.MOMENT,
    "minutes": Kind.COUNT,
}
#: What can be written, by operation.
BODY_FIELDS: Final[Mapping[str, Mapping[str, Kind]]] = {
    "book": {
        "patient_id": Kind.ID,
        **_TIME,
        "appointment_type_id": Kind.ID,
        "description": Kind.TEXT,
    },
    "reschedule": _TIME,
    "set_status": {"status": Kind.TEXT, "location_id": Kind.ID},
    # For a service that cancels in another way than by a status.
    "cancel": {"status": Kind.TEXT, "location_id": Kind.ID},
    "create_patient": {**_PATIENT, **_PLACE},
    "update_patient": {**_PATIENT, "location_id": Kind.ID},
}
#: Without these it would not be what was asked for.
NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "book": ("patient_id", "starts_at"),
    "reschedule": ("starts_at",),
    "set_status": ("status",),
    "cancel": (),
    "create_patient": ("last_name",),
    "update_patient": (),
}
#: What makes a new record: its path has no {id}.
CREATES: Final = frozenset({"book", "create_patient"})
PATIENT_WRITES: Final = frozenset({"create_patient", "update_patient"})


def resource_of(operation: str) -> Resource:
    """Return which list has what an operation makes or changes."""
    return Resource.PATIENTS if operation in PATIENT_WRITES else Resource.APPOINTMENTS


def writes(top: Section, lists: Mapping[Resource, Listing]) -> dict[str, Write]:
    """Return every write that is described."""
    section = Section.of("writes", top.value("writes", {}))
    found = {
        operation: _write(Section.of(section.at(operation), section.value(operation)), operation)
        for operation in BODY_FIELDS
        if section.value(operation) is not None
    }
    section.finish()
    for operation, write in found.items():
        where = section.at(operation)
        listing = lists.get(resource_of(operation))
        if listing is None:
            raise wrong(where, f"needs the list of {resource_of(operation)}, to read it back")
        # What is written and never shown again would prove nothing.
        for name in write.body:
            if name in field_options.RECORD_FIELDS[listing.resource] and not _is_shown(
                name, listing
            ):
                raise wrong(
                    f"lists.{listing.resource}.fields.{name}",
                    f"must be given: whether {operation} was done is read there",
                )
    return found


def _is_shown(name: str, listing: Listing) -> bool:
    return name in listing.fields or name in {"ends_at", "minutes"}


def _write(section: Section, operation: str) -> Write:
    is_new = operation in CREATES
    method = section.choice(
        "method", ("POST", "PUT", "PATCH", "DELETE"), "POST" if is_new else "PATCH"
    )
    if method == "DELETE" and operation != "cancel":
        raise wrong(section.at("method"), "DELETE is for cancel alone")
    found = Write(
        operation=operation,
        method=method,
        path=section.path("path", ids=0 if is_new else 1),
        body=field_options.read(
            section, "body", BODY_FIELDS[operation], NEEDED[operation], is_body=True
        ),
        constants=_constants(section),
    )
    if method == "DELETE" and (found.body or found.constants):
        raise wrong(section.at("body"), "a DELETE has none")
    if {"ends_at", "minutes"} <= set(found.body):
        raise wrong(section.at("body"), "must have ends_at or minutes, not both")
    if operation == "update_patient" and not set(found.body) & set(_PATIENT):
        raise wrong(section.at("body"), "must have a field of the patient")
    _check_places(section.at("body"), found.body, found.constants)
    section.finish()
    return found


def _constants(section: Section) -> dict[Path, Any]:
    """Read what is always sent along, by dotted path."""
    fixed = Section.of(section.at("set"), section.value("set", {}))
    for name, value in fixed.values.items():
        if not isinstance(value, str | int | float | bool | None):
            raise wrong(fixed.at(str(name)), "must be a text, a number, true, false or null")
    return {dotted(fixed.at(str(name)), name): value for name, value in fixed.values.items()}


def _check_places(where: str, body: Mapping[str, Field], constants: Mapping[Path, Any]) -> None:
    """Complain of two values in one place, or of one inside of another."""
    places = [path for field in body.values() for path in field.paths] + list(constants)
    for number, path in enumerate(places):
        for other in places[number + 1 :]:
            shorter = min(len(path), len(other))
            if path[:shorter] == other[:shorter]:
                raise wrong(where, f"has two values at {'.'.join(path[:shorter])}")
