"""Every way to change a row leaves one entry of it: who, which rows, which columns, no value."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Entry
from clinics.models import Appointment, Clinic, Organization, Patient, User
from clinics.records import PatientRecord
from clinics.services import store
from integrations.models import Integration
from tenancy.scope import Actor
from tests import make
from tests.audit.conftest import Noted
from writebacks.due import hand_out_queued
from writebacks.states import Event

pytestmark = pytest.mark.django_db
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
NAMES = {"first_name": "Ada", "last_name": "Invented"}


def people(external_id: str, phone: str = "") -> PatientRecord:
    """A patient as a PMS tells of them."""
    return PatientRecord(
        external_id=external_id,
        first_name="Ada",
        last_name="Invented",
        birth_date=None,
        email="",
        phone=phone,
        is_active=True,
    )


def told(entry: Entry) -> tuple[Any, ...]:
    """What happened to what: all but who and when."""
    return (entry.action, entry.record_type, entry.record_ids, entry.patient_ids, entry.fields)


def test_a_new_patient_is_an_entry_with_everything_but_their_data(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    before = timezone.now() - timedelta(seconds=1)
    patient = make.record(Patient, clinic, **NAMES)
    (entry,) = noted()
    assert told(entry) == ("create", "patient", [str(patient.pk)], [patient.pk], [])
    assert entry.organization_id == clinic.organization_id
    assert (entry.user_id, entry.membership_id, entry.key_id) == (41, 7, "")
    assert (entry.role, entry.address, entry.details) == ("staff", "192.0.2.7", {})
    assert before < entry.at < timezone.now() + timedelta(seconds=1)


def test_a_save_names_the_columns_that_changed_and_no_other(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    patient = make.record(Patient, clinic, **NAMES)
    noted()
    patient.phone, patient.is_active, patient.updated_at = "555-0100", False, timezone.now()
    patient.save()
    (entry,) = noted()
    told_of = ("update", "patient", [str(patient.pk)], [patient.pk], ["is_active", "phone"])
    assert told(entry) == told_of


def test_a_save_of_what_stood_there_leaves_nothing(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    patient = make.record(Patient, clinic, **NAMES)
    noted()
    patient.last_synced_at = patient.updated_at = timezone.now()
    patient.save()
    Patient.objects.filter(pk=uuid.uuid4()).update(phone="555-0100")
    Patient.objects.filter(pk=uuid.uuid4()).delete()
    assert noted() == []


def test_bulk_create_and_update_of_many_are_one_entry_each(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    rows = [
        Patient(organization=clinic.organization, clinic=clinic, external_id=str(number))
        for number in range(1000)
    ]
    ids = sorted(row.pk for row in Patient.objects.bulk_create(rows))
    (entry,) = noted()
    assert (entry.action, entry.fields) == ("create", [])
    assert sorted(entry.record_ids) == [str(pk) for pk in ids]
    assert sorted(entry.patient_ids) == ids
    Patient.objects.filter(external_id__in=["3", "4"]).update(is_active=False)
    Patient.objects.filter(external_id="4").update(is_active=False)
    (entry,) = noted()
    assert sorted(entry.record_ids) == sorted(str(rows[number].pk) for number in (3, 4))
    assert (entry.action, entry.fields) == ("update", ["is_active"])


def test_an_upsert_is_two_entries_and_an_unchanged_one_is_none(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    ada = people("1")
    store(clinic, [ada], now=NOW)
    (entry,) = noted()
    known = Patient.objects.get(external_id="1")
    assert told(entry) == ("create", "patient", [str(known.pk)], [known.pk], [])
    store(clinic, [ada], now=NOW)
    assert noted() == []
    store(clinic, [people("1", phone="555-0100"), people("2")], now=NOW + timedelta(hours=1))
    new = Patient.objects.get(external_id="2")
    assert sorted(told(entry) for entry in noted()) == [
        ("create", "patient", [str(new.pk)], [new.pk], []),
        ("update", "patient", [str(known.pk)], [known.pk], ["phone"]),
    ]


def test_a_visit_is_about_its_patient_and_one_that_moves_about_both(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    first, second = (make.record(Patient, clinic) for _ in range(2))
    visit = make.record(
        Appointment,
        clinic,
        patient=first,
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
        status="booked",
    )
    assert told(noted()[-1]) == ("create", "appointment", [str(visit.pk)], [first.pk], [])
    Appointment.objects.filter(pk=visit.pk).update(patient=second)
    (entry,) = noted()
    both = sorted([first.pk, second.pk])
    assert told(entry) == ("update", "appointment", [str(visit.pk)], both, ["patient_id"])
    Appointment.objects.filter(pk=visit.pk).update(patient=None)
    assert noted()[0].patient_ids == [second.pk]


def test_sql_by_hand_and_a_delete_are_told_too(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    patient = make.record(Patient, clinic, **NAMES)
    noted()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE clinics_patient SET email = 'a@example.org' WHERE TRUE")
    (entry,) = noted()
    assert told(entry) == ("update", "patient", [str(patient.pk)], [patient.pk], ["email"])
    pk = patient.pk
    patient.delete()
    (entry,) = noted()
    assert told(entry) == ("delete", "patient", [str(pk)], [pk], [])


def test_an_id_that_is_changed_by_hand_is_told_with_the_one_before(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    patient, other = make.record(Patient, clinic), uuid.uuid4()
    noted()
    Patient.objects.filter(pk=patient.pk).update(id=other)
    (entry,) = noted()
    assert entry.record_ids == sorted([str(patient.pk), str(other)])
    assert sorted(entry.patient_ids) == sorted([patient.pk, other])
    assert "id" in entry.fields


def test_one_statement_over_two_organizations_is_an_entry_for_each(
    clinic: Clinic, noted: Noted
) -> None:
    theirs = make.clinic()
    ours, other = make.record(Patient, clinic), make.record(Patient, theirs)
    noted()
    Patient.objects.update(phone="555-0100")
    assert {entry.organization_id: entry.record_ids for entry in noted()} == {
        clinic.organization_id: [str(ours.pk)],
        theirs.organization_id: [str(other.pk)],
    }


def test_outside_of_all_scopes_the_databases_role_is_who_did_it(
    clinic: Clinic, noted: Noted
) -> None:
    make.record(Patient, clinic)
    (entry,) = noted()
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        assert entry.role == f"database role {cursor.fetchone()[0]}"
    assert (entry.user_id, entry.address) == (None, "")


def test_an_organization_is_its_own_tenant_and_a_user_has_none(noted: Noted) -> None:
    made = Organization.objects.create(name="Harbour View")
    (entry,) = noted()
    assert (entry.record_type, entry.organization_id) == ("organization", made.pk)
    user = User.objects.create_user("ada", password=make.PASSWORD)
    user.set_password("another-invented-password")
    user.save()
    created, changed = noted()
    assert told(created) == ("create", "user", [str(user.pk)], [], [])
    assert told(changed) == ("update", "user", [str(user.pk)], [], ["password"])
    assert {created.organization_id, changed.organization_id} == {None}


def test_who_narrows_or_widens_a_role_is_told(
    clinic: Clinic, somebody: Actor, noted: Noted
) -> None:
    given = make.member(clinic.organization).memberships.get()
    noted()
    for clinics in ([clinic.pk], []):
        given.clinics = clinics
        given.save()
        (entry,) = noted()
        assert told(entry) == ("update", "membership", [str(given.pk)], [], ["clinics"])
        assert (entry.organization_id, entry.user_id) == (clinic.organization_id, 41)


def test_an_integrations_keys_are_named_and_its_lease_is_not_told(
    integration: Integration, noted: Noted
) -> None:
    noted()
    integration.key_lease_until = timezone.now()
    integration.save()
    assert noted() == []
    integration.access_key = "sEcReT"
    integration.save()
    (entry,) = noted()
    assert told(entry) == ("update", "integration", [str(integration.pk)], [], ["access_key"])


def test_of_a_writeback_its_states_are_told_and_the_checking_is_not(
    integration: Integration, noted: Noted
) -> None:
    now = timezone.now()
    writeback = make.writeback(integration)
    created = noted()[-1]
    about = [writeback.patient_id]
    assert told(created) == ("create", "writeback", [str(writeback.pk)], about, [])
    writeback.advance(Event.CLAIMED, now, attempts=1)
    writeback.advance(Event.ACCEPTED, now, calls=1, external_id="275495", due_at=now)
    claimed, accepted = noted()
    assert (claimed.fields, accepted.fields) == (["status"], ["external_id", "status"])
    for checks in range(1, 4):
        writeback.advance(
            Event.STILL_PENDING, now, calls=1, check_count=checks, waiting_for="pms", due_at=now
        )
    hand_out_queued(now)
    assert noted() == []
    writeback.advance(Event.DONE, now, created_external_id="7")
    assert noted()[0].fields == ["completed_at", "created_external_id", "status"]


def test_work_that_is_undone_leaves_no_entry(clinic: Clinic, noted: Noted) -> None:
    with transaction.atomic():
        make.record(Patient, clinic)
        transaction.set_rollback(True)
    assert noted() == []


COLUMNS = {
    "first_name": st.text("ab'%,{}\"\\ ü", max_size=5),
    "phone": st.sampled_from(["", "555-0100", "555-0199"]),
    "birth_date": st.none() | st.dates(),
    "is_active": st.booleans(),
    "payload_hash": st.sampled_from(["", "a" * 64]),
    "sync_status": st.sampled_from(["synced", "error"]),
}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=st.fixed_dictionaries(COLUMNS), after=st.fixed_dictionaries(COLUMNS))
def test_exactly_the_columns_that_differ_are_named_whatever_is_in_them(
    clinic: Clinic, noted: Noted, before: dict[str, Any], after: dict[str, Any]
) -> None:
    patient = make.record(Patient, clinic, **before)
    noted()
    for name, value in after.items():
        setattr(patient, name, value)
    patient.save()
    differ = sorted(
        name
        for name in before
        if before[name] != after[name] and name not in ("payload_hash", "sync_status")
    )
    assert [entry.fields for entry in noted()] == ([differ] if differ else [])


def test_no_entry_holds_a_value_of_a_patient(clinic: Clinic, noted: Noted) -> None:
    patient = make.record(Patient, clinic, first_name="Zebulon", phone="555-0177")
    Patient.objects.filter(pk=patient.pk).update(last_name="Quagmire", email="z@example.org")
    patient.delete()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM audit_entries e")
        (whole,) = cursor.fetchone()
    assert str(clinic.organization_id) in whole
    for value in ("Zebulon", "Quagmire", "555-0177", "z@example.org", patient.external_id):
        assert value not in whole
