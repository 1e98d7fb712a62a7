"""The statements that write a clinic's records: one for a whole page, however many rows it has.

Rows go to PostgreSQL as one JSON text. COPY cannot write to a table with row-level security, and
by way of a temporary table, which takes a right more and leaves dead rows in the catalog, a page of
100 is no faster.

Rows are looked up by LATERAL … LIMIT 1, which is one step in the index for each. A plain join, or
`external_id = ANY (…)`, reads all of a clinic's rows for each page of a first load: until the table
is analyzed, the planner takes it for a small one.

Whoever changes several rows of a clinic's table does so alone, until their transaction ends. A page
of a sync takes several statements, and a search may be storing the same people: whatever order each
statement locks its rows in, two of one transaction have none together, and rows that are inserted
cannot be locked beforehand. Who changes a single row needs no turn, for they wait for no second.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper

from clinics.models import Appointment, Clinic, Patient, Record
from clinics.rows import REFERENCES, layout, whole_id

#: Columns that are the same in each row of a statement; the others come from the record. A record
#: that is told is there, whatever was known of it before.
_SAME: Mapping[str, str] = {
    "id": "gen_random_uuid()",
    "organization_id": "%(organization)s",
    "clinic_id": "%(clinic)s",
    "sync_status": "'synced'",
    "sync_errors": "''",
    "last_synced_at": "%(now)s",
    "removed_at": "NULL",
    "created_at": "%(now)s",
    "updated_at": "%(now)s",
}
#: Of a row that is there already.
_KEPT = frozenset({"id", "organization_id", "clinic_id", "external_id", "created_at"})
_CHANGES: Mapping[str, str] = {
    # Of what is not told, the newest that was.
    "changed_at": "coalesce(excluded.changed_at, own.changed_at)",
    # Who asks for what changed since then need not see what did not.
    "updated_at": "CASE WHEN own.payload_hash = excluded.payload_hash AND own.removed_at IS NULL "
    "THEN own.updated_at ELSE excluded.updated_at END",
}
_UPSERT = """
    INSERT INTO {table} AS own ({columns})
    SELECT {values} FROM json_to_recordset(%(rows)s) AS told ({types}) {joins}
    ON CONFLICT (clinic_id, external_id) DO UPDATE SET {changes}
    WHERE {is_news}
    RETURNING own.external_id, own.xmax = 0
"""
#: Whether what the PMS says is to be written: nothing is overwritten by what is older, nor what we
#: changed ourselves (which takes its hash) by an answer that was asked for before, and what is the
#: same already is written only where something else is known of it by now. Of rows that were
#: written before `settled_at` the PMS has the last word, whatever its clock said then.
_IS_NEWS = """
    (own.changed_at IS NULL OR {told}.changed_at IS NULL OR {told}.changed_at >= own.changed_at
        OR own.last_synced_at < %(settled_at)s)
    AND (own.payload_hash <> '' OR own.updated_at <= %(asked_at)s)
    AND (own.payload_hash <> {told}.payload_hash
        OR own.removed_at IS NOT NULL OR own.sync_status <> 'synced'
        OR {told}.changed_at <> own.changed_at
        OR (own.changed_at IS NULL AND {told}.changed_at IS NOT NULL))
"""
_NEWS = """
    SELECT told.external_id,
        coalesce(own.payload_hash = told.payload_hash AND own.removed_at IS NULL, false)
    FROM json_to_recordset(%(rows)s)
        AS told (external_id text, payload_hash text, changed_at timestamptz)
    LEFT JOIN LATERAL (
        SELECT payload_hash, changed_at, removed_at, sync_status, updated_at, last_synced_at
        FROM {table}
        WHERE clinic_id = %(clinic)s AND external_id = told.external_id LIMIT 1
    ) AS own ON true
    WHERE own.payload_hash IS NULL OR ({is_news})
"""
#: The first key is of these locks alone in this database. They end with the transaction, or with
#: the savepoint that is rolled back, as the locks of the rows do.
_ALONE = "SELECT pg_advisory_xact_lock(7220003, hashtext(%s))"
_NAMED = """
    LEFT JOIN LATERAL (
        SELECT id FROM {table} WHERE clinic_id = %(clinic)s AND external_id = {named} LIMIT 1
    ) AS {name} ON true
"""
_RESOLVE = """
    UPDATE {table} AS own SET {changes}, unresolved = own.unresolved - found.names,
        updated_at = %(now)s
    FROM (
        SELECT own.id, array_remove(ARRAY[{names}], NULL) AS names, {ids}
        FROM {table} AS own {joins}
        WHERE own.clinic_id = %(clinic)s AND NOT own.unresolved = '{{}}'
            AND coalesce({any}) IS NOT NULL
        FOR NO KEY UPDATE OF own
    ) AS found WHERE own.id = found.id
"""
_REMOVE = """
    UPDATE {table} AS own SET removed_at = coalesce(own.removed_at, %(now)s), updated_at = %(now)s,
        last_synced_at = %(now)s, sync_status = 'synced', sync_errors = '' {merged}
    FROM (
        SELECT own.id, own.removed_at IS NULL AS was_there, told.merged_into
        FROM {table} AS own
        JOIN json_to_recordset(%(rows)s) AS told (external_id text, merged_into text)
            ON told.external_id = own.external_id
        WHERE own.clinic_id = %(clinic)s
            AND (own.last_synced_at IS NULL OR own.last_synced_at <= %(now)s)
            AND (own.removed_at IS NULL {merged_anew})
        FOR NO KEY UPDATE OF own
    ) AS found WHERE own.id = found.id RETURNING found.was_there
"""
_MARK = """
    UPDATE {table} AS own SET sync_status = 'error', sync_errors = found.reason
    FROM (
        SELECT own.id, told.reason FROM {table} AS own
        JOIN json_to_recordset(%(rows)s) AS told (external_id text, reason text)
            ON told.external_id = own.external_id
        WHERE own.clinic_id = %(clinic)s
            AND (own.sync_status, own.sync_errors) <> ('error', told.reason)
        FOR NO KEY UPDATE OF own
    ) AS found WHERE own.id = found.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What tells an answer of the PMS from what is newer than it."""

    #: What we changed ourselves since then stays.
    at: datetime
    #: What was written before this is overwritten also by what says that it is older; None: none.
    settled_at: datetime | None = None

    @property
    def values(self) -> dict[str, datetime | None]:
        """Return them as the statements name them."""
        return {"asked_at": self.at, "settled_at": self.settled_at}


def news(
    clinic: Clinic, table: type[Record], told: Sequence[Mapping[str, Any]], asked: Asked
) -> dict[str, bool]:
    """Return the ids of what is to be written → whether its content is what we have already.

    Of each record the id, the hash and the time of its change are told.
    """
    statement = _NEWS.format(table=_name(table), is_news=_IS_NEWS.format(told="told"))
    with connection.cursor() as cursor:
        cursor.execute(statement, {"clinic": clinic.pk, "rows": json.dumps(told), **asked.values})
        return dict(cursor.fetchall())


def upsert(
    clinic: Clinic,
    table: type[Record],
    rows: Sequence[Mapping[str, Any]],
    now: datetime,
    asked: Asked,
) -> dict[str, bool]:
    """Write rows of `clinics.rows.row_of`; returns the ids that were written → whether new.

    What we have of a later time stays as it is, and so does what is the same already.
    """
    with _alone(clinic, table) as cursor:
        cursor.execute(
            _upsert(table),
            {
                "organization": clinic.organization_id,
                "clinic": clinic.pk,
                "now": now,
                **asked.values,
                "rows": json.dumps(rows),
            },
        )
        return dict(cursor.fetchall())


def resolve(clinic: Clinic, now: datetime) -> int:
    """Link appointments to what they name by ids that we know by now; returns how many."""
    with _alone(clinic, Appointment) as cursor:
        cursor.execute(_resolve(), {"clinic": clinic.pk, "now": now})
        return int(cursor.rowcount)


def remove(clinic: Clinic, table: type[Record], into: Mapping[str, str], now: datetime) -> int:
    """Mark rows, by id → whom they were merged into; returns how many were not marked before."""
    merges = table is Patient
    statement = _REMOVE.format(
        table=_name(table),
        merged=", merged_into_id = coalesce(nullif(found.merged_into, ''), own.merged_into_id)"
        if merges
        else "",
        merged_anew="OR told.merged_into NOT IN ('', own.merged_into_id)" if merges else "",
    )
    rows = [{"external_id": one, "merged_into": whole_id(other)} for one, other in into.items()]
    with _alone(clinic, table) as cursor:
        cursor.execute(statement, {"clinic": clinic.pk, "now": now, "rows": json.dumps(rows)})
        return sum(was_there for (was_there,) in cursor.fetchall())


def mark(clinic: Clinic, table: type[Record], reasons: Mapping[str, str]) -> int:
    """Note at rows why their newest state is not here; returns how many are told anew."""
    rows = [{"external_id": one, "reason": reason} for one, reason in reasons.items()]
    with _alone(clinic, table) as cursor:
        cursor.execute(
            _MARK.format(table=_name(table)), {"clinic": clinic.pk, "rows": json.dumps(rows)}
        )
        return int(cursor.rowcount)


@contextmanager
def _alone(clinic: Clinic, table: type[Record]) -> Iterator[CursorWrapper]:
    """Yield a cursor once nobody else is changing several rows of this clinic's table."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE, [f"{table._meta.db_table} {clinic.pk}"])
        yield cursor


@cache
def _upsert(table: type[Record]) -> str:
    found = layout(table)
    fields = {str(each.column): each for each in table._meta.concrete_fields}
    told = [name for name, _ in found.told if name not in found.references]
    told += ["payload_hash", *(index.name for index in found.indexes)]
    types = dict.fromkeys(found.references, "text")
    types |= {name: str(fields[name].db_type(connection)) for name in told}
    values = {
        **_SAME,
        **{name: f"told.{name}" for name in told},
        **({"merged_into_id": "''"} if table is Patient else {}),
        **_linked(found.references),
    }
    changes = {name: f"excluded.{name}" for name in values if name not in _KEPT}
    changes |= _CHANGES
    return _UPSERT.format(
        table=_name(table),
        columns=", ".join(values),
        values=", ".join(values.values()),
        types=", ".join(f"{name} {type_}" for name, type_ in types.items()),
        joins="".join(_named(name, f"told.{name}") for name in found.references),
        changes=", ".join(f"{name} = {value}" for name, value in changes.items()),
        is_news=_IS_NEWS.format(told="excluded"),
    )


def _linked(references: Sequence[str]) -> dict[str, str]:
    """The columns that refer to other records, and what is kept of those that we do not know."""
    if not references:
        return {}
    open_ = ", ".join(
        f"'{_short(name)}', CASE WHEN {_short(name)}.id IS NULL THEN nullif(told.{name}, '') END"
        for name in references
    )
    ids = {name: f"{_short(name)}.id" for name in references}
    return {**ids, "unresolved": f"jsonb_strip_nulls(jsonb_build_object({open_}))"}


@cache
def _resolve() -> str:
    names = [_short(name) for name in REFERENCES]
    return _RESOLVE.format(
        table=_name(Appointment),
        changes=", ".join(
            f"{name}_id = coalesce(found.{name}_id, own.{name}_id)" for name in names
        ),
        names=", ".join(f"CASE WHEN {name}.id IS NOT NULL THEN '{name}' END" for name in names),
        ids=", ".join(f"{name}.id AS {name}_id" for name in names),
        any=", ".join(f"{name}.id" for name in names),
        joins="".join(_named(f"{name}_id", f"own.unresolved->>'{name}'") for name in names),
    )


def _named(reference: str, named: str) -> str:
    return _NAMED.format(table=_name(REFERENCES[reference]), named=named, name=_short(reference))


def _short(reference: str) -> str:
    return reference.removesuffix("_id")


def _name(table: type[Record]) -> str:
    return connection.ops.quote_name(table._meta.db_table)
