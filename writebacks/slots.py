"""Keep the time of a booking from before it is sent until its end.

Two of our own writes never get one practitioner's or one chair's time: the exclusion constraints of
`SlotHold` see to it. A visit that our copy has already is looked for after that, in this order:

- Of two callers at once, the constraint lets one through; the other waits for the end of the first
  one's transaction, and is then refused, or goes on where the first was undone.
- A writeback that is confirmed leaves its hold (`release`) in the transaction that puts the visit
  into our copy. A caller who comes before its commit meets the hold: it is refused, or waits for
  that commit while the deletion is under way. A caller who comes after it looks for visits in a
  statement begun later still, and under READ COMMITTED that one sees the visit. Looking first and
  inserting then would let through whoever looks before the commit and inserts after it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import OperationalError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Q, QuerySet
from psycopg.errors import DeadlockDetected, SerializationFailure

from clinics.models import Appointment, AppointmentStatus, Operatory, Practitioner
from writebacks.models import SlotHold, Writeback

#: Visits that take no time (any more).
TAKE_NO_TIME = (
    AppointmentStatus.CANCELLED,
    AppointmentStatus.NO_SHOW,
    AppointmentStatus.ENTERED_IN_ERROR,
)
#: How often to try again when the hold that was in the way is gone before it could be seen.
ATTEMPTS = 3


class Reason(StrEnum):
    """Why a slot cannot be had."""

    PRACTITIONER = "practitioner_busy"
    OPERATORY = "operatory_busy"
    CONTENDED = "slot_contended"
    NOT_OFFERED = "not_offered"


TEXTS = {
    Reason.PRACTITIONER: "The practitioner is taken at that time.",
    Reason.OPERATORY: "The operatory is taken at that time.",
    Reason.CONTENDED: "Others ask for that time at this moment; try again.",
    Reason.NOT_OFFERED: "The PMS's own list of free slots does not have that time.",
}


class SlotTaken(Exception):
    """Somebody else has, or is about to get, the practitioner or the operatory at that time."""

    def __init__(self, reason: Reason, *, under_way: bool) -> None:
        super().__init__(TEXTS[reason])
        self.reason = reason
        #: Whether it is for a writeback that is not at its end, and not for a visit in our copy.
        self.under_way = under_way


def hold(
    writeback: Writeback,
    practitioner: Practitioner,
    operatory: Operatory | None,
    starts_at: datetime,
    ends_at: datetime,
    *,
    ignore_appointment: Appointment | None = None,
) -> None:
    """Keep this time for a writeback that is saved already, within the caller's transaction.

    Raises SlotTaken, with nothing kept, where another open writeback holds some of it or our copy
    has a visit then. `ignore_appointment` is the visit that is to be moved. To hold the same again
    does nothing.
    """
    try:
        # A savepoint: the caller's transaction goes on after a refusal.
        with transaction.atomic():
            _insert(writeback, practitioner, operatory, starts_at, ends_at)
            visits = visits_at(writeback.clinic_id, starts_at, ends_at, ignore_appointment)
            _refuse(visits, practitioner, operatory, under_way=False)
    except OperationalError as error:
        # Only a caller who holds several times can get here: one of them had to give way.
        if isinstance(error.__cause__, DeadlockDetected | SerializationFailure):
            raise SlotTaken(Reason.CONTENDED, under_way=True) from error
        raise


def release(writeback: Writeback) -> None:
    """Let the time of a writeback go, in the transaction that ends the writeback."""
    SlotHold.objects.filter(writeback=writeback).delete()


def _insert(
    writeback: Writeback,
    practitioner: Practitioner,
    operatory: Operatory | None,
    starts_at: datetime,
    ends_at: datetime,
) -> None:
    if any(each and each.clinic_id != writeback.clinic_id for each in (practitioner, operatory)):
        raise ValueError("The practitioner or the operatory is of another clinic.")
    slot: dict[str, Any] = {
        "practitioner_id": practitioner.pk,
        "operatory_id": operatory.pk if operatory else None,
        # In UTC: what a zone shows twice, when clocks are set back, equals nothing outside of it.
        "during": DateTimeTZRange(starts_at.astimezone(UTC), ends_at.astimezone(UTC)),
    }
    # By its id: given the object, a hold that was refused would stay its `slot_hold`.
    owner = {
        "organization_id": writeback.organization_id,
        "clinic_id": writeback.clinic_id,
        "writeback_id": writeback.pk,
    }
    others = SlotHold.objects.filter(during__overlap=slot["during"]).exclude(writeback=writeback)
    for _ in range(ATTEMPTS):
        # ON CONFLICT DO NOTHING: PostgreSQL then lets one of two inserters give way. With a plain
        # INSERT each may find the other's row and wait for it: a deadlock, and a second lost.
        SlotHold.objects.bulk_create([SlotHold(**owner, **slot)], ignore_conflicts=True)
        if own := SlotHold.objects.filter(writeback=writeback).first():
            if any(getattr(own, name) != value for name, value in slot.items()):
                raise ValueError("The writeback holds another slot already.")
            return
        _refuse(others, practitioner, operatory, under_way=True)
    raise SlotTaken(Reason.CONTENDED, under_way=True)


def visits_at(
    clinic_id: UUID, starts_at: datetime, ends_at: datetime, ignored: Appointment | None
) -> QuerySet[Appointment]:
    """Return the visits of our copy that take some of this time."""
    visits = (
        Appointment.objects.present()
        .filter(clinic_id=clinic_id, starts_at__lt=ends_at, ends_at__gt=starts_at)
        .exclude(status__in=TAKE_NO_TIME)
    )
    return visits.exclude(pk=ignored.pk) if ignored else visits


def _refuse(
    rows: QuerySet[Appointment] | QuerySet[SlotHold],
    practitioner: Practitioner,
    operatory: Operatory | None,
    *,
    under_way: bool,
) -> None:
    """Raise SlotTaken if one of these rows is of the practitioner or of the operatory."""
    same = Q(practitioner=practitioner)
    if operatory:
        same |= Q(operatory=operatory)
    practitioners = set(rows.filter(same).values_list("practitioner_id", flat=True))
    if practitioner.pk in practitioners:
        raise SlotTaken(Reason.PRACTITIONER, under_way=under_way)
    if practitioners:
        raise SlotTaken(Reason.OPERATORY, under_way=under_way)
