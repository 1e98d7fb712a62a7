"""What is no more in the PMS is marked, never deleted; whoever is told again is there again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Appointment, Clinic, Location, Organization, Patient, Record
from clinics.records import PmsRecord, Removed
from clinics.services import Stored, remove, resolve, store
from tests import make
from tests.clinics.samples import ADA, LATER, NOW, SITE, VISIT, patients, people_and_places
from tests.integrations.threads import at_once


def gone(*ids: str, into: str = "") -> list[Removed]:
    return [Removed(external_id=each, merged_into=into) for each in ids]


def changes(before: dict[str, object], after: dict[str, object]) -> set[str]:
    return {key for key in after if after[key] != before[key]}


def test_a_removed_patient_is_marked_and_all_that_refers_to_them_stays(clinic: Clinic) -> None:
    people_and_places(clinic)
    store(clinic, [VISIT], now=NOW)
    visit = Appointment.objects.values().get()
    before = Patient.objects.values().get()
    assert remove(clinic, Patient, gone(ADA.external_id), now=LATER) == Stored(removed=1)
    after = Patient.objects.values().get()
    assert changes(before, after) == {"removed_at", "updated_at", "last_synced_at"}
    assert (after["removed_at"], after["updated_at"]) == (LATER, LATER)
    assert Appointment.objects.values().get() == visit
    assert not Patient.objects.present().exists()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("table", "record"), [(Location, SITE), (Appointment, VISIT)])
def test_records_of_other_kinds_are_removed_alike(
    clinic: Clinic, table: type[Record], record: PmsRecord
) -> None:
    people_and_places(clinic)
    store(clinic, [VISIT], now=NOW)
    assert remove(clinic, table, gone(record.external_id), now=LATER) == Stored(removed=1)
    assert table._default_manager.get().removed_at == LATER


def test_a_merged_patient_is_marked_with_whom_they_became(clinic: Clinic) -> None:
    store(clinic, [ADA, replace(ADA, external_id="2")], now=NOW)
    store(clinic, [VISIT], now=NOW)
    assert remove(clinic, Patient, gone("1", into="2"), now=LATER) == Stored(removed=1)
    rows = Patient.objects.order_by("external_id").values_list("merged_into_id", "removed_at")
    assert [*rows] == [("2", LATER), ("", None)]
    assert Appointment.objects.select_related("patient").get().patient.external_id == "1"  # type: ignore[union-attr]


def test_a_merge_that_is_told_after_the_removal_is_kept_too_and_never_forgotten(
    clinic: Clinic,
) -> None:
    store(clinic, [ADA], now=NOW)
    remove(clinic, Patient, gone("1"), now=NOW)
    assert remove(clinic, Patient, gone("1", into="2"), now=LATER) == Stored()
    assert remove(clinic, Patient, gone("1"), now=LATER) == Stored()
    row = Patient.objects.get()
    assert (row.merged_into_id, row.removed_at) == ("2", NOW)


def test_a_second_removal_changes_nothing(clinic: Clinic) -> None:
    store(clinic, [ADA], now=NOW)
    remove(clinic, Patient, gone("1", into="2"), now=NOW)
    before = Patient.objects.values().get()
    assert remove(clinic, Patient, gone("1", into="2"), now=LATER) == Stored()
    assert Patient.objects.values().get() == before


def test_a_removal_of_what_we_never_had_is_none(clinic: Clinic) -> None:
    assert remove(clinic, Patient, gone("17", "", "1" * 300, "1\0", "\ud800"), now=NOW) == Stored()
    assert not Patient.objects.exists()


def test_nothing_is_asked_for_no_removal(clinic: Clinic) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert remove(clinic, Patient, iter([]), now=NOW) == Stored()
    assert len(queries) == 0


def test_a_removal_from_before_what_we_have_does_not_matter(clinic: Clinic) -> None:
    store(clinic, [ADA], now=LATER)
    assert remove(clinic, Patient, gone("1"), now=NOW) == Stored()
    assert Patient.objects.get().removed_at is None


def test_another_clinics_record_with_the_same_id_stays(organization: Organization) -> None:
    ours, theirs = make.clinic(organization), make.clinic(organization)
    for clinic in (ours, theirs):
        store(clinic, [ADA], now=NOW)
    assert remove(ours, Patient, gone("1"), now=LATER) == Stored(removed=1)
    assert Patient.objects.get(clinic=theirs).removed_at is None


def test_whoever_is_told_again_is_there_again(clinic: Clinic) -> None:
    store(clinic, [ADA], now=NOW)
    before = Patient.objects.values().get()
    remove(clinic, Patient, gone("1", into="2"), now=NOW)
    assert store(clinic, [ADA], now=LATER) == Stored(updated=1)
    after = Patient.objects.values().get()
    assert changes(before, after) == {"updated_at", "last_synced_at"}
    assert store(clinic, [ADA], now=LATER) == Stored(unchanged=1)


def test_an_appointment_of_a_removed_patient_is_still_theirs(clinic: Clinic) -> None:
    store(clinic, [VISIT], now=NOW)
    store(clinic, [ADA], now=NOW)
    remove(clinic, Patient, gone("1"), now=NOW)
    assert resolve(clinic, LATER) == 1
    assert Appointment.objects.get().patient == Patient.objects.get()


@pytest.mark.django_db(transaction=True)
def test_removals_and_sightings_at_once_wait_for_each_other(clinic: Clinic) -> None:
    records = patients(200)
    store(clinic, records, now=NOW)
    ids = [record.external_id for record in records]

    def work(number: int) -> int:
        order = slice(None, None, -1 if number % 2 else 1)
        for _ in range(5):
            if number < 2:
                store(clinic, records[order], now=NOW)
            else:
                remove(clinic, Patient, gone(*ids[order]), now=NOW)
        return 0

    at_once(4, work)
    assert remove(clinic, Patient, gone(*ids), now=LATER).removed <= 200
    assert Patient.objects.filter(removed_at=None).count() == 0
