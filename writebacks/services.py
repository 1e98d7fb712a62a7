"""Ask for a change: checked, written down as queued, and only then handed to a worker."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, transaction
from kombu.exceptions import OperationalError

from accounts.authentication import Program
from clinics.models import Clinic, Location, Operatory, Patient, Practitioner, User
from encryption.blind import keyed_hash
from integrations.contract import BookAppointment, Priority
from integrations.http.errors import NotAuthorized
from integrations.models import Integration, IntegrationStatus
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


def request_hash(operation: Operation, clinic: Clinic, body: Any) -> str:
    """Return what tells whether two requests are the same, from the body as it was sent."""
    text = json.dumps([operation, str(clinic.pk), body], sort_keys=True, separators=(",", ":"))
    return keyed_hash(hashlib.sha256(text.encode()).hexdigest(), "request_hash")


def made_before(clinic: Clinic, idempotency_key: str, hashed: str) -> Writeback | None:
    """Return the writeback that this key made, if any. Raises KeyReused for another request.

    To be asked before anything else of the request is checked: what was a good request stays
    one, also when its time has passed since.
    """
    earlier = Writeback.objects.filter(
        organization_id=clinic.organization_id, idempotency_key=idempotency_key
    ).first()
    if earlier and earlier.request_hash != hashed:
        raise KeyReused("This Idempotency-Key was used for another request.")
    return earlier


def request_booking(
    clinic: Clinic,
    booking: Booking,
    *,
    user: User | Program | AnonymousUser,
    idempotency_key: str,
    hashed: str,
    now: datetime,
) -> tuple[Writeback, bool]:
    """Write the booking down and have it sent; return it, and whether it is new.

    The same key with the same request returns the writeback that it made before. Raises
    NotConnected, NotSupported or KeyReused; then nothing was written down.
    """
    if earlier := made_before(clinic, idempotency_key, hashed):
        return earlier, False
    integration = Integration.objects.filter(clinic=clinic).first()
    if integration is None or integration.status == IntegrationStatus.SETUP_REQUIRED:
        raise NotConnected(f"{clinic} is not connected to a PMS yet.")
    try:
        adapter = open_session(integration, Priority.HIGH).adapter
    except NotAuthorized as error:
        raise NotConnected(str(error)) from error
    if Operation.BOOK not in integration.manifest.operations:
        raise NotSupported(f"{integration.manifest.title} cannot book appointments.")
    prepared = adapter.prepare_booking(
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
    return _record(
        Writeback(
            organization_id=clinic.organization_id,
            clinic=clinic,
            integration=integration,
            patient=booking.patient,
            operation=Operation.BOOK,
            command=booking.as_command(),
            method=prepared.method,
            endpoint=prepared.endpoint,
            request_body=dict(prepared.body),
            expires_at=booking.starts_at,
            requested_by=user if isinstance(user, User) else None,
            requested_by_key=user.key if isinstance(user, Program) else None,
            idempotency_key=idempotency_key,
            request_hash=hashed,
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
            transaction.on_commit(partial(_hand_on, str(writeback.pk), writeback.created_at))
    except IntegrityError:
        # The same key at the same moment: the other one was first.
        earlier = made_before(writeback.clinic, writeback.idempotency_key, writeback.request_hash)
        if earlier is None:
            raise
        return earlier, False
    return writeback, True


def _hand_on(writeback_id: str, due_at: datetime) -> None:
    """Let a worker send it now. Without a broker the dispatcher finds it by its due time."""
    from writebacks.tasks import submit

    try:
        submit.delay(writeback_id, due_at.isoformat())
    except OperationalError:
        logger.warning("writeback %s: no broker now; it is sent when one is back", writeback_id)
