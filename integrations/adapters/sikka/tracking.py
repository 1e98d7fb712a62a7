"""What Sikka tells of the writes that it accepted. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.adapters.sikka.mapping import is_true, storable
from integrations.contract import Outcome, SentWrite, State

FALSE_WORDS = frozenset({"", "false", "f", "0", "no", "n"})
#: Words of writeback_status' `status` that go with a completed write; "Success" is documented,
#: the others, and those of a failed one, are not.
GOOD_STATUS = frozenset({"", "success", "completed"})
BAD_STATUS = frozenset({"failed", "failure", "error"})


def listed_state(item: dict[str, Any]) -> State | None:
    """Read a row of the list of writes; None when its closing word is not one that we know.

    "pending" is recorded from the vendor; the closing words are unverified.
    """
    word = str(item.get("result") or "").strip().lower()
    if word in {"completed", "success"}:
        return State.COMPLETED
    if word in {"failed", "failure"}:
        return State.FAILED
    closed = bool(str(item.get("completed_time") or "").strip())
    return None if closed else State.PENDING


def made_by(bookings: Sequence[SentWrite], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return reference → appointment id where just one booking and one appointment fit.

    A row fits that has the same patient, provider, practice, operatory, day and time.
    """
    ids: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if not is_true(row.get("cancelled")):
            ids.setdefault(_slot(row), []).append(storable(row.get("appointment_sr_no")))
    asked = Counter(_slot(write.prepared.body) for write in bookings)
    found = {}
    for write in bookings:
        slot = _slot(write.prepared.body)
        fitting = ids.get(slot, [])
        if asked[slot] == len(fitting) == 1 and fitting[0]:
            found[write.reference] = fitting[0]
    return found


def _slot(item: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("patient_id", "provider_id", "practice_id", "operatory")
    when = (str(item.get("date") or "")[:10], str(item.get("time") or "")[:5])
    return (*(str(item.get(name) or "") for name in names), *when)


def status_outcome(item: dict[str, Any]) -> Outcome:
    """Read writeback_status: only what is unanimous in words that we know ends a write."""
    if not is_true(item.get("is_completed")) and not is_true(item.get("has_error")):
        return Outcome(state=State.PENDING)
    status = str(item.get("status") or "").strip().lower()
    if is_true(item.get("has_error")) or status in BAD_STATUS:
        return Outcome(
            state=State.FAILED, message=storable(item.get("result")) or "no reason given"
        )
    if str(item.get("has_error") or "").strip().lower() in FALSE_WORDS and status in GOOD_STATUS:
        return Outcome(state=State.COMPLETED, created_id=storable(item.get("created_id")))
    return Outcome(state=State.PENDING)
