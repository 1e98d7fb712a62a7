"""The queue of writes: accepted once, then pending until the agent or the asker ends them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from integrations.sandbox.books import Books, Row, moment, stamp
from integrations.sandbox.chance import between, draw
from integrations.sandbox.pms import Stage

TABLES = """
CREATE TABLE sikka_writes (
    id INTEGER PRIMARY KEY,
    app_id TEXT NOT NULL,
    office_id TEXT NOT NULL,
    method TEXT NOT NULL,
    api TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    request_key TEXT NOT NULL,
    submitted_at TEXT NOT NULL,
    due_at TEXT NOT NULL,
    doomed TEXT NOT NULL,
    state TEXT NOT NULL,
    ended_at TEXT,
    result TEXT NOT NULL DEFAULT '',
    created_id TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sikka_writes_due ON sikka_writes (state, due_at)
"""

FIRST_ID = 275495

# Reasons a practice's system may give: the first is from a public client's code, the others are
# invented.
REASONS = {
    "appointments": (
        "appointment already scheduled",
        "PMS database locked",
        "Appointment book is open on another workstation",
    ),
    "patients": ("PMS database locked", "Patient record is locked by another user"),
    "medical_notes": ("PMS database locked", "Patient record is locked by another user"),
    "transactions": ("PMS database locked", "Ledger is closed for this day"),
}


class State(StrEnum):
    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Write:
    """One accepted write."""

    id: int
    app_id: str
    office_id: str
    method: str
    api: str
    """What it writes: appointments, patients, medical_notes or transactions."""
    target: str
    """The appointment or the patient that it changes; empty for something new."""
    body: dict[str, str]
    request_key: str
    submitted_at: datetime
    due_at: datetime
    doomed: str
    """The reason why it will fail, decided when it was accepted; empty for most."""
    state: State
    ended_at: datetime | None
    result: str
    created_id: str

    @property
    def given(self) -> dict[str, str]:
        """Return the fields that say something; an empty one is as good as none."""
        return {name: value for name, value in self.body.items() if value.strip()}

    @classmethod
    def of(cls, row: Row) -> "Write":
        values = dict(row)
        return cls(
            **{
                **values,
                "body": json.loads(values["body"]),
                "submitted_at": moment(values["submitted_at"]),
                "due_at": moment(values["due_at"]),
                "state": State(values["state"]),
                "ended_at": moment(values["ended_at"]) if values["ended_at"] else None,
            }
        )


def add(
    stage: Stage,
    *,
    app_id: str,
    office_id: str,
    request_key: str,
    method: str,
    api: str,
    target: str,
    body: dict[str, str],
) -> int:
    """Accept a write and return its number. Its delay and its luck hang on that number alone."""
    row = stage.books.one("SELECT max(id) AS last FROM sikka_writes")
    write_id = (row["last"] if row and row["last"] else FIRST_ID - 1) + 1
    now = stage.clock.now()
    delay = between(*stage.knobs.delay, stage.seed, "delay", write_id)
    doomed = ""
    if draw(stage.seed, "failure", write_id) < stage.knobs.failures:
        reasons = REASONS[api]
        doomed = reasons[int(draw(stage.seed, "reason", write_id) * len(reasons))]
    stage.books.run(
        "INSERT INTO sikka_writes (id, app_id, office_id, method, api, target, body, request_key,"
        " submitted_at, due_at, doomed, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            write_id,
            app_id,
            office_id,
            method,
            api,
            target,
            json.dumps(body),
            request_key,
            stamp(now),
            stamp(now + timedelta(seconds=delay)),
            doomed,
            State.PENDING,
        ],
    )
    return write_id


def find(books: Books, write_id: int) -> Write | None:
    row = books.one("SELECT * FROM sikka_writes WHERE id = ?", [write_id])
    return None if row is None else Write.of(row)


def of_office(books: Books, office_id: str) -> list[Write]:
    rows = books.all("SELECT * FROM sikka_writes WHERE office_id = ? ORDER BY id", [office_id])
    return [Write.of(row) for row in rows]


def submitted(
    books: Books, app_id: str, since: datetime, before: datetime, write_id: int | None
) -> list[Write]:
    """Return what an application has asked for in a window of time, without withdrawn writes."""
    rows = books.all(
        "SELECT * FROM sikka_writes WHERE app_id = ? AND state <> ? AND submitted_at >= ?"
        " AND submitted_at < ? AND (? IS NULL OR id = ?) ORDER BY id",
        [app_id, State.WITHDRAWN, stamp(since), stamp(before), write_id, write_id],
    )
    return [Write.of(row) for row in rows]


def due(stage: Stage) -> list[Write]:
    """Return what the agents that are connected had to do by now, in the order of their doing."""
    rows = stage.books.all(
        "SELECT * FROM sikka_writes WHERE state = ? AND due_at <= ? ORDER BY due_at, id",
        [State.PENDING, stamp(stage.clock.now())],
    )
    return [Write.of(row) for row in rows if not stage.knobs.offline(row["office_id"])]


def put_off(books: Books, office_ids: Iterable[str], until: datetime) -> None:
    """Make what is overdue at these offices due at a later moment."""
    for office_id in office_ids:
        books.run(
            "UPDATE sikka_writes SET due_at = ? WHERE state = ? AND office_id = ? AND due_at < ?",
            [stamp(until), State.PENDING, office_id, stamp(until)],
        )


def finish(
    books: Books, write_id: int, state: State, at: datetime, result: str, created_id: str = ""
) -> bool:
    """Close a pending write. Return whether it was still pending."""
    changed = books.run(
        "UPDATE sikka_writes SET state = ?, ended_at = ?, result = ?, created_id = ?"
        " WHERE id = ? AND state = ?",
        [state, stamp(at), result, created_id, write_id, State.PENDING],
    )
    return changed == 1
