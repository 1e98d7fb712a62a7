"""Records of a PMS as rows of our tables: within the columns' bounds, encrypted, with indexes.

The instances of Django's models are left out: they cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from django.db.models import CharField, DateTimeField, Field

from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Patient,
    Practitioner,
    Record,
)
from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
)
from encryption.blind import BlindIndexField
from encryption.fields import Encrypted, name_of_row

#: Which table keeps which record.
TABLES: Mapping[type[PmsRecord], type[Record]] = {
    LocationRecord: Location,
    PractitionerRecord: Practitioner,
    OperatoryRecord: Operatory,
    AppointmentTypeRecord: AppointmentType,
    PatientRecord: Patient,
    AppointmentRecord: Appointment,
}
KINDS: Mapping[type[Record], type[PmsRecord]] = {table: kind for kind, table in TABLES.items()}
#: Fields of an appointment record that name another record of the same clinic.
REFERENCES: Mapping[str, type[Record]] = {
    "patient_id": Patient,
    "practitioner_id": Practitioner,
    "location_id": Location,
    "operatory_id": Operatory,
    "appointment_type_id": AppointmentType,
}
#: Texts that are ids of the PMS, beside the record's own. An id is never cut: two might become one.
IDS = frozenset({*REFERENCES, "guarantor_id"})
#: Characters of an id at most, as its column has it.
LONGEST_ID = 200


class NotStorable(ValueError):
    """A record cannot be a row; the message says why and holds no value of it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records of one kind become rows of their table."""

    #: Field of the record → what brings its value within the bounds of its column.
    told: tuple[tuple[str, Callable[[Any], Any]], ...]
    encrypted: tuple[tuple[str, Encrypted], ...]
    indexes: tuple[BlindIndexField, ...]
    #: Fields that name other records.
    references: tuple[str, ...]


@cache
def layout(table: type[Record]) -> Layout:
    """Return how the records of this table are stored."""
    names = [field.name for field in fields(KINDS[table])]
    references = tuple(name for name in names if table is Appointment and name in REFERENCES)
    columns: dict[str, Field[Any, Any]] = {
        name: table._meta.get_field(name)  # type: ignore[misc]  # a column, not a relation
        for name in names
        if name not in references
    }
    return Layout(
        told=tuple((name, _within_bounds(name, columns.get(name))) for name in names),
        encrypted=tuple((n, each) for n, each in columns.items() if isinstance(each, Encrypted)),
        indexes=tuple(f for f in table._meta.concrete_fields if isinstance(f, BlindIndexField)),
        references=references,
    )


def row_of(clinic: Clinic, table: type[Record], record: PmsRecord) -> dict[str, Any]:
    """Return a record as its columns hold it, in what JSON can say; all but its hash.

    Names of other records are still the PMS's ids. Raises NotStorable.
    """
    found = layout(table)
    row = {name: within(getattr(record, name)) for name, within in found.told}
    if found.indexes:
        seen = SimpleNamespace(clinic=clinic, **row)
        indexed = {index.name: index.hashed(index.normal(seen)) for index in found.indexes}
        row.update(indexed)
    if found.encrypted:
        values = {"clinic_id": clinic.pk, "external_id": record.external_id}
        name = name_of_row(table, values.get)
        for column, field in found.encrypted:
            row[column] = field.encrypted(row[column], name)
    return row


def check_id(external_id: str) -> None:
    """Raise NotStorable for what cannot be the id of a row."""
    if not external_id:
        raise NotStorable("has no id")
    if len(external_id) > LONGEST_ID:
        raise NotStorable(f"has an id of more than {LONGEST_ID} characters")
    if storable(external_id) != external_id:
        raise NotStorable("has an id with characters that cannot be stored")


def is_usable_id(external_id: str) -> bool:
    """Return whether a row can have this id."""
    try:
        check_id(external_id)
    except NotStorable:
        return False
    return True


def whole_id(text: str) -> str:
    """Return an id of another record as a column holds it; "" for one that no record can have."""
    return text if is_usable_id(text) else ""


def moment(value: datetime | None) -> str | None:
    """Return a time in UTC, as it can also be read again: PostgreSQL knows years that Python does
    not. Raises NotStorable."""
    if value is None:
        return None
    if value.tzinfo is UTC:  # as adapters tell nearly all
        return value.isoformat()
    try:
        if value.utcoffset() is not None:
            return value.astimezone(UTC).isoformat()
    except OverflowError:
        pass
    raise NotStorable("has a time that cannot be kept")


def storable(text: str) -> str:
    """Return a text without what PostgreSQL does not take: NUL, and halves of surrogate pairs."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def _within_bounds(name: str, field: Field[Any, Any] | None) -> Callable[[Any], Any]:
    """Return what makes a value of a record one of its column, whose length no PMS knows."""
    if name == "external_id":
        return str
    if name in IDS:
        return whole_id
    if isinstance(field, CharField):
        return partial(_cut, field.max_length)
    return moment if isinstance(field, DateTimeField) else _as_it_is


def _cut(longest: int | None, text: str) -> str:
    return storable(text)[:longest]


def _as_it_is(value: Any) -> Any:
    return value
