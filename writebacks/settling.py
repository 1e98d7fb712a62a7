"""Carry out what a PMS says of a write: end it, or ask again later."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from clinics import hours
from integrations.contract import Outcome, State
from writebacks import backoff
from writebacks.models import Writeback
from writebacks.operations import CREATES
from writebacks.states import Event, Status

NO_REASON: Final = "The PMS gave no reason."


def settle(writeback: Writeback, outcome: Outcome, now: datetime, calls: int = 0) -> None:
    """Carry out what the PMS says. Silence or an unknown word is `pending`, never `completed`."""
    if outcome.state is State.COMPLETED:
        checked = {"last_checked_at": now, "check_count": writeback.check_count + 1}
        complete(writeback, outcome.created_id, now, calls, **checked)
    elif outcome.state is State.FAILED:
        text = outcome.message or NO_REASON
        fail(writeback, Event.REFUSED, "pms_failed", text, now, calls, last_checked_at=now)
    elif writeback.status == Status.UNCONFIRMED:
        look_later(writeback, Event.STILL_PENDING, now, calls)
    else:
        _check_later(writeback, now, calls)


def complete(
    writeback: Writeback, created_id: str, now: datetime, calls: int = 0, **changes: Any
) -> None:
    """End it as confirmed, but for the id of what it created where that is not told yet."""
    due_at = None if is_known(writeback, created_id) else identify_at(writeback, now)
    writeback.advance(
        Event.DONE, now, calls=calls, created_external_id=created_id, due_at=due_at, **changes
    )


def is_known(writeback: Writeback, created_id: str) -> bool:
    """Return whether nothing is left to be read of a confirmed write."""
    return bool(created_id) or writeback.operation not in CREATES


def identify_at(writeback: Writeback, now: datetime) -> datetime:
    """Return when to read the id of what a writeback, confirmed now or before, has created."""
    since_confirmed = now - (writeback.completed_at or now)
    return now + backoff.identify_wait(since_confirmed, writeback.dependents.exists())


def fail(
    writeback: Writeback,
    event: Event,
    code: str,
    message: str,
    now: datetime,
    calls: int = 0,
    **changes: Any,
) -> None:
    """End it as failed, with a code for programs and a reason for people."""
    writeback.advance(
        event, now, calls=calls, failure_code=code, error_message=message[:500], **changes
    )


def _check_later(writeback: Writeback, now: datetime, calls: int) -> None:
    checks = writeback.check_count + 1
    common: dict[str, Any] = {
        "calls": calls,
        "check_count": checks,
        "last_checked_at": now,
        "ask_failures": 0,
        "waiting_for": "pms",
    }
    if checks >= backoff.MAX_CHECKS:
        # Nothing is given up on before the night has looked once more.
        due_at = hours.next_catch_up(now, writeback.integration.clinic.zone)
        writeback.advance(Event.CHECKS_USED_UP, now, look_count=0, due_at=due_at, **common)
    else:
        due_at = now + backoff.check_wait(checks)
        writeback.advance(Event.STILL_PENDING, now, due_at=due_at, **common)


def look_later(writeback: Writeback, event: Event, now: datetime, calls: int) -> None:
    looks = writeback.look_count + 1
    due_at: datetime | None = now + backoff.look_wait(looks)
    if writeback.external_id and writeback.check_count >= backoff.MAX_CHECKS:
        due_at = hours.next_catch_up(now, writeback.integration.clinic.zone)
    sent_at = writeback.sent().sent_at
    if now - sent_at > writeback.integration.manifest.look_back:
        due_at = None  # the PMS tells nothing older: from here on it is a person's decision
    writeback.advance(
        event,
        now,
        calls=calls,
        look_count=looks,
        last_checked_at=now,
        ask_failures=0,
        waiting_for="pms" if due_at else "person",
        due_at=due_at,
    )
