"""The admin's pages of tenants' records, where they are more than Django's own."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from clinics.models import Clinic, Patient, Role, User
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager(clinic: Clinic) -> Client:
    browser = Client()
    browser.force_login(make.member(clinic.organization, Role.CLINIC_ADMIN, is_staff=True))
    return browser


@pytest.fixture
def operator() -> Client:
    browser = Client()
    browser.force_login(make.user(is_staff=True, is_superuser=True))
    return browser


@pytest.mark.parametrize(
    "page",
    [
        "audit/entry/?patient_ids=x",
        "accounts/apikey/?scopes=x",
        "clinics/patient/?id=x",
        "clinics/patient/?nonsense=1",
    ],
)
def test_an_address_that_makes_no_sense_leads_back_to_the_list(manager: Client, page: str) -> None:
    answer = manager.get(f"/admin/{page}")
    assert answer.status_code == 302
    assert manager.get(f"/admin/{page}", follow=True).status_code == 200


@pytest.mark.parametrize(
    "page",
    ["clinics/patient/?external_id=%00", "audit/entry/?record_type=%00", "clinics/clinic/%00/"],
)
def test_no_address_holds_a_nul(manager: Client, page: str) -> None:
    assert manager.get(f"/admin/{page}").status_code == 400


def test_a_clinic_stays_with_its_organization(operator: Client, clinic: Clinic) -> None:
    other = make.organization()
    form = {"name": "Renamed", "timezone": clinic.timezone, "organization": str(other.pk)}
    assert operator.post(f"/admin/clinics/clinic/{clinic.pk}/change/", form).status_code == 302
    owner = clinic.organization_id
    clinic.refresh_from_db()
    assert (clinic.name, clinic.organization_id) == ("Renamed", owner)


def test_a_clinic_is_never_deleted(operator: Client, clinic: Clinic) -> None:
    path = f"/admin/clinics/clinic/{clinic.pk}/delete/"
    assert operator.post(path, {"post": "yes"}).status_code == 403
    assert Clinic.objects.filter(pk=clinic.pk).exists()


def test_a_persons_page_offers_no_second_way_to_rights(operator: Client, staff: User) -> None:
    page = operator.get(f"/admin/clinics/user/{staff.pk}/change/").content.decode()
    assert "user_permissions" not in page
    assert "id_groups" not in page
    assert "is_staff" in page


def test_health_is_asked_without_a_login(operator: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert operator.get("/healthz").status_code == 200


def test_a_patients_page_shows_nothing_that_is_only_for_the_database(
    manager: Client, clinic: Clinic
) -> None:
    patient = make.record(Patient, clinic, first_name="Ada", last_name="Invented")
    page = manager.get(f"/admin/clinics/patient/{patient.pk}/change/").content.decode()
    assert "Ada" in page
    for hidden in ("payload_hash", "name_index", "v1:"):
        assert hidden not in page
