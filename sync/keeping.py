"""Put a page's records into our copy, and note those that cannot be kept."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import F

from clinics.models import (
    Appointment,
    AppointmentType,
    Location,
    Operatory,
    Patient,
    Practitioner,
    Record,
)
from clinics.records import PmsRecord, Removed, Unreadable
from clinics.rows import is_usable_id
from clinics.services import Stored, keep_aside, remove, store
from integrations.models import Integration
from integrations.queries import Page, Resource
from sync.models import Checkpoint, SetAside, SyncRun

TABLES: Final[dict[Resource, type[Record]]] = {
    Resource.LOCATIONS: Location,
    Resource.PRACTITIONERS: Practitioner,
    Resource.OPERATORIES: Operatory,
    Resource.APPOINTMENT_TYPES: AppointmentType,
    Resource.PATIENTS: Patient,
    Resource.APPOINTMENTS: Appointment,
}

_SIGHT: Final = """
    INSERT INTO pms_sync_sightings (run_id, organization_id, step, digest, external_ids)
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT ON CONSTRAINT sync_page_once DO NOTHING
"""


def keep(
    integration: Integration,
    resource: Resource,
    records: Sequence[PmsRecord | Removed | Unreadable],
    now: datetime,
    asked_at: datetime,
    *,
    clears: bool = True,
    is_whole: bool = False,
) -> tuple[Stored, int]:
    """Store, remove or set aside each record; return the counts, and how many were set aside.

    `asked_at` is when the PMS was asked for them: what is here since then is newer. `clears` says
    that some may have been set aside once, and are here now; `is_whole` that they are of a full
    pass, which has the last word over what is older than it.
    """
    clinic = integration.clinic
    good = [each for each in records if isinstance(each, PmsRecord)]
    stored = store(clinic, good, now=now, asked_at=asked_at, is_whole=is_whole)
    # Of one that is told twice the last counts, as in `store`.
    last = {each.external_id: each for each in records}
    removed = [
        each
        for each in records
        if isinstance(each, Removed) and not isinstance(last[each.external_id], PmsRecord)
    ]
    if removed:
        stored += remove(clinic, TABLES[resource], removed, now=now)
    unread = [each for each in records if isinstance(each, Unreadable)]
    keep_aside(clinic, TABLES[resource], unread)
    aside = [*unread, *stored.failed]
    for each in aside:
        _set_aside(integration, resource, each, now)
    if clears:
        kept = {each.external_id for each in good} - {each.external_id for each in stored.failed}
        settle_aside(integration, resource, kept | {each.external_id for each in removed})
    return stored, len(aside)


def settle_aside(
    integration: Integration, resource: Resource, external_ids: Collection[str]
) -> None:
    """Forget what was once set aside of these records: they are here now, or are no more."""
    SetAside.objects.filter(
        integration=integration,
        resource=resource,
        external_id__in=[each for each in external_ids if is_usable_id(each)],
    ).delete()


def sight(run: SyncRun, checkpoint: Checkpoint, page: Page) -> bool:
    """Note the ids of a page; False where a page of just these ids was there before in the step,
    in the same part of the list: a record that changed on two days is told for both.

    A second look at the list sees the same pages again, and adds to what was seen.
    """
    ids = sorted({each.external_id for each in page.records if is_usable_id(each.external_id)})
    if not ids:
        return True
    text = "\0".join([str(checkpoint.is_second_look), page.part, *ids])
    digest = hashlib.sha256(text.encode()).hexdigest()[:32]
    with connection.cursor() as cursor:
        cursor.execute(_SIGHT, [run.pk, run.organization_id, checkpoint.step, digest, ids])
        return cursor.rowcount == 1


def _set_aside(
    integration: Integration, resource: Resource, record: Unreadable, now: datetime
) -> None:
    same = {
        "integration": integration,
        "resource": resource,
        "external_id": record.external_id if is_usable_id(record.external_id) else "",
        "reason": record.reason[:200],
    }
    if not SetAside.objects.filter(**same).update(last_seen_at=now, times=F("times") + 1):
        SetAside.objects.create(
            **same,
            organization_id=integration.organization_id,
            first_seen_at=now,
            last_seen_at=now,
        )
