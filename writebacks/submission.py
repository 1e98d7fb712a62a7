"""Send a queued writeback, once. No call to a PMS is made inside a transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from integrations.contract import Outcome, Priority, State
from integrations.http.errors import PmsError, Refused
from integrations.session import open_session
from writebacks import backoff
from writebacks.models import LEASE, LostRace, Writeback
from writebacks.settling import fail, settle
from writebacks.states import Event, Status

Clock = Callable[[], datetime]


def submit(writeback_id: UUID | str, clock: Clock) -> None:
    """Send one queued writeback, once. Does nothing when it is not queued any more."""
    writeback = Writeback.objects.select_related("integration__clinic").get(pk=writeback_id)
    if writeback.status != Status.QUEUED:
        return
    now = clock()
    try:
        if writeback.expires_at and now >= writeback.expires_at:
            fail(
                writeback,
                Event.EXPIRED,
                "not_delivered",
                "Its time passed before it was sent.",
                now,
            )
            return
        writeback.advance(
            Event.CLAIMED,
            now,
            attempts=writeback.attempts + 1,
            submitted_at=now,
            due_at=now + LEASE,
            waiting_for="",
        )
    except LostRace:
        return  # another worker has it
    session = open_session(
        writeback.integration, Priority.HIGH, clock, correlation=str(writeback.pk)
    )
    try:
        receipt = session.adapter.submit(writeback.prepared)
    except PmsError as error:
        _not_accepted(writeback, error, clock(), session.calls)
        return
    now = clock()
    if receipt.state is State.PENDING:
        writeback.advance(
            Event.ACCEPTED,
            now,
            calls=session.calls,
            external_id=receipt.reference,
            due_at=now + backoff.check_wait(0),
        )
    else:
        outcome = Outcome(state=receipt.state, created_id=receipt.created_id)
        settle(writeback, outcome, now, session.calls)


def _not_accepted(writeback: Writeback, error: PmsError, now: datetime, calls: int) -> None:
    """Note why a write was not accepted. One that may have happened is looked up, never resent."""
    note = str(error)
    if error.may_have_happened:
        writeback.advance(
            Event.NO_ANSWER,
            now,
            note=note,
            calls=calls,
            waiting_for=error.code,
            look_count=0,
            due_at=now + backoff.look_wait(0),
        )
    elif isinstance(error, Refused):
        fail(writeback, Event.REFUSED, "refused", note, now, calls)
    else:
        writeback.advance(
            Event.POSTPONED,
            now,
            note=note,
            calls=calls,
            waiting_for=error.code,
            submitted_at=None,
            due_at=error.retry_at or now + backoff.send_wait(writeback.attempts),
        )
