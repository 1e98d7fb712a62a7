"""The nine numbers against a recount in plain Python: 200 clinics in calendars of their own."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from metrics import calendar, figures, overview
from metrics.models import BookingHour, ClinicDay, Preferences
from metrics.recounting import recount
from tests import make
from tests.metrics import plain
from tests.metrics.plain import Visit

pytestmark = pytest.mark.django_db

CLINICS = 200
#: Zones with the days on which their clocks jump: forwards, then back. The last four do so at
#: midnight, or have an hour of midnight twice; others are of half and of quarter hours.
ZONES: dict[str, tuple[date, date]] = {
    "America/New_York": (date(2024, 3, 10), date(2024, 11, 3)),
    "Europe/Berlin": (date(2024, 3, 31), date(2024, 10, 27)),
    "Australia/Sydney": (date(2024, 10, 6), date(2024, 4, 7)),
    "Australia/Lord_Howe": (date(2024, 10, 6), date(2024, 4, 7)),
    "Australia/Adelaide": (date(2024, 10, 6), date(2024, 4, 7)),
    "Pacific/Chatham": (date(2024, 9, 29), date(2024, 4, 7)),
    "America/St_Johns": (date(2011, 3, 13), date(2011, 11, 6)),
    "Asia/Kolkata": (date(2024, 3, 10), date(2024, 11, 3)),
    "Pacific/Apia": (date(2011, 12, 31), date(2011, 4, 2)),
    "America/Santiago": (date(2024, 9, 8), date(2024, 4, 7)),
    "Asia/Beirut": (date(2024, 3, 31), date(2024, 10, 27)),
    "America/Havana": (date(2024, 3, 10), date(2024, 11, 3)),
    "Atlantic/Azores": (date(2024, 3, 31), date(2024, 10, 27)),
}
STATUSES = [
    *AppointmentStatus.values,
    *[AppointmentStatus.BOOKED] * 8,
    *[AppointmentStatus.FULFILLED] * 8,
]


def random_clinic(chance: random.Random, number: int) -> tuple[Clinic, Preferences, date]:
    """A clinic of some zone and wishes, and the day on which its clocks jump, or nearly."""
    zone = list(ZONES)[number % len(ZONES)]
    clinic = make.clinic(zone=zone)
    wishes = Preferences.objects.create(
        organization=clinic.organization,
        clinic=clinic,
        week_starts_on=chance.choice([0, 6]),
        active_days=chance.choice([30, 31, 90, 365, 366, 1100]),
    )
    return clinic, wishes, chance.choice(ZONES[zone]) + timedelta(days=chance.randint(-1, 1))


def some_visits(chance: random.Random, clinic: Clinic, jump: date, active_days: int) -> list[Visit]:
    """Visits about a jump of the clocks, most of them near midnight, and of years before."""
    patients = [uuid.uuid4() for _ in range(chance.randint(1, 12))]
    Patient.objects.bulk_create(
        Patient(
            pk=pk,
            organization_id=clinic.organization_id,
            clinic=clinic,
            external_id=str(pk),
        )
        for pk in patients
    )
    midnight = datetime.combine(jump, time.min, clinic.zone).astimezone(UTC)
    visits = []
    for _ in range(chance.randint(0, 60)):
        near = timedelta(minutes=15 * chance.randint(-14, 14))
        days = chance.choice(
            [
                0,
                0,
                1,
                chance.randint(-40, 20),
                chance.randint(-40, 20),
                chance.choice([-1, 1]) * active_days + chance.randint(-1, 1),
                -chance.randint(0, 1500),
            ]
        )
        visits.append(
            Visit(
                patient=chance.choice([*patients, None]),
                starts_at=midnight + timedelta(days=days) + near,
                status=chance.choice(STATUSES),
                is_removed=chance.random() < 0.1,
            )
        )
    return visits


def keep(clinic: Clinic, visits: Iterable[Visit]) -> None:
    """Write them as rows."""
    Appointment.objects.bulk_create(
        Appointment(
            organization_id=clinic.organization_id,
            clinic=clinic,
            external_id=str(uuid.uuid4()),
            patient_id=each.patient,
            starts_at=each.starts_at,
            ends_at=each.starts_at + timedelta(minutes=30),
            status=each.status,
            removed_at=each.starts_at if each.is_removed else None,
        )
        for each in visits
    )


def some_periods(
    chance: random.Random, today: date, jump: date, week_starts_on: int
) -> list[calendar.Period]:
    first = jump - timedelta(days=chance.randint(0, 20))
    return [
        calendar.week(today, week_starts_on),
        calendar.month(today),
        calendar.between(first, first + timedelta(days=chance.randint(0, 60))),
    ]


def expected(
    visits: list[Visit], clinic: Clinic, period: calendar.Period, today: date, active_days: int
) -> dict[str, Any]:
    before = (period.previous_first, period.previous_last)
    return plain.numbers(visits, clinic.zone, period.first, period.last, before, today, active_days)


@pytest.mark.parametrize("batch", range(4))
def test_the_numbers_are_those_of_plain_python(batch: int) -> None:
    chance = random.Random(f"numbers {batch}")
    for number in range(batch, CLINICS, 4):
        clinic, wishes, jump = random_clinic(chance, number)
        visits = some_visits(chance, clinic, jump, wishes.active_days)
        today = jump + timedelta(days=chance.randint(-2, 8))
        now = datetime.combine(today, time(12), clinic.zone)
        half = len(visits) // 2
        # The first half is added up as a whole, the other by what it touches.
        keep(clinic, visits[:half])
        recount(clinic, now)
        keep(clinic, visits[half:])
        recount(clinic, now)
        for period in some_periods(chance, today, jump, wishes.week_starts_on):
            told = figures.of(clinic, period, today)
            said = f"{clinic.timezone}, {period}, {wishes.active_days} days, today {today}"
            assert told == expected(visits, clinic, period, today, wishes.active_days), said
            asked = overview.Asked(clinic.pk, period, today)
            assert overview.of([asked]) == {clinic.pk: told}, said


def test_a_day_whose_first_hour_comes_twice_is_one_day() -> None:
    # On 3 November 2024 Havana's clocks go from 1:00 back to 0:00.
    clinic = make.clinic(zone="America/Havana")
    patient = make.record(Patient, clinic)
    first = datetime(2024, 11, 3, 4, 30, tzinfo=UTC)
    now = first + timedelta(hours=6)
    recount(clinic, now)
    for at in (first, first + timedelta(hours=1)):
        keep(clinic, [Visit(patient.pk, at, "booked", is_removed=False)])
        recount(clinic, now)
    told = figures.of(clinic, calendar.between(date(2024, 11, 3), date(2024, 11, 3)), now.date())
    assert told["bookingTrends"] == [
        {"date": "2024-11-03", "bookings": 2, "missed": 0, "cancelled": 0, "newPatients": 1}
    ]
    assert told["peakHours"] == [{"dayOfWeek": 6, "hour": 0, "bookings": 2}]


@pytest.mark.parametrize("year", [1, 9999])
def test_the_first_and_the_last_day_that_there_is_stop_no_recount(year: int) -> None:
    # PMSs write them for "never". In some zone, either is in a year that Python does not know.
    at = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, tzinfo=UTC)
    for zone in ("Pacific/Auckland", "America/New_York"):
        clinic = make.clinic(zone=zone)
        patient = make.record(Patient, clinic)
        now = datetime(2030, 3, 5, 15, tzinfo=UTC)
        today = now.astimezone(clinic.zone).date()
        recount(clinic, now)
        visits = [
            Visit(patient.pk, at, "booked", is_removed=False),
            Visit(patient.pk, now, "booked", is_removed=False),
        ]
        keep(clinic, visits)
        recount(clinic, now)
        told = figures.of(clinic, calendar.week(today), today)
        # Who first came in the year 1 is no new patient any more, and active again.
        assert [told[each] for each in ("totalBookings", "activePatients")] == [1, 1]
        kept = rows_of(clinic)
        recount(clinic, now, anew=True)
        assert rows_of(clinic) == kept


def rows_of(clinic: Clinic) -> Any:
    return [
        sorted(model.objects.filter(clinic=clinic).values_list(*names))
        for model, names in (
            (ClinicDay, ("date", "bookings", "cancelled", "new_patients", "gained", "lost")),
            (BookingHour, ("date", "hour_of_day", "booking_count")),
        )
    ]
