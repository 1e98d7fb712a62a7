"""Who was here 6 to 24 months ago and has nothing booked."""

from __future__ import annotations

import random
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinics.models import AppointmentStatus, Clinic, Patient
from tests import make
from tests.metrics.insights.rows import NOW, at, figure, visit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _long_history(clinic: Clinic) -> None:
    """The clinic is known for three years; that patient came too long ago to be due."""
    visit(clinic, make.record(Patient, clinic), at(3, 1, 9, year=2027))


def patient(clinic: Clinic, *visits: datetime, **fields: Any) -> Patient:
    found: Patient = make.record(Patient, clinic, **fields)
    for start in visits:
        visit(clinic, found, start)
    return found


def due(clinic: Clinic, now: datetime = NOW) -> tuple[float | None, int]:
    found = figure(clinic, "dueNotRebooked", now)
    return found["value"], found["n"]


def test_the_window_is_from_24_to_6_months_ago_both_included(clinic: Clinic) -> None:
    for start in (
        at(3, 4, 9, year=2028),  # a day too early
        at(3, 5, 0, year=2028),
        at(3, 5, 9, year=2029),
        at(9, 5, 23, 59, year=2029),
        at(9, 6, 0, year=2029),  # a day too late
        at(3, 4, 9),
    ):
        patient(clinic, start)
    found = figure(clinic, "dueNotRebooked")
    assert (found["value"], found["n"], found["isWhole"]) == (3, 5, True)
    assert [(band["monthsFrom"], band["patients"]) for band in found["bands"]] == [
        (6, 1),
        (12, 1),
        (18, 1),
    ]


def test_the_last_visit_and_the_next_booking_are_two_things(clinic: Clinic) -> None:
    long_ago = at(6, 1, 9, year=2029)
    patient(clinic, long_ago, at(6, 1, 9))  # booked in three months
    patient(clinic, long_ago, at(3, 5, 9))  # today, an hour ago
    patient(clinic, long_ago, at(3, 1, 9))  # was here last week
    patient(clinic, long_ago, long_ago)
    assert due(clinic) == (1, 4)


def test_what_was_missed_or_cancelled_is_neither_a_visit_nor_a_booking(clinic: Clinic) -> None:
    who = patient(clinic, at(6, 1, 9, year=2029))
    for status in ("noshow", "cancelled", "proposed", "waitlist", "entered-in-error"):
        visit(clinic, who, at(2, 1, 9), status=AppointmentStatus(status))
        visit(clinic, who, at(6, 1, 9), status=AppointmentStatus(status))
    visit(clinic, who, at(6, 1, 9), removed_at=NOW)
    only_missed = make.record(Patient, clinic)
    visit(clinic, only_missed, at(6, 1, 9, year=2029), status="noshow")
    assert due(clinic) == (1, 1)


def test_the_archived_and_the_removed_are_left_out(clinic: Clinic) -> None:
    patient(clinic, at(6, 1, 9, year=2029), is_active=False)
    patient(clinic, at(6, 1, 9, year=2029), removed_at=NOW)
    assert due(clinic) == (None, 0)


def test_a_merged_patients_visits_and_bookings_are_those_of_whom_they_became(
    clinic: Clinic,
) -> None:
    gone = {"removed_at": NOW}
    kept = patient(clinic, at(6, 1, 9, year=2029), external_id="kept")
    middle = patient(clinic, external_id="middle", merged_into_id="kept", **gone)
    first = patient(clinic, external_id="first", merged_into_id="middle", **gone)
    assert due(clinic) == (1, 1)
    booked = visit(clinic, first, at(6, 1, 9))
    assert due(clinic) == (0, 1)
    booked.delete()
    visit(clinic, middle, at(2, 1, 9))
    assert due(clinic) == (0, 1)
    assert kept.is_active


def test_a_circle_of_merged_patients_ends(clinic: Clinic) -> None:
    for name, other in (("one", "other"), ("other", "one")):
        patient(
            clinic,
            at(6, 1, 9, year=2029),
            external_id=name,
            merged_into_id=other,
            removed_at=NOW,
        )
    assert due(clinic) == (None, 0)


def test_everybody_rebooked_is_a_real_zero(clinic: Clinic) -> None:
    patient(clinic, at(6, 1, 9, year=2029), at(6, 1, 9))
    assert due(clinic) == (0, 1)


def test_of_a_shorter_history_it_says_since_when(organization: Any) -> None:
    clinic = make.clinic(organization)
    patient(clinic, at(6, 1, 9, year=2029))
    found = figure(clinic, "dueNotRebooked")
    assert (found["value"], found["isWhole"], found["historyFrom"]) == (1, False, "2029-06-01")
    assert "Who came last before 2029-06-01 is not among them" in found["note"]


def test_of_a_history_under_6_months_nothing_is_said(organization: Any) -> None:
    clinic = make.clinic(organization)
    patient(clinic, at(9, 6, 9, year=2029))
    found = figure(clinic, "dueNotRebooked")
    assert (found["value"], found["enough"], found["n"]) == (None, False, 1)
    assert "from before 2029-09-06" in found["note"]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_what_plain_python_counts(seed: int, organization: Any) -> None:
    rng = random.Random(seed)
    clinic = make.clinic(organization, zone=rng.choice(["America/Havana", "Pacific/Apia"]))
    now = datetime(2030, rng.choice([2, 3, 8, 11]), rng.choice([1, 15, 28]), 4, tzinfo=UTC)
    zone, today = clinic.zone, now.astimezone(clinic.zone).date()
    expected, seen = 0, 0
    visit(clinic, make.record(Patient, clinic), now - timedelta(days=1000))
    for _ in range(80):
        archived = rng.random() < 0.1
        who = make.record(Patient, clinic, is_active=not archived)
        dates, is_booked = [], False
        for _ in range(rng.randint(0, 3)):
            start = now + timedelta(minutes=rng.randint(-900 * 1440, 60 * 1440))
            status = rng.choice(["booked", "fulfilled", "noshow", "cancelled", "pending"])
            visit(clinic, who, start, status=status)
            if status in ("booked", "fulfilled", "pending"):
                date_ = start.astimezone(zone).date()
                is_booked |= date_ >= today
                if date_ < today:
                    dates.append(date_)
        last = max(dates, default=None)
        if archived or last is None or last < months_before(today, 24):
            continue
        seen += 1
        expected += last <= months_before(today, 6) and not is_booked
    assert due(clinic, now) == (expected, seen)


def months_before(day: date, months: int) -> date:
    """The same day of the month so many months before, or the last one that there is."""
    at_month = day.year * 12 + day.month - 1 - months
    year, month = at_month // 12, at_month % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))
