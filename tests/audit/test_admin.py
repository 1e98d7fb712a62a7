"""The admin's page of entries: read-only, by organization, and found by patient and by person."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client

from audit.models import Entry, Subject
from clinics import audit_admin
from clinics.models import Clinic, Patient, Role, User
from tenancy.scope import Actor, Scope, within
from tests import make

pytestmark = pytest.mark.django_db
PAGE = "/admin/audit/entry/"


@pytest.fixture
def member(clinic: Clinic) -> User:
    return make.member(clinic.organization, Role.CLINIC_ADMIN, is_staff=True)


@pytest.fixture
def desk(member: User) -> Client:
    browser = Client()
    browser.force_login(member)
    return browser


@pytest.fixture
def operator() -> Client:
    browser = Client()
    browser.force_login(make.member(make.organization(), is_staff=True, is_superuser=True))
    return browser


def made_by(user: User, clinic: Clinic, **fields: Any) -> Patient:
    actor = Actor(user_id=user.pk, role="staff", address="192.0.2.7")
    with within(Scope(organizations=frozenset([clinic.organization_id]), actor=actor)):
        return make.record(Patient, clinic, **fields)


def listed(browser: Client, **query: str) -> list[Entry]:
    answer = browser.get(PAGE, query)
    assert answer.status_code == 200, answer.headers
    return list(answer.context["cl"].result_list)


def test_clinic_admins_see_their_organizations_entries_and_operators_those_of_none(
    desk: Client, operator: Client, clinic: Clinic
) -> None:
    ours, theirs = make.record(Patient, clinic), make.record(Patient, make.clinic())
    seen = {pk for entry in listed(desk) for pk in entry.patient_ids}
    assert seen == {ours.pk}
    assert {entry.organization_id for entry in listed(desk)} == {clinic.organization_id}
    assert {entry.organization_id for entry in listed(operator)} == {None}
    foreign = Entry.objects.get(patient_ids=[theirs.pk])
    for browser in (desk, operator):
        assert browser.get(f"{PAGE}{foreign.pk}/change/").status_code == 404


def test_entries_are_found_by_a_patients_id_here_or_in_the_pms_and_by_username(
    desk: Client, member: User, clinic: Clinic
) -> None:
    patient = made_by(member, clinic, external_id="P 17")
    other = make.record(Patient, clinic)
    make.record(Patient, make.clinic(), external_id="P 17")
    of_patient = [entry for entry in listed(desk) if entry.patient_ids == [patient.pk]]
    assert len(of_patient) == 1
    assert listed(desk, q=str(patient.pk)) == of_patient
    assert listed(desk, q="P 17") == of_patient
    assert listed(desk, q=member.username) == of_patient
    assert listed(desk, q=str(other.pk))[0].patient_ids == [other.pk]
    assert listed(desk, q="nobody") == []


def test_the_search_by_patient_goes_by_its_index_in_every_scope(clinic: Clinic) -> None:
    patient = make.record(Patient, clinic)
    with within(Scope(organizations=frozenset([clinic.organization_id]))):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Subject.objects.filter(patient_ids__overlap=[patient.pk]).explain()
    assert "Index Cond: (patient_ids &&" in plan
    assert "entry_of_patient" in plan


def test_a_line_names_person_role_columns_and_records(
    desk: Client, member: User, clinic: Clinic
) -> None:
    patient = made_by(member, clinic)
    page = desk.get(PAGE, {"q": str(patient.pk)}).content.decode()
    for words in (f"{member.username}, staff", "Created", str(patient.pk), "192.0.2.7"):
        assert words in page


def test_the_filters_narrow_by_action_record_and_time(desk: Client, clinic: Clinic) -> None:
    patient = make.record(Patient, clinic)
    Patient.objects.filter(pk=patient.pk).update(phone="555-0100")
    (entry,) = listed(desk, action__exact="update", record_type="patient")
    assert entry.fields == ["phone"]
    assert listed(desk, record_type="writeback") == []
    assert entry in listed(desk, at__gte="2001-01-01 00:00:00+00:00")
    assert listed(desk, at__lt="2001-01-01 00:00:00+00:00") == []


def test_a_patients_page_leads_to_who_looked_at_it(desk: Client, clinic: Clinic) -> None:
    patient = make.record(Patient, clinic)
    page = desk.get(f"/admin/clinics/patient/{patient.pk}/change/").content.decode()
    assert f'href="{PAGE}?q={patient.pk}"' in page
    newest, oldest = listed(desk, q=str(patient.pk))
    assert (newest.action, oldest.action) == ("view", "create")


def test_an_entry_is_for_looking_at_only(operator: Client, clinic: Clinic) -> None:
    entry = Entry.objects.filter(organization_id=None).order_by("-pk")[0]
    assert operator.get(f"{PAGE}{entry.pk}/change/").status_code == 200
    assert operator.post(f"{PAGE}{entry.pk}/change/", {"role": "x"}).status_code == 403
    assert operator.post(f"{PAGE}{entry.pk}/delete/", {"post": "yes"}).status_code == 403
    assert operator.get(f"{PAGE}add/").status_code == 403
    assert Entry.objects.get(pk=entry.pk).role == entry.role


def test_pages_reach_back_so_far_and_nobody_counts_further(
    desk: Client, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_admin, "REACH", 3)
    for _ in range(5):
        make.record(Patient, clinic)
    assert desk.get(PAGE).context["cl"].result_count == 3
