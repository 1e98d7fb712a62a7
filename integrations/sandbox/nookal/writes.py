"""The writes: each is done or refused at once, and has a number of the sandbox's own."""

import json
from typing import Any

from integrations.sandbox.books import stamp
from integrations.sandbox.chance import draw
from integrations.sandbox.pms import Stage

from .answers import Failed
from .call import Call
from .records import Record

TABLES = """
CREATE TABLE nookal_writes (
    id INTEGER PRIMARY KEY,
    office_id TEXT NOT NULL,
    function TEXT NOT NULL,
    body TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    state TEXT NOT NULL,
    created_id TEXT NOT NULL DEFAULT ''
)
"""


def accept(call: Call) -> None:
    """Give a checked write its number, or refuse it, as the knob `failures` has it.

    Whether it fails hangs on its number alone, so one that fails has a number, too.
    """
    books = call.stage.books
    row = books.one("SELECT count(*) AS n FROM nookal_writes")
    number = (row["n"] if row else 0) + 1
    fails = draw(call.stage.seed, "nookal failure", number) < call.stage.knobs.failures
    body = {name: value for name, value in call.parameters.items() if name != "api_key"}
    books.run(
        "INSERT INTO nookal_writes (id, office_id, function, body, submitted_at, state)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            number,
            call.office_id,
            call.function,
            json.dumps(body),
            stamp(call.now),
            "failed" if fails else "completed",
        ],
    )
    if fails:
        raise Failed("The record could not be saved.")
    call.write_id = number


def store(call: Call, kind: str, record: Record, *, new: bool = False) -> None:
    """Keep what the accepted write has made or changed."""
    books = call.stage.books
    books.put(
        call.office_id, kind, record["ID"], record, loaded_at=call.now, write_id=call.write_id
    )
    if new:
        books.run(
            "UPDATE nookal_writes SET created_id = ? WHERE id = ?", [record["ID"], call.write_id]
        )


def of_office(stage: Stage, office_id: str) -> list[dict[str, Any]]:
    rows = stage.books.all(
        "SELECT * FROM nookal_writes WHERE office_id = ? ORDER BY id", [office_id]
    )
    return [{**dict(row), "body": json.loads(row["body"])} for row in rows]
