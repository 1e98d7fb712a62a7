"""Keep our copy of a clinic's records: bulk upserts that write only what changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import CharField

from clinics.models import Appointment, AppointmentType, Clinic, Location, Operatory, Patient, Practitioner, Record
from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Removed,
)
from encryption.blind import BlindIndexField, keyed_hash

#: Which table keeps which record.
TABLES: Mapping[type[PmsRecord], type[Record]] = {
    LocationRecord: Location,
    PractitionerRecord: Practitioner,
    OperatoryRecord: Operatory,
    AppointmentTypeRecord: AppointmentType,
    PatientRecord: Patient,
    AppointmentRecord: Appointment,
}
#: Fields of an appointment record that name another record of the same clinic.
REFERENCES: Mapping[str, type[Record]] = {
    "patient_id": Patient,
    "practitioner_id": Practitioner,
    "location_id": Location,
    "operatory_id": Operatory,
    "appointment_type_id": AppointmentType,
}

#: Texts that are ids of the PMS, beside the record's own.
IDS = frozenset({"guarantor_id"})

R = TypeVar("R", bound=PmsRecord)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many records were found new, changed, as they were, and impossible to keep."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unreadable: int = 0
    removed: int = 0
    failed: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.unreadable + other.unreadable,
            self.removed + other.removed,
            self.failed + other.failed,
        )


@transaction.atomic
def store(clinic: Clinic, records: Iterable[R], *, now: datetime) -> Stored:
    """Insert the records that are new, update those whose hash changed, touch nothing else.

    All records are of one kind; of two with the same id the last one counts. Safe to run twice
    and at once: the unique key on (clinic, external_id) decides.
    """
    by_id = {record.external_id: record for record in records}
    if not by_id:
        return Stored()
    # Always in the same order: two imports at once then wait for each other, without a deadlock.
    ordered = [by_id[external_id] for external_id in sorted(by_id)]
    table = TABLES[type(ordered[0])]
    known = dict(
        table._default_manager.filter(clinic=clinic, external_id__in=by_id).values_list(
            "external_id", "payload_hash"
        )
    )
    rows = _rows(clinic, table, ordered)
    changed = [row for row in rows if known.get(row["external_id"]) != row["payload_hash"]]
    if changed:
        table._default_manager.bulk_create(
            [
                table(
                    organization_id=clinic.organization_id,
                    clinic=clinic,
                    sync_status=Record.SyncStatus.SYNCED,
                    last_synced_at=now,
                    created_at=now,
                    updated_at=now,
                    **row,
                )
                for row in changed
            ],
            update_conflicts=True,
            unique_fields=["clinic", "external_id"],
            update_fields=[
                *(name for name in changed[0] if name != "external_id"),
                *(each.name for each in table._meta.fields if isinstance(each, BlindIndexField)),
                "sync_status",
                "sync_errors",
                "removed_at",
                "last_synced_at",
                "updated_at",
            ],
            batch_size=1000,
        )
    created = sum(row["external_id"] not in known for row in changed)
    return Stored(created, len(changed) - created, len(rows) - len(changed))


def _rows(clinic: Clinic, table: type[Record], records: list[R]) -> list[dict[str, Any]]:
    """Return each record's fields as the table has them: references become our own ids, and
    texts are cut to their columns, whose lengths a PMS does not know. PostgreSQL takes no NUL
    and no half of a surrogate pair."""
    rows = [{**asdict(record), "payload_hash": record.payload_hash()} for record in records]
    if table is Appointment:
        _resolve(clinic, rows)
    for row in rows:
        row["payload_hash"] = keyed_hash(row["payload_hash"], "payload_hash")
    for field in table._meta.get_fields():
        if isinstance(field, CharField) and field.name in rows[0] and field.name != "external_id":
            for row in rows:
                text = row[field.name].replace("\0", "").encode("utf-8", "ignore").decode()
                whole = text if len(text) <= (field.max_length or len(text)) else ""
                # An id is never cut: two might become one.
                row[field.name] = whole if field.name in IDS else text[: field.max_length]
    return rows


def _resolve(clinic: Clinic, rows: list[dict[str, Any]]) -> None:
    """Replace the PMS's ids by ours. One that we do not know yet is left open and changes the
    hash, so that the row is written again as soon as we do."""
    for field, target in REFERENCES.items():
        wanted = {row[field] for row in rows if row[field]}
        ids = dict(
            target._default_manager.filter(clinic=clinic, external_id__in=wanted).values_list(
                "external_id", "pk"
            )
        )
        for row in rows:
            named, row[field] = row[field], ids.get(row[field])
            if named and row[field] is None:
                text = f"{row['payload_hash']} without {field}"
                row["payload_hash"] = hashlib.sha256(text.encode()).hexdigest()


def remove(clinic: Clinic, table: type[Record], removed: Iterable[Removed], *, now: datetime) -> int:
    """Temporary."""
    ids = [each.external_id for each in removed]
    return table._default_manager.filter(clinic=clinic, external_id__in=ids, removed_at=None).update(removed_at=now)


def resolve(clinic: Clinic, *, now: datetime) -> int:
    """Temporary."""
    return 0
