"""What an appointment names becomes a link to our own records, at the latest once they are here."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Appointment, Clinic, Organization, Patient
from clinics.records import PmsRecord
from clinics.services import Stored, resolve, store
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
    people_and_places,
)
from tests.integrations.threads import at_once

#: Field of an appointment → the record that it names.
NAMED: dict[str, PmsRecord] = {
    "patient": ADA,
    "practitioner": DENTIST,
    "location": SITE,
    "operatory": CHAIR,
    "appointment_type": CHECK_UP,
}
UNKNOWN = {name: record.external_id for name, record in NAMED.items()}


def linked(visit: Appointment) -> dict[str, str]:
    """The ids in the PMS of what a visit is linked to."""
    links = {name: getattr(visit, name) for name in NAMED}
    return {name: record.external_id for name, record in links.items() if record}


def test_references_become_the_same_clinics_records(organization: Organization) -> None:
    clinics = [make.clinic(organization), make.clinic(organization)]
    for clinic in clinics:
        people_and_places(clinic)
    for clinic in clinics:
        store(clinic, [VISIT], now=NOW)
        visit = Appointment.objects.get(clinic=clinic)
        assert (linked(visit), visit.unresolved) == (UNKNOWN, {})
        assert {getattr(visit, name).clinic_id for name in NAMED} == {clinic.pk}


def test_references_never_become_another_clinics_records(organization: Organization) -> None:
    theirs, ours = make.clinic(organization), make.clinic(organization)
    people_and_places(theirs)
    store(ours, [VISIT], now=NOW)
    assert resolve(ours, LATER) == 0
    visit = Appointment.objects.get()
    assert (linked(visit), visit.unresolved) == ({}, UNKNOWN)


@pytest.mark.parametrize("field", NAMED)
def test_an_unknown_reference_is_kept_for_later_and_none_is_none(
    clinic: Clinic, field: str
) -> None:
    people_and_places(clinic)
    others = {name: id for name, id in UNKNOWN.items() if name != field}
    for told, unresolved in (("unheard-of", {field: "unheard-of"}), ("", {})):
        store(clinic, [replace(VISIT, **{f"{field}_id": told})], now=NOW)
        visit = Appointment.objects.get()
        assert (linked(visit), visit.unresolved) == (others, unresolved)


def test_an_id_that_no_record_can_have_names_nothing(clinic: Clinic) -> None:
    people_and_places(clinic)
    store(clinic, [replace(VISIT, patient_id="1" * 201, operatory_id="\0")], now=NOW)
    visit = Appointment.objects.get()
    assert visit.unresolved == {}
    assert (visit.patient, visit.operatory) == (None, None)


def test_a_moved_reference_is_followed(clinic: Clinic) -> None:
    people_and_places(clinic)
    store(clinic, [replace(ADA, external_id="2")], now=NOW)
    store(clinic, [VISIT], now=NOW)
    assert store(clinic, [replace(VISIT, patient_id="2")], now=LATER) == Stored(updated=1)
    assert Appointment.objects.get().patient == Patient.objects.get(external_id="2")


def test_each_reference_is_linked_once_its_record_has_come(clinic: Clinic) -> None:
    store(clinic, [VISIT], now=NOW)
    assert resolve(clinic, NOW) == 0
    open_ = dict(UNKNOWN)
    for name, record in NAMED.items():
        store(clinic, [record], now=LATER)
        assert resolve(clinic, LATER) == 1
        del open_[name]
        visit = Appointment.objects.get()
        assert visit.unresolved == open_
        assert linked(visit) == {key: id for key, id in UNKNOWN.items() if key not in open_}
        assert visit.updated_at == LATER
    assert resolve(clinic, LATER) == 0


def test_all_references_are_linked_in_one_statement(clinic: Clinic) -> None:
    visits = [replace(VISIT, external_id=str(number)) for number in range(20)]
    store(clinic, visits, now=NOW)
    people_and_places(clinic)
    with CaptureQueriesContext(connection) as queries:
        assert resolve(clinic, LATER) == 20
    assert ["UPDATE" in query["sql"] for query in queries] == [False, True], "its turn comes first"
    assert [linked(visit) for visit in Appointment.objects.all()] == [UNKNOWN] * 20


def test_linking_leaves_the_rest_as_it_is_and_other_clinics_alone(
    organization: Organization,
) -> None:
    ours, theirs = make.clinic(organization), make.clinic(organization)
    store(ours, [VISIT, replace(VISIT, external_id="2", patient_id="unheard-of")], now=NOW)
    store(theirs, [VISIT], now=NOW)
    store(ours, [ADA], now=NOW)
    store(theirs, [ADA], now=NOW)
    before = {row["id"]: row for row in Appointment.objects.values()}
    assert resolve(ours, LATER) == 1
    for row in Appointment.objects.values():
        changed = {key for key, value in row.items() if before[row["id"]][key] != value}
        is_it = row["clinic_id"] == ours.pk and row["external_id"] == VISIT.external_id
        assert changed == ({"patient_id", "unresolved", "updated_at"} if is_it else set())


def test_what_was_linked_meanwhile_is_the_same_to_the_next_sync(clinic: Clinic) -> None:
    store(clinic, [VISIT], now=NOW)
    people_and_places(clinic)
    resolve(clinic, NOW)
    before = Appointment.objects.values().get()
    assert store(clinic, [VISIT], now=LATER) == Stored(unchanged=1)
    assert Appointment.objects.values().get() == before


def test_a_visit_that_changes_is_linked_by_what_is_known_then(clinic: Clinic) -> None:
    store(clinic, [VISIT], now=NOW)
    people_and_places(clinic)
    assert store(clinic, [replace(VISIT, status="noshow")], now=LATER) == Stored(updated=1)
    visit = Appointment.objects.get()
    assert (linked(visit), visit.unresolved) == (UNKNOWN, {})


@pytest.mark.django_db(transaction=True)
def test_linking_and_storing_at_once_wait_for_each_other(clinic: Clinic) -> None:
    visits = [replace(VISIT, external_id=str(number)) for number in range(200)]
    store(clinic, visits, now=NOW)
    people_and_places(clinic)

    def work(number: int) -> Any:
        if number % 2:
            return sum(resolve(clinic, LATER) for _ in range(5))
        told: datetime = LATER
        return [
            store(clinic, [replace(one, pms_status=f"{number} {n}") for one in visits], now=told)
            for n in range(5)
        ]

    at_once(4, work)
    assert [linked(visit) for visit in Appointment.objects.all()] == [UNKNOWN] * 200
