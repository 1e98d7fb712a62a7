"""The writing endpoints: checked and carried out at once, answered with the record as it is now.

There are no idempotency keys: the same request twice makes two records. A change that changes
nothing leaves `updated_at` as it was.
"""

import json
from typing import Any

from werkzeug.wrappers import Response

from integrations.sandbox.books import Books, stamp

from . import records
from .call import Call, Item, document
from .errors import Refused, invalid
from .fields import BOOKING_FIELDS, CHANGE_FIELDS, CLIENT_FIELDS, read
from .paging import Cut
from .reads import Condition, existing, standing

TABLES = """
CREATE TABLE rest_writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    office_id TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    body TEXT NOT NULL,
    submitted_at TEXT NOT NULL
)
"""

USUAL_MINUTES = 30


def post_client(call: Call) -> Response:
    """POST /clients"""
    values = read(call, CLIENT_FIELDS, required=("first_name", "last_name"))
    record = records.client({"id": _next_id(call, records.CLIENT), **values}, call.stamp)
    _store(call, records.CLIENT, record)
    return _created(call, records.show_client(call, record))


def patch_client(call: Call, id: int) -> Response:
    """PATCH /clients/{id}"""
    before = _standing(call, records.CLIENT, id)
    record = records.changed(before, read(call, CLIENT_FIELDS), call.stamp)
    _store(call, records.CLIENT, record)
    return document(records.show_client(call, record))


def post_appointment(call: Call) -> Response:
    """POST /appointments: book. It takes as long as its service, unless the call says how long."""
    required = ("client_id", "staff_id", "site_id", "starts_at")
    values = read(call, BOOKING_FIELDS, required)
    service = call.account.service(values.get("service_id") or 0)
    usual = {"duration_minutes": service.minutes if service else USUAL_MINUTES}
    numbered = {"id": _next_id(call, records.APPOINTMENT), **usual, **values}
    record = records.appointment(numbered, call.stamp)
    _check_place(call, record)
    _check_time(call, record)
    _store(call, records.APPOINTMENT, record)
    return _created(call, records.show_appointment(call, record))


def patch_appointment(call: Call, id: int) -> Response:
    """PATCH /appointments/{id}: another status, time or place."""
    before = _standing(call, records.APPOINTMENT, id)
    record = records.changed(before, read(call, CHANGE_FIELDS), call.stamp)
    differing = {name for name in record if record[name] != before[name]}
    # What the practice's own people have put in an odd place can still be cancelled.
    if differing & {"staff_id", "site_id"}:
        _check_place(call, record)
    if differing & {"staff_id", "starts_at", "duration_minutes", "status"}:
        _check_time(call, record)
    _store(call, records.APPOINTMENT, record)
    return document(records.show_appointment(call, record))


def accepted(books: Books, account_id: str) -> list[dict[str, Any]]:
    """Return all writes that were carried out, for the sandbox's own books."""
    rows = books.all("SELECT * FROM rest_writes WHERE office_id = ? ORDER BY id", [account_id])
    return [{**dict(row), "body": json.loads(row["body"]), "state": "completed"} for row in rows]


def _standing(call: Call, kind: str, id: int) -> records.Record:
    """Return a record that can be changed, which a deleted one that is still told of cannot."""
    record = existing(call, kind, id)
    if record["deleted_at"]:
        raise Refused(404)
    return record


def _check_place(call: Call, record: records.Record) -> None:
    member = call.account.member(record["staff_id"])
    if member is None or record["site_id"] not in member.site_ids:
        raise invalid("staff_id", "does not work at this site")


def _check_time(call: Call, record: records.Record) -> None:
    """Refuse a time that is taken already, where the practice minds."""
    if not call.stage.knobs.reject_overlaps or record["status"] in records.GIVEN_UP:
        return
    start, end = records.begins(record, call.account), records.ends(record, call.account)
    for other in around(call, record["starts_at"][:10], record["starts_at"][:10]):
        same_staff = other["staff_id"] == record["staff_id"] and other["id"] != record["id"]
        other_start = records.begins(other, call.account)
        if same_staff and other_start < end and start < records.ends(other, call.account):
            raise Refused(409)


def around(call: Call, first: str, last: str) -> list[records.Record]:
    """Return the appointments that take time on these days, the one before and the one after."""
    field = "json_extract(record, '$.{}')"
    given_up = ", ".join(f"'{status}'" for status in sorted(records.GIVEN_UP))
    where: list[Condition] = [
        (f"{field.format('deleted_at')} IS NULL", []),
        (f"{field.format('status')} NOT IN ({given_up})", []),
        (
            f"date({field.format('starts_at')}) BETWEEN date(?, '-1 day') AND date(?, '+1 day')",
            [first, last],
        ),
    ]
    found, _ = standing(call, records.APPOINTMENT, where, Cut(limit=-1))  # SQLite's word for all
    return found


def _next_id(call: Call, kind: str) -> int:
    return int(call.stage.books.next_id(call.account.id, kind))


def _store(call: Call, kind: str, record: records.Record) -> None:
    """Note the write, and keep the record unless it is as it was."""
    books, request = call.stage.books, call.request
    books.run(
        "INSERT INTO rest_writes (office_id, method, path, body, submitted_at)"
        " VALUES (?, ?, ?, ?, ?)",
        [
            call.account.id,
            request.method,
            request.path,
            json.dumps(request.get_json()),
            stamp(call.now),
        ],
    )
    row = books.one("SELECT last_insert_rowid() AS id")
    call.write_id = row["id"] if row else None
    id = str(record["id"])
    if books.truth(call.account.id, kind, id) != record:
        books.put(call.account.id, kind, id, record, loaded_at=call.now, write_id=call.write_id)


def _created(call: Call, item: Item) -> Response:
    response = document(item, 201)
    response.headers["Location"] = f"{call.request.base_url}/{item['id']}"
    return response
