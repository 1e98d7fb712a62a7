"""Ask for a change: checked, written down as queued, and only then handed to a worker."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from kombu.exceptions import OperationalError

from clinics.models import Clinic, Location, Operatory, Patient, Practitioner, User
from integrations.contract import BookAppointment, Priority
from integrations.models import Integration
from integrations.session import open_session
from writebacks.models import Operation, Writeback, WritebackEvent
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)


class NotConnected(Exception):
    """The clinic has no integration yet."""


class NotSupported(Exception):
    """The clinic's PMS cannot do this operation."""


class KeyReused(Exception):
    """The Idempotency-Key was used before for another request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A booking as asked for; everything in it belongs to one clinic. Times are aware."""

    patient: Patient
    practitioner: Practitioner
    operatory: Operatory
    location: Location
    starts_at: datetime
    ends_at: datetime
    description: str = ""

    def as_command(self) -> dict[str, Any]:
        """Return it as JSON, by our own ids and in UTC."""
        return {
            "patient": str(self.patient.pk),
            "practitioner": str(self.practitioner.pk),
            "operatory": str(self.operatory.pk),
            "location": str(self.location.pk),
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "description": self.description,
        }


def request_booking(
    clinic: Clinic,
    booking: Booking,
    *,
    user: User | AnonymousUser,
    idempotency_key: str,
    now: datetime,
) -> tuple[Writeback, bool]:
    """Write the booking down and have it sent; return it, and whether it is new.

    The same key with the same request returns the writeback that it made before. Raises
    NotConnected, NotSupported or KeyReused; then nothing was written down.
    """
    integration = Integration.objects.filter(clinic=clinic).first()
    if integration is None:
        raise NotConnected(f"{clinic} is not connected to a PMS yet.")
    if Operation.BOOK not in integration.manifest.operations:
        raise NotSupported(f"{integration.manifest.title} cannot book appointments.")
    prepared = open_session(integration, Priority.HIGH).adapter.prepare_booking(
        BookAppointment(
            patient_id=booking.patient.external_id,
            practitioner_id=booking.practitioner.external_id,
            operatory_id=booking.operatory.external_id,
            location_id=booking.location.external_id,
            starts_at=booking.starts_at.astimezone(booking.location.zone),
            ends_at=booking.ends_at.astimezone(booking.location.zone),
            description=booking.description,
        )
    )
    command = booking.as_command()
    return _record(
        Writeback(
            organization_id=clinic.organization_id,
            clinic=clinic,
            integration=integration,
            operation=Operation.BOOK,
            command=command,
            method=prepared.method,
            endpoint=prepared.endpoint,
            request_body=dict(prepared.body),
            expires_at=booking.starts_at,
            requested_by=user if isinstance(user, User) else None,
            idempotency_key=idempotency_key,
            request_hash=_hash([Operation.BOOK, str(clinic.pk), command]),
            created_at=now,
            due_at=now,
        )
    )


def _record(writeback: Writeback) -> tuple[Writeback, bool]:
    """Commit a new writeback as queued and hand it on, or find the one that its key made."""
    try:
        with transaction.atomic():
            writeback.save(force_insert=True)
            WritebackEvent.objects.create(
                organization_id=writeback.organization_id,
                writeback=writeback,
                at=writeback.created_at,
                event=Event.REQUESTED,
                to_status=Status.QUEUED,
                person=writeback.requested_by,
            )
            transaction.on_commit(lambda: _hand_on(str(writeback.pk)))
    except IntegrityError:
        earlier = Writeback.objects.filter(
            organization_id=writeback.organization_id, idempotency_key=writeback.idempotency_key
        ).first()
        if earlier is None:
            raise
        if earlier.request_hash != writeback.request_hash:
            raise KeyReused("This Idempotency-Key was used for another request.") from None
        return earlier, False
    return writeback, True


def _hand_on(writeback_id: str) -> None:
    """Let a worker send it now. Without a broker the dispatcher finds it by its due time."""
    from writebacks.tasks import submit

    try:
        submit.delay(writeback_id)
    except OperationalError:
        logger.warning("writeback %s: no broker now; it is sent when one is back", writeback_id)


def _hash(request: list[Any]) -> str:
    text = json.dumps(request, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
