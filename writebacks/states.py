"""The life of a writeback: every state, every event, and where each leads. Pure data.

Only what stands here may happen. `writebacks/models.py` carries it out.
"""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices


class Status(TextChoices):
    """Where a writeback is."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNCONFIRMED = "unconfirmed"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(TextChoices):
    """What can happen to a writeback."""

    REQUESTED = "requested", "asked for"
    CLAIMED = "claimed", "being sent"
    POSTPONED = "postponed", "not sent yet"
    ACCEPTED = "accepted", "accepted by the PMS"
    DONE = "done", "confirmed by the PMS"
    REFUSED = "refused", "refused"
    NO_ANSWER = "no_answer", "sent, but no answer came"
    LEASE_LAPSED = "lease_lapsed", "the sender vanished"
    STILL_PENDING = "still_pending", "the PMS is still at it"
    NOT_ASKED = "not_asked", "could not ask the PMS"
    CHECKS_USED_UP = "checks_used_up", "asked often enough"
    FOUND = "found", "found in the PMS"
    NOT_FOUND_YET = "not_found_yet", "looked for, not found"
    LOOKUP_FAILED = "lookup_failed", "could not look"
    ABSENT = "absent", "surely not in the PMS"
    EXPIRED = "expired", "its time has passed"
    RELEASED = "released", "what it waited for is there"
    EARLIER_FAILED = "earlier_failed", "what it waited for failed"
    WITHDRAW_ASKED = "withdraw_asked", "to be withdrawn"
    IDENTIFIED = "identified", "its id in the PMS was read"
    NOT_IDENTIFIED = "not_identified", "its id in the PMS is not known yet"
    DECIDED_COMPLETED = "decided_completed", "a person found it done"
    DECIDED_FAILED = "decided_failed", "a person found it failed"
    DECIDED_AGAIN = "decided_again", "a person sends it again"
    CANCELLED = "cancelled", "withdrawn"


S, E = Status, Event

#: (from, event) → to.
TRANSITIONS: Final[dict[tuple[Status, Event], Status]] = {
    (S.QUEUED, E.CLAIMED): S.SUBMITTING,
    (S.QUEUED, E.EXPIRED): S.FAILED,
    (S.QUEUED, E.CANCELLED): S.CANCELLED,
    (S.QUEUED, E.RELEASED): S.QUEUED,
    (S.QUEUED, E.EARLIER_FAILED): S.FAILED,
    # What surely did not happen waits; what may have happened is never simply sent again.
    (S.SUBMITTING, E.POSTPONED): S.QUEUED,
    (S.SUBMITTING, E.ACCEPTED): S.PENDING,
    (S.SUBMITTING, E.DONE): S.COMPLETED,
    (S.SUBMITTING, E.REFUSED): S.FAILED,
    (S.SUBMITTING, E.NO_ANSWER): S.UNCONFIRMED,
    (S.SUBMITTING, E.LEASE_LAPSED): S.UNCONFIRMED,
    (S.PENDING, E.DONE): S.COMPLETED,
    (S.PENDING, E.REFUSED): S.FAILED,
    (S.PENDING, E.STILL_PENDING): S.PENDING,
    (S.PENDING, E.NOT_ASKED): S.PENDING,
    (S.PENDING, E.CHECKS_USED_UP): S.UNCONFIRMED,
    (S.PENDING, E.WITHDRAW_ASKED): S.PENDING,
    (S.PENDING, E.CANCELLED): S.CANCELLED,
    (S.UNCONFIRMED, E.FOUND): S.PENDING,
    (S.UNCONFIRMED, E.DONE): S.COMPLETED,
    (S.UNCONFIRMED, E.REFUSED): S.FAILED,
    (S.UNCONFIRMED, E.STILL_PENDING): S.UNCONFIRMED,
    (S.UNCONFIRMED, E.NOT_FOUND_YET): S.UNCONFIRMED,
    (S.UNCONFIRMED, E.LOOKUP_FAILED): S.UNCONFIRMED,
    (S.UNCONFIRMED, E.ABSENT): S.QUEUED,
    # Surely absent, and nobody wants it any more.
    (S.UNCONFIRMED, E.CANCELLED): S.CANCELLED,
    (S.UNCONFIRMED, E.EXPIRED): S.FAILED,
    (S.UNCONFIRMED, E.DECIDED_COMPLETED): S.COMPLETED,
    (S.UNCONFIRMED, E.DECIDED_FAILED): S.FAILED,
    (S.UNCONFIRMED, E.DECIDED_AGAIN): S.QUEUED,
    # Confirmed is confirmed; that the PMS's id of it comes later changes nothing of that.
    (S.COMPLETED, E.IDENTIFIED): S.COMPLETED,
    (S.COMPLETED, E.NOT_IDENTIFIED): S.COMPLETED,
}

#: What is done in between, whatever is under way at that moment.
INTERRUPTS: Final = frozenset({E.WITHDRAW_ASKED})
#: Nothing leads out of these.
TERMINAL: Final = frozenset({S.COMPLETED, S.FAILED, S.CANCELLED})
#: What the API's older `result` word is for each state.
RESULTS: Final[dict[Status, str]] = {
    S.QUEUED: "pending",
    S.SUBMITTING: "pending",
    S.PENDING: "pending",
    S.UNCONFIRMED: "failed",
    S.COMPLETED: "completed",
    S.FAILED: "failed",
    S.CANCELLED: "failed",
}


class IllegalMove(Exception):
    """The state machine has no such transition: a mistake in the code that asked for it."""


def next_status(status: Status, event: Event) -> Status:
    """Return where the event leads from this state. Raises IllegalMove if nowhere."""
    try:
        return TRANSITIONS[status, event]
    except KeyError:
        raise IllegalMove(f"{status} knows no {event}") from None
