"""The writes that were taken up. Each is done or refused at once; the API keeps no list of them."""

import json
from typing import Any

from integrations.sandbox.books import Books
from integrations.sandbox.chance import draw

from .answers import invalid
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
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    created_id TEXT NOT NULL
)
"""

# Numbers are the sandbox's own, and others than those of its other PMSs.
FIRST_ID = 4_000_001
# What the share of failures is told, in invented words.
DOOMED = {"base": "is being changed by somebody else"}


def save(call: Call, kind: str, record: Record, *, created: bool = False) -> None:
    """Keep what a call's write has made of a record and note it, or refuse it by the knob's share.

    Whether a write fails hangs on its number alone.
    """
    books = call.stage.books
    row = books.one("SELECT max(id) AS last FROM cliniko_writes")
    write_id = (row["last"] if row and row["last"] else FIRST_ID - 1) + 1
    fails = draw(call.stage.seed, "failure", write_id) < call.stage.knobs.failures
    books.run(
        "INSERT INTO cliniko_writes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            write_id,
            call.office_id,
            call.request.method,
            call.request.path.removeprefix(call.prefix),
            "" if created else record["id"],
            json.dumps(call.body()),
            "failed" if fails else "completed",
            written(call.now),
            record["id"] if created and not fails else "",
        ],
    )
    if fails:
        raise invalid(DOOMED)
    books.put(call.office_id, kind, record["id"], record, loaded_at=call.now, write_id=write_id)
    call.write_id = write_id


def of_office(books: Books, office_id: str) -> list[dict[str, Any]]:
    """Return an account's writes in their order. One that was wrong in itself was none."""
    rows = books.all("SELECT * FROM cliniko_writes WHERE office_id = ? ORDER BY id", [office_id])
    return [
        {
            "id": row["id"],
            "state": row["state"],
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
