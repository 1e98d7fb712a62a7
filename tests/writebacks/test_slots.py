"""Time is kept for a writeback: who is refused, what is let through, and when it is let go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from clinics.models import Appointment, AppointmentStatus, Clinic, Operatory, Practitioner
from integrations.models import Integration
from tests import make
from writebacks.models import SlotHold
from writebacks.slots import Reason, SlotTaken, hold, release

pytestmark = pytest.mark.django_db
NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)  # 9:00 in New York
HALF = timedelta(minutes=30)


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, first_name="Mara")


@pytest.fixture
def chair(clinic: Clinic) -> Operatory:
    return make.record(Operatory, clinic, name="Chair 1")


def visit(mara: Practitioner | None, chair: Operatory | None, **fields: Any) -> Appointment:
    """A visit in our copy from nine to half past."""
    clinic = (mara or chair).clinic
    values = {"starts_at": NINE, "ends_at": NINE + HALF, "status": AppointmentStatus.BOOKED}
    values |= {"practitioner": mara, "operatory": chair}
    return make.record(Appointment, clinic, **(values | fields))


def held(integration: Integration, *slot: Any, **more: Any) -> SlotHold:
    """Hold a slot for a writeback of its own."""
    writeback = make.writeback(integration)
    hold(writeback, *slot, **more)
    return writeback.slot_hold


def test_a_hold_says_whose_it_is_and_what_it_keeps(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    writeback = make.writeback(integration)
    hold(writeback, mara, chair, NINE, NINE + HALF)
    kept = SlotHold.objects.get()
    assert (kept.writeback, kept.practitioner, kept.operatory) == (writeback, mara, chair)
    assert (kept.organization_id, kept.clinic_id) == (mara.organization_id, mara.clinic_id)
    assert (kept.during.lower, kept.during.upper) == (NINE, NINE + HALF)
    assert (kept.during.lower_inc, kept.during.upper_inc) == (True, False)


@pytest.mark.parametrize(
    ("start", "minutes"),
    [(0, 30), (-15, 30), (15, 30), (10, 10), (-30, 120), (-1, 2), (29, 30)],
)
def test_a_second_hold_that_overlaps_is_refused_and_leaves_nothing(
    integration: Integration, mara: Practitioner, chair: Operatory, start: int, minutes: int
) -> None:
    first = held(integration, mara, chair, NINE, NINE + HALF)
    begins = NINE + timedelta(minutes=start)
    with pytest.raises(SlotTaken) as refusal:
        held(integration, mara, chair, begins, begins + timedelta(minutes=minutes))
    assert (refusal.value.reason, refusal.value.under_way) == (Reason.PRACTITIONER, True)
    assert str(refusal.value) == "The practitioner is taken at that time."
    assert list(SlotHold.objects.all()) == [first]


@pytest.mark.parametrize("minutes", [-30, 30])
def test_what_adjoins_does_not_overlap(
    integration: Integration, mara: Practitioner, chair: Operatory, minutes: int
) -> None:
    held(integration, mara, chair, NINE, NINE + HALF)
    begins = NINE + timedelta(minutes=minutes)
    held(integration, mara, chair, begins, begins + HALF)
    assert SlotHold.objects.count() == 2


def test_somebody_else_in_another_chair_is_free(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    held(integration, mara, chair, NINE, NINE + HALF)
    other = make.record(Practitioner, mara.clinic, first_name="Ines")
    held(integration, other, make.record(Operatory, mara.clinic, name="2"), NINE, NINE + HALF)
    assert SlotHold.objects.count() == 2


def test_somebody_else_in_the_same_chair_is_refused_for_the_chair(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    held(integration, mara, chair, NINE, NINE + HALF)
    other = make.record(Practitioner, mara.clinic, first_name="Ines")
    with pytest.raises(SlotTaken, match="operatory is taken") as refusal:
        held(integration, other, chair, NINE, NINE + HALF)
    assert (refusal.value.reason, refusal.value.under_way) == (Reason.OPERATORY, True)


def test_without_a_chair_only_the_practitioner_counts(
    integration: Integration, mara: Practitioner
) -> None:
    other = make.record(Practitioner, mara.clinic, first_name="Ines")
    held(integration, mara, None, NINE, NINE + HALF)
    held(integration, other, None, NINE, NINE + HALF)
    with pytest.raises(SlotTaken):
        held(integration, mara, None, NINE, NINE + HALF)


def test_the_callers_transaction_goes_on_after_a_refusal(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    held(integration, mara, chair, NINE, NINE + HALF)
    visit(None, chair, starts_at=NINE + HALF, ends_at=NINE + 2 * HALF)
    with transaction.atomic():
        for begins in (NINE, NINE + HALF):
            with pytest.raises(SlotTaken):
                held(integration, mara, chair, begins, begins + HALF)
        held(integration, mara, chair, NINE + 2 * HALF, NINE + 3 * HALF)
    assert SlotHold.objects.count() == 2


def test_to_hold_the_same_again_changes_nothing(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    writeback = make.writeback(integration)
    hold(writeback, mara, chair, NINE, NINE + HALF)
    before = SlotHold.objects.values().get()
    hold(writeback, mara, chair, NINE, NINE + HALF)
    assert SlotHold.objects.values().get() == before


def test_the_hour_that_clocks_show_twice_can_be_held(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    zone = ZoneInfo("America/New_York")
    first = datetime(2030, 11, 3, 1, 30, tzinfo=zone)
    held(integration, mara, chair, first, first.replace(fold=1))
    kept = held(integration, mara, chair, first.replace(fold=1), first.replace(hour=2, minute=0))
    assert kept.during.lower == datetime(2030, 11, 3, 6, 30, tzinfo=UTC)
    assert SlotHold.objects.count() == 2


def test_a_writeback_holds_one_slot_and_never_silently_another(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    writeback = make.writeback(integration)
    hold(writeback, mara, chair, NINE, NINE + HALF)
    with pytest.raises(ValueError, match="another slot"):
        hold(writeback, mara, chair, NINE + 4 * HALF, NINE + 5 * HALF)
    assert SlotHold.objects.get().during.lower == NINE


def test_a_slot_that_was_let_go_is_the_next_ones(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    first = held(integration, mara, chair, NINE, NINE + HALF)
    release(first.writeback)
    second = held(integration, mara, chair, NINE, NINE + HALF)
    assert list(SlotHold.objects.all()) == [second]


def test_to_let_go_twice_or_of_nothing_is_no_error_and_touches_no_other(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    kept = held(integration, mara, chair, NINE, NINE + HALF)
    without = make.writeback(integration)
    release(without)
    release(without)
    assert list(SlotHold.objects.all()) == [kept]


@pytest.mark.parametrize(
    ("of_mara", "in_chair", "reason"),
    [
        (True, True, Reason.PRACTITIONER),
        (True, False, Reason.PRACTITIONER),
        (False, True, Reason.OPERATORY),
    ],
)
def test_a_visit_of_our_copy_takes_its_time(
    integration: Integration,
    mara: Practitioner,
    chair: Operatory,
    of_mara: bool,
    in_chair: bool,
    reason: Reason,
) -> None:
    visit(mara if of_mara else None, chair if in_chair else None)
    with pytest.raises(SlotTaken) as refusal:
        held(integration, mara, chair, NINE + HALF / 2, NINE + 2 * HALF)
    assert (refusal.value.reason, refusal.value.under_way) == (reason, False)
    assert not SlotHold.objects.exists()


def test_a_visit_of_many_days_takes_all_of_them(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    visit(mara, None, starts_at=NINE - timedelta(days=40), ends_at=NINE + timedelta(days=1))
    with pytest.raises(SlotTaken):
        held(integration, mara, chair, NINE, NINE + HALF)


@pytest.mark.parametrize("status", AppointmentStatus)
def test_only_a_visit_that_will_not_be_leaves_its_time_free(
    integration: Integration, mara: Practitioner, chair: Operatory, status: AppointmentStatus
) -> None:
    visit(mara, chair, status=status)
    if status in ("cancelled", "noshow", "entered-in-error"):
        held(integration, mara, chair, NINE, NINE + HALF)
        assert SlotHold.objects.count() == 1
    else:
        with pytest.raises(SlotTaken):
            held(integration, mara, chair, NINE, NINE + HALF)


def test_visits_that_adjoin_or_of_others_leave_the_time_free(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    visit(mara, chair, starts_at=NINE - HALF, ends_at=NINE)
    visit(mara, chair, starts_at=NINE + HALF, ends_at=NINE + 2 * HALF)
    visit(make.record(Practitioner, mara.clinic), make.record(Operatory, mara.clinic, name="2"))
    held(integration, mara, chair, NINE, NINE + HALF)
    assert SlotHold.objects.count() == 1


def test_a_visit_that_moves_may_overlap_itself_and_nothing_else(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    moves = visit(mara, chair)
    later = (NINE + HALF / 2, NINE + 3 * HALF / 2)
    held(integration, mara, chair, *later, ignore_appointment=moves)
    SlotHold.objects.all().delete()
    visit(mara, None, starts_at=NINE + HALF, ends_at=NINE + 2 * HALF)
    with pytest.raises(SlotTaken):
        held(integration, mara, chair, *later, ignore_appointment=moves)


def test_nobody_holds_the_time_of_another_tenants_practitioner_or_chair(
    mara: Practitioner, chair: Operatory
) -> None:
    other = make.integration(make.clinic())
    theirs = make.record(Practitioner, other.clinic)
    for slot in ((mara, None), (theirs, chair)):
        with pytest.raises(ValueError, match="another clinic"):
            held(other, *slot, NINE, NINE + HALF)
    assert not SlotHold.objects.exists()


def test_a_hold_takes_few_statements(
    integration: Integration,
    mara: Practitioner,
    chair: Operatory,
    django_assert_num_queries: Any,
) -> None:
    writeback = make.writeback(integration)
    # Savepoint, insert, see that it is there, look for visits, end of the savepoint.
    with django_assert_num_queries(5):
        hold(writeback, mara, chair, NINE, NINE + HALF)
    with django_assert_num_queries(1):
        release(writeback)
