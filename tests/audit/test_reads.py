"""Every read of a patient's data over REST or in the admin is noted before it is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from audit.models import Action, Entry
from audit.reads import record
from clinics.models import Appointment, Clinic, Membership, Patient, Role, User
from integrations.models import Integration
from tenancy.scope import Scope, within
from tests import make
from tests.audit.conftest import Noted

pytestmark = pytest.mark.django_db


def told(entry: Entry) -> tuple[Any, ...]:
    return (entry.action, entry.record_type, entry.record_ids, entry.patient_ids, entry.details)


@pytest.fixture
def patients(clinic: Clinic) -> list[Patient]:
    made = [make.record(Patient, clinic, last_name="Invented") for _ in range(3)]
    return sorted(made, key=lambda patient: patient.pk)


@pytest.fixture
def visit(clinic: Clinic, patients: list[Patient]) -> Appointment:
    now = timezone.now()
    return make.record(
        Appointment,
        clinic,
        patient=patients[0],
        starts_at=now,
        ends_at=now + timedelta(hours=1),
        status="booked",
    )


@pytest.fixture
def client(api: Callable[[User], APIClient], staff: User) -> APIClient:
    return api(staff)


@pytest.fixture
def desk(clinic: Clinic) -> Client:
    browser = Client()
    browser.force_login(make.member(clinic.organization, is_staff=True))
    return browser


def test_a_page_of_the_api_is_one_entry_with_its_rows_alone(
    client: APIClient, clinic: Clinic, patients: list[Patient], noted: Noted
) -> None:
    noted()
    client.get(f"/api/v1/clinics/{clinic.pk}/patients", {"page_size": 2})
    ids = [patient.pk for patient in patients[:2]]
    (entry,) = noted()
    assert told(entry) == ("list", "patient", [str(pk) for pk in ids], ids, {"count": 2})
    assert entry.organization_id == clinic.organization_id


def test_a_narrowed_list_tells_by_what_it_was_narrowed_and_not_to_what(
    client: APIClient, clinic: Clinic, patients: list[Patient], noted: Noted
) -> None:
    noted()
    asked = {"external_id": patients[1].external_id}
    client.get(f"/api/v1/clinics/{clinic.pk}/patients", asked)
    client.get(f"/api/v1/clinics/{clinic.pk}/patients", {"external_id": "nobody"})
    found, nobody = noted()
    assert found.record_ids == [str(patients[1].pk)]
    assert found.details == {"count": 1, "narrowed_by": ["external_id"]}
    assert told(nobody) == ("list", "patient", [], [], {"count": 0, "narrowed_by": ["external_id"]})


def test_a_single_record_of_the_api_is_an_entry(
    client: APIClient,
    integration: Integration,
    patients: list[Patient],
    visit: Appointment,
    noted: Noted,
) -> None:
    writeback = make.writeback(integration)
    about = writeback.patient_id
    noted()
    clinic = f"/api/v1/clinics/{integration.clinic_id}"
    for address in (
        f"{clinic}/patients/{patients[2].pk}",
        f"{clinic}/appointments/{visit.pk}",
        f"{clinic}/appointments",
        f"/api/v1/writebacks/{writeback.pk}",
        "/api/v1/writebacks",
    ):
        assert client.get(address).status_code == 200
    first, third, one = patients[0].pk, patients[2].pk, {"count": 1}
    assert [told(entry) for entry in noted()] == [
        ("view", "patient", [str(third)], [third], one),
        ("view", "appointment", [str(visit.pk)], [first], one),
        ("list", "appointment", [str(visit.pk)], [first], one),
        ("view", "writeback", [str(writeback.pk)], [about], one),
        ("list", "writeback", [str(writeback.pk)], [about], one),
    ]


def test_what_holds_no_patient_and_what_is_not_found_is_not_noted(
    client: APIClient, clinic: Clinic, noted: Noted
) -> None:
    stranger = make.record(Patient, make.clinic())
    noted()
    assert client.get("/api/v1/clinics").status_code == 200
    assert client.get(f"/api/v1/clinics/{clinic.pk}/locations").status_code == 200
    assert client.get(f"/api/v1/clinics/{clinic.pk}/patients/{stranger.pk}").status_code == 404
    assert noted() == []


def test_lists_searches_and_pages_of_the_admin_are_entries(
    desk: Client, integration: Integration, visit: Appointment, noted: Noted
) -> None:
    patient, writeback = visit.patient, make.writeback(integration)
    noted()
    about, one = [patient.pk], {"count": 1}
    pages = {
        f"clinics/patient/?q={patient.external_id}": (
            ("search", "patient", [str(patient.pk)], about, {"count": 1, "page": 1})
        ),
        f"clinics/patient/{patient.pk}/change/": (
            ("view", "patient", [str(patient.pk)], about, one)
        ),
        f"clinics/patient/{patient.pk}/history/": (
            ("view", "patient", [str(patient.pk)], about, one)
        ),
        "clinics/appointment/": (
            ("list", "appointment", [str(visit.pk)], about, {"count": 1, "page": 1})
        ),
        f"clinics/appointment/{visit.pk}/change/": (
            ("view", "appointment", [str(visit.pk)], about, one)
        ),
        f"writebacks/writeback/{writeback.pk}/change/": (
            ("view", "writeback", [str(writeback.pk)], [writeback.patient_id], one)
        ),
    }
    for address, expected in pages.items():
        assert desk.get(f"/admin/{address}").status_code == 200
        assert [told(entry) for entry in noted()] == [expected], address


def test_a_list_over_two_organizations_is_an_entry_for_each(noted: Noted, clinic: Clinic) -> None:
    browser = Client()
    person = make.member(clinic.organization, is_staff=True)
    browser.force_login(person)
    ours, theirs = make.record(Patient, clinic), make.record(Patient, make.clinic())
    Membership.objects.create(user=person, organization=theirs.organization, role=Role.READ_ONLY)
    noted()
    browser.get("/admin/clinics/patient/")
    assert {entry.organization_id: entry.record_ids for entry in noted()} == {
        ours.organization_id: [str(ours.pk)],
        theirs.organization_id: [str(theirs.pk)],
    }


def test_choosing_a_patient_by_first_letters_is_refused(desk: Client, noted: Noted) -> None:
    asked = {"app_label": "clinics", "model_name": "appointment", "field_name": "patient"}
    assert desk.get("/admin/autocomplete/", asked | {"term": "A"}).status_code == 403


@pytest.mark.parametrize(
    "address", ["clinics/patient/", "clinics/patient/{}/change/", "clinics/patient/{}/history/"]
)
def test_the_admin_shows_nothing_that_cannot_be_noted(
    desk: Client, patients: list[Patient], address: str
) -> None:
    assert desk.get(f"/admin/{address.format(patients[0].pk)}").status_code == 200
    failure = patch("audit.entries.write", side_effect=DatabaseError("the disk is full"))
    with failure, pytest.raises(DatabaseError, match="the disk is full"):
        desk.get(f"/admin/{address.format(patients[0].pk)}")


@pytest.mark.parametrize("address", ["", "/{}"])
def test_the_api_shows_nothing_that_cannot_be_noted(
    client: APIClient, clinic: Clinic, patients: list[Patient], address: str
) -> None:
    client.raise_request_exception = False
    whole = f"/api/v1/clinics/{clinic.pk}/patients{address.format(patients[0].pk)}"
    with patch("audit.entries.write", side_effect=DatabaseError("the disk is full")):
        answer = client.get(whole)
    assert answer.status_code == 500
    assert b"Invented" not in answer.content


def test_a_search_that_finds_nothing_belongs_to_the_one_organization_in_sight(
    clinic: Clinic, noted: Noted
) -> None:
    with within(Scope(organizations=frozenset([clinic.organization_id]))):
        record(Action.SEARCH, Patient, [], patient="pk")
    record(Action.SEARCH, Patient, [], patient="pk")
    inside, outside = noted()
    assert (inside.organization_id, outside.organization_id) == (clinic.organization_id, None)


def test_logins_are_noted_without_what_was_typed(clinic: Clinic, staff: User, noted: Noted) -> None:
    noted()
    logins = "/api/v1/auth/login"
    APIClient().post(logins, {"username": staff.username, "password": make.PASSWORD})
    APIClient().post(logins, {"username": staff.username, "password": "sEcReT-1"})
    APIClient().post(logins, {"username": "sEcReT-2", "password": "sEcReT-3"})
    known, failed, nobody = noted()
    assert told(known) == ("login", "user", [str(staff.pk)], [], {})
    assert told(failed) == ("login_failed", "user", [str(staff.pk)], [], {})
    assert told(nobody) == ("login_failed", "user", [], [], {})
    assert [entry.user_id for entry in (known, failed, nobody)] == [staff.pk, staff.pk, None]


def test_the_admins_logins_and_logouts_are_noted(clinic: Clinic, noted: Noted) -> None:
    user = make.member(clinic.organization, is_staff=True)
    noted()
    browser = Client()
    browser.post("/admin/login/", {"username": user.username, "password": make.PASSWORD})
    browser.post("/admin/logout/")
    browser.post("/admin/login/", {"username": user.username, "password": "sEcReT"})
    browser.post("/admin/logout/")
    assert [(entry.action, entry.user_id, entry.fields) for entry in noted()] == [
        ("login", user.pk, []),
        ("logout", user.pk, []),
        ("login_failed", user.pk, []),
    ]


def test_logouts_over_rest_are_noted_with_their_person(
    clinic: Clinic, staff: User, noted: Noted
) -> None:
    body = {"username": staff.username, "password": make.PASSWORD}
    here, there = (APIClient().post("/api/v1/auth/login", body).json() for _ in range(2))
    noted()
    for _ in range(2):
        APIClient().post("/api/v1/auth/logout", {"refresh": here["refresh"]})
    (entry,) = noted()
    assert told(entry) == ("logout", "user", [str(staff.pk)], [], {})
    assert (entry.user_id, entry.address) == (staff.pk, "127.0.0.1")
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {there['access']}")
    assert client.post("/api/v1/auth/logout-everywhere").status_code == 204
    found = noted()
    assert {entry.user_id for entry in found} == {staff.pk}, "what the table notes too"
    assert [told(entry) for entry in found if entry.action == "logout"] == [
        ("logout", "user", [str(staff.pk)], [], {"everywhere": True})
    ]


def test_a_logout_that_cannot_be_noted_does_not_happen(clinic: Clinic, staff: User) -> None:
    body = {"username": staff.username, "password": make.PASSWORD}
    told = APIClient().post("/api/v1/auth/login", body).json()
    failure = patch("audit.entries.write", side_effect=DatabaseError("the disk is full"))
    with failure, pytest.raises(DatabaseError, match="the disk is full"):
        APIClient().post("/api/v1/auth/logout", {"refresh": told["refresh"]})
    again = APIClient().post("/api/v1/auth/refresh", {"refresh": told["refresh"]})
    assert again.status_code == 200


def test_a_refresh_token_that_comes_again_is_noted(
    clinic: Clinic, staff: User, noted: Noted
) -> None:
    body = {"username": staff.username, "password": make.PASSWORD}
    first = APIClient().post("/api/v1/auth/login", body).json()
    noted()
    for status in (200, 401):
        answer = APIClient().post("/api/v1/auth/refresh", {"refresh": first["refresh"]})
        assert answer.status_code == status
    (entry,) = noted()
    assert told(entry) == ("refresh_reused", "user", [str(staff.pk)], [], {})
    assert (entry.user_id, entry.get_action_display()) == (staff.pk, "Used a refresh token again")


def test_a_login_is_not_put_down_to_the_session_beside_it(
    clinic: Clinic, staff: User, noted: Noted
) -> None:
    colleague = make.member(clinic.organization, is_staff=True)
    noted()
    as_form, as_json = {}, {"content_type": "application/json"}
    for address, form in (("/admin/login/", as_form), ("/api/v1/auth/login", as_json)):
        for name, whose in (("nobody-of-this-name", None), (staff.username, staff.pk)):
            browser = Client()
            browser.force_login(colleague)
            noted()
            browser.post(address, {"username": name, "password": "sEcReT"}, **form)
            (entry,) = noted()
            assert (entry.action, entry.user_id) == ("login_failed", whose)
            assert (entry.membership_id, entry.role) == (None, "")
            assert entry.address == "127.0.0.1"
