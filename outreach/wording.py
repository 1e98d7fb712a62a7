"""Say in words why somebody is to be called, and what to try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from outreach.scoring import Code, Reason

WORDS: Final = {
    Code.NO_CONTACT: "No contact for more than {} days",
    Code.NOTHING_BOOKED: "Nothing booked, and no contact for more than {} days",
    Code.LOW_ATTENDANCE: "Came to fewer than {} % of visits",
    Code.MISSED: "Missed {} visits or more within {} days",
    Code.RECALL: "Last visit {} to {} months ago: due for a recall",
    Code.VISIT_COMING: "A visit is coming",
    Code.NO_HISTORY: "No visit since our record begins",
}
#: What to try, by the first of the reasons in this order.
STEPS: Final = (
    (Code.MISSED, "Ask what got in the way, offer another time and a reminder."),
    (Code.LOW_ATTENDANCE, "Ask which times suit, and offer a reminder."),
    (Code.RECALL, "Offer a check-up."),
    (Code.NO_CONTACT, "Ask how they are, and offer a visit."),
    (Code.NOTHING_BOOKED, "Offer the next visit."),
    (Code.NO_HISTORY, "Ask whether they still want to come."),
)


def words(reason: Reason) -> str:
    """Return a reason as a person reads it."""
    return WORDS[reason.code].format(*reason.numbers)


def next_step(reasons: Iterable[Reason]) -> str:
    """Return what to try; "" without a reason to."""
    codes = {reason.code for reason in reasons}
    return next((step for code, step in STEPS if code in codes), "")


def as_json(reasons: Iterable[Reason]) -> list[dict[str, Any]]:
    """Return reasons as a row keeps them: codes and numbers, so that words may change."""
    return [{"code": each.code.value, "numbers": list(each.numbers)} for each in reasons]


def from_json(stored: Iterable[dict[str, Any]]) -> list[Reason]:
    """Return the reasons that a row keeps."""
    return [Reason(Code(each["code"]), tuple(each["numbers"])) for each in stored]
