"""How long before, and at which hours, appointments are made."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from statistics import median

import pytest

from clinics.models import AppointmentStatus, Clinic
from integrations.models import Integration
from tests import make
from tests.metrics.insights.rows import (
    MON_TO_FRI,
    NEW_YORK,
    NOW,
    at,
    confirmed,
    figure,
    hours,
    visit,
)

pytestmark = pytest.mark.django_db


def lead(clinic: Clinic, *days: int) -> None:
    """Make appointments that were made on Monday 4 March at 9 for so many days later at 8."""
    made = at(3, 4, 9)
    for each in days:
        visit(clinic, None, at(3, 4, 8) + timedelta(days=each), made_at=made)


def test_the_median_is_of_dates_of_the_clinics_calendar(clinic: Clinic) -> None:
    # One day later at 8 is 23 hours later: still the next date.
    lead(clinic, 1, 1, 3, 8, 20)
    found = figure(clinic, "bookingLeadTime")
    assert (found["value"], found["n"], found["unit"]) == (3, 5, "days")
    assert found["middleHalf"] == [1, 8]
    assert found["note"] == "Counted from appointments made in the last 30 days: 5."


def test_of_an_even_number_the_median_lies_between_the_middle_two(clinic: Clinic) -> None:
    lead(clinic, 1, 1, 2, 3, 8, 20)
    assert figure(clinic, "bookingLeadTime")["value"] == 2.5


def test_four_are_not_enough(clinic: Clinic) -> None:
    lead(clinic, 1, 1, 2, 3)
    found = figure(clinic, "bookingLeadTime")
    assert (found["value"], found["n"], found["enough"]) == (None, 4, False)
    assert found["middleHalf"] is None
    assert found["note"] == (
        "Not enough data: it takes at least 5 appointments made in the last 30 days, and there "
        "are 4."
    )


def test_what_is_no_booking_made_in_time_is_left_out(clinic: Clinic) -> None:
    lead(clinic, 2, 2, 2, 2, 2)
    made, start = at(3, 4, 9), at(3, 20, 9)
    for status in ("cancelled", "proposed", "waitlist", "entered-in-error"):
        visit(clinic, None, start, made_at=made, status=AppointmentStatus(status))
    visit(clinic, None, start, made_at=made, removed_at=NOW)
    visit(clinic, None, at(3, 4, 8), made_at=made)  # entered after it began
    visit(clinic, None, start, made_at=at(2, 2, 23, 59))  # 31 dates ago
    visit(clinic, None, start, made_at=NOW + timedelta(seconds=1))
    visit(make.clinic(clinic.organization), None, start, made_at=made)
    visit(clinic, None, start)  # when, nobody knows
    found = figure(clinic, "bookingLeadTime")
    assert (found["value"], found["n"], found["unknown"]) == (2, 5, 1)


def test_the_first_moment_of_the_window_counts(clinic: Clinic) -> None:
    for _ in range(5):
        visit(clinic, None, at(2, 7), made_at=at(2, 3))
    assert figure(clinic, "bookingLeadTime")["value"] == 4


def test_a_booking_through_us_was_made_when_it_was_asked_for(
    clinic: Clinic, integration: Integration
) -> None:
    for number in range(5):
        confirmed(integration, at(3, 1, 23, 30), 3600, created_external_id=f"b{number}")
        visit(clinic, None, at(3, 8, 9), external_id=f"b{number}")
    # Of another clinic, and of one that failed, nothing follows.
    confirmed(make.integration(make.clinic()), at(3, 1), 5, created_external_id="foreign")
    visit(clinic, None, at(3, 8, 9), external_id="foreign")
    found = figure(clinic, "bookingLeadTime")
    assert (found["value"], found["n"], found["unknown"]) == (7, 5, 1)


def test_where_nobody_knows_when_they_were_made_that_is_said(clinic: Clinic) -> None:
    for _ in range(9):
        visit(clinic, None, NOW)
    found = figure(clinic, "bookingLeadTime")
    assert (found["value"], found["n"]) == (None, 0)
    assert "nobody knows when" in found["note"]


def test_over_a_change_of_the_clocks_a_day_is_a_day(clinic: Clinic) -> None:
    # New York's clocks go forward on 10 March 2030: these two midnights are 23 hours apart.
    for _ in range(5):
        visit(clinic, None, at(3, 11), made_at=at(3, 10))
    assert figure(clinic, "bookingLeadTime", at(3, 10, 12))["value"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_median_that_plain_python_counts(seed: int) -> None:
    rng = random.Random(seed)
    zone = rng.choice(["Australia/Lord_Howe", "America/Havana", "Europe/Berlin", "Asia/Kolkata"])
    clinic = make.clinic(zone=zone)
    now = datetime(
        2030, rng.choice([3, 4, 10, 11]), rng.randint(1, 28), rng.randint(0, 23), tzinfo=UTC
    )
    rows = []
    for _ in range(120):
        made = now - timedelta(minutes=rng.randint(-1000, 45 * 1440))
        start = made + timedelta(minutes=rng.randint(-500, 20 * 1440))
        status = rng.choice(["booked", "booked", "fulfilled", "noshow", "cancelled", "pending"])
        known = rng.random() < 0.9
        visit(clinic, None, start, made_at=made if known else None, status=status)
        rows.append((made if known else None, start, status))

    def local(moment: datetime) -> date:
        return moment.astimezone(clinic.zone).date()

    first = datetime.combine(local(now) - timedelta(days=30), time(), clinic.zone)
    days = [
        (local(start) - local(made)).days
        for made, start, status in rows
        if made
        and status != "cancelled"
        and made.timestamp() >= first.timestamp()
        and made <= min(now, start)
    ]
    found = figure(clinic, "bookingLeadTime", now)
    assert (found["n"], found["value"]) == (len(days), round(median(days), 1))


def test_a_booking_made_at_closing_time_is_outside_and_one_at_opening_time_is_not(
    clinic: Clinic, integration: Integration
) -> None:
    hours(integration, hours=MON_TO_FRI)
    for made in (at(3, 4, 8), at(3, 4, 16, 59), at(3, 4, 17), at(3, 4, 7, 59), at(3, 2, 12)):
        visit(clinic, None, at(3, 20), made_at=made)
    found = figure(clinic, "bookedOutsideHours")
    assert (found["value"], found["n"], found["outside"]) == (60, 5, 3)


def test_on_a_closed_date_all_is_outside(clinic: Clinic, integration: Integration) -> None:
    closure = {"first_date": "2030-03-04", "last_date": "2030-03-04", "reason": "Holiday"}
    hours(integration, hours=MON_TO_FRI, closures=[closure])
    for _ in range(5):
        visit(clinic, None, at(3, 20), made_at=at(3, 4, 12))
    assert figure(clinic, "bookedOutsideHours")["value"] == 100


def test_none_outside_is_a_real_zero(clinic: Clinic, integration: Integration) -> None:
    hours(integration, hours=MON_TO_FRI)
    for _ in range(5):
        visit(clinic, None, at(3, 20), made_at=at(3, 4, 12))
    found = figure(clinic, "bookedOutsideHours")
    assert (found["value"], found["enough"]) == (0, True)


def test_without_opening_hours_nothing_is_said(clinic: Clinic, integration: Integration) -> None:
    for _ in range(5):
        visit(clinic, None, at(3, 20), made_at=at(3, 4, 12))
    found = figure(clinic, "bookedOutsideHours")
    assert (found["value"], found["enough"]) == (None, False)
    assert "nobody has said when the clinic is open" in found["note"]


def test_of_a_date_without_a_time_no_hour_is_made_up(
    clinic: Clinic, integration: Integration
) -> None:
    hours(integration, hours=MON_TO_FRI)
    for number in range(6):
        visit(clinic, None, at(3, 20), made_at=at(3, 4), external_id=f"b{number}")
    found = figure(clinic, "bookedOutsideHours")
    assert (found["value"], found["n"], found["unknown"]) == (None, 0, 6)
    assert "tells the dates" in found["note"]
    # Of those that were asked for through us the time is known.
    for number in range(5):
        confirmed(integration, at(3, 4, 20), 60, created_external_id=f"b{number}")
    found = figure(clinic, "bookedOutsideHours")
    assert (found["value"], found["n"], found["unknown"]) == (100, 5, 1)


def test_an_hour_told_without_a_zone_is_not_taken_for_one(clinic: Clinic) -> None:
    hours(make.integration(clinic, pms="nookal"), hours=MON_TO_FRI)
    for _ in range(6):
        visit(clinic, None, at(3, 20), made_at=at(3, 4, 20))
    assert figure(clinic, "bookedOutsideHours")["n"] == 0
    assert figure(clinic, "bookingLeadTime")["n"] == 6


@pytest.mark.parametrize("hour", [0, 1, 3])
def test_the_hours_are_those_of_the_clinics_own_clock(
    clinic: Clinic, integration: Integration, hour: int
) -> None:
    # On 10 March 2030 the clock goes from 2 to 3: open from 1 to 3 is one hour, and 3 is after it.
    hours(integration, hours={**MON_TO_FRI, "sun": [["01:00", "03:00"]]})
    made = datetime(2030, 3, 10, hour, 30, tzinfo=NEW_YORK)
    for _ in range(5):
        visit(clinic, None, at(3, 20), made_at=made)
    value = figure(clinic, "bookedOutsideHours", at(3, 12))["value"]
    assert value == (0 if hour == 1 else 100)
