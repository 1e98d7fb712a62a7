"""Say in one sentence where a writeback stands, why it waits, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.utils import timezone

from writebacks.models import Writeback
from writebacks.states import Status

#: Why a writeback waits, by the code in `waiting_for`.
REASONS: Final = {
    "waiting_for_budget": "This window's calls are used up",
    "agent_offline": "The practice's computer is not connected to the PMS's gateway",
    "not_reached": "The PMS could not be reached",
    "pms_away": "The PMS failed several times and is left alone for a while",
    "throttled": "The PMS asked for fewer calls",
    "renewing_key": "A new key is being fetched",
    "key_expired": "The key has ended",
    "not_authorized": "The PMS rejects our credential",
    "no_answer": "The PMS did not answer",
    "pms": "The PMS has not finished it",
    "person": "The PMS tells nothing this old; somebody has to look",
}


def situation(writeback: Writeback) -> str:
    """Return the sentence, with times on the clinic's clock. It holds no patient data."""
    reason = REASONS.get(writeback.waiting_for, "")
    due = _clock(writeback, writeback.due_at)
    match Status(writeback.status):
        case Status.QUEUED if reason:
            return f"{reason}. It is sent {due}; nothing has reached the PMS."
        case Status.QUEUED:
            return "It is about to be sent."
        case Status.SUBMITTING:
            return "It is being sent right now."
        case Status.PENDING if reason and writeback.waiting_for != "pms":
            return f"The PMS has it. {reason}; we ask again {due}."
        case Status.PENDING:
            return f"The PMS has it and is at work; we ask {due} what became of it."
        case Status.UNCONFIRMED:
            what = f"{reason}. " if reason else ""
            when = f"We look for it {due}." if writeback.due_at else ""
            return f"{what}It may or may not stand in the PMS. {when}".strip()
        case Status.COMPLETED:
            return f"The PMS confirmed it {_clock(writeback, writeback.completed_at)}."
        case Status.FAILED:
            return f"It failed: {writeback.error_message}"
        case Status.CANCELLED:
            return "It was withdrawn before it took effect."


def _clock(writeback: Writeback, moment: datetime | None) -> str:
    if moment is None:
        return "later"
    local = moment.astimezone(writeback.clinic.zone)
    today = timezone.now().astimezone(writeback.clinic.zone).date()
    return f"at {local:%H:%M:%S}" if local.date() == today else f"on {local:%d %b at %H:%M:%S}"
