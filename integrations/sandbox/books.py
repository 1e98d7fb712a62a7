"""The sandbox's books: everything it must still know after a kill and a restart.

One SQLite connection behind one lock; whoever reads or writes does it inside `transaction()`, and
an answer leaves only after the commit. PMSs keep their records (patients, appointments, ...) in one
table as JSON, one row a version, so that "what a reader may see" (loaded by now) and "what is true
at the practice" (the newest version) are two questions to the same rows. Tables of their own they
hand in as SQL.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import RLock
from typing import Any

# Raise it whenever a table changes: a file of another version is refused, not converted.
SCHEMA_VERSION = 3

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE records (
    version INTEGER PRIMARY KEY AUTOINCREMENT,
    office_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    loaded_at TEXT NOT NULL,
    write_id INTEGER,
    record TEXT NOT NULL
);
CREATE INDEX records_by_id ON records (office_id, kind, id, version);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    app_id TEXT,
    office_id TEXT,
    status INTEGER,
    fault TEXT
);
CREATE INDEX calls_by_office ON calls (office_id, id);
"""

Record = dict[str, Any]
Row = sqlite3.Row


class StateMismatch(Exception):
    """The state file cannot be used as asked; the message says why and what to do."""


class Books:
    def __init__(self, path: str | Path | None, *, seed: int, tables: Iterable[str]) -> None:
        """Open or create the books. `fresh` tells whether the world must still be built."""
        self.path = path
        self._lock = RLock()
        self._statements = [
            statement.strip()
            for script in (TABLES, *tables)
            for statement in script.split(";")
            if statement.strip()
        ]
        # Autocommit mode, so that the only transactions are the explicit ones below.
        self._db = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False, timeout=0.2
        )
        self._db.row_factory = sqlite3.Row
        # SQLite's own lower() knows ASCII letters only.
        self._db.create_function("fold", 1, _fold, deterministic=True)
        self._db.create_function("digits", 1, _digits, deterministic=True)
        try:
            self.fresh = self._prepare(seed)
        except BaseException:
            self._db.close()
            raise

    def _prepare(self, seed: int) -> bool:
        try:
            # Exclusive: two sandboxes on one file would each settle the other's writes.
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            tables = self.one("SELECT count(*) AS n FROM sqlite_master")
            version = self.one("PRAGMA user_version")
        except sqlite3.DatabaseError as error:
            busy = "locked" in str(error)
            reason = "is in use by another sandbox" if busy else "is not a sandbox's state file"
            raise StateMismatch(f"{self.path} {reason}: choose another file.") from error
        if not tables or tables["n"] == 0:
            return True
        if not version or version["user_version"] != SCHEMA_VERSION:
            raise StateMismatch(
                f"{self.path} was not written by this version of the sandbox: "
                "delete it or choose another file."
            )
        if self.recall("seed") != seed:
            raise StateMismatch(
                f"{self.path} holds the world of seed {self.recall('seed')}, not {seed}: "
                f"start with --seed {self.recall('seed')} or choose another file."
            )
        return False

    def create(self, seed: int) -> None:
        """Make the empty tables. Call inside a transaction, together with building the world."""
        for table in self.all("SELECT name FROM sqlite_master WHERE type = 'table'"):
            if not table["name"].startswith("sqlite_"):
                self.run(f'DROP TABLE "{table["name"]}"')
        for statement in self._statements:
            self.run(statement)
        self.run(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self.remember("seed", seed)
        self.fresh = False

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Hold the books alone; commit at the end, or leave them untouched after an error."""
        with self._lock:
            self.run("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.run("ROLLBACK")
                raise
            self.run("COMMIT")

    def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it changed."""
        return self._db.execute(sql, values).rowcount

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        row: Row | None = self._db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._db.execute(sql, values).fetchall()

    def remember(self, key: str, value: object) -> None:
        self.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, json.dumps(value)])

    def recall(self, key: str) -> Any:
        row = self.one("SELECT value FROM meta WHERE key = ?", [key])
        return None if row is None else json.loads(row["value"])

    def put(
        self,
        office_id: str,
        kind: str,
        id: str,
        record: Record,
        *,
        loaded_at: datetime,
        write_id: int | None = None,
    ) -> None:
        """Add a version of a record that readers see from `loaded_at` on."""
        self.run(
            "INSERT INTO records (office_id, kind, id, loaded_at, write_id, record)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [office_id, kind, id, stamp(loaded_at), write_id, json.dumps(record)],
        )

    def truth(self, office_id: str, kind: str, id: str) -> Record | None:
        """Return a record as it stands at the practice, whether readers see it yet or not."""
        row = self.one(
            "SELECT record FROM records WHERE office_id = ? AND kind = ? AND id = ?"
            " ORDER BY version DESC LIMIT 1",
            [office_id, kind, id],
        )
        return None if row is None else json.loads(row["record"])

    def truths(self, office_id: str, kind: str) -> list[Record]:
        """Return all records of a kind as they stand at the practice."""
        rows = self.all(
            "SELECT record FROM records WHERE version IN (SELECT max(version) FROM records"
            " WHERE office_id = ? AND kind = ? GROUP BY id) ORDER BY version",
            [office_id, kind],
        )
        return [json.loads(row["record"]) for row in rows]

    def read(
        self,
        office_id: str,
        kind: str,
        *,
        seen_at: datetime,
        where: Sequence[tuple[str, Sequence[object]]] = (),
        limit: int,
        skip: int,
    ) -> tuple[list[Record], int]:
        """Return one page of what readers see, by ascending id, and the count of all pages.

        Each condition is SQL over `record` (JSON) and `loaded_at`, with its values.
        """
        conditions = "".join(f" AND ({sql})" for sql, _ in where)
        values = [value for _, given in where for value in given]
        rows = self.all(
            "SELECT record, count(*) OVER () AS total FROM records AS r"  # noqa: S608 (own SQL)
            " WHERE office_id = ? AND kind = ? AND version = (SELECT max(version) FROM records"
            " WHERE office_id = r.office_id AND kind = r.kind AND id = r.id AND loaded_at <= ?)"
            f"{conditions} ORDER BY cast(id AS INTEGER), id LIMIT ? OFFSET ?",
            [office_id, kind, stamp(seen_at), *values, limit, skip],
        )
        return [json.loads(row["record"]) for row in rows], rows[0]["total"] if rows else 0

    def made(self, office_id: str, kind: str) -> list[dict[str, Any]]:
        """Return the records that began with a write, as they stand at the practice now.

        Beside its own fields each has the write that made it (`writeback_id`) and, in their order,
        those that changed it since (`changed_by`; None is a change by the practice's own people).
        """
        rows = self.all(
            "SELECT id, write_id FROM records WHERE office_id = ? AND kind = ? ORDER BY version",
            [office_id, kind],
        )
        writes: dict[str, list[int | None]] = {}
        for row in rows:
            writes.setdefault(row["id"], []).append(row["write_id"])
        return [
            {
                **(self.truth(office_id, kind, id) or {}),
                "writeback_id": first,
                "changed_by": changes,
            }
            for id, (first, *changes) in writes.items()
            if first is not None
        ]

    def traces(self, office_id: str) -> list[dict[str, Any]]:
        """Return every version of a record that came about through a write, in their order.

        Each tells its write (`writeback_id`), its record (`kind`, `id`), which version of it this
        is (`version`, from 1) and what the write did: `after` has the fields it changed, `before`
        what they were. For a new record `before` is None and `after` the whole of it.
        """
        rows = self.all(
            "SELECT * FROM (SELECT version, write_id, kind, id, record, row_number() OVER same"
            " AS nth, lag(record) OVER same AS previous FROM records WHERE office_id = ?"
            " WINDOW same AS (PARTITION BY kind, id ORDER BY version))"
            " WHERE write_id IS NOT NULL ORDER BY version",
            [office_id],
        )
        return [_trace(row) for row in rows]

    def next_id(self, office_id: str, kind: str) -> str:
        row = self.one(
            "SELECT max(cast(id AS INTEGER)) AS highest FROM records"
            " WHERE office_id = ? AND kind = ?",
            [office_id, kind],
        )
        return str((row["highest"] or 0) + 1 if row else 1)


def _trace(row: Row) -> dict[str, Any]:
    before, after = json.loads(row["previous"] or "null"), json.loads(row["record"])
    if before is not None:
        changed = [name for name in after if before.get(name) != after[name]]
        before, after = ({name: of.get(name) for name in changed} for of in (before, after))
    return {
        "writeback_id": row["write_id"],
        "kind": row["kind"],
        "id": row["id"],
        "version": row["nth"],
        "before": before,
        "after": after,
    }


def stamp(moment: datetime) -> str:
    """Write a moment so that its text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def moment(stamped: str) -> datetime:
    return datetime.fromisoformat(stamped)


def _fold(text: object) -> str:
    return str(text or "").casefold()


def _digits(text: object) -> str:
    """Return a telephone number's last ten digits, which leaves out its country and its dashes."""
    return "".join(letter for letter in str(text or "") if letter.isdigit())[-10:]
