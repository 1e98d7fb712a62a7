"""Which fields a record has, and how options say where they stand in the PMS's JSON."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from integrations.adapters.rest.fields import FORMATS, NO, YES, Field, Kind
from integrations.adapters.rest.options import Section, dotted, wrong
from integrations.queries import Resource

#: What every record may tell. A record with `deleted` is no more.
COMMON: Final = {
    "id": Kind.ID,
    "made_at": Kind.MOMENT,
    "changed_at": Kind.MOMENT,
    "deleted": Kind.FLAG,
}
RECORD_FIELDS: Final[Mapping[Resource, Mapping[str, Kind]]] = {
    Resource.LOCATIONS: {**COMMON, "name": Kind.TEXT, "timezone": Kind.TEXT},
    Resource.PRACTITIONERS: {
        **COMMON,
        "first_name": Kind.TEXT,
        "last_name": Kind.TEXT,
        "is_active": Kind.FLAG,
    },
    Resource.OPERATORIES: {**COMMON, "name": Kind.TEXT},
    Resource.APPOINTMENT_TYPES: {
        **COMMON,
        "name": Kind.TEXT,
        "minutes": Kind.COUNT,
        "is_active": Kind.FLAG,
    },
    Resource.PATIENTS: {
        **COMMON,
        "first_name": Kind.TEXT,
        "last_name": Kind.TEXT,
        "birth_date": Kind.DATE,
        "email": Kind.TEXT,
        "phone": Kind.TEXT,
        "other_phone": Kind.TEXT,
        "guarantor_id": Kind.ID,
        "is_active": Kind.FLAG,
        # The id of the record that is left after a merge; this one is no more then.
        "merged_into": Kind.ID,
    },
    Resource.APPOINTMENTS: {
        **COMMON,
        "patient_id": Kind.ID,
        "practitioner_id": Kind.ID,
        "location_id": Kind.ID,
        "operatory_id": Kind.ID,
        "appointment_type_id": Kind.ID,
        "starts_at": Kind.MOMENT,
        "ends_at": Kind.MOMENT,
        # How long it takes; stands before ends_at, since it is right when clocks change, too.
        "minutes": Kind.COUNT,
        "status": Kind.TEXT,
        # For a PMS that says so beside the status: each makes the status what it is called.
        "is_cancelled": Kind.FLAG,
        "is_noshow": Kind.FLAG,
        "cancelled_at": Kind.MOMENT,
        "description": Kind.TEXT,
    },
}
#: Without these a record is of no use.
NEEDED: Final[Mapping[Resource, tuple[str, ...]]] = {
    Resource.LOCATIONS: ("id", "name"),
    Resource.PRACTITIONERS: ("id", "last_name"),
    Resource.OPERATORIES: ("id", "name"),
    Resource.APPOINTMENT_TYPES: ("id", "name"),
    Resource.PATIENTS: ("id", "last_name"),
    Resource.APPOINTMENTS: ("id", "patient_id", "starts_at"),
}
SLOT_FIELDS: Final = {
    "starts_at": Kind.MOMENT,
    "ends_at": Kind.MOMENT,
    "practitioner_id": Kind.ID,
    "location_id": Kind.ID,
}
#: How a flag is written where options do not say.
USUAL_FORMATS: Final = {"deleted": "set"}


def record_fields(outer: Section, resource: Resource) -> dict[str, Field]:
    """Return where the fields of a list's records stand."""
    fields = read(outer, "fields", RECORD_FIELDS[resource], NEEDED[resource])
    if resource is Resource.APPOINTMENTS and not {"ends_at", "minutes"} & set(fields):
        raise wrong(outer.at("fields"), "must say where ends_at or minutes stands")
    return fields


def slot_fields(outer: Section) -> dict[str, Field]:
    """Return where a free slot's times stand, and whose and where it is."""
    return read(outer, "fields", SLOT_FIELDS, ("starts_at",))


def account_fields(outer: Section) -> dict[str, Field]:
    """Return where the id and the name of the account stand."""
    return read(outer, "fields", {"id": Kind.ID, "name": Kind.TEXT}, ("id",))


def read(
    outer: Section,
    key: str,
    kinds: Mapping[str, Kind],
    needed: Collection[str] = (),
    *,
    is_body: bool = False,
) -> dict[str, Field]:
    """Return our field → where it stands. Raises ValueError for a field that there is not."""
    section = Section.of(outer.at(key), outer.value(key, {}))
    fields = {
        name: _field(section, name, kind, is_body=is_body)
        for name, kind in kinds.items()
        if section.value(name) is not None
    }
    section.finish()
    for name in needed:
        if name not in fields:
            raise wrong(section.at(name), "must be given: where it stands in the PMS's JSON")
    return fields


def _field(outer: Section, name: str, kind: Kind, *, is_body: bool) -> Field:
    """Read "client.id", or an object with `path` or `join`, `with`, `format`, `yes` and `no`."""
    value = outer.value(name)
    where = outer.at(name)
    if isinstance(value, str):
        value = {"path": value}
    section = Section.of(where, value)
    joined = section.value("join")
    if joined is None:
        paths = [section.needed("path")]
    else:
        section.value("path")
        if not isinstance(joined, list) or len(joined) < 2 or "path" in section.values:
            raise wrong(
                section.at("join"), "must be a list of two paths or more, and no path beside"
            )
        paths = joined
    if joined is not None and kind not in {Kind.TEXT, Kind.MOMENT}:
        raise wrong(section.at("join"), "is for texts and times alone")
    usual = USUAL_FORMATS.get(name, FORMATS[kind][0])
    field = Field(
        name=name,
        kind=kind,
        paths=tuple(dotted(where, path) for path in paths),
        format=section.choice("format", FORMATS[kind], usual),
        glue=section.text("with", "T" if kind is Kind.MOMENT else " "),
        yes=section.words("yes", YES),
        no=section.words("no", NO),
    )
    section.finish()
    if is_body:
        _check_body(where, field)
    return field


def _check_body(where: str, field: Field) -> None:
    """Complain of what can be read and not written."""
    if len(field.paths) > 1 and (
        field.kind is not Kind.MOMENT
        or len(field.paths) != 2
        or field.format not in {"iso", "offset", "wall"}
    ):
        raise wrong(where, "only a time is written in two parts: its date and its clock")
    if field.format == "link":
        raise wrong(where, "a link is read, not written: text or number")
    if any(step.isdecimal() for path in field.paths for step in path):
        raise wrong(where, "a body has names, not places in a list")
