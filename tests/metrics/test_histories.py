"""Whatever happens to appointments, and by whichever way: what is kept up to date is what is made
anew.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics import services
from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from clinics.records import AppointmentRecord, Removed
from metrics import preferences, rollups
from metrics.models import BookingHour, ClinicDay, Preferences, Standing, Told, Touched
from metrics.recounting import recount
from tests import make
from tests.integrations.threads import at_once

#: Sunday, an hour before the clocks go back at midnight in Santiago.
NOW = datetime(2024, 4, 7, 2, 0, tzinfo=UTC)
ACTIVE_DAYS = (30, 45)
ZONES = ("America/Santiago", "America/Havana", "Asia/Kolkata")
ROWS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        ClinicDay,
        (
            *("date", "bookings", "attended", "missed", "cancelled"),
            *("new_patients", "gained", "lost"),
        ),
    ),
    (BookingHour, ("date", "hour_of_day", "day_of_week", "booking_count")),
)


def rows_of(clinic: Clinic) -> list[Any]:
    return [
        list(model.objects.filter(clinic=clinic).order_by(*names).values_list(*names))
        for model, names in ROWS
    ]


def assert_as_anew(clinic: Clinic) -> None:
    """What was kept is what the same rows come to when all of it is added up."""
    kept = rows_of(clinic)
    with transaction.atomic():
        clinic = Clinic.objects.get(pk=clinic.pk)
        rollups.add_up(clinic, preferences.of(clinic).active_days)
        anew = rows_of(clinic)
        transaction.set_rollback(True)
    assert kept == anew


class Practice:
    """A clinic with a few patients, whose appointments change in every way that there is."""

    def __init__(self) -> None:
        self.clinic = make.clinic(zone=ZONES[0])
        self.patients = [make.record(Patient, self.clinic) for _ in range(3)]
        self.number = 0

    def at(self, step: int) -> datetime:
        """A time: hours about now, then days and weeks, to both sides of what makes active."""
        hours = (0, 1, 2, 23, 24, 24 * 29, 24 * 30, 24 * 31, 24 * 45, 24 * 46, 24 * 90)
        sign = 1 if step % 2 else -1
        return NOW + timedelta(hours=sign * hours[step // 2 % len(hours)])

    def patient(self, step: int) -> Patient | None:
        return (*self.patients, None)[step % 4]

    def appointments(self) -> list[Appointment]:
        return list(Appointment.objects.filter(clinic=self.clinic).order_by("external_id"))

    def one(self, step: int) -> Appointment | None:
        rows = self.appointments()
        return rows[step % len(rows)] if rows else None

    def create(self, step: int) -> None:
        at = self.at(step)
        make.record(
            Appointment,
            self.clinic,
            patient=self.patient(step // 3),
            starts_at=at,
            ends_at=at + timedelta(minutes=20),
            status=AppointmentStatus.BOOKED,
        )

    def read(self, step: int) -> None:
        """From the PMS: new, or one that is known, at another time or in another state."""
        known = self.one(step) if step % 2 else None
        self.number += 1
        patient, at = self.patient(step // 5), self.at(step // 2)
        record = AppointmentRecord(
            external_id=known.external_id if known else f"read {self.number}",
            patient_id=patient.external_id if patient else "",
            practitioner_id="",
            location_id="",
            operatory_id="",
            appointment_type_id="",
            starts_at=at,
            ends_at=at + timedelta(minutes=20),
            status=AppointmentStatus.values[step % len(AppointmentStatus.values)],
            pms_status="",
            description="",
        )
        services.store(self.clinic, [record], now=NOW + timedelta(seconds=self.number))

    def vanish(self, step: int) -> None:
        if one := self.one(step):
            self.number += 1
            services.remove(
                self.clinic,
                Appointment,
                [Removed(external_id=one.external_id)],
                now=NOW + timedelta(seconds=self.number),
            )

    def move(self, step: int) -> None:
        if one := self.one(step):
            one.starts_at = self.at(step // 2)
            one.ends_at = one.starts_at + timedelta(minutes=20)
            one.save()

    def mark(self, step: int) -> None:
        if one := self.one(step):
            statuses = AppointmentStatus.values
            Appointment.objects.filter(pk=one.pk).update(status=statuses[step % len(statuses)])

    def hand_over(self, step: int) -> None:
        if one := self.one(step):
            Appointment.objects.filter(pk=one.pk).update(patient=self.patient(step // 7))

    def move_all(self, step: int) -> None:
        chosen = Appointment.objects.filter(clinic=self.clinic, patient=self.patient(step))
        at = self.at(step // 4)
        chosen.update(starts_at=at, ends_at=at + timedelta(hours=1))

    def delete(self, step: int) -> None:
        if one := self.one(step):
            one.delete()

    def prefer(self, step: int) -> None:
        Preferences.objects.update_or_create(
            clinic=self.clinic,
            defaults={
                "organization": self.clinic.organization,
                "active_days": ACTIVE_DAYS[step % 2],
            },
        )

    def emigrate(self, step: int) -> None:
        Clinic.objects.filter(pk=self.clinic.pk).update(timezone=ZONES[step % 3])

    def count(self, step: int) -> None:
        """Recount with the clinic as it was read at first, as a task that began earlier has it."""
        recount(self.clinic, NOW)
        assert not Touched.objects.filter(clinic=self.clinic).exists()
        assert_as_anew(self.clinic)

    def kill(self, step: int) -> None:
        """Recount, and be gone before it is committed."""
        before = rows_of(self.clinic)
        with transaction.atomic():
            recount(self.clinic, NOW)
            transaction.set_rollback(True)
        assert rows_of(self.clinic) == before


WAYS: tuple[Callable[[Practice, int], None], ...] = (
    *(Practice.create, Practice.read, Practice.vanish, Practice.move, Practice.mark),
    *(Practice.hand_over, Practice.move_all, Practice.delete, Practice.prefer),
    *(Practice.emigrate, Practice.count, Practice.kill),
)


@pytest.mark.django_db
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    history=st.lists(
        st.tuples(
            st.sampled_from((Practice.create, Practice.read, Practice.count, *WAYS)),
            st.integers(0, 10_000),
        ),
        max_size=25,
    )
)
def test_after_any_history_the_numbers_are_those_made_anew(history: list[Any]) -> None:
    with transaction.atomic():
        practice = Practice()
        for way, step in history:
            way(practice, step)
        practice.count(0)
        transaction.set_rollback(True)


@pytest.fixture
def counted_dates(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The dates of each adding up; None is all of them."""
    seen: list[Any] = []
    add_up = rollups.add_up

    def spy(clinic: Clinic, active_days: int, dates: list[date] | None = None) -> None:
        seen.append(dates)
        add_up(clinic, active_days, dates)

    monkeypatch.setattr(rollups, "add_up", spy)
    return seen


def book(clinic: Clinic, patient: Patient | None, at: datetime) -> Appointment:
    return make.record(
        Appointment,
        clinic,
        patient=patient,
        starts_at=at,
        ends_at=at + timedelta(minutes=20),
        status=AppointmentStatus.BOOKED,
    )


@pytest.mark.django_db
def test_one_change_has_four_dates_counted_at_most(
    clinic: Clinic, counted_dates: list[Any]
) -> None:
    noon = datetime(2030, 3, 5, 17, tzinfo=UTC)
    day, year = timedelta(days=1), timedelta(days=365)
    patient = make.record(Patient, clinic)
    weekly = [book(clinic, patient, noon + 7 * n * day) for n in range(-60, 60)]
    nobody = book(clinic, None, noon)
    recount(clinic, noon)
    assert counted_dates.pop() is None
    today = noon.date()

    weekly[60].status = AppointmentStatus.NO_SHOW
    weekly[60].save()
    recount(clinic, noon)
    # Its own date, the visit after; and when who came on it, or on the visit before, ceases to be
    # active.
    assert counted_dates.pop() == [today, today + 7 * day, today + year - 7 * day, today + year]

    weekly[0].delete()
    recount(clinic, noon)
    first = today - 420 * day
    assert counted_dates.pop() == [first, first + 7 * day, first + year]

    nobody.delete()
    recount(clinic, noon)
    assert counted_dates.pop() == [today]

    recount(clinic, noon)
    assert counted_dates == []


@pytest.mark.django_db(transaction=True)
def test_two_recounts_at_once_are_as_one(clinic: Clinic) -> None:
    patient = make.record(Patient, clinic)
    for n in range(20):
        book(clinic, patient, NOW + timedelta(days=n))
    versions = at_once(4, lambda _: recount(clinic, NOW).version)
    assert versions == [1, 1, 1, 1]
    assert Told.objects.filter(clinic=clinic).count() == 1
    assert sum(row.bookings for row in ClinicDay.objects.filter(clinic=clinic)) == 20
    assert_as_anew(clinic)


@pytest.mark.django_db(transaction=True)
def test_what_is_written_while_it_counts_is_left_for_the_next_time(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = make.record(Patient, clinic)
    recount(clinic, NOW)
    book(clinic, patient, NOW)
    affected = rollups.affected

    def meanwhile(*args: Any) -> Any:
        found = affected(*args)
        # Another's connection: committed when the touched dates are known, before they are counted.
        at_once(1, lambda _: book(clinic, patient, NOW - timedelta(days=40)))
        return found

    monkeypatch.setattr(rollups, "affected", meanwhile)
    recount(clinic, NOW)
    monkeypatch.undo()
    assert Touched.objects.filter(clinic=clinic).count() == 1
    recount(clinic, NOW)
    assert not Touched.objects.filter(clinic=clinic).exists()
    assert_as_anew(clinic)
    days = ClinicDay.objects.filter(clinic=clinic)
    assert sum(row.new_patients for row in days) == 1


@pytest.mark.django_db(transaction=True)
def test_a_zone_that_changes_while_it_counts_has_all_counted_anew(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    book(clinic, None, datetime(2024, 4, 7, 3, 0, tzinfo=UTC))
    add_up = rollups.add_up

    def meanwhile(*args: Any) -> None:
        add_up(*args)
        # It has to wait until this recount is done: so it is begun here, and ends later.
        changing.append(pool.submit(at_once, 1, emigrate))

    def emigrate(_: int) -> int:
        return Clinic.objects.filter(pk=clinic.pk).update(timezone="Asia/Kolkata")

    changing: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(rollups, "add_up", meanwhile)
        recount(clinic, NOW)
        monkeypatch.undo()
        assert changing[0].result(10) == [1]
    assert Standing.objects.get(clinic=clinic).is_outdated
    recount(clinic, NOW)
    assert rows_of(clinic)[1] == [(date(2024, 4, 7), 8, 6, 1)]


@pytest.mark.django_db(transaction=True)
def test_a_recount_that_is_killed_loses_nothing(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    recount(clinic, NOW)
    book(clinic, None, NOW)
    add_up = rollups.add_up

    def killed(*args: Any) -> None:
        add_up(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(rollups, "add_up", killed)
    with pytest.raises(KeyboardInterrupt):
        recount(clinic, NOW)
    assert not ClinicDay.objects.filter(clinic=clinic).exists()
    assert Touched.objects.filter(clinic=clinic).count() == 1
    monkeypatch.undo()
    assert recount(clinic, NOW).version == 2
    assert [row.bookings for row in ClinicDay.objects.filter(clinic=clinic)] == [1]
