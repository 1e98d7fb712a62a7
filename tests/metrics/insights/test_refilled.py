"""Which cancelled time is booked again within a day."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinics.models import Appointment, AppointmentStatus, Clinic, Practitioner
from integrations.models import Integration
from tests import make
from tests.metrics.insights.rows import NOW, at, confirmed, figure, visit
from writebacks.operations import Operation

pytestmark = pytest.mark.django_db

#: Cancelled on Thursday at 10; the time that it frees is on Wednesday 20 March at 9.
OFF = at(2, 28, 10)
FREED = at(3, 20, 9)


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, last_name="Dentist")


def cancel(who: Practitioner, start: datetime = FREED, **fields: Any) -> Appointment:
    values = {
        "practitioner": who,
        "status": AppointmentStatus.CANCELLED,
        "cancelled_at": OFF,
        "made_at": at(2, 1),
    }
    return visit(who.clinic, None, start, **(values | fields))


def others(who: Practitioner, count: int = 4) -> None:
    """Cancellations that nobody took the time of."""
    for number in range(count):
        cancel(who, at(4, 1 + number, 9))


def share_of(clinic: Clinic) -> tuple[float | None, int]:
    found = figure(clinic, "refilledCancellations")
    return found["value"], found["n"]


@pytest.mark.parametrize(
    ("made", "refilled"),
    [
        (OFF, False),
        (OFF + timedelta(seconds=1), True),
        (OFF + timedelta(hours=24), True),
        (OFF + timedelta(hours=24, seconds=1), False),
        (OFF - timedelta(days=3), False),
    ],
)
def test_it_counts_what_was_made_within_24_hours(
    clinic: Clinic, mara: Practitioner, made: datetime, refilled: bool
) -> None:
    others(mara)
    cancel(mara)
    visit(clinic, None, FREED, practitioner=mara, made_at=made)
    assert share_of(clinic) == (20 if refilled else 0, 5)


@pytest.mark.parametrize(
    ("starts", "minutes", "refilled"),
    [
        (timedelta(0), 15, True),
        (timedelta(0), 14, False),
        (timedelta(minutes=-30), 45, True),
        (timedelta(minutes=15), 60, True),
        (timedelta(minutes=30), 30, False),
        (timedelta(minutes=-30), 120, True),
    ],
)
def test_at_least_half_of_the_time_has_to_be_booked(
    clinic: Clinic, mara: Practitioner, starts: timedelta, minutes: int, refilled: bool
) -> None:
    others(mara)
    cancel(mara)
    made = OFF + timedelta(hours=1)
    visit(clinic, None, FREED + starts, minutes, practitioner=mara, made_at=made)
    assert share_of(clinic) == (20 if refilled else 0, 5)


def test_two_short_ones_fill_it_together_and_two_at_once_do_not(
    clinic: Clinic, mara: Practitioner
) -> None:
    others(mara, 3)
    made = OFF + timedelta(hours=1)
    cancel(mara)
    visit(clinic, None, FREED, 8, practitioner=mara, made_at=made)
    visit(clinic, None, FREED + timedelta(minutes=20), 8, practitioner=mara, made_at=made)
    later = FREED + timedelta(hours=2)
    cancel(mara, later)
    for _ in range(2):
        visit(clinic, None, later, 8, practitioner=mara, made_at=made)
    assert share_of(clinic) == (20, 5)


def test_another_practitioners_booking_or_one_that_fell_through_refills_nothing(
    clinic: Clinic, mara: Practitioner
) -> None:
    others(mara)
    cancel(mara)
    made = OFF + timedelta(hours=1)
    otto = make.record(Practitioner, clinic)
    visit(clinic, None, FREED, practitioner=otto, made_at=made)
    visit(clinic, None, FREED, practitioner=mara, made_at=made, removed_at=NOW)
    visit(clinic, None, FREED, practitioner=mara, made_at=made, status="proposed")
    # Cancelled itself, long ago: no cancellation of the window either.
    gone = {"status": "cancelled", "cancelled_at": at(1, 1)}
    visit(clinic, None, FREED, practitioner=mara, made_at=made, **gone)
    assert share_of(clinic) == (0, 5)


def test_only_cancellations_that_freed_time_and_had_their_day_are_counted(
    clinic: Clinic, mara: Practitioner
) -> None:
    others(mara, 5)
    cancel(mara, OFF - timedelta(hours=1))  # it had begun
    cancel(mara, practitioner=None)
    cancel(mara, removed_at=NOW)
    cancel(mara, cancelled_at=at(3, 4))  # yesterday
    cancel(mara, cancelled_at=at(2, 1, 23, 59))  # before the window
    cancel(mara, cancelled_at=None)
    assert share_of(clinic) == (0, 5)
    cancel(mara, cancelled_at=at(3, 3, 23, 59))
    cancel(mara, cancelled_at=at(2, 2))
    assert share_of(clinic) == (0, 7)


def test_four_are_not_enough(clinic: Clinic, mara: Practitioner) -> None:
    others(mara)
    found = figure(clinic, "refilledCancellations")
    assert (found["value"], found["n"], found["refilled"]) == (None, 4, None)


def test_a_time_taken_by_what_was_made_nobody_knows_when_is_left_out(
    clinic: Clinic, mara: Practitioner
) -> None:
    others(mara, 5)
    cancel(mara)
    visit(clinic, None, FREED, practitioner=mara)
    found = figure(clinic, "refilledCancellations")
    assert (found["value"], found["n"], found["unknown"]) == (0, 5, 1)


def test_where_only_such_are_known_that_is_said(clinic: Clinic, mara: Practitioner) -> None:
    cancel(mara)
    visit(clinic, None, FREED, practitioner=mara)
    found = figure(clinic, "refilledCancellations")
    assert (found["value"], found["n"]) == (None, 0)
    assert "nobody knows when" in found["note"]


@pytest.mark.parametrize(("day", "refilled"), [(27, False), (28, True), (29, True), (30, False)])
def test_of_dates_without_a_time_it_is_the_date_and_the_next(
    clinic: Clinic, mara: Practitioner, day: int, refilled: bool
) -> None:
    others(mara)
    cancel(mara, cancelled_at=at(2, 28))
    made = at(2, 1) + timedelta(days=day - 1)
    visit(clinic, None, FREED, practitioner=mara, made_at=made)
    assert share_of(clinic) == (20 if refilled else 0, 5)


def test_what_went_through_us_has_our_times(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    others(mara)
    # The PMS tells dates alone, by which this would have been the day after.
    off = cancel(mara, cancelled_at=at(2, 28))
    confirmed(integration, OFF, 60, operation=Operation.CANCEL, appointment=off)
    confirmed(integration, OFF + timedelta(minutes=5), 60, created_external_id="new")
    visit(clinic, None, FREED, practitioner=mara, external_id="new", made_at=at(3, 2))
    assert share_of(clinic) == (20, 5)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_share_that_counting_minute_by_minute_gives(seed: int) -> None:
    rng = random.Random(seed)
    clinic = make.clinic(zone="Europe/Berlin")
    now = datetime(2030, 4, 10, 13, tzinfo=UTC)  # the clocks changed on 31 March
    people = [make.record(Practitioner, clinic) for _ in range(2)]
    freed, standing = [], []
    for _ in range(60):
        who = rng.choice(people)
        start = now + timedelta(minutes=15 * rng.randint(0, 60))
        minutes = rng.choice([15, 30, 60])
        off = now - timedelta(minutes=rng.randint(0, 40 * 1440))
        gone = {"status": "cancelled", "cancelled_at": off}
        visit(clinic, None, start, minutes, practitioner=who, made_at=off, **gone)
        freed.append((who, start, minutes, off))
        made = off + timedelta(minutes=rng.randint(-600, 3000))
        taken = rng.choice([15, 30])
        moved = start + timedelta(minutes=rng.choice([-15, 0, 15]))
        visit(clinic, None, moved, taken, practitioner=who, made_at=made)
        standing.append((who, moved, taken, made))
    today = now.astimezone(clinic.zone).date()
    refilled = n = 0
    for who, start, minutes, off in freed:
        if not 2 <= (today - off.astimezone(clinic.zone).date()).days <= 31:
            continue
        n += 1
        times = [start + timedelta(minutes=each) for each in range(minutes)]
        covered = sum(
            any(
                other is who
                and begins <= time < begins + timedelta(minutes=long)
                and off < made <= off + timedelta(days=1)
                for other, begins, long, made in standing
            )
            for time in times
        )
        refilled += covered * 2 >= minutes
    found = figure(clinic, "refilledCancellations", now)
    assert (found["n"], found["refilled"]) == (n, refilled)
    assert found["value"] == round(100 * refilled / n, 1)
