"""Keep our copy of a clinic's records: what is new or changed is written, nothing is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import DataError, IntegrityError, transaction

from clinics import changes, upsert
from clinics.models import Appointment, Clinic, Record
from clinics.records import PmsRecord, Removed, Unreadable
from clinics.rows import TABLES, NotStorable, check_id, is_usable_id, moment, row_of
from encryption.blind import keyed_hash

__all__ = ["TABLES", "Stored", "keep_aside", "remove", "resolve", "store"]

#: Rows of one statement at most.
BATCH = 1000
#: A PMS may tell a change by one list (or one of its servers) and for a while not yet by another.
#: So much later it tells the same by all; Frontdesk's own choice.
SETTLED = timedelta(hours=1)
#: So many of the records that could not be kept are named where counts are added up.
NAMED = 100

R = TypeVar("R", bound=PmsRecord)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """How many records were found new, changed, as they were, impossible to keep, and removed.

    `failed` names those that `store` could not keep, by id and reason; they count as unreadable. A
    sum has only the first of them.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    unreadable: int = 0
    removed: int = 0
    failed: tuple[Unreadable, ...] = ()

    def __add__(self, other: Stored) -> Stored:
        return Stored(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.unreadable + other.unreadable,
            self.removed + other.removed,
            (self.failed + other.failed)[:NAMED],
        )


@transaction.atomic(savepoint=False)
def store(
    clinic: Clinic,
    records: Iterable[R],
    *,
    now: datetime,
    asked_at: datetime | None = None,
    is_whole: bool = False,
) -> Stored:
    """Insert the records that are new, update those that changed, touch nothing else.

    All records are of one kind. Of two with the same id the one that changed last counts, else the
    last one; what we have of a later time stays, and so does what we changed ourselves since the
    PMS was asked (`asked_at`, else `now`). A record that is told is there: it is not removed
    any more, nor in error. `is_whole` says that they are of a list that is read whole: what such a
    list tells SETTLED after we last wrote a row stands over a later time, which came from a clock
    that ran ahead. One that cannot be kept stops no other: it is named in the answer, and
    the row that there is of it says why. Safe to run twice and at once.
    """
    newest, failed = _newest(records)
    if not newest:
        return Stored(unreadable=len(failed), failed=tuple(failed))
    table = TABLES[type(next(iter(newest.values())))]
    told = list(_told(newest, failed))
    asked_at = asked_at or now
    asked = upsert.Asked(at=asked_at, settled_at=asked_at - SETTLED if is_whole else None)
    news = upsert.news(clinic, table, told, asked)
    rows = _rows(clinic, table, newest, [one for one in told if one["external_id"] in news], failed)
    written: dict[str, bool] = {}
    for batch in _batches(list(rows)):
        written |= _write(clinic, table, batch, now, asked, failed)
    keep_aside(clinic, table, failed)
    created = sum(written.values())
    updated = sum(not is_new and not news[one] for one, is_new in written.items())
    if written and table is Appointment:
        changes.announce(clinic.pk)
    lost = sum(one.external_id in newest for one in failed)
    return Stored(
        created=created,
        updated=updated,
        unchanged=len(newest) - created - updated - lost,
        unreadable=len(failed),
        failed=tuple(failed),
    )


@transaction.atomic(savepoint=False)
def remove(
    clinic: Clinic, table: type[Record], removed: Iterable[Removed], *, now: datetime
) -> Stored:
    """Mark records as no more in the PMS; their rows, and all that refers to them, stay.

    `now` is when the PMS was asked: a row that was written after that is newer, and stays as it is.
    Of a patient it is kept into whom they were merged. Safe to repeat.
    """
    # What no row can have needs no mark.
    into = {one.external_id: one.merged_into for one in removed if is_usable_id(one.external_id)}
    count = upsert.remove(clinic, table, into, now) if into else 0
    if count and table is Appointment:
        changes.announce(clinic.pk)
    return Stored(removed=count)


@transaction.atomic(savepoint=False)
def keep_aside(clinic: Clinic, table: type[Record], records: Iterable[Unreadable]) -> int:
    """Note at the rows of records that cannot be kept why their newest state is not here.

    Returns how many rows say so anew. What was never here has no row; nor has what has no id.
    """
    reasons = {
        one.external_id: one.reason[:200] for one in records if is_usable_id(one.external_id)
    }
    return upsert.mark(clinic, table, reasons) if reasons else 0


@transaction.atomic(savepoint=False)
def resolve(clinic: Clinic, now: datetime) -> int:
    """Link the clinic's appointments to records that came after them; returns how many it linked.

    An incremental sync does not send an appointment again when its patient is there at last, so
    this belongs at the end of each run.
    """
    linked = upsert.resolve(clinic, now)
    if linked:
        changes.announce(clinic.pk)
    return linked


def _newest(records: Iterable[R]) -> tuple[dict[str, R], list[Unreadable]]:
    """Return each id's newest record, and those whose ids no row can have."""
    newest: dict[str, R] = {}
    failed = []
    for record in records:
        external_id = record.external_id
        try:
            check_id(external_id)
        except NotStorable as error:
            failed.append(Unreadable(str(error)))
            continue
        other = newest.get(external_id)
        if (
            other is None
            or other.changed_at is None
            or record.changed_at is None
            or record.changed_at >= other.changed_at
        ):
            newest[external_id] = record
    return newest, failed


def _told(newest: Mapping[str, PmsRecord], failed: list[Unreadable]) -> Iterator[Row]:
    """Yield what each record is compared by."""
    for external_id, record in newest.items():
        try:
            changed_at = moment(record.changed_at)
        except NotStorable as error:
            failed.append(Unreadable(str(error), external_id))
            continue
        yield {
            "external_id": external_id,
            "payload_hash": keyed_hash(record.payload_hash(), "payload_hash"),
            "changed_at": changed_at,
        }


def _rows(
    clinic: Clinic,
    table: type[Record],
    newest: Mapping[str, PmsRecord],
    told: Iterable[Row],
    failed: list[Unreadable],
) -> Iterator[Row]:
    """Yield whole rows of what is to be written: only that is encrypted."""
    for one in told:
        external_id = one["external_id"]
        try:
            yield {**row_of(clinic, table, newest[external_id]), **one}
        except NotStorable as error:
            failed.append(Unreadable(str(error), external_id))


def _write(
    clinic: Clinic,
    table: type[Record],
    rows: list[Row],
    now: datetime,
    asked: upsert.Asked,
    failed: list[Unreadable],
) -> dict[str, bool]:
    """Write rows; where the database refuses one of them, all but that one, found by halving."""
    try:
        with transaction.atomic():
            return upsert.upsert(clinic, table, rows, now, asked)
    except (DataError, IntegrityError) as error:
        if len(rows) == 1:
            failed.append(Unreadable(_reason(error), rows[0]["external_id"]))
            return {}
    middle = len(rows) // 2
    first = _write(clinic, table, rows[:middle], now, asked, failed)
    return first | _write(clinic, table, rows[middle:], now, asked, failed)


def _reason(error: Exception) -> str:
    """What the database refused, by its own names: its messages hold the values."""
    told = getattr(error.__cause__, "diag", None)
    if told and told.constraint_name:
        return f"breaks the rule {told.constraint_name}"
    if told and told.column_name:
        return f"has no value for {told.column_name}"
    return f"has a value that the database does not take ({told.sqlstate if told else 'unknown'})"


def _batches(rows: list[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch
