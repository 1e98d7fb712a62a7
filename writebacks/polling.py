"""Ask a PMS what became of the writes it took: one batch for each integration.

No call to a PMS is made inside a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from integrations.contract import Outcome, Priority, State
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session, open_session
from writebacks import backoff
from writebacks.due import claim
from writebacks.models import LostRace, Writeback
from writebacks.settling import settle
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def check(integration_id: UUID | str, clock: Clock) -> int:
    """Ask in one batch what became of the integration's pending writes that are due."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    writebacks = claim(integration, Status.PENDING, clock())
    if writebacks:
        ask(open_session(integration, Priority.LOW, clock, correlation="check"), writebacks, clock)
    return len(writebacks)


def ask(session: Session, writebacks: list[Writeback], clock: Clock) -> None:
    """Ask for writes whose PMS id is known, and settle each one as its answer comes.

    A call that several share is counted for the first of them.
    """
    open_writes = {writeback.external_id: writeback for writeback in writebacks}
    counted = session.calls
    sent = [writeback.sent() for writeback in writebacks]
    try:
        for reference, outcome in session.adapter.outcomes(sent, clock()):
            calls, counted = session.calls - counted, session.calls
            _settle_or_lose(open_writes.pop(reference), outcome, clock(), calls)
    except PmsError as error:
        now = clock()
        for writeback in open_writes.values():
            calls, counted = session.calls - counted, session.calls
            could_not_ask(writeback, error, now, calls)
        return
    for writeback in open_writes.values():  # the PMS does not know them: that decides nothing
        calls, counted = session.calls - counted, session.calls
        _settle_or_lose(writeback, Outcome(state=State.PENDING), clock(), calls)


def _settle_or_lose(writeback: Writeback, outcome: Outcome, now: datetime, calls: int) -> None:
    try:
        settle(writeback, outcome, now, calls)
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)


def could_not_ask(writeback: Writeback, error: PmsError, now: datetime, calls: int) -> None:
    """Move the due time without spending a check."""
    pending = writeback.status == Status.PENDING
    wait = backoff.check_wait(1) if pending else backoff.look_wait(writeback.look_count)
    try:
        writeback.advance(
            Event.NOT_ASKED if pending else Event.LOOKUP_FAILED,
            now,
            note=str(error),
            calls=calls,
            waiting_for=error.code,
            due_at=error.retry_at or now + wait,
        )
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)
