"""What follows when a writeback moves on, in the same transaction: nothing of it can get lost.

A confirmed one changes our own copy; an ended one gives its slot back, lets the ones that waited
for it go on or fail, and is told to whoever wants to hear of it.
"""

from __future__ import annotations

import logging
from datetime import datetime

from integrations.contract import Priority
from integrations.http.errors import NotAuthorized, Refused
from integrations.profiles import profile_of
from integrations.session import open_session
from writebacks import handing_on, keeping, requests, slots, telling
from writebacks.models import LostRace, Writeback
from writebacks.states import TERMINAL, Event, Status

logger = logging.getLogger(__name__)


def moved(writeback: Writeback, before: Status, now: datetime) -> None:
    """Do what follows from a step that was just taken. Call inside its transaction."""
    status = Status(writeback.status)
    if status == Status.COMPLETED and (before != status or writeback.created_external_id):
        keeping.keep(writeback, now)
    # Where the PMS's id of what was confirmed is still to be read, nothing can build on it yet.
    if status in TERMINAL and writeback.due_at is None:
        slots.release(writeback)
        for dependent in writeback.dependents.filter(status=Status.QUEUED).order_by("pk"):
            try:
                go_on(dependent, writeback, now)
            except LostRace:
                logger.info("writeback %s was moved on by somebody else", dependent.pk)
    telling.tell(writeback, before, now)


def go_on(dependent: Writeback, earlier: Writeback, now: datetime) -> None:
    """Let one go on that waits for another, or end it with what went wrong; nothing while that
    one is open."""
    if earlier.status not in TERMINAL or earlier.due_at is not None:
        return
    if earlier.status != Status.COMPLETED:
        _give_up(dependent, "What it depends on failed.", now)
        return
    if not earlier.created_external_id:
        _give_up(dependent, "The PMS did not tell the id of what it depends on.", now)
        return
    try:
        _release(dependent, earlier, now)
    except (requests.Incomplete, requests.NotConfigured, NotAuthorized, Refused) as error:
        _give_up(dependent, str(error), now)


def _release(dependent: Writeback, earlier: Writeback, now: datetime) -> None:
    """Put it into the PMS's words, now that these can be known, and hand it on."""
    command = {**dependent.command, "patient": str(earlier.patient_id)}
    integration = dependent.integration
    asked = requests.read(dependent.operation, dependent.clinic, command)
    adapter = open_session(integration, Priority.HIGH).adapter
    prepared = adapter.prepare(asked.in_pms_words(profile_of(integration)))
    dependent.advance(
        Event.RELEASED,
        now,
        command=command,
        patient_id=earlier.patient_id,
        method=prepared.method,
        endpoint=prepared.endpoint,
        request_body=dict(prepared.body),
        waiting_for="",
        due_at=now,
    )
    handing_on.hand_on(dependent, now)


def _give_up(dependent: Writeback, why: str, now: datetime) -> None:
    dependent.advance(
        Event.EARLIER_FAILED,
        now,
        failure_code="earlier_failed",
        error_message=f"It was not sent. {why}"[:500],
    )
