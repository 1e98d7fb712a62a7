"""GET /practice_events: every change of records at an office, deletions among them.

No other list tells that something was deleted. Addresses, fields and flags are from Sikka's public
API documentation. Unverified: that what was merged into another record counts as deleted; which
fields `changes` names, and that it is empty for what was added or deleted; that the oldest change
comes first. That answers for more than a day are inaccurate, as the documentation warns, is not
simulated; that they are slow, is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from werkzeug.wrappers import Response

from integrations.sandbox.books import Row, moment, stamp
from integrations.sandbox.chance import draw

from . import loading, records
from .call import Call
from .errors import not_simulated, wrong
from .filters import chosen

LONGEST_INTERVAL = 1440  # minutes, from the documentation
RECOMMENDED = timedelta(days=1)

# What the documentation's sample of a long range took, in milliseconds.
SLOW_EXECUTION = "13904"


@dataclass(frozen=True)
class Source:
    """Where the events of one name come from."""

    kind: str
    hidden: tuple[str, ...]
    links: Callable[[str, Mapping[str, str]], records.Record]


SOURCES = {
    "patients": Source(records.PATIENT, records.PATIENT_MORE_FIELDS, records.patient_links),
    "appointments": Source(
        records.APPOINTMENT, records.APPOINTMENT_MORE_FIELDS, records.appointment_links
    ),
    "transactions": Source(
        records.TRANSACTION, records.TRANSACTION_MORE_FIELDS, records.transaction_links
    ),
    "providers": Source(records.PROVIDER, (), records.provider_links),
}
# The documentation's other names, of things that are not here.
ELSEWHERE = (
    *("accounts_receivables", "guarantors", "guarantors_v2", "practices", "treatment_plans"),
    *("claims", "claim_descriptions", "prescriptions", "reminders", "lab_panels"),
)

# Each version of a record with the one before it, as readers see them by now.
VERSIONS = """
    SELECT *, count(*) OVER () AS total FROM (
        SELECT version, loaded_at, record, lag(record) OVER same AS previous,
            lead(version) OVER same AS next
        FROM records WHERE office_id = ? AND kind = ? AND loaded_at <= ?
        WINDOW same AS (PARTITION BY id ORDER BY version)
    ) WHERE loaded_at >= ? AND loaded_at < ? AND (next IS NULL OR NOT ?)
    ORDER BY version LIMIT ? OFFSET ?
"""


def practice_events(call: Call) -> Response:
    """GET /practice_events"""
    name = call.required("events")
    if name in ELSEWHERE:
        raise not_simulated(f"events={name}")
    if name not in SOURCES:
        raise wrong("events", f"must be one of {', '.join((*SOURCES, *ELSEWHERE))}")
    source, (first, last) = SOURCES[name], _range(call)
    rows = call.stage.books.all(
        VERSIONS,
        [
            *(call.office_id, source.kind, stamp(call.now), stamp(first), stamp(last)),
            call.parameter("status").lower() == "current",
            *(call.limit, call.page * call.limit),
        ],
    )
    items = [_event(call, source, row) for row in rows]
    # The end stands a second after the one asked for.
    if last - first > RECOMMENDED + timedelta(seconds=1):
        call.late = call.stage.knobs.wide_events
        return call.listing(items, _total(rows), took=SLOW_EXECUTION)
    return call.listing(items, _total(rows))


def _range(call: Call) -> tuple[datetime, datetime]:
    interval = call.number("interval")
    if interval is not None:
        if not 1 <= interval <= LONGEST_INTERVAL:
            raise wrong("interval", f"must be from 1 to {LONGEST_INTERVAL}")
        return call.now - timedelta(minutes=interval), call.now + timedelta(seconds=1)
    first, last = loading.window(call)
    if first is None:
        raise wrong("interval", "or loaded_startdate is required")
    return first, last or call.now + timedelta(seconds=1)


def _event(call: Call, source: Source, row: Row) -> dict[str, Any]:
    after: records.Record = json.loads(row["record"])
    before: records.Record | None = json.loads(row["previous"] or "null")
    deleted = after.pop(records.DELETED, None)
    changes = []
    if deleted:
        flag = "Deleted"
    elif before is None:
        flag = "Added"
    else:
        # In the documentation's text the word begins with a capital, in its sample it does not.
        capital = draw(call.stage.seed, "flag", row["version"]) < 0.5
        flag = "Updated" if capital else "updated"
        changes = [
            {"field": field, "old_value": before[field], "new_value": after[field]}
            for field in after
            if field != "rowhash" and before[field] != after[field]
        ]
    return {
        **chosen(call, {**source.links(call.base, after), **after}, source.hidden),
        "loadeddate": loading.told(call.stage, moment(row["loaded_at"])),
        "flag": flag,
        "changes": changes,
    }


def _total(rows: list[Row]) -> int:
    return rows[0]["total"] if rows else 0
