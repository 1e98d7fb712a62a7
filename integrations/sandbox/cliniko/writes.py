"""The writes that were accepted. Each is done at once; the API itself keeps no list of them."""

import json
from typing import Any

from integrations.sandbox.books import Books

from .call import Call, written
from .records import Record

TABLES = """
CREATE TABLE cliniko_writes (
    id INTEGER PRIMARY KEY,
    office_id TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    at TEXT NOT NULL,
    created_id TEXT NOT NULL
)
"""

# Numbers are the sandbox's own, and others than those of its other PMSs.
FIRST_ID = 4_000_001


def save(call: Call, kind: str, record: Record, *, created: bool = False) -> None:
    """Keep what a call's write has made of a record, and note the write."""
    books = call.stage.books
    row = books.one("SELECT max(id) AS last FROM cliniko_writes")
    write_id = (row["last"] if row and row["last"] else FIRST_ID - 1) + 1
    books.run(
        "INSERT INTO cliniko_writes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            write_id,
            call.office_id,
            call.request.method,
            call.request.path.removeprefix(call.prefix),
            "" if created else record["id"],
            json.dumps(call.body()),
            written(call.now),
            record["id"] if created else "",
        ],
    )
    books.put(call.office_id, kind, record["id"], record, loaded_at=call.now, write_id=write_id)
    call.write_id = write_id


def of_office(books: Books, office_id: str) -> list[dict[str, Any]]:
    """Return an account's writes in their order. Each is completed: a refused one was none."""
    rows = books.all("SELECT * FROM cliniko_writes WHERE office_id = ? ORDER BY id", [office_id])
    return [
        {
            "id": row["id"],
            "state": "completed",
            "method": row["method"],
            "path": row["path"],
            "target": row["target"],
            "body": json.loads(row["body"]),
            "submitted_at": row["at"],
            "ended_at": row["at"],
            "created_id": row["created_id"],
        }
        for row in rows
    ]
