"""What the database itself sees to where time is held: whole ranges, no overlap, whose it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from audit.models import Entry
from clinics.models import Clinic, Operatory, Practitioner
from integrations.models import Integration
from tenancy import scope
from tests import make
from writebacks.models import SlotHold
from writebacks.slots import hold, release

pytestmark = pytest.mark.django_db
NINE = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)  # 9:00 in New York
HALF = timedelta(minutes=30)


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, first_name="Mara")


@pytest.fixture
def chair(clinic: Clinic) -> Operatory:
    return make.record(Operatory, clinic, name="Chair 1")


def held(integration: Integration, *slot: Any) -> SlotHold:
    """Hold a slot for a writeback of its own."""
    writeback = make.writeback(integration)
    hold(writeback, *slot)
    return writeback.slot_hold


def save_by_hand(integration: Integration, **fields: Any) -> None:
    with transaction.atomic():
        SlotHold.objects.create(
            organization=integration.organization,
            clinic=integration.clinic,
            writeback=make.writeback(integration),
            **fields,
        )


@pytest.mark.parametrize(
    "during",
    [
        DateTimeTZRange(NINE, NINE),
        DateTimeTZRange(NINE, None),
        DateTimeTZRange(None, NINE),
        DateTimeTZRange(NINE, NINE + HALF, "[]"),
        DateTimeTZRange(NINE, NINE + HALF, "(]"),
    ],
)
def test_the_database_refuses_a_range_that_is_not_half_open(
    integration: Integration, mara: Practitioner, during: DateTimeTZRange
) -> None:
    with pytest.raises(IntegrityError, match="hold_has_a_start_and_an_end"):
        save_by_hand(integration, practitioner=mara, during=during)


def test_the_database_itself_refuses_an_overlap(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    during = held(integration, mara, chair, NINE, NINE + HALF).during
    other = make.record(Practitioner, mara.clinic)
    with pytest.raises(IntegrityError, match="practitioner_held_once"):
        save_by_hand(integration, practitioner=mara, during=during)
    with pytest.raises(IntegrityError, match="operatory_held_once"):
        save_by_hand(integration, practitioner=other, operatory=chair, during=during)


def test_holds_of_one_tenant_are_neither_seen_nor_let_go_by_another(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    kept = held(integration, mara, chair, NINE, NINE + HALF)
    other = make.integration(make.clinic())
    with scope.organizations(other.organization_id):
        assert not SlotHold.objects.exists()
        release(kept.writeback)
        held(other, make.record(Practitioner, other.clinic), None, NINE, NINE + HALF)
        assert SlotHold.objects.count() == 1
    with scope.organizations(integration.organization_id):
        assert list(SlotHold.objects.all()) == [kept]


def test_that_time_was_held_and_let_go_stands_in_the_audit(
    integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    kept = held(integration, mara, chair, NINE, NINE + HALF)
    release(kept.writeback)
    entries = Entry.objects.filter(record_type="slot hold").order_by("pk")
    assert [(each.action, each.record_ids) for each in entries] == [
        ("create", [str(kept.pk)]),
        ("delete", [str(kept.pk)]),
    ]
