"""Ask a PMS what became of the writes it took: one batch for each integration.

No call to a PMS is made inside a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from clinics import hours
from integrations.contract import Outcome, Priority, State
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session, counting, open_session
from writebacks import backoff, pace
from writebacks.due import claim, wait_until
from writebacks.identifying import identify_now
from writebacks.models import LostRace, Writeback
from writebacks.settling import settle
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def check(integration_id: UUID | str, clock: Clock) -> int:
    """Ask in one batch what became of the integration's pending writes that are due."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    writebacks = claim(integration, Status.PENDING, clock())
    if not writebacks:
        return 0
    withdrawn = [each for each in writebacks if each.withdraw_asked_at]
    untried = _withdraw(integration, withdrawn, clock) if withdrawn else set()
    asked = [
        each
        for each in writebacks
        if each.status == Status.PENDING and each.external_id not in untried
    ]
    now = clock()
    paced = hours.by_day(now, integration.clinic.zone) and not _awaited(asked, now)
    if paced and asked and not pace.may_ask(integration, now):
        # The next check answers for these, too.
        wait_until(asked, pace.next_at(integration, now))
        return len(writebacks)
    if asked and (session := session_or_wait(integration, asked, clock, "check")):
        ask(session, asked, clock, _singly(integration, len(asked), now) if paced else None)
        identify_now(session, integration, asked, clock)
    return len(writebacks)


def _awaited(writebacks: list[Writeback], now: datetime) -> bool:
    """Return whether somebody waits for one of them on the line."""
    return any(each.awaited_until and now < each.awaited_until for each in writebacks)


def _singly(integration: Integration, writebacks: int, now: datetime) -> int:
    """Return how many writes may be asked for in a call of their own, by day.

    Where the practice's pace is spent it is fewer than there are, so that these are asked for
    together. What still has to be asked alone costs the pace nothing: waiting would not save it.
    """
    if pace.next_at(integration, now) <= now:
        return backoff.SINGLE_CHECKS
    return min(backoff.SINGLE_CHECKS, max(1, writebacks - 1))


def _withdraw(integration: Integration, writebacks: list[Writeback], clock: Clock) -> set[str]:
    """Take back what somebody does not want any more, where the PMS has not carried it out.

    Returns the references of those that the PMS was surely not asked to take back: what it does
    not know of these, it may not know yet. They come due again by themselves.
    """
    untried: set[str] = set()
    session = session_or_wait(integration, writebacks, clock, "withdraw", Priority.HIGH)
    if session is None:
        return {writeback.external_id for writeback in writebacks}
    calls_since = counting(session)
    for writeback in writebacks:
        with alone(writeback, clock):
            try:
                gone = session.adapter.withdraw(writeback.external_id)
            except PmsError as error:
                calls = calls_since()
                if not error.may_have_happened:
                    untried.add(writeback.external_id)
                    could_not_ask(writeback, error, clock(), calls)
                continue
            # Else it was carried out, or taken back by a call whose answer was lost: the check,
            # which comes next, tells.
            calls = calls_since()
            if gone:
                writeback.advance(Event.CANCELLED, clock(), calls=calls)
    return untried


def session_or_wait(
    integration: Integration,
    writebacks: list[Writeback],
    clock: Clock,
    correlation: str,
    priority: Priority = Priority.LOW,
) -> Session | None:
    """Return a session, for background work unless said otherwise, or None where the integration
    is not usable; then the writebacks wait."""
    try:
        return open_session(integration, priority, clock, correlation=correlation)
    except PmsError as error:
        for writeback in writebacks:
            could_not_ask(writeback, error, clock(), 0)
        return None


def ask(
    session: Session, writebacks: list[Writeback], clock: Clock, singly: int | None = None
) -> None:
    """Ask for writes whose PMS id is known, and settle each one as its answer comes.

    At most `singly` calls are made for one write alone. A call that several share is counted for
    the first of them.
    """
    open_writes = {writeback.external_id: writeback for writeback in writebacks}
    calls_since = counting(session)
    sent = [writeback.sent() for writeback in writebacks]
    try:
        for reference, outcome in session.adapter.outcomes(sent, clock(), singly):
            writeback = open_writes.pop(reference)
            with alone(writeback, clock):
                settle(writeback, outcome, clock(), calls_since())
    except PmsError as error:
        for writeback in open_writes.values():
            could_not_ask(writeback, error, clock(), calls_since())
        return
    for writeback in open_writes.values():
        with alone(writeback, clock):
            if writeback.withdraw_asked_at and writeback.status == Status.PENDING:
                _gone(writeback, clock(), calls_since())
            else:  # the PMS does not know it: that decides nothing
                settle(writeback, Outcome(state=State.PENDING), clock(), calls_since())


def _gone(writeback: Writeback, now: datetime, calls: int) -> None:
    """Take one that was to be withdrawn, and that the PMS does not know any more, for withdrawn:
    at the second look, since one proves nothing."""
    looks = writeback.look_count + 1
    if looks >= backoff.LOOKS_TO_PROVE_ABSENCE:
        note = "The PMS does not have it any more."
        writeback.advance(Event.CANCELLED, now, note=note, calls=calls)
    else:
        due_at = now + backoff.BETWEEN_LOOKS
        writeback.advance(Event.STILL_PENDING, now, calls=calls, look_count=looks, due_at=due_at)


@contextmanager
def alone(writeback: Writeback, clock: Clock) -> Iterator[None]:
    """Keep what goes wrong with one writeback from the others of its batch.

    One that another worker moved on is left to it. One that fails for a reason of our own waits
    its turn as if the PMS had not finished it, which uses up a check.
    """
    try:
        yield
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)
    except Exception as error:
        # The type alone: a database's message repeats the row.
        logger.error("writeback %s: %s", writeback.pk, type(error).__name__)
        try:
            writeback.refresh_from_db()
            settle(writeback, Outcome(state=State.PENDING), clock())
        except Exception as again:
            # Its lease brings it back.
            logger.error("writeback %s: %s", writeback.pk, type(again).__name__)


def could_not_ask(writeback: Writeback, error: PmsError, now: datetime, calls: int) -> None:
    """Move the due time without spending a check, further with each failure in a row.

    An outage leaves one event, not one for each attempt.
    """
    pending = writeback.status == Status.PENDING
    failures = writeback.ask_failures + 1
    try:
        writeback.advance(
            Event.NOT_ASKED if pending else Event.LOOKUP_FAILED,
            now,
            quiet=writeback.waiting_for == error.code,
            note=str(error),
            calls=calls,
            waiting_for=error.code,
            ask_failures=failures,
            due_at=error.retry_at or now + backoff.ask_wait(failures),
        )
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)
