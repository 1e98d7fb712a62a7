"""Read the PMS's ids of what confirmed writes have created, many with one call.

A write's own id is never taken for the id of what it created.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef

from clinics import hours
from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session, counting, open_session
from writebacks import backoff, pace
from writebacks.due import claim
from writebacks.models import LostRace, Writeback
from writebacks.settling import identify_at
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def identify(integration_id: UUID | str, clock: Clock) -> int:
    """Read the ids of the integration's confirmed writes: of all of them, once one is due."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    claimed = {each.pk for each in claim(integration, Status.COMPLETED, clock())}
    if not claimed:
        return 0
    confirmed = Writeback.objects.filter(
        integration=integration, status=Status.COMPLETED, due_at__isnull=False
    ).annotate(awaited=Exists(Writeback.objects.filter(after=OuterRef("pk"))))
    # What another one waits for comes first.
    every = list(confirmed.order_by("-awaited", "due_at"))
    writebacks = [each for each in every if each.external_id]
    for nameless in every:
        # One that a person found in the PMS: there is nothing to ask for, and its time has come.
        if not nameless.external_id and nameless.pk in claimed:
            _step(nameless, Event.NOT_IDENTIFIED, clock(), 0, due_at=None)
    if not writebacks:
        return len(claimed)
    try:
        session = open_session(integration, Priority.LOW, clock, correlation="identify")
    except PmsError as error:
        _not_now(writebacks, error, clock())
        return len(writebacks)
    _read(session, writebacks, clock, hours.by_day(clock(), integration.clinic.zone))
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
    spent = paced and not pace.may_ask(integration, now)
    if spent and not any(each.dependents.exists() for each in confirmed):
        return
    _read(session, confirmed, clock, paced)


def _read(session: Session, writebacks: Sequence[Writeback], clock: Clock, by_day: bool) -> None:
    """Read ids, and keep each as it comes. A call that several share is counted for the first."""
    unread = {writeback.external_id: writeback for writeback in writebacks}
    calls_since = counting(session)
    sent = [writeback.sent() for writeback in writebacks]
    singly = backoff.SINGLE_IDS if by_day else None
    try:
        for reference, created_id in session.adapter.created_ids(sent, clock(), singly):
            found = {"created_external_id": created_id, "due_at": None}
            _step(unread.pop(reference), Event.IDENTIFIED, clock(), calls_since(), **found)
    except PmsError as error:
        _not_now(list(unread.values()), error, clock())
        return
    for writeback in unread.values():
        _later(writeback, clock(), calls_since())


def _step(writeback: Writeback, event: Event, now: datetime, calls: int, **changes: Any) -> None:
    try:
        writeback.advance(event, now, calls=calls, quiet=event == Event.NOT_IDENTIFIED, **changes)
    except LostRace:
        logger.info("writeback %s was identified by somebody else", writeback.pk)


def _later(writeback: Writeback, now: datetime, calls: int) -> None:
    """Try again later, as long as the PMS tells; then a sync brings the record itself."""
    told_until = writeback.sent().sent_at + writeback.integration.manifest.look_back
    due_at = identify_at(writeback, now)
    due = due_at if due_at < told_until else None
    _step(writeback, Event.NOT_IDENTIFIED, now, calls, due_at=due)


def _not_now(writebacks: Sequence[Writeback], error: PmsError, now: datetime) -> None:
    unread = Writeback.objects.filter(
        pk__in=[each.pk for each in writebacks], status=Status.COMPLETED, due_at__isnull=False
    )
    unread.update(due_at=error.retry_at or now + backoff.ask_wait(1))
