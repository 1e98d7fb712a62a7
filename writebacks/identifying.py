"""Read the PMS's ids of what confirmed writes have created, many with one call.

A write's own id is never taken for the id of what it created.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session, open_session
from writebacks import backoff, hours, pace
from writebacks.due import claim
from writebacks.models import LostRace, Writeback
from writebacks.settling import identify_at
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def identify(integration_id: UUID | str, clock: Clock) -> int:
    """Read the ids of the integration's confirmed writes: of all of them, once one is due."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    if not claim(integration, Status.COMPLETED, clock()):
        return 0
    writebacks = list(
        Writeback.objects.filter(
            integration=integration, status=Status.COMPLETED, due_at__isnull=False
        ).order_by("due_at")
    )
    try:
        session = open_session(integration, Priority.LOW, clock, correlation="identify")
    except PmsError as error:
        _not_now(writebacks, error, clock())
        return len(writebacks)
    _read(session, writebacks, clock)
    return len(writebacks)


def identify_now(
    session: Session, integration: Integration, writebacks: list[Writeback], clock: Clock
) -> None:
    """Read the ids of what was just confirmed, unless the practice has spent its pace."""
    confirmed = [
        each for each in writebacks if each.status == Status.COMPLETED and each.due_at is not None
    ]
    if not confirmed:
        return
    now = clock()
    paced = hours.by_day(now, integration.clinic.zone)
    urgent = any(each.dependents.exists() for each in confirmed)
    if paced and not pace.may_ask(integration, now) and not urgent:
        return
    _read(session, confirmed, clock)


def _read(session: Session, writebacks: list[Writeback], clock: Clock) -> None:
    counted = session.calls
    try:
        ids = session.adapter.created_ids([each.sent() for each in writebacks], clock())
    except PmsError as error:
        _not_now(writebacks, error, clock())
        return
    calls = session.calls - counted
    now = clock()
    for writeback in writebacks:
        created_id = ids.get(writeback.external_id, "")
        try:
            if created_id:
                writeback.advance(
                    Event.IDENTIFIED,
                    now,
                    calls=calls,
                    created_external_id=created_id,
                    due_at=None,
                )
            else:
                _later(writeback, now, calls)
        except LostRace:
            logger.info("writeback %s was identified by somebody else", writeback.pk)
        calls = 0  # a call that several share is counted for the first of them


def _later(writeback: Writeback, now: datetime, calls: int) -> None:
    """Try again later, as long as the PMS tells; then a sync brings the record itself."""
    told_until = writeback.sent().sent_at + writeback.integration.manifest.look_back
    due_at = identify_at(writeback, now)
    writeback.advance(
        Event.NOT_IDENTIFIED,
        now,
        calls=calls,
        quiet=True,
        due_at=due_at if due_at < told_until else None,
    )


def _not_now(writebacks: list[Writeback], error: PmsError, now: datetime) -> None:
    for writeback in writebacks:
        due_at = error.retry_at or now + backoff.ask_wait(1)
        Writeback.objects.filter(pk=writeback.pk, status=Status.COMPLETED).exclude(
            due_at=None
        ).update(due_at=due_at)
