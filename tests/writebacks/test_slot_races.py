"""Callers who want one slot at once, in real threads with a database connection each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction

from clinics.models import Appointment, AppointmentStatus, Clinic, Operatory, Practitioner
from integrations.models import Integration
from tests import make
from tests.integrations.threads import at_once
from writebacks.models import SlotHold, Writeback
from writebacks.slots import Reason, SlotTaken, hold, release

pytestmark = pytest.mark.django_db(transaction=True)
NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
HALF = timedelta(minutes=30)


@pytest.fixture
def clinic(transactional_db: None) -> Clinic:
    return make.clinic()


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, first_name="Mara")


@pytest.fixture
def chair(clinic: Clinic) -> Operatory:
    return make.record(Operatory, clinic, name="Chair 1")


def queued(clinic: Clinic, count: int) -> list[Writeback]:
    integration = Integration.objects.filter(clinic=clinic).first() or make.integration(clinic)
    return [make.writeback(integration) for _ in range(count)]


def outcome(work: Callable[[], None]) -> str:
    """Do it in one transaction, as a request does; return "held" or why not."""
    try:
        with transaction.atomic():
            work()
    except SlotTaken as refusal:
        return refusal.reason
    return "held"


def test_twenty_callers_for_one_slot_are_one_hold_and_nineteen_refusals(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    writebacks = queued(clinic, 20)
    came_of_it = at_once(
        20, lambda n: outcome(lambda: hold(writebacks[n], mara, chair, NINE, NINE + HALF))
    )
    assert sorted(came_of_it) == ["held"] + [Reason.PRACTITIONER] * 19
    winner = writebacks[came_of_it.index("held")]
    assert SlotHold.objects.get().writeback == winner


def test_times_that_overlap_without_being_equal_are_never_held_together(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    writebacks = queued(clinic, 20)
    shifts = [timedelta(minutes=5 * number) for number in range(20)]
    came_of_it = at_once(
        20,
        lambda n: outcome(
            lambda: hold(writebacks[n], mara, chair, NINE + shifts[n], NINE + shifts[n] + HALF)
        ),
    )
    kept = sorted(row.during.lower for row in SlotHold.objects.all())
    assert len(kept) == came_of_it.count("held") >= 1
    assert all(later - earlier >= HALF for earlier, later in pairwise(kept))
    # Nobody gave way for nothing: each who was refused overlaps one who was not.
    for shift, what in zip(shifts, came_of_it, strict=True):
        assert what == "held" or any(abs(NINE + shift - start) < HALF for start in kept)


def test_two_constraints_at_once_lead_to_refusals_and_to_no_deadlock(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    """Half of them collide by the practitioner, half by the chair."""
    people = [mara, make.record(Practitioner, clinic, first_name="Ines")]
    chairs = [chair, make.record(Operatory, clinic, name="Chair 2")]
    writebacks = queued(clinic, 20)
    came_of_it = at_once(
        20,
        lambda n: outcome(
            lambda: hold(writebacks[n], people[n % 2], chairs[n // 2 % 2], NINE, NINE + HALF)
        ),
    )
    assert 1 <= came_of_it.count("held") == SlotHold.objects.count() <= 2
    assert set(came_of_it) <= {"held", Reason.PRACTITIONER, Reason.OPERATORY}


def test_callers_who_adjoin_do_not_wait_for_each_other(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    writebacks = queued(clinic, 8)
    all_hold = Barrier(8)

    def work(number: int) -> str:
        def inner() -> None:
            begins = NINE + number * HALF
            hold(writebacks[number], mara, chair, begins, begins + HALF)
            # Passed only if every one of them holds before any has committed.
            all_hold.wait(20)

        return outcome(inner)

    assert at_once(8, work) == ["held"] * 8


def test_who_waits_for_one_that_is_undone_gets_the_slot(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    first, second = queued(clinic, 2)
    first_holds = Event()

    def work(number: int) -> str:
        if number:
            first_holds.wait(10)
            return outcome(lambda: hold(second, mara, chair, NINE, NINE + HALF))
        with transaction.atomic():
            hold(first, mara, chair, NINE, NINE + HALF)
            first_holds.set()
            until_somebody_waits()
            transaction.set_rollback(True)
        return "undone"

    assert at_once(2, work) == ["undone", "held"]
    assert SlotHold.objects.get().writeback == second


def until_somebody_waits() -> None:
    """Return once another connection to this database waits for a lock."""
    for _ in range(10_000):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waits")


def confirm(writeback: Writeback, mara: Practitioner, chair: Operatory) -> Appointment:
    """What ends a booking: its visit is put into our copy, and its hold is let go."""
    values: dict[str, Any] = {"practitioner": mara, "operatory": chair}
    values |= {"starts_at": NINE, "ends_at": NINE + HALF, "status": AppointmentStatus.BOOKED}
    release(writeback)
    return make.record(Appointment, writeback.clinic, **values)


def test_who_comes_while_a_booking_is_confirmed_waits_and_meets_the_visit(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    booked, late = queued(clinic, 2)
    hold(booked, mara, chair, NINE, NINE + HALF)
    let_go = Event()

    def work(number: int) -> str:
        if number:
            let_go.wait(10)
            try:
                hold(late, mara, chair, NINE, NINE + HALF)
            except SlotTaken as refusal:
                return f"{refusal.reason}, under way: {refusal.under_way}"
            return "held"
        with transaction.atomic():
            confirm(booked, mara, chair)
            let_go.set()
            until_somebody_waits()
        return "confirmed"

    assert at_once(2, work) == ["confirmed", "practitioner_busy, under way: False"]
    assert not SlotHold.objects.exists()


def test_confirmed_at_any_moment_a_slot_is_never_had_twice(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    """One confirms while seven ask, over and over, with nobody waiting for anybody."""
    for _ in range(15):
        booked, *others = queued(clinic, 8)
        hold(booked, mara, chair, NINE, NINE + HALF)

        def work(number: int, booked: Writeback = booked, others: Any = others) -> str:
            if number == 0:
                return outcome(lambda: confirm(booked, mara, chair) and None)
            return outcome(lambda: hold(others[number - 1], mara, chair, NINE, NINE + HALF))

        assert at_once(8, work) == ["held"] + [Reason.PRACTITIONER] * 7
        assert (Appointment.objects.count(), SlotHold.objects.count()) == (1, 0)
        Appointment.objects.all().delete()


def test_two_who_hold_several_slots_crosswise_are_one_winner_and_one_refusal(
    clinic: Clinic, mara: Practitioner, chair: Operatory
) -> None:
    """The database ends their deadlock; it must come out as a refusal, not as an error."""
    writebacks = queued(clinic, 4)
    both_hold_one = Barrier(2)
    times = [NINE, NINE + 4 * HALF]

    def work(number: int) -> str:
        first, second = times if number == 0 else times[::-1]

        def inner() -> None:
            hold(writebacks[2 * number], mara, chair, first, first + HALF)
            both_hold_one.wait(10)
            hold(writebacks[2 * number + 1], mara, chair, second, second + HALF)

        return outcome(inner)

    assert sorted(at_once(2, work)) == ["held", Reason.CONTENDED]
    assert SlotHold.objects.count() == 2
