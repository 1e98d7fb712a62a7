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

from accounts.authentication import Program
from clinics.models import Appointment, AppointmentStatus, Clinic, User
from encryption.blind import keyed_hash
from integrations.contract import Adapter, PreparedWrite, Priority
from integrations.http.errors import NotAuthorized, PmsError, Refused
from integrations.models import Integration, IntegrationStatus
from integrations.profiles import profile_of, takes
from integrations.session import open_session
from writebacks import ending, handing_on, slots
from writebacks.models import Writeback, WritebackEvent, constraint_of
from writebacks.operations import Operation
from writebacks.requests import (
    Booking,
    Cancellation,
    Incomplete,
    Request,
    Rescheduling,
    StatusChange,
)
from writebacks.states import Event, Status

logger = logging.getLogger(__name__)

#: Seconds to connect to the PMS and to wait for its free slots: somebody waits on the line.
SLOT_TIMEOUT = (2.0, 4.0)
#: An appointment that is over in one of these ways is not moved or cancelled any more.
OVER = (
    AppointmentStatus.CANCELLED,
    AppointmentStatus.NO_SHOW,
    AppointmentStatus.FULFILLED,
    AppointmentStatus.ENTERED_IN_ERROR,
)


class NotConnected(Exception):
    """The clinic has no integration yet."""


class NotSupported(Exception):
    """The clinic's PMS cannot do this operation."""


class KeyReused(Exception):
    """The Idempotency-Key was used before for another request."""


class Conflict(Exception):
    """It cannot be done as things stand; `code` is for programs, the message for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, and under which key of theirs ("" where none is needed).

    `note` says for people by which way, where it is neither a person nor a program.
    """

    user: User | Program | AnonymousUser | None = None
    idempotency_key: str = ""
    request_hash: str = ""
    #: Whether a person who asks is mailed how it ended.
    by_email: bool = False
    #: Why they ask, for the timeline; no patient data.
    note: str = ""

    @property
    def person(self) -> User | None:
        """The person who asks, if it is one."""
        return self.user if isinstance(self.user, User) else None


def request_hash(operation: Operation, clinic: Clinic, body: Any) -> str:
    """Return what tells whether two requests are the same, from the body as it was sent."""
    text = json.dumps([operation, str(clinic.pk), body], sort_keys=True, separators=(",", ":"))
    return keyed_hash(hashlib.sha256(text.encode()).hexdigest(), "request_hash")


def made_before(clinic: Clinic, asker: Asker) -> Writeback | None:
    """Return the writeback that this key made, if any. Raises KeyReused for another request.

    To be asked before anything else of the request is checked: what was a good request stays
    one, also when its time has passed since.
    """
    if not asker.idempotency_key:
        return None
    earlier = Writeback.objects.filter(
        organization_id=clinic.organization_id, idempotency_key=asker.idempotency_key
    ).first()
    if earlier and earlier.request_hash != asker.request_hash:
        raise KeyReused("This Idempotency-Key was used for another request.")
    return earlier


def request(
    clinic: Clinic,
    asked: Request,
    asker: Asker,
    now: datetime,
    *,
    after: Writeback | None = None,
    retry_of: Writeback | None = None,
    awaited_until: datetime | None = None,
) -> tuple[Writeback, bool]:
    """Write down what is asked for and have it sent; return it, and whether it is new.

    The same key with the same request returns the writeback that it made before. `after` is one
    that must be completed first; a booking's missing patient is then the one that it creates.
    Raises NotConnected, NotSupported, KeyReused, Conflict, slots.SlotTaken, requests.NotConfigured
    or requests.Incomplete; then nothing was written down.
    """
    if earlier := made_before(clinic, asker):
        return earlier, False
    integration, adapter = connected(clinic, asked.operation)
    profile = profile_of(integration)
    if not takes(profile, asked.operation):
        raise NotSupported(
            f"This practice's own system does not do this, as far as is known: "
            f"{asked.operation.label}. The integration's profile says what it does."
        )
    # Of one that is confirmed, the patient's id in the PMS may still have to be read.
    unknown = getattr(asked, "patient", None) is None
    waits = after is not None and (after.status != Status.COMPLETED or unknown)
    prepared = PreparedWrite(method="", endpoint="", body={})
    if not waits:
        command = asked.in_pms_words(profile)
        try:
            prepared = adapter.prepare(command)
        except Refused as error:
            raise Incomplete(str(error)) from error
        if profile.checks_slots and isinstance(asked, Booking) and not asked.allow_overlap:
            _ask_for_slot(integration, command)
    appointment = getattr(asked, "appointment", None)
    patient = getattr(asked, "patient", None) or (appointment and appointment.patient)
    writeback = Writeback(
        organization_id=clinic.organization_id,
        clinic=clinic,
        integration=integration,
        patient=patient,
        appointment=appointment,
        after=after,
        retry_of=retry_of,
        operation=asked.operation,
        command=asked.as_json(),
        method=prepared.method,
        endpoint=prepared.endpoint,
        request_body=dict(prepared.body),
        expires_at=asked.expires_at,
        requested_by=asker.person,
        requested_by_key=asker.user.key if isinstance(asker.user, Program) else None,
        idempotency_key=asker.idempotency_key,
        request_hash=asker.request_hash,
        awaited_until=awaited_until,
        tells_by_email=asker.by_email and asker.person is not None,
        created_at=now,
        waiting_for="earlier_write" if waits else "",
        due_at=None if waits else now,
    )
    try:
        with transaction.atomic():
            _check(asked, now)
            _record(writeback, asker.note)
            _hold(writeback, asked)
            if after and waits:
                _stay_behind(writeback, after, now)
            else:
                handing_on.hand_on(writeback, now)
    except IntegrityError as error:
        return _other(writeback, asker, error), False
    return writeback, True


def connected(clinic: Clinic, operation: Operation) -> tuple[Integration, Adapter]:
    """Return what the clinic's PMS is spoken to by. Raises NotConnected or NotSupported."""
    integration = Integration.objects.filter(clinic=clinic).first()
    if integration is None or integration.status == IntegrationStatus.SETUP_REQUIRED:
        raise NotConnected(f"{clinic} is not connected to a PMS yet.")
    try:
        adapter = open_session(integration, Priority.HIGH).adapter
    except NotAuthorized as error:
        raise NotConnected(str(error)) from error
    if operation not in adapter.operations:
        raise NotSupported(f"{integration.manifest.title} cannot do this: {operation.label}.")
    return integration, adapter


def _ask_for_slot(integration: Integration, command: Any) -> None:
    """Refuse a time that the PMS itself does not offer. Where it does not say, or does not answer
    in a few seconds, our own records decide."""
    session = open_session(
        integration, Priority.HIGH, correlation="availability", timeout=SLOT_TIMEOUT
    )
    try:
        offered = session.adapter.is_offered(command)
    except PmsError as error:
        logger.info("integration %s: free slots not told: %s", integration.pk, error.code)
        return
    if offered is False:
        raise slots.SlotTaken(slots.Reason.NOT_OFFERED, under_way=False)


def _check(asked: Request, now: datetime) -> None:
    """Refuse what is not possible as the appointment stands, which is held still meanwhile."""
    if not isinstance(asked, Rescheduling | StatusChange):
        return
    locked = Appointment.objects.select_for_update(no_key=True).get(pk=asked.appointment.pk)
    moves = isinstance(asked, Cancellation | Rescheduling)
    # Its time is free for others by now: to confirm it again would take that time twice.
    void = locked.status in (AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR)
    if void or (moves and locked.status in OVER):
        raise Conflict(f"appointment_{locked.status}", f"This appointment is {locked.status}.")
    if moves and locked.ends_at <= now:
        raise Conflict("appointment_past", "This appointment has passed.")


def _record(writeback: Writeback, note: str) -> None:
    writeback.save(force_insert=True)
    WritebackEvent.objects.create(
        organization_id=writeback.organization_id,
        writeback=writeback,
        at=writeback.created_at,
        event=Event.REQUESTED,
        to_status=Status.QUEUED,
        note=note,
        person=writeback.requested_by,
    )


def _hold(writeback: Writeback, asked: Request) -> None:
    """Hold the slot until the writeback has ended, unless overlapping others is meant."""
    if isinstance(asked, Booking | Rescheduling) and not asked.allow_overlap:
        slots.hold(
            writeback,
            asked.practitioner,
            asked.operatory,
            asked.starts_at,
            asked.ends_at,
            ignore_appointment=getattr(asked, "appointment", None),
        )


def _stay_behind(writeback: Writeback, after: Writeback, now: datetime) -> None:
    """Leave it waiting; where what it waits for has ended this instant, go on with it at once."""
    earlier = Writeback.objects.select_for_update().get(pk=after.pk)
    ending.go_on(writeback, earlier, now)


def _other(writeback: Writeback, asker: Asker, error: IntegrityError) -> Writeback:
    """Return the one that the same key made at the same moment, or say what else is in the way."""
    if earlier := made_before(writeback.clinic, asker):
        return earlier
    rule = constraint_of(error)
    if rule in {"one_change_of_an_appointment", "one_change_of_a_patient"}:
        raise Conflict(
            "being_changed",
            "Another change of this is on its way: wait for its end, or withdraw it first.",
        ) from error
    if "retry_of" in rule:
        raise Conflict("retried_already", "This writeback was asked for again already.") from error
    raise error
