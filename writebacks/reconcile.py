"""Find out about writes that nobody can vouch for: adopted if the PMS has them, sent again only
when they provably are not there.

No call to a PMS is made inside a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from integrations.contract import Lookup
from integrations.http.errors import PmsError
from integrations.models import Integration
from integrations.session import Session
from writebacks import backoff
from writebacks.due import claim
from writebacks.models import Writeback
from writebacks.polling import alone, ask, could_not_ask, session_or_wait
from writebacks.settling import fail, look_later
from writebacks.states import Event, Status

Clock = Callable[[], datetime]


def reconcile(integration_id: UUID | str, clock: Clock) -> int:
    """Find out about the integration's unconfirmed writes that are due for a look."""
    integration = Integration.objects.select_related("clinic").get(pk=integration_id)
    writebacks = claim(integration, Status.UNCONFIRMED, clock())
    session = session_or_wait(integration, writebacks, clock, "reconcile")
    if session is None:
        return len(writebacks)
    if known := [writeback for writeback in writebacks if writeback.external_id]:
        ask(session, known, clock)
    if lost := [writeback for writeback in writebacks if not writeback.external_id]:
        _look_for(session, lost, clock)
    return len(writebacks)


def _look_for(session: Session, writebacks: list[Writeback], clock: Clock) -> None:
    """Look in the PMS, once for all, for writes whose answers were lost."""
    counted = session.calls
    try:
        lookups = session.adapter.find([writeback.sent() for writeback in writebacks], clock())
    except PmsError as error:
        for number, writeback in enumerate(writebacks):
            calls = 0 if number else session.calls - counted
            could_not_ask(writeback, error, clock(), calls)
        return
    calls = session.calls - counted
    for writeback, lookup in zip(writebacks, lookups, strict=True):
        with alone(writeback, clock):
            _conclude(writeback, lookup, clock(), calls)
        calls = 0  # a call that several share is counted for the first of them


def _conclude(writeback: Writeback, lookup: Lookup, now: datetime, calls: int) -> None:
    """Adopt what was found, or go one step further in proving that it is not there."""
    for reference in _unclaimed(writeback.integration, lookup.same):
        if _adopt(writeback, reference, now, calls):
            return
    if counts_from := _too_soon(writeback, now):
        writeback.advance(
            Event.NOT_FOUND_YET, now, calls=calls, waiting_for="pms", due_at=counts_from
        )
    elif writeback.look_count + 1 < backoff.LOOKS_TO_PROVE_ABSENCE:
        look_later(writeback, Event.NOT_FOUND_YET, now, calls)
    elif doubt := _doubt(writeback, lookup):
        _leave_to_a_person(writeback, doubt, now, calls)
    elif writeback.withdraw_asked_at:
        writeback.advance(Event.CANCELLED, now, calls=calls)
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


def _too_soon(writeback: Writeback, now: datetime) -> datetime | None:
    """Return from when on a look counts, where the last one was too short a time ago.

    Somebody who has it looked for again and again proves nothing sooner.
    """
    looked_at = writeback.last_checked_at if writeback.look_count else None
    counts_from = looked_at and looked_at + backoff.BETWEEN_LOOKS
    return counts_from if counts_from and now < counts_from else None


def _doubt(writeback: Writeback, lookup: Lookup) -> str:
    """Return why not finding it proves nothing; empty where it is proof."""
    if not lookup.covered:
        return "The PMS's log does not reach back to when it was sent."
    if _unclaimed(writeback.integration, lookup.similar):
        return "The PMS has a write that could be this one, but does not match in all."
    return ""


def _leave_to_a_person(writeback: Writeback, why: str, now: datetime, calls: int) -> None:
    writeback.advance(
        Event.NOT_FOUND_YET,
        now,
        note=f"{why} Somebody has to look whether it stands there.",
        calls=calls,
        look_count=writeback.look_count + 1,
        last_checked_at=now,
        waiting_for="person",
        due_at=None,
    )


def _unclaimed(integration: Integration, references: Iterable[str]) -> list[str]:
    """Return the writes in the PMS that are not already known to be another writeback's."""
    references = list(references)
    named = [reference for reference in references if reference]
    ours = Writeback.objects.filter(integration=integration)
    taken = set(ours.filter(external_id__in=named).values_list("external_id", flat=True))
    for discarded in ours.filter(discarded_ids__overlap=named).values_list(
        "discarded_ids", flat=True
    ):
        taken.update(discarded)
    return [reference for reference in references if reference not in taken]


def _adopt(writeback: Writeback, reference: str, now: datetime, calls: int) -> bool:
    """Take a write found in the PMS for ours, unless another of ours took it this instant."""
    sent_at = writeback.sent().sent_at
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
