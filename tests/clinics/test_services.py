"""Storing a PMS's records: only what is new or changed is written, and only for its clinic."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from clinics.models import (
    Appointment,
    Clinic,
    Location,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    Record,
)
from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
)
from clinics.services import Stored, store
from encryption.blind import keyed_hash
from tests import make
from tests.integrations.threads import at_once

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=4)

ADA = PatientRecord(
    external_id="1",
    first_name="Ada",
    last_name="Invented",
    birth_date=date(1984, 12, 10),
    email="ada@example.org",
    phone="207-555-0123",
    is_active=True,
)
VISIT = AppointmentRecord(
    external_id="70001",
    patient_id="1",
    practitioner_id="DMD1",
    location_id="1",
    operatory_id="OP1",
    starts_at=datetime(2030, 3, 6, 14, 0, tzinfo=UTC),
    ends_at=datetime(2030, 3, 6, 14, 30, tzinfo=UTC),
    status="booked",
    pms_status="Unconfirmed",
    description="Check-up",
)
SITE = LocationRecord(external_id="1", name="Main street", timezone="America/New_York")
DENTIST = PractitionerRecord(
    external_id="DMD1", first_name="Helena", last_name="Marsh", is_active=True
)
CHAIR = OperatoryRecord(external_id="OP1", name="Chair 1")


def patients(count: int) -> list[PatientRecord]:
    return [replace(ADA, external_id=str(number)) for number in range(count)]


def people_and_places(clinic: Clinic) -> None:
    for record in (ADA, SITE, DENTIST, CHAIR):
        store(clinic, [record], now=NOW)


@pytest.mark.parametrize(
    ("record", "table", "changes"),
    [
        (SITE, Location, {"name": "High street", "timezone": "America/Chicago"}),
        (DENTIST, Practitioner, {"last_name": "Lowell", "is_active": False}),
        (CHAIR, Operatory, {"name": "Room 1"}),
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
    fields = ("external_id", "first_name", "last_name", "birth_date", "email", "phone", "is_active")
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


def test_references_become_the_same_clinics_records(organization: Organization) -> None:
    clinics = [make.clinic(organization), make.clinic(organization)]
    for clinic in clinics:
        people_and_places(clinic)
    for clinic in clinics:
        store(clinic, [VISIT], now=NOW)
        visit = Appointment.objects.get(clinic=clinic)
        references = (visit.patient, visit.practitioner, visit.location, visit.operatory)
        assert [one.clinic_id for one in references if one] == [clinic.pk] * 4
        assert [one.external_id for one in references if one] == ["1", "DMD1", "1", "OP1"]


def test_references_never_become_another_clinics_records(organization: Organization) -> None:
    theirs, ours = make.clinic(organization), make.clinic(organization)
    people_and_places(theirs)
    store(ours, [VISIT], now=NOW)
    visit = Appointment.objects.get()
    assert (visit.patient, visit.practitioner, visit.location, visit.operatory) == (None,) * 4


@pytest.mark.parametrize("field", ["patient", "practitioner", "location", "operatory"])
def test_an_unknown_reference_is_left_open(clinic: Clinic, field: str) -> None:
    people_and_places(clinic)
    records = [replace(VISIT, **{f"{field}_id": value}) for value in ("unheard-of", "")]
    for number, record in enumerate(records):
        store(clinic, [replace(record, external_id=str(number))], now=NOW)
    assert [getattr(visit, field) for visit in Appointment.objects.all()] == [None, None]


def test_a_reference_is_filled_in_as_soon_as_its_record_is_known(clinic: Clinic) -> None:
    assert store(clinic, [VISIT], now=NOW) == Stored(created=1)
    assert store(clinic, [VISIT], now=NOW) == Stored(unchanged=1)
    people_and_places(clinic)
    assert store(clinic, [VISIT], now=LATER) == Stored(updated=1)
    visit = Appointment.objects.get()
    assert visit.patient == Patient.objects.get()
    assert visit.operatory == Operatory.objects.get()
    assert store(clinic, [VISIT], now=LATER) == Stored(unchanged=1)


def test_a_moved_reference_is_followed(clinic: Clinic) -> None:
    people_and_places(clinic)
    store(clinic, [replace(ADA, external_id="2")], now=NOW)
    store(clinic, [VISIT], now=NOW)
    assert store(clinic, [replace(VISIT, patient_id="2")], now=LATER) == Stored(updated=1)
    assert Appointment.objects.get().patient == Patient.objects.get(external_id="2")


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


def test_an_id_is_never_cut(clinic: Clinic) -> None:
    with pytest.raises(Exception, match="too long"), transaction.atomic():
        store(clinic, [replace(ADA, external_id="1" * 201)], now=NOW)
    assert Patient.objects.count() == 0


def test_a_batch_is_stored_whole_or_not_at_all(clinic: Clinic) -> None:
    wrong = replace(VISIT, external_id="2", ends_at=VISIT.starts_at)
    with pytest.raises(Exception, match="appointment_ends_after_start"), transaction.atomic():
        store(clinic, [VISIT, wrong], now=NOW)
    assert Appointment.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_two_imports_at_once_in_different_orders_store_each_record_once(clinic: Clinic) -> None:
    def take_over(number: int) -> Stored:
        total = Stored()
        for round_ in range(3):
            records = [replace(one, phone=f"{number}{round_}") for one in patients(400)]
            total += store(clinic, [records, records[::-1]][number % 2], now=NOW)
        return total

    stored = at_once(4, take_over)
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
    assert Stored(1, 2, 3) + Stored(10, 20, 30) == Stored(11, 22, 33)
