"""Tell whoever wants to hear it what became of a writeback, once for each state it ends in."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from webhooks.publishing import publish
from writebacks.mailing import mail_soon
from writebacks.models import Writeback
from writebacks.states import RESULTS, Status

#: The states worth telling: the ends, and that nobody knows yet.
TOLD = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.UNCONFIRMED})


def tell(writeback: Writeback, before: Status, now: datetime) -> None:
    """Have the organization's webhooks told of a step, in its transaction, once for each state."""
    status = Status(writeback.status)
    if status != before and status in TOLD:
        _publish(writeback, status, now)
        mail_soon(writeback)
    elif status == before == Status.COMPLETED and writeback.created_external_id:
        _publish(writeback, "identified", now)


def _publish(writeback: Writeback, what: str, now: datetime) -> None:
    publish(
        writeback.organization_id,
        writeback.clinic_id,
        f"writeback.{what}",
        as_told(writeback),
        now,
        # The same step has the same id, however often it is told; another attempt is another.
        event_id=uuid.uuid5(writeback.pk, f"{what} {writeback.attempts}"),
    )


def as_told(writeback: Writeback) -> dict[str, Any]:
    """Return what a receiver is told: ids, and the outcome in words and codes; no names.

    A remark is the adapter's own words, which tell nothing of the patient.
    """
    return {
        "writeback": str(writeback.pk),
        "clinic": str(writeback.clinic_id),
        "operation": writeback.operation,
        "status": writeback.status,
        "result": RESULTS[Status(writeback.status)],
        "failure_code": writeback.failure_code,
        "remark": writeback.remark,
        "patient": str(writeback.patient_id) if writeback.patient_id else None,
        "appointment": str(writeback.appointment_id) if writeback.appointment_id else None,
        "created_external_id": writeback.created_external_id,
        "created_at": writeback.created_at.isoformat(),
        "completed_at": writeback.completed_at.isoformat() if writeback.completed_at else None,
    }
