"""Keep our copy of a clinic's records: bulk upserts that write only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db import transaction

from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner, Record
from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
)

#: Which table keeps which record.
TABLES: Mapping[type[PmsRecord], type[Record]] = {
    LocationRecord: Location,
    PractitionerRecord: Practitioner,
    OperatoryRecord: Operatory,
    PatientRecord: Patient,
    AppointmentRecord: Appointment,
}
#: Fields of an appointment record that name another record of the same clinic.
REFERENCES: Mapping[str, type[Record]] = {
    "patient_id": Patient,
    "practitioner_id": Practitioner,
    "location_id": Location,
    "operatory_id": Operatory,
}

R = TypeVar("R", bound=PmsRecord)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many records one call found new, changed and as they were."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
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
    kind = type(next(iter(by_id.values())))
    table = TABLES[kind]
    known = dict(
        table._default_manager.filter(clinic=clinic, external_id__in=by_id).values_list(
            "external_id", "payload_hash"
        )
    )
    hashes = {external_id: record.payload_hash() for external_id, record in by_id.items()}
    changed = [by_id[key] for key in by_id if known.get(key) != hashes[key]]
    if changed:
        fields = _rows(clinic, changed)
        rows = [
            table(
                organization_id=clinic.organization_id,
                clinic=clinic,
                payload_hash=hashes[values["external_id"]],
                sync_status=Record.SyncStatus.SYNCED,
                last_synced_at=now,
                created_at=now,
                updated_at=now,
                **values,
            )
            for values in fields
        ]
        written = [name for name in fields[0] if name != "external_id"]
        table._default_manager.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["clinic", "external_id"],
            update_fields=[
                *written,
                "payload_hash",
                "sync_status",
                "last_synced_at",
                "updated_at",
            ],
            batch_size=1000,
        )
    created = sum(record.external_id not in known for record in changed)
    return Stored(created, len(changed) - created, len(by_id) - len(changed))


def _rows(clinic: Clinic, records: list[R]) -> list[dict[str, Any]]:
    """Return each record's fields as the table has them: references become our own ids."""
    rows = [asdict(record) for record in records]
    if not isinstance(records[0], AppointmentRecord):
        return rows
    for field, table in REFERENCES.items():
        wanted = {row[field] for row in rows if row[field]}
        ids = dict(
            table._default_manager.filter(clinic=clinic, external_id__in=wanted).values_list(
                "external_id", "pk"
            )
        )
        for row in rows:
            row[field] = ids.get(row[field])
    return rows
