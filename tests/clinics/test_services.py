"""Storing a PMS's records: only what is new or changed is written, and only for its clinic."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from clinics import services
from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    Record,
)
from clinics.records import (
    PmsRecord,
    Unreadable,
)
from clinics.services import Stored, store
from encryption.blind import keyed_hash
from tests import make
from tests.clinics.samples import (
    ADA,
    CHAIR,
    CHECK_UP,
    DENTIST,
    LATER,
    NOW,
    SITE,
    VISIT,
    patients,
    people_and_places,
)
from tests.integrations.threads import at_once


@pytest.mark.parametrize(
    ("record", "table", "changes"),
    [
        (SITE, Location, {"name": "High street", "timezone": "America/Chicago"}),
        (DENTIST, Practitioner, {"last_name": "Lowell", "is_active": False}),
        (CHAIR, Operatory, {"name": "Room 1"}),
        (CHECK_UP, AppointmentType, {"minutes": None, "is_active": False}),
        (ADA, Patient, {"birth_date": None, "email": "", "is_active": False}),
        (VISIT, Appointment, {"status": "cancelled", "ends_at": LATER + timedelta(days=1)}),
    ],
)
def test_each_kind_goes_into_its_table_and_changes_there(
    clinic: Clinic, record: PmsRecord, table: type[Record], changes: dict[str, Any]
) -> None:
    assert store(clinic, [record], now=NOW) == Stored(created=1)
    row: Any = table.objects.get()
    assert (row.organization_id, row.clinic_id) == (clinic.organization_id, clinic.pk)
    assert row.external_id == record.external_id
    assert (row.sync_status, row.last_synced_at) == ("synced", NOW)
    assert (row.created_at, row.updated_at) == (NOW, NOW)

    changed: Any = replace(record, **changes)
    assert store(clinic, [changed], now=LATER) == Stored(updated=1)
    after: Any = table.objects.get()
    assert after.pk == row.pk
    assert {name: getattr(after, name) for name in changes} == changes
    assert (after.created_at, after.updated_at, after.last_synced_at) == (NOW, LATER, LATER)


def test_every_field_of_a_patient_is_kept(clinic: Clinic) -> None:
    store(clinic, [ADA], now=NOW)
    assert Patient.objects.get().payload_hash == keyed_hash(ADA.payload_hash(), "payload_hash")
    fields = [field.name for field in dataclasses.fields(ADA)]
    assert Patient.objects.values_list(*fields).get() == tuple(
        getattr(ADA, name) for name in fields
    )


def test_only_what_changed_is_written(clinic: Clinic) -> None:
    store(clinic, patients(5), now=NOW)
    again = patients(6)
    again[2] = replace(again[2], phone="555")
    assert store(clinic, again, now=LATER) == Stored(created=1, updated=1, unchanged=4)
    written = Patient.objects.filter(updated_at=LATER).values_list("external_id", "phone")
    assert sorted(written) == [("2", "555"), ("5", "207-555-0123")]
    assert Patient.objects.filter(updated_at=NOW, last_synced_at=NOW).count() == 4


def test_what_has_not_changed_costs_no_write(clinic: Clinic) -> None:
    store(clinic, patients(5), now=NOW)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert store(clinic, patients(5), now=LATER) == Stored(unchanged=5)
    words = {query["sql"].rpartition(";")[2].split()[0] for query in queries}
    assert words <= {"SELECT", "SAVEPOINT", "RELEASE"}


def test_what_is_not_told_any_more_stays(clinic: Clinic) -> None:
    store(clinic, patients(3), now=NOW)
    assert store(clinic, patients(1), now=LATER) == Stored(unchanged=1)
    assert Patient.objects.count() == 3


def test_nothing_is_stored_of_nothing(clinic: Clinic) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert store(clinic, iter([]), now=NOW) == Stored()
    assert [query["sql"] for query in queries if "INSERT" in query["sql"]] == []


def test_of_two_with_the_same_id_the_last_one_counts(clinic: Clinic) -> None:
    records = [ADA, replace(ADA, external_id="2"), replace(ADA, first_name="Adele")]
    assert store(clinic, records, now=NOW) == Stored(created=2)
    assert Patient.objects.get(external_id="1").first_name == "Adele"
    assert store(clinic, [replace(ADA, first_name="Other"), records[2]], now=LATER) == Stored(
        unchanged=1
    )


def test_another_clinics_record_with_the_same_id_is_untouched(organization: Organization) -> None:
    ours, theirs = make.clinic(organization), make.clinic(organization)
    store(theirs, [ADA], now=NOW)
    before = Patient.objects.values().get()
    assert store(ours, [replace(ADA, first_name="Grace")], now=LATER) == Stored(created=1)
    assert store(ours, [replace(ADA, first_name="Hedy")], now=LATER) == Stored(updated=1)
    assert Patient.objects.filter(clinic=theirs).values().get() == before
    assert Patient.objects.get(clinic=ours).first_name == "Hedy"


def queries_for(clinic: Clinic, records: list[Any]) -> int:
    with CaptureQueriesContext(connection) as queries:
        store(clinic, records, now=NOW)
    return len(queries)


def test_500_records_take_no_more_queries_than_one(clinic: Clinic) -> None:
    visits = [replace(VISIT, external_id=str(number)) for number in range(1000)]
    people_and_places(clinic)
    assert queries_for(clinic, visits[:1]) == queries_for(clinic, visits[1:501])
    assert queries_for(clinic, patients(1000)[900:901]) == queries_for(clinic, patients(500))
    one, all_changed = (
        [replace(visits[0], status="noshow")],
        [replace(visit, status="noshow") for visit in visits[1:501]],
    )
    assert queries_for(clinic, one) == queries_for(clinic, all_changed)
    assert Appointment.objects.filter(status="noshow").count() == 501


def test_texts_longer_than_their_columns_are_cut_and_stay_unchanged(clinic: Clinic) -> None:
    long = replace(VISIT, description="d" * 900, pms_status="s" * 900)
    store(clinic, [long], now=NOW)
    visit = Appointment.objects.get()
    assert (visit.description, visit.pms_status) == ("d" * 500, "s" * 100)
    assert store(clinic, [long], now=LATER) == Stored(unchanged=1)


def test_a_letter_that_postgresql_does_not_take_is_left_out(clinic: Clinic) -> None:
    store(clinic, [replace(ADA, first_name="A\0da")], now=NOW)
    assert Patient.objects.get().first_name == "Ada"


def test_a_batch_is_stored_whole_or_not_at_all(clinic: Clinic, monkeypatch: Any) -> None:
    upserts: list[int] = []

    def breaks_at_the_second(*arguments: Any) -> Any:
        upserts.append(1)
        if len(upserts) == 2:
            raise OperationalError("the connection is lost")
        return upsert(*arguments)

    upsert = services.upsert.upsert
    monkeypatch.setattr(services.upsert, "upsert", breaks_at_the_second)
    monkeypatch.setattr(services, "BATCH", 2)
    with pytest.raises(OperationalError), transaction.atomic():
        store(clinic, patients(5), now=NOW)
    assert len(upserts) == 2
    assert Patient.objects.count() == 0


def test_a_batch_of_many_statements_is_counted_as_one(clinic: Clinic, monkeypatch: Any) -> None:
    monkeypatch.setattr(services, "BATCH", 2)
    assert store(clinic, patients(5), now=NOW) == Stored(created=5)
    assert store(clinic, patients(7), now=NOW) == Stored(created=2, unchanged=5)
    assert Patient.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_in_different_orders_store_each_record_once(clinic: Clinic) -> None:
    def take_over(number: int) -> Stored:
        total = Stored()
        for round_ in range(3):
            records = [replace(one, phone=f"{number}{round_}") for one in patients(400)]
            total += store(clinic, [records, records[::-1]][number % 2], now=NOW)
        return total

    stored = at_once(4, take_over)
    assert sum(one.created for one in stored) == 400
    assert [one.created + one.updated + one.unchanged for one in stored] == [1200] * 4
    assert Patient.objects.count() == 400
    assert len({*Patient.objects.values_list("phone", flat=True)}) == 1


def test_a_records_hash_changes_with_every_field() -> None:
    changes: dict[str, Any] = {
        "external_id": "2", "first_name": "A", "last_name": "I", "birth_date": None, "email": "",
        "phone": "", "is_active": False,
    }  # fmt: skip
    hashes = {replace(ADA, **{name: value}).payload_hash() for name, value in changes.items()}
    assert len(hashes | {ADA.payload_hash()}) == 8
    assert {len(one) for one in hashes} == {64}
    assert replace(ADA).payload_hash() == ADA.payload_hash()


def test_a_value_cannot_move_from_one_field_to_the_next_unnoticed() -> None:
    first = replace(ADA, first_name="Ada', 'last_name", last_name="")
    second = replace(ADA, first_name="Ada", last_name="', 'last_name")
    assert first.payload_hash() != second.payload_hash()


def test_counts_add_up() -> None:
    total = Stored(1, 2, 3, 4, 5) + Stored(10, 20, 30, 40, 50)
    assert total == Stored(11, 22, 33, 44, 55)


def test_a_sum_names_only_the_first_of_those_that_could_not_be_kept() -> None:
    page = Stored(unreadable=60, failed=tuple(Unreadable("wrong", str(n)) for n in range(60)))
    total = page + page + page
    assert total.unreadable == 180
    assert total.failed == (page.failed + page.failed)[:100]
