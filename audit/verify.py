"""Recompute the whole chain, and name every row and seal that is not as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from audit.chain import DIGEST_BYTES, GONE, NO_HASH, UTC_TEXT, Note, digests, seal_hash

#: After this long an entry that still waits for a seal is a finding: nobody seals.
OVERDUE = timedelta(hours=1)

_SEAL = f"""
    SELECT number, {UTC_TEXT.format("made_at")}, entry_ids, digests, previous, hash
    FROM audit_seals WHERE number > %s ORDER BY number LIMIT 1
"""  # noqa: S608
#: Entries that no seal holds, as runs of ids. In one statement, so in one moment: an entry comes
#: together with its place in the queue, and leaves that together with its seal.
_LOOSE = """
    WITH loose AS (
        SELECT e.id, p.entry_id IS NOT NULL AS waits,
            e.id - row_number() OVER (PARTITION BY p.entry_id IS NOT NULL ORDER BY e.id) AS run
        FROM audit_entries e
        LEFT JOIN (SELECT unnest(entry_ids) AS id FROM audit_seals) s ON s.id = e.id
        LEFT JOIN audit_pending p ON p.entry_id = e.id
        WHERE s.id IS NULL AND (p.entry_id IS NULL OR e.at < %s)
    )
    SELECT min(id), max(id), waits FROM loose GROUP BY waits, run ORDER BY 1
"""


def seals() -> int:
    """Return how many seals there are."""
    return _one("SELECT count(*) FROM audit_seals")[0]


def last_seal() -> Note | None:
    """Return the note of the newest seal; None where there is none yet."""
    row = _one("SELECT number, hash FROM audit_seals ORDER BY number DESC LIMIT 1")
    return Note(row[0], bytes(row[1]).hex()) if row else None


def findings(
    now: datetime, *, expect: Note | None = None, checked: Callable[[], object] = lambda: None
) -> Iterator[str]:
    """Yield a sentence for each row or seal that is not as it was; nothing where all is well.

    `expect` is a note that `last_seal` gave earlier. `checked` is called after each seal. Holds one
    seal and its entries' digests in memory. Everything must be in sight: enter `everywhere`.
    """
    number, previous, expected = 0, NO_HASH, expect
    while row := _one(_SEAL, number):
        first, number = number + 1, row[0]
        if number > first:
            yield f"{_run('Seal', first, number - 1)} missing."
        found = bytes(row[5])
        yield from _of_seal(row, None if number > first else previous)
        if expect and expect.number == number:
            expected = None
            if expect.hash != found.hex():
                yield f"Seal {number} has another hash than was noted: {found.hex()}."
        previous = found
        checked()
    if expected:
        yield f"Seal {expected.number}, which was noted, is missing: the last one is {number}."
    yield from _loose(now)


def _of_seal(row: tuple[Any, ...], before: bytes | None) -> Iterator[str]:
    """Yield what is wrong with one seal and its entries; `before` is the hash of the one before,
    None where that is missing."""
    number, made_at, entry_ids, joined, previous, found = row
    joined, previous = bytes(joined), bytes(previous)
    if None in entry_ids or len(joined) != DIGEST_BYTES * len(entry_ids):
        yield f"Seal {number} was altered: it has not one digest for each entry."
        return
    if seal_hash(number, made_at, entry_ids, joined, previous) != bytes(found):
        yield f"Seal {number} was altered: its hash is not that of its content."
    if before is not None and previous != before:
        yield f"Seal {number} does not follow from the one before it."
    there = digests(entry_ids)
    for place, entry_id in enumerate(entry_ids):
        sealed = joined[place * DIGEST_BYTES :][:DIGEST_BYTES]
        if entry_id not in there:
            yield f"Entry {entry_id} is missing; seal {number} holds it."
        elif sealed == GONE:
            yield f"Entry {entry_id} was gone when seal {number} was made, and is there now."
        elif there[entry_id] != sealed:
            yield f"Entry {entry_id} was altered since seal {number}."


def _loose(now: datetime) -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute(_LOOSE, [now - OVERDUE])
        for first, last, waits in cursor.fetchall():
            which = _run("Entry", first, last)
            if waits:
                yield f"{which} waiting for a seal for more than an hour: does beat run?"
            else:
                yield f"{which} in no seal and not waiting for one: put in or taken out by hand."


def _run(kind: str, first: int, last: int) -> str:
    """Name one row, or a run of them, with the verb that follows."""
    if first == last:
        return f"{kind} {first} is"
    return f"{'Entries' if kind == 'Entry' else 'Seals'} {first} to {last} are"


def _one(sql: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()
