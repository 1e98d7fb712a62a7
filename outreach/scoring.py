"""How likely a patient is lost, and how soon to call them. Pure functions.

Two axes that say nothing of each other: *engagement* is whether a patient comes, *risk* is what
speaks against their coming again. A priority follows from the pair, with the reasons for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID


class Engagement(StrEnum):
    """Whether a patient comes."""

    #: A visit not long ago, or one that is coming.
    ACTIVE = "active"
    #: They have been here, and neither.
    DORMANT = "dormant"
    #: Our record has no visit of theirs, kept or missed.
    STALE = "stale"


class Risk(StrEnum):
    """How much speaks for their not coming again."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Code(StrEnum):
    """Why a patient has the risk that they have; docs/outreach.md defines each."""

    NO_CONTACT = "no_contact"
    NOTHING_BOOKED = "nothing_booked"
    LOW_ATTENDANCE = "low_attendance"
    MISSED = "missed"
    RECALL = "recall"
    VISIT_COMING = "visit_coming"
    NO_HISTORY = "no_history"


#: The least urgent priority: nothing that has to be done.
LEAST: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on something counts. The defaults are those with which teams that ran such lists
    in clinics started (docs/outreach.md tells of each); a clinic may set its own."""

    #: Days since a visit in which a patient counts as active.
    active_days: int = 30
    #: Days since the last contact after which the risk is high, or medium.
    high_after_days: int = 90
    medium_after_days: int = 60
    #: The same for medium where nothing is booked, as is said in a reason of its own.
    unbooked_after_days: int = 30
    #: Percent of visits kept below which the risk is high, of more than so many visits.
    high_attendance: int = 50
    high_attendance_visits: int = 3
    medium_attendance: int = 70
    medium_attendance_visits: int = 2
    #: Visits missed, within so many days.
    high_missed: int = 4
    medium_missed: int = 2
    missed_days: int = 90
    #: Days since the last visit between which a patient is due for a recall.
    recall_from_days: int = 182
    recall_until_days: int = 730


class Facts(NamedTuple):
    """What is known of one patient at one moment; days are dates of the clinic's own calendar.

    A tuple, like a row of the query that it comes from: of a large clinic there are many.
    """

    patient_id: UUID
    #: The last visit that they came to, and the next that stands.
    last_visit_at: datetime | None = None
    next_visit_at: datetime | None = None
    days_since_visit: int | None = None
    #: Since a visit or a call in which they were reached, whichever is later.
    days_since_contact: int | None = None
    #: Visits that are over: kept, missed, and missed within `missed_days`.
    attended: int = 0
    missed: int = 0
    missed_lately: int = 0

    @property
    def attendance(self) -> float | None:
        """The percentage of visits kept; None without any."""
        visits = self.attended + self.missed
        return 100 * self.attended / visits if visits else None


class Reason(NamedTuple):
    """A reason, and the clinic's limits that it names; wording.py makes a sentence of it."""

    code: Code
    numbers: tuple[int, ...] = ()


class Score(NamedTuple):
    """What follows from the facts."""

    engagement: Engagement
    risk: Risk
    priority: int
    reasons: tuple[Reason, ...]


def score(facts: Facts, limits: Limits) -> Score:
    """Return where a patient stands, by the clinic's limits."""
    engagement = engagement_of(facts, limits)
    risk, reasons = risk_of(facts, limits)
    more = [Reason(Code.NO_HISTORY)] if engagement is Engagement.STALE else []
    since = facts.days_since_visit
    if (
        facts.next_visit_at is None
        and since is not None
        and limits.recall_from_days <= since <= limits.recall_until_days
    ):
        months = (round(limits.recall_from_days / 30.4), round(limits.recall_until_days / 30.4))
        more.append(Reason(Code.RECALL, months))
    return Score(engagement, risk, priority_of(engagement, risk), (*reasons, *more))


def engagement_of(facts: Facts, limits: Limits) -> Engagement:
    """Return whether a patient comes."""
    since = facts.days_since_visit
    if facts.next_visit_at is not None or (since is not None and since <= limits.active_days):
        return Engagement.ACTIVE
    return Engagement.DORMANT if facts.attended or facts.missed else Engagement.STALE


def risk_of(facts: Facts, limits: Limits) -> tuple[Risk, list[Reason]]:
    """Return the risk and what makes it; a coming visit makes it low, whatever was before."""
    if facts.next_visit_at is not None:
        return Risk.LOW, [Reason(Code.VISIT_COMING)]
    if reasons := _high(facts, limits):
        return Risk.HIGH, reasons
    if reasons := _medium(facts, limits):
        return Risk.MEDIUM, reasons
    return Risk.LOW, []


def priority_of(engagement: Engagement, risk: Risk) -> int:
    """Return 1 for whom to call first, down to LEAST."""
    if engagement is Engagement.DORMANT and risk is Risk.HIGH:
        return 1
    if (engagement, risk) in (
        (Engagement.ACTIVE, Risk.HIGH),
        (Engagement.DORMANT, Risk.MEDIUM),
    ):
        return 2
    return 3 if risk is Risk.MEDIUM else LEAST


def _high(facts: Facts, limits: Limits) -> list[Reason]:
    return _reasons(
        facts,
        (Code.NO_CONTACT, limits.high_after_days),
        limits.high_attendance,
        limits.high_attendance_visits,
        limits.high_missed,
        limits.missed_days,
    )


def _medium(facts: Facts, limits: Limits) -> list[Reason]:
    since = facts.days_since_contact
    contact = (Code.NO_CONTACT, limits.medium_after_days)
    if since is not None and since <= limits.medium_after_days:
        contact = (Code.NOTHING_BOOKED, limits.unbooked_after_days)
    return _reasons(
        facts,
        contact,
        limits.medium_attendance,
        limits.medium_attendance_visits,
        limits.medium_missed,
        limits.missed_days,
    )


def _reasons(
    facts: Facts,
    contact: tuple[Code, int],
    percent: int,
    visits: int,
    missed: int,
    missed_days: int,
) -> list[Reason]:
    """Return what lies beyond these limits. What is not known lies beyond none."""
    found = []
    code, days = contact
    if facts.days_since_contact is not None and facts.days_since_contact > days:
        found.append(Reason(code, (days,)))
    rate = facts.attendance
    if rate is not None and rate < percent and facts.attended + facts.missed > visits:
        found.append(Reason(Code.LOW_ATTENDANCE, (percent,)))
    if facts.missed_lately >= missed:
        found.append(Reason(Code.MISSED, (missed, missed_days)))
    return found
