"""Ask Sikka what became of writes: by its list of all, or one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from integrations.adapters.sikka import answers, log, reading, tracking, writing
from integrations.adapters.sikka.calls import Calls
from integrations.contract import Outcome, SentWrite, State
from integrations.http.errors import BudgetExhausted, Refused

#: So many writes are asked for one by one: a list tells neither a new record's id nor a reason.
FEW: Final = 2


def outcomes(
    calls: Calls, writes: Sequence[SentWrite], now: datetime, singly: int | None
) -> Iterator[tuple[str, Outcome]]:
    """Ask the list once for all of them, or one by one where that costs no more calls."""
    oldest_first = sorted(writes, key=lambda write: write.sent_at)
    references = list(dict.fromkeys(write.reference for write in oldest_first))
    left = len(references) if singly is None else singly
    asked: set[str] = set()
    if len(references) <= min(FEW, left):
        alone, references = references, []
        try:
            while alone:
                outcome = status(calls, alone[0])
                if outcome is None:
                    asked.add(alone[0])
                    references.append(alone[0])
                else:
                    yield alone[0], outcome
                alone.pop(0)
        except BudgetExhausted:
            references += alone  # the list is not the practice's call
        if not references:
            return
    first, last = log.days(oldest_first[0].sent_at, now)
    listed = {str(row.get("id")): row for row in written(calls, first, last)}
    for reference in references:
        state = tracking.listed_state(listed[reference]) if reference in listed else None
        if state in {State.PENDING, State.COMPLETED}:
            yield reference, Outcome(state=state)
        elif reference not in asked and left <= 0:
            yield reference, Outcome(state=State.PENDING)  # its turn comes
        else:
            # The list tells no failure's reason, and may close with a word that we do not know.
            outcome = None
            if reference not in asked:
                left -= 1
                outcome = status(calls, reference)
            if outcome or reference in listed:
                yield reference, outcome or Outcome(state=state or State.PENDING)


def created_ids(
    calls: Calls, writes: Sequence[SentWrite], now: datetime, singly: int | None
) -> Iterator[tuple[str, str]]:
    """Read the appointments that were made since, or ask one by one where they are few."""
    bookings = [write for write in writes if write.prepared.endpoint == writing.BOOK]
    found: dict[str, str] = {}
    if len(bookings) > FEW:
        first, last = log.days(min(write.sent_at for write in bookings), now)
        params = {
            "date_filter_on": "appointment_made_date",
            "startdate": first.isoformat(),
            "enddate": last.isoformat(),
            **reading.ALL_FIELDS,
        }
        found = tracking.made_by(bookings, list(calls.rows(reading.APPOINTMENTS, params)))
        yield from found.items()
    unread = [write for write in writes if write.reference not in found]
    for write in unread[:singly]:
        outcome = status(calls, write.reference)
        if outcome and outcome.created_id:
            yield write.reference, outcome.created_id


def status(calls: Calls, reference: str) -> Outcome | None:
    """Ask for one write; None where Sikka does not know it."""
    try:
        reply = calls.as_office("GET", "/writeback_status", {"id": reference})
    except Refused:
        return None  # this one write is not known here; that says nothing of the others
    rows = [item for item in answers.records(reply) if str(item.get("id")) == reference]
    return tracking.status_outcome(rows[0]) if rows else None


def written(calls: Calls, first: date, last: date) -> Iterator[dict[str, Any]]:
    """Yield this office's rows of the list of writes, which spans the whole application."""
    params = {"startdate": first.isoformat(), "enddate": last.isoformat()}
    for row in calls.rows("/writebacks", params, by_application=True):
        if str(row.get("office_id")) == calls.credential.office_id:
            yield row
