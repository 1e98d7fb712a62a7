"""Send a queued writeback, once. No call to a PMS is made inside a transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from integrations.contract import Priority, Receipt, State
from integrations.http.errors import PmsError, Refused
from integrations.session import open_session
from writebacks import backoff
from writebacks.models import LEASE, ONE_WRITE, LostRace, Writeback, constraint_of
from writebacks.settling import NO_REASON, complete, fail
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def submit(writeback_id: UUID | str, due_at: datetime, clock: Clock) -> None:
    """Send one writeback that was handed out as due at `due_at`.

    Does nothing when it is not queued any more, or has been postponed since: a message that comes
    twice or late costs no call.
    """
    writeback = Writeback.objects.select_related("integration__clinic").get(pk=writeback_id)
    if writeback.status != Status.QUEUED or writeback.due_at != due_at:
        return
    now = clock()
    calls = 0
    try:
        if writeback.expires_at and now >= writeback.expires_at:
            text = "Its time passed before it was sent."
            fail(writeback, Event.EXPIRED, "not_delivered", text, now)
            return
        lease_ends_at = now + LEASE
        writeback.advance(
            Event.CLAIMED,
            now,
            attempts=writeback.attempts + 1,
            submitted_at=now,
            due_at=lease_ends_at,
            waiting_for="",
        )
        try:
            session = open_session(
                writeback.integration,
                Priority.HIGH,
                clock,
                correlation=str(writeback.pk),
                # A sender that slept past its claim must not send: another may be doing it.
                deadline=lease_ends_at,
            )
            try:
                receipt = session.adapter.submit(writeback.prepared)
            finally:
                calls = session.calls
        except PmsError as error:
            _not_accepted(writeback, error, clock(), calls)
        else:
            _accepted(writeback, receipt, clock(), calls)
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)


def _accepted(writeback: Writeback, receipt: Receipt, now: datetime, calls: int) -> None:
    """Note what the PMS answered: that it has the write, or at once what became of it."""
    try:
        match receipt.state:
            case State.PENDING:
                writeback.advance(
                    Event.ACCEPTED,
                    now,
                    calls=calls,
                    external_id=receipt.reference,
                    due_at=now + backoff.check_wait(0),
                )
            case State.COMPLETED:
                remark = receipt.remark[:500]
                complete(
                    writeback,
                    receipt.created_id,
                    now,
                    calls,
                    # Whoever looks for an answer that was lost must not take this for theirs.
                    external_id=receipt.reference,
                    remark=remark,
                    note=remark,
                )
            case State.FAILED:
                text = receipt.remark or NO_REASON
                fail(writeback, Event.REFUSED, "pms_failed", text, now, calls)
    except IntegrityError as error:
        if constraint_of(error) != ONE_WRITE:
            raise
        # Another writeback holds this id: a twin of this one adopted it while we waited.
        _unconfirmed(writeback, "The PMS's id is taken by another writeback.", now, calls)


def _not_accepted(writeback: Writeback, error: PmsError, now: datetime, calls: int) -> None:
    """Note why a write was not accepted. One that may have happened is looked up, never resent."""
    if error.may_have_happened:
        _unconfirmed(writeback, str(error), now, calls, waiting_for=error.code)
    elif isinstance(error, Refused):
        fail(writeback, Event.REFUSED, "refused", str(error), now, calls)
    else:
        writeback.advance(
            Event.POSTPONED,
            now,
            note=str(error),
            calls=calls,
            waiting_for=error.code,
            submitted_at=None,
            due_at=error.retry_at or now + backoff.send_wait(_in_vain(writeback, calls)),
        )


def _in_vain(writeback: Writeback, calls: int) -> int:
    """Return how many attempts have failed, this one included.

    Where this one reached the PMS, those that a spent budget or an open breaker held back do not
    count: they say nothing of how long the PMS or the practice has been away.
    """
    if not calls:
        return writeback.attempts
    return writeback.events.filter(event=Event.POSTPONED, calls__gt=0).count() + 1


def _unconfirmed(
    writeback: Writeback, note: str, now: datetime, calls: int, waiting_for: str = "no_answer"
) -> None:
    writeback.advance(
        Event.NO_ANSWER,
        now,
        note=note,
        calls=calls,
        waiting_for=waiting_for,
        look_count=0,
        due_at=now + backoff.look_wait(0),
    )
