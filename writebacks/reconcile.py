"""Find out about writes that nobody can vouch for: adopted if the PMS has them, sent again only
when they provably are not there.

No call to a PMS is made inside a transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session, open_session
from writebacks import backoff
from writebacks.due import claim
from writebacks.models import LostRace, Writeback
from writebacks.polling import ask, could_not_ask
from writebacks.settling import fail, look_later
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


def reconcile(integration_id: UUID | str, clock: Clock) -> int:
    """Find out about the integration's unconfirmed writes that are due for a look."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    writebacks = claim(integration, Status.UNCONFIRMED, clock())
    session = open_session(integration, Priority.LOW, clock, correlation="reconcile")
    if known := [writeback for writeback in writebacks if writeback.external_id]:
        ask(session, known, clock)
    for writeback in writebacks:
        if not writeback.external_id:
            _look_for(session, writeback, clock)
    return len(writebacks)


def _look_for(session: Session, writeback: Writeback, clock: Clock) -> None:
    """Look in the PMS for a write whose answer was lost; adopt it, or prove that it is absent."""
    counted = session.calls
    try:
        found = session.adapter.find(writeback.sent(), clock())
    except PmsError as error:
        could_not_ask(writeback, error, clock(), session.calls - counted)
        return
    now, calls = clock(), session.calls - counted
    try:
        for reference in _unclaimed(writeback.integration, found):
            if _adopt(writeback, reference, now, calls):
                return
        looks = writeback.look_count + 1
        if looks < backoff.LOOKS_TO_PROVE_ABSENCE:
            look_later(writeback, Event.NOT_FOUND_YET, now, calls)
        elif writeback.expires_at and now >= writeback.expires_at:
            text = "It did not reach the PMS, and its time has passed."
            fail(writeback, Event.EXPIRED, "not_delivered", text, now, calls)
        else:
            writeback.advance(
                Event.ABSENT,
                now,
                calls=calls,
                look_count=0,
                submitted_at=None,
                due_at=now,
                waiting_for="",
            )
    except LostRace:
        logger.info("writeback %s was moved on by somebody else", writeback.pk)


def _unclaimed(integration: Integration, references: Iterable[str]) -> list[str]:
    """Return the writes in the PMS that are not already known to be another writeback's."""
    references = list(references)
    taken = set(
        Writeback.objects.filter(integration=integration, external_id__in=references).values_list(
            "external_id", flat=True
        )
    )
    return [reference for reference in references if reference not in taken]


def _adopt(writeback: Writeback, reference: str, now: datetime, calls: int) -> bool:
    """Take a write found in the PMS for ours, unless another of ours took it this instant."""
    sent_at = writeback.submitted_at or writeback.created_at
    first_check = max(now, sent_at + backoff.check_wait(0))
    try:
        with transaction.atomic():
            writeback.advance(
                Event.FOUND,
                now,
                calls=calls,
                external_id=reference,
                due_at=first_check,
                waiting_for="",
            )
    except IntegrityError:
        return False
    return True
