"""Engagement, risk and priority follow from the facts as docs/outreach.md says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.scoring import (
    Code,
    Engagement,
    Facts,
    Limits,
    Reason,
    Risk,
    priority_of,
    score,
)
from outreach.wording import as_json, from_json, next_step, words

SOMEBODY = UUID(int=1)
MOMENT = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
USUAL = Limits()
ORDER = [Risk.LOW, Risk.MEDIUM, Risk.HIGH]


def known(**fields: Any) -> Facts:
    """Facts of somebody; a visit is contact, unless other days are given for that."""
    if "days_since_visit" in fields:
        fields.setdefault("days_since_contact", fields["days_since_visit"])
        fields.setdefault("last_visit_at", MOMENT)
        fields.setdefault("attended", 1)
    if fields.pop("is_coming", False):
        fields["next_visit_at"] = MOMENT
    return Facts(patient_id=SOMEBODY, **fields)


@pytest.mark.parametrize(
    ("facts", "engagement", "risk", "priority", "codes"),
    [
        # Days without contact, on both sides of each limit.
        ({"days_since_visit": 30}, "active", "low", 4, []),
        ({"days_since_visit": 31}, "dormant", "medium", 2, ["nothing_booked"]),
        ({"days_since_visit": 60}, "dormant", "medium", 2, ["nothing_booked"]),
        ({"days_since_visit": 61}, "dormant", "medium", 2, ["no_contact"]),
        ({"days_since_visit": 90}, "dormant", "medium", 2, ["no_contact"]),
        ({"days_since_visit": 91}, "dormant", "high", 1, ["no_contact"]),
        # A call in which they were reached is contact.
        ({"days_since_visit": 91, "days_since_contact": 3}, "dormant", "low", 4, []),
        ({"days_since_visit": 91, "days_since_contact": 31}, "dormant", "medium", 2,
         ["nothing_booked"]),
        # Attendance counts only of enough visits.
        ({"days_since_visit": 5, "attended": 1, "missed": 2}, "active", "medium", 3,
         ["low_attendance"]),
        ({"days_since_visit": 5, "attended": 1, "missed": 3}, "active", "high", 2,
         ["low_attendance"]),
        ({"days_since_visit": 5, "attended": 2, "missed": 2}, "active", "medium", 3,
         ["low_attendance"]),
        ({"days_since_visit": 5, "attended": 7, "missed": 3}, "active", "low", 4, []),
        ({"days_since_visit": 5, "attended": 1, "missed": 1}, "active", "low", 4, []),
        # Missed lately.
        ({"days_since_visit": 5, "attended": 20, "missed": 1, "missed_lately": 1}, "active", "low",
         4, []),
        ({"days_since_visit": 5, "attended": 20, "missed": 2, "missed_lately": 2}, "active",
         "medium", 3, ["missed"]),
        ({"days_since_visit": 5, "attended": 20, "missed": 4, "missed_lately": 4}, "active",
         "high", 2, ["missed"]),
        # Nobody who was never here is overdue by a number of days.
        ({}, "stale", "low", 4, ["no_history"]),
        ({"missed": 2, "missed_lately": 2}, "dormant", "medium", 2, ["missed"]),
        ({"days_since_contact": 100}, "stale", "high", 4, ["no_contact", "no_history"]),
        ({"days_since_contact": 70}, "stale", "medium", 3, ["no_contact", "no_history"]),
        # A recall between six months and two years.
        ({"days_since_visit": 181}, "dormant", "high", 1, ["no_contact"]),
        ({"days_since_visit": 182}, "dormant", "high", 1, ["no_contact", "recall"]),
        ({"days_since_visit": 730}, "dormant", "high", 1, ["no_contact", "recall"]),
        ({"days_since_visit": 731}, "dormant", "high", 1, ["no_contact"]),
        # A coming visit outweighs everything.
        ({"days_since_visit": 400, "is_coming": True, "missed": 9, "missed_lately": 9}, "active",
         "low", 4, ["visit_coming"]),
        ({"is_coming": True}, "active", "low", 4, ["visit_coming"]),
    ],
)  # fmt: skip
def test_the_table_of_what_follows_from_what(
    facts: dict[str, Any], engagement: str, risk: str, priority: int, codes: list[str]
) -> None:
    found = score(known(**facts), USUAL)
    assert (found.engagement, found.risk, found.priority) == (engagement, risk, priority)
    assert [each.code for each in found.reasons] == codes


@pytest.mark.parametrize(
    ("engagement", "risk", "priority"),
    [
        ("dormant", "high", 1),
        ("active", "high", 2),
        ("dormant", "medium", 2),
        ("active", "medium", 3),
        ("stale", "medium", 3),
        ("stale", "high", 4),
        ("active", "low", 4),
        ("dormant", "low", 4),
        ("stale", "low", 4),
    ],
)
def test_each_pair_of_the_axes_has_its_priority(engagement: str, risk: str, priority: int) -> None:
    assert priority_of(Engagement(engagement), Risk(risk)) == priority


def test_a_clinics_own_limits_count_instead_of_the_usual() -> None:
    own = replace(USUAL, high_after_days=400, medium_after_days=300, unbooked_after_days=200)
    assert score(known(days_since_visit=150), own).risk == "low"
    assert score(known(days_since_visit=301), own).reasons[0] == Reason(Code.NO_CONTACT, (300,))


def test_a_reason_is_a_sentence_and_is_kept_as_a_code() -> None:
    reasons = score(known(days_since_visit=200, attended=1, missed=4, missed_lately=4), USUAL)
    assert [words(each) for each in reasons.reasons] == [
        "No contact for more than 90 days",
        "Came to fewer than 50 % of visits",
        "Missed 4 visits or more within 90 days",
        "Last visit 6 to 24 months ago: due for a recall",
    ]
    assert next_step(reasons.reasons).startswith("Ask what got in the way")
    assert from_json(as_json(reasons.reasons)) == list(reasons.reasons)


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_words(code: Code) -> None:
    assert words(Reason(code, (3, 5)))


days = st.none() | st.integers(0, 2000)


@st.composite
def somebodys_facts(draw: st.DrawFn) -> Facts:
    """Facts that fit each other."""
    since = draw(days)
    called = draw(days)
    contact = min((each for each in (since, called) if each is not None), default=None)
    missed = draw(st.integers(0, 12))
    return Facts(
        patient_id=SOMEBODY,
        last_visit_at=None if since is None else MOMENT,
        next_visit_at=draw(st.sampled_from([None, MOMENT])),
        days_since_visit=since,
        days_since_contact=contact,
        attended=draw(st.integers(0, 20)) + (since is not None) if since is not None else 0,
        missed=missed,
        missed_lately=draw(st.integers(0, missed)),
    )


@st.composite
def clinics_limits(draw: st.DrawFn) -> Limits:
    """Limits that a clinic may set."""
    low, middle, high = sorted(draw(st.tuples(*[st.integers(1, 1100)] * 3)))
    share, higher = sorted(draw(st.tuples(*[st.integers(0, 100)] * 2)))
    few, many = sorted(draw(st.tuples(*[st.integers(1, 100)] * 2)))
    missed, more = sorted(draw(st.tuples(*[st.integers(1, 100)] * 2)))
    return Limits(
        unbooked_after_days=low,
        medium_after_days=middle,
        high_after_days=high,
        high_attendance=share,
        medium_attendance=higher,
        medium_attendance_visits=few,
        high_attendance_visits=many,
        medium_missed=missed,
        high_missed=more,
    )


@given(somebodys_facts(), clinics_limits())
def test_who_has_a_visit_coming_is_active_and_at_low_risk(facts: Facts, limits: Limits) -> None:
    found = score(facts._replace(next_visit_at=MOMENT), limits)
    assert (found.engagement, found.risk, found.priority) == ("active", "low", 4)


@given(somebodys_facts(), clinics_limits(), st.integers(0, 500))
def test_more_days_without_contact_never_lower_the_risk(
    facts: Facts, limits: Limits, more: int
) -> None:
    if facts.days_since_contact is None:
        return
    later = facts._replace(days_since_contact=facts.days_since_contact + more)
    assert rank(later, limits) >= rank(facts, limits)


@given(somebodys_facts(), clinics_limits())
def test_one_more_missed_visit_never_lowers_the_risk(facts: Facts, limits: Limits) -> None:
    missed = facts._replace(missed=facts.missed + 1, missed_lately=facts.missed_lately + 1)
    assert rank(missed, limits) >= rank(facts, limits)


@given(somebodys_facts(), clinics_limits())
def test_a_kept_visit_today_never_raises_a_risk_that_comes_from_absence(
    facts: Facts, limits: Limits
) -> None:
    came = facts._replace(days_since_visit=0, days_since_contact=0, last_visit_at=MOMENT)
    assert rank(came, limits) <= rank(facts, limits)


@given(somebodys_facts(), clinics_limits())
def test_the_axes_are_independent_but_for_what_is_coming(facts: Facts, limits: Limits) -> None:
    called = facts._replace(days_since_contact=0)
    assert score(called, limits).engagement == score(facts, limits).engagement


@given(somebodys_facts(), clinics_limits())
def test_a_risk_has_reasons_and_no_risk_needs_none(facts: Facts, limits: Limits) -> None:
    found = score(facts, limits)
    risky = {Code.NO_CONTACT, Code.NOTHING_BOOKED, Code.LOW_ATTENDANCE, Code.MISSED}
    assert bool(risky & {each.code for each in found.reasons}) is (found.risk is not Risk.LOW)


def rank(facts: Facts, limits: Limits) -> int:
    return ORDER.index(score(facts, limits).risk)
