"""Carry out what a PMS says of a write: end it, ask again later, or keep our own record of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from clinics.models import Appointment, AppointmentStatus, Record
from integrations.contract import Outcome, State
from writebacks import backoff
from writebacks.models import Operation, Writeback
from writebacks.states import Event, Status


def settle(writeback: Writeback, outcome: Outcome, now: datetime, calls: int = 0) -> None:
    """Carry out what the PMS says. Silence or an unknown word is `pending`, never `completed`."""
    if outcome.state is State.COMPLETED:
        with transaction.atomic():
            writeback.advance(
                Event.DONE,
                now,
                calls=calls,
                created_external_id=outcome.created_id,
                last_checked_at=now,
                check_count=writeback.check_count + 1,
            )
            _keep_record(writeback, now)
    elif outcome.state is State.FAILED:
        text = outcome.message or "The PMS gave no reason."
        fail(writeback, Event.REFUSED, "pms_failed", text, now, calls, last_checked_at=now)
    elif writeback.status == Status.UNCONFIRMED:
        look_later(writeback, Event.STILL_PENDING, now, calls)
    else:
        _check_later(writeback, now, calls)


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
        writeback.advance(
            Event.CHECKS_USED_UP, now, look_count=0, due_at=now + backoff.look_wait(0), **common
        )
    else:
        due_at = now + backoff.check_wait(checks)
        writeback.advance(Event.STILL_PENDING, now, due_at=due_at, **common)


def look_later(writeback: Writeback, event: Event, now: datetime, calls: int) -> None:
    looks = writeback.look_count + 1
    due_at: datetime | None = now + backoff.look_wait(looks)
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


def _keep_record(writeback: Writeback, now: datetime) -> None:
    """Put a confirmed booking into our copy, without waiting for the next sync to bring it.

    What a sync has brought already is newer than what was asked for, and stays.
    """
    if writeback.operation != Operation.BOOK or not writeback.created_external_id:
        return
    asked = writeback.command
    Appointment.objects.get_or_create(
        clinic_id=writeback.clinic_id,
        external_id=writeback.created_external_id,
        defaults={
            "organization_id": writeback.organization_id,
            "patient_id": asked["patient"],
            "practitioner_id": asked["practitioner"],
            "operatory_id": asked["operatory"],
            "location_id": asked["location"],
            "starts_at": datetime.fromisoformat(asked["starts_at"]),
            "ends_at": datetime.fromisoformat(asked["ends_at"]),
            "description": asked["description"],
            "status": AppointmentStatus.BOOKED,
            "sync_status": Record.SyncStatus.SYNCED,
            "last_synced_at": now,
            "updated_at": now,
        },
    )
