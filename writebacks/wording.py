"""Say in one sentence where a writeback stands, why it waits, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from clinics import hours
from writebacks import backoff, pace
from writebacks.models import Writeback
from writebacks.states import Status

#: Why a writeback waits, by the code in `waiting_for`.
REASONS: Final = {
    "waiting_for_budget": "This window's calls are used up",
    "agent_offline": "The practice's computer is not connected to the PMS's gateway",
    "not_reached": "The PMS could not be reached",
    "pms_away": "The PMS failed several times and is left alone for a while",
    "throttled": "The PMS asked for fewer calls",
    "not_ready": "The PMS is still reading the practice's own system",
    "renewing_key": "A new key is being fetched",
    "key_expired": "The key has ended",
    "not_authorized": "The PMS rejects our credential",
    "no_answer": "The PMS did not answer",
    "refused": "The PMS refused to tell",
    "too_late": "There was no time left to send it safely",
    "pms": "The PMS has not finished it",
    "person": "Asking the PMS does not settle it; somebody has to look there and decide",
    "earlier_write": "Another one has to be completed first",
}
#: The same in as few words as a column of a list takes.
SHORT: Final = {
    "waiting_for_budget": "no calls left",
    "agent_offline": "agent offline",
    "not_reached": "PMS not reached",
    "pms_away": "PMS away",
    "throttled": "PMS wants fewer calls",
    "not_ready": "PMS not ready",
    "renewing_key": "new key",
    "key_expired": "key ended",
    "not_authorized": "credential rejected",
    "no_answer": "no answer",
    "refused": "PMS refused to tell",
    "too_late": "sent too late",
    "pms": "PMS at work",
    "person": "needs a person",
    "earlier_write": "earlier write",
}
#: Why one failed, by its `failure_code`; its message may be the PMS's, which may name a patient.
FAILURES: Final = {
    "refused": "The PMS refused it",
    "pms_failed": "The PMS could not carry it out",
    "not_delivered": "It did not reach the PMS before its time had passed",
    "earlier_failed": "It was not sent, since what it depends on failed",
    "decided_failed": "Somebody looked: it does not stand in the PMS",
}


def situation(writeback: Writeback, now: datetime, *, quoting: bool = True) -> str:
    """Return the sentence, with times on the clinic's clock.

    Unless `quoting` the reason of a failure, it holds no words of the PMS or a person.
    """
    reason = REASONS.get(writeback.waiting_for, "")
    due = _clock(writeback, writeback.due_at, now)
    match Status(writeback.status):
        case Status.QUEUED if writeback.due_at is None and reason:
            return f"{reason}. Nothing of it has reached the PMS."
        case Status.QUEUED if reason:
            return f"{reason}. It is sent {due}; nothing has reached the PMS."
        case Status.QUEUED:
            return "It is about to be sent."
        case Status.SUBMITTING:
            return "It is being sent right now."
        case Status.PENDING if writeback.withdraw_asked_at:
            held_up = f". {reason}; it" if reason and writeback.waiting_for != "pms" else " and"
            return f"The PMS has it{held_up} is asked {due} to take it back."
        case Status.PENDING if reason and writeback.waiting_for != "pms":
            return f"The PMS has it. {reason}; we ask again {due}."
        case Status.PENDING if is_paced(writeback, now):
            return (
                "The PMS has it and is at work. By day this practice's checks are made together, "
                f"to leave its calls for people; we ask {due} what became of it."
            )
        case Status.PENDING:
            return f"The PMS has it and is at work; we ask {due} what became of it."
        case Status.UNCONFIRMED:
            return _doubt(writeback, reason, due, now)
        case Status.COMPLETED:
            done = f"The PMS confirmed it {_clock(writeback, writeback.completed_at, now)}."
            if writeback.due_at is not None:
                done += f" The id of what it created is read {due}, with those of others."
            return f"{done} {writeback.remark}" if quoting and writeback.remark else done
        case Status.FAILED if quoting:
            return f"It failed: {writeback.error_message}"
        case Status.FAILED:
            return f"{FAILURES.get(writeback.failure_code, 'It failed')}."
        case Status.CANCELLED:
            return "It was withdrawn before it took effect."


def why(writeback: Writeback) -> str:
    """Return in a few words why it waits; empty where nothing holds it up."""
    if writeback.status == Status.PENDING and writeback.withdraw_asked_at:
        return "being withdrawn"
    if writeback.status == Status.COMPLETED and writeback.due_at is not None:
        return "id to be read"
    return SHORT.get(writeback.waiting_for, writeback.waiting_for)


def is_paced(writeback: Writeback, now: datetime) -> bool:
    """Return whether it is checked later than its own turn, since the practice's checks are made
    together by day."""
    last = writeback.last_checked_at or writeback.submitted_at
    if writeback.status != Status.PENDING or writeback.due_at is None or last is None:
        return False
    waits_longer = writeback.due_at > last + backoff.check_wait(writeback.check_count)
    by_day = hours.by_day(now, writeback.clinic.zone)
    paid_until = writeback.integration.checks_paid_until
    return waits_longer and by_day and pace.allows_at(paid_until, now) > now


def _doubt(writeback: Writeback, reason: str, due: str, now: datetime) -> str:
    what = f"{reason}. " if reason else ""
    if writeback.due_at is None:
        return f"{what}It may or may not stand in the PMS."
    night = hours.next_catch_up(now, writeback.clinic.zone)
    catch_up = ", in the night's catch-up" if writeback.due_at == night else ""
    return f"{what}It may or may not stand in the PMS. We look for it {due}{catch_up}."


def _clock(writeback: Writeback, moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "later"
    local = moment.astimezone(writeback.clinic.zone)
    today = now.astimezone(writeback.clinic.zone).date()
    return f"at {local:%H:%M:%S}" if local.date() == today else f"on {local:%d %b at %H:%M:%S}"
