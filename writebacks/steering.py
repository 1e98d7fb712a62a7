"""What a person or a program does with a writeback that there is: withdraw it, ask for it again,
have it looked at, or decide what became of it."""

from __future__ import annotations

from datetime import datetime

from clinics.models import User
from writebacks import handing_on, requests
from writebacks.models import LostRace, Writeback
from writebacks.operations import CREATES
from writebacks.services import (
    Asker,
    Conflict,
    KeyReused,
    NotConnected,
    NotSupported,
    request,
)
from writebacks.settling import fail
from writebacks.slots import SlotTaken
from writebacks.states import Event, Status

#: What says that one of these cannot be done; the message is for people, without patient data.
REFUSALS = (
    Conflict,
    KeyReused,
    NotConnected,
    NotSupported,
    SlotTaken,
    requests.Incomplete,
    requests.NotConfigured,
)

#: What a person may find of one that nobody can vouch for.
DECISIONS = {
    "completed": Event.DECIDED_COMPLETED,
    "failed": Event.DECIDED_FAILED,
    "again": Event.DECIDED_AGAIN,
}


def withdraw(writeback: Writeback, now: datetime, person: User | None = None) -> None:
    """Take it back: at once where it was not sent, else as soon as the PMS agrees.

    Raises Conflict where it is too late, or where this PMS takes nothing back.
    """
    try:
        if writeback.status == Status.QUEUED:
            writeback.advance(Event.CANCELLED, now, person=person)
        elif writeback.status == Status.PENDING:
            if not writeback.integration.manifest.withdraws:
                raise Conflict("cannot_withdraw", "This PMS does not take back what it has.")
            writeback.advance(
                Event.WITHDRAW_ASKED,
                now,
                person=person,
                withdraw_asked_at=now,
                look_count=0,
                due_at=now,
            )
            handing_on.check_soon(writeback.integration_id)
        else:
            raise Conflict(
                "cannot_withdraw",
                f"It is {writeback.status}: only what is queued or pending can be withdrawn.",
            )
    except LostRace as error:
        raise Conflict("moved_on", "It has just moved on; look at it again.") from error


def retry(writeback: Writeback, asker: Asker, now: datetime) -> tuple[Writeback, bool]:
    """Ask for a failed one once more, as a new writeback that names the old one.

    Raises what `services.request` does; Conflict also where it has not failed.
    """
    if writeback.status not in {Status.FAILED, Status.CANCELLED}:
        raise Conflict("not_failed", f"It is {writeback.status}: there is nothing to repeat.")
    asked = requests.read(writeback.operation, writeback.clinic, writeback.command)
    if asked.expires_at and asked.expires_at <= now:
        raise Conflict("time_passed", "Its time has passed; ask for another one.")
    return request(
        writeback.clinic, asked, asker, now, retry_of=writeback, after=_still_needed(writeback)
    )


def look_again(writeback: Writeback, now: datetime) -> None:
    """Ask the PMS about it now instead of when it is due. Raises Conflict where it has ended."""
    if writeback.status not in {Status.PENDING, Status.UNCONFIRMED}:
        raise Conflict("not_open", f"It is {writeback.status}: the PMS need not be asked.")
    still = Writeback.objects.filter(pk=writeback.pk, status=writeback.status)
    still.update(due_at=now, awaited_until=now + handing_on.ATTENTION)
    if writeback.status == Status.PENDING:
        handing_on.check_soon(writeback.integration_id)
    else:
        handing_on.look_soon(writeback.integration_id)


def decide(
    writeback: Writeback, decision: str, reason: str, now: datetime, person: User | None
) -> None:
    """Carry out what a person found in the PMS: `completed`, `failed` or `again`.

    `reason` says how they know, without patient data. Raises Conflict for one that is not
    unconfirmed, or that somebody has just moved on.
    """
    if writeback.status != Status.UNCONFIRMED:
        raise Conflict("not_unconfirmed", f"It is {writeback.status}: nothing is to be decided.")
    try:
        match DECISIONS[decision]:
            case Event.DECIDED_COMPLETED as event:
                due_at = _id_is_due(writeback, now)
                writeback.advance(event, now, note=reason, person=person, due_at=due_at)
            case Event.DECIDED_FAILED as event:
                text = f"Somebody looked: it does not stand in the PMS. {reason}"
                fail(writeback, event, "decided_failed", text, now, note=reason, person=person)
            case event:
                writeback.advance(
                    event,
                    now,
                    note=reason,
                    person=person,
                    external_id="",
                    # Not to be taken for what is sent now.
                    discarded_ids=[*writeback.discarded_ids, writeback.external_id]
                    if writeback.external_id
                    else writeback.discarded_ids,
                    withdraw_asked_at=None,
                    look_count=0,
                    check_count=0,
                    submitted_at=None,
                    due_at=now,
                    waiting_for="",
                )
                handing_on.hand_on(writeback, now)
    except LostRace as error:
        raise Conflict("moved_on", "It has just moved on; look at it again.") from error


def _id_is_due(writeback: Writeback, now: datetime) -> datetime | None:
    """Return when the PMS's id of what it created is to be read.

    Where the PMS's id of the write is not known nothing can be asked: a visit's time then stays
    held until it comes, and a sync brings the visit itself.
    """
    if writeback.operation not in CREATES:
        return None
    if writeback.external_id:
        return now
    return writeback.expires_at if writeback.expires_at and writeback.expires_at > now else None


def _still_needed(writeback: Writeback) -> Writeback | None:
    """Return what a repeated one has to wait for: the repetition of what it waited for."""
    earlier = writeback.after
    if earlier is None or earlier.status == Status.COMPLETED:
        return earlier
    again = Writeback.objects.filter(retry_of=earlier).first()
    if again is None:
        raise Conflict("earlier_failed", "What it depends on failed: ask for that again first.")
    return again
