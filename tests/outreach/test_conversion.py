"""Whether calling works: patients reached, and who of them has a new appointment within 14 days."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from clinics.models import AppointmentStatus, Clinic, Patient, User
from metrics.calendar import between
from outreach import conversion
from outreach.conversion import MINIMUM, Conversion
from tests import make
from tests.outreach.conftest import NOW, patient, visit

pytestmark = pytest.mark.django_db

PERIOD = between(date(2030, 1, 1), date(2030, 3, 5))
DAY = timedelta(days=1)


def called(someone: Patient, by: User, at: datetime, outcome: str = "reached_will_think") -> None:
    done = {"status": "done", "called_by": by, "outcome": outcome, "closed_at": at}
    make.call_task(someone.clinic, patient=someone, **done)


def of(clinic: Clinic, now: datetime = NOW) -> Conversion:
    return conversion.of(clinic, PERIOD, now)


def counts(found: Conversion) -> tuple[int, int, int, int]:
    return (found.reached, found.decided, found.converted, found.booked)


@pytest.mark.parametrize(
    ("made", "counted"),
    [
        (-1 * DAY, 0),  # the appointment was there before
        (-timedelta(minutes=5), 1),  # booked on the telephone, before anybody said so
        (timedelta(), 1),
        (14 * DAY, 1),
        (14 * DAY + timedelta(seconds=1), 0),
    ],
)
def test_an_appointment_made_within_14_days_of_the_call_counts(
    clinic: Clinic, staff: User, made: timedelta, counted: int
) -> None:
    someone, at = patient(clinic), NOW - 40 * DAY
    called(someone, staff, at)
    visit(someone, 30, made_at=at + made)
    assert counts(of(clinic)) == (1, 1, counted, counted)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error", "proposed", "waitlist"])
def test_what_is_no_booking_any_more_or_none_yet_does_not_count(
    clinic: Clinic, staff: User, status: str
) -> None:
    someone, at = patient(clinic), NOW - 40 * DAY
    called(someone, staff, at)
    visit(someone, 30, made_at=at + DAY, status=AppointmentStatus(status))
    visit(someone, 31, made_at=at + DAY, removed_at=NOW)
    assert counts(of(clinic)) == (1, 1, 0, 0)


def test_where_the_pms_does_not_tell_when_it_was_made_our_own_date_counts(
    clinic: Clinic, staff: User
) -> None:
    someone, at = patient(clinic), NOW - 40 * DAY
    called(someone, staff, at)
    visit(someone, 30, made_at=None, created_at=at + 3 * DAY)
    assert of(clinic).converted == 1


def test_a_patient_counts_once_and_from_the_first_call(clinic: Clinic, staff: User) -> None:
    someone, at = patient(clinic), NOW - 50 * DAY
    called(someone, staff, at)
    called(someone, staff, at + 20 * DAY, "reached_booked")
    visit(someone, 30, made_at=at + 21 * DAY)
    assert counts(of(clinic)) == (1, 1, 0, 0)


def test_only_who_was_reached_counts_and_only_in_the_period(clinic: Clinic, staff: User) -> None:
    for outcome in ("no_answer", "left_message", "wrong_number", "do_not_call"):
        called(patient(clinic), staff, NOW - 40 * DAY, outcome)
    called(patient(clinic), staff, datetime(2030, 1, 1, 4, 59, tzinfo=NOW.tzinfo))
    called(patient(make.clinic(clinic.organization)), staff, NOW - 40 * DAY)
    assert counts(of(clinic)) == (0, 0, 0, 0)
    called(patient(clinic), staff, datetime(2030, 1, 1, 5, 0, tzinfo=NOW.tzinfo))
    assert of(clinic).reached == 1


def test_who_still_has_time_is_reached_and_not_decided(clinic: Clinic, staff: User) -> None:
    someone = patient(clinic)
    called(someone, staff, NOW - 3 * DAY)
    visit(someone, 5, made_at=NOW - 2 * DAY)
    assert counts(of(clinic)) == (1, 0, 0, 1)
    assert counts(of(clinic, NOW + 11 * DAY)) == (1, 1, 1, 1)


def test_below_the_minimum_it_is_not_enough_data_and_no_percentage(
    clinic: Clinic, staff: User
) -> None:
    for number in range(MINIMUM - 1):
        someone = patient(clinic)
        called(someone, staff, NOW - 40 * DAY)
        if number % 3 == 0:
            visit(someone, 30, made_at=NOW - 39 * DAY)
    few = of(clinic)
    assert (few.decided, few.converted, few.is_enough, few.percentage) == (19, 7, False, None)
    called(patient(clinic), staff, NOW - 40 * DAY)
    enough = of(clinic)
    assert (enough.decided, enough.is_enough, enough.percentage) == (20, True, 35.0)


def test_nothing_at_all_is_not_enough_data(clinic: Clinic, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        found = of(clinic)
    assert (counts(found), found.percentage) == ((0, 0, 0, 0), None)
