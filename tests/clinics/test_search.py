"""Patients are found by exact values, however they are written, and by nothing less."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.client import Client

from clinics.models import Clinic, Organization, Patient, User
from clinics.records import PatientRecord, Removed
from clinics.search import patients
from clinics.services import remove, store
from tests import make

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
BORN = date(1980, 1, 31)


ADA = PatientRecord(
    external_id="17",
    first_name="Ada Maria",
    last_name="Invented",
    birth_date=BORN,
    email="Ada@example.org",
    phone="(212) 555-0123",
    is_active=True,
)
GRACE = replace(
    ADA,
    external_id="18",
    first_name="Grace",
    email="grace@example.org",
    phone="212 555 0124",
    birth_date=date(1981, 2, 1),
)


@pytest.fixture
def stored(clinic: Clinic) -> Clinic:
    store(clinic, [ADA, GRACE], now=NOW)
    return clinic


def found(text: str) -> list[str]:
    return sorted(each.external_id for each in patients(Patient.objects.all(), text))


@pytest.mark.parametrize(
    "text",
    [
        "17",
        " 17 ",
        "+12125550123",
        "212-555-0123",
        "ada@EXAMPLE.org",
        "Ada Maria Invented 1980-01-31",
        "ada-maria   INVENTED 1980-01-31",
    ],
)
def test_one_patient_is_found(stored: Clinic, text: str) -> None:
    assert found(text) == ["17"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "1",
        "Ada",
        "Invented",
        "Ada Maria Invented",
        "Ada Invented 1980-01-31",
        "Ada Maria Invented 1980-01-30",
        "Ada Maria Invented 1980-13-31",
        "1980-01-31",
        "ada@example",
        "@",
        "555-0123",
        "%",
    ],
)
def test_less_than_the_whole_finds_nobody(stored: Clinic, text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", ["+12125550150", "(212) 555-0150", "2125550123"])
def test_a_patient_is_found_by_either_number(stored: Clinic, text: str) -> None:
    store(stored, [replace(ADA, other_phone="212 555 0150")], now=NOW)
    assert found(text) == ["17"]


def test_somebodys_second_number_may_be_anothers_first(stored: Clinic) -> None:
    store(stored, [replace(ADA, other_phone=GRACE.phone)], now=NOW)
    assert found(GRACE.phone) == ["17", "18"]


@pytest.mark.parametrize(
    "text", ["17", "2125550123", "ada@example.org", "Ada Maria Invented 1980-01-31"]
)
def test_who_was_removed_is_not_found_until_they_are_back(stored: Clinic, text: str) -> None:
    remove(stored, Patient, [Removed(external_id="17")], now=NOW)
    assert found(text) == []
    store(stored, [ADA], now=NOW)
    assert found(text) == ["17"]


def test_two_who_share_a_number_are_both_found(stored: Clinic) -> None:
    store(stored, [replace(GRACE, external_id="19", phone="+1 212-555-0123")], now=NOW)
    assert found("2125550123") == ["17", "19"]


def test_a_number_is_read_as_the_country_of_each_clinic_writes_it(organization: Any) -> None:
    store(make.clinic(organization, "America/New_York"), [ADA], now=NOW)
    berlin = replace(ADA, external_id="50", phone="030 901820")
    store(make.clinic(organization, "Europe/Berlin"), [berlin], now=NOW)
    assert found("030 90 18 20") == found("+4930901820") == ["50"]
    assert found("212 555 0123") == ["17"]


def test_a_changed_patient_is_found_by_what_is_true_now(stored: Clinic) -> None:
    counts = store(stored, [replace(ADA, phone="212 555 0199", last_name="Renamed")], now=NOW)
    assert (counts.created, counts.updated, counts.unchanged) == (0, 1, 0)
    assert found("2125550123") == found("Ada Maria Invented 1980-01-31") == []
    assert found("2125550199") == found("Ada Maria Renamed 1980-01-31") == ["17"]


def test_an_unchanged_patient_is_not_written_although_ciphertext_would_differ(
    stored: Clinic,
) -> None:
    def rows() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM clinics_patient ORDER BY external_id")
            return cursor.fetchall()

    before = rows()
    counts = store(stored, [ADA, GRACE], now=NOW)
    assert (counts.created, counts.updated, counts.unchanged) == (0, 0, 2)
    assert rows() == before


def test_who_has_no_values_shares_no_index(clinic: Clinic) -> None:
    nobody = replace(ADA, first_name="", last_name="", email="", phone="", birth_date=None)
    store(clinic, [nobody, replace(nobody, external_id="x")], now=NOW)
    names = ("phone_index", "other_phone_index", "email_index", "name_index")
    assert [*Patient.objects.values_list(*names)] == [("", "", "", "")] * 2


def test_the_same_text_in_two_columns_has_two_indexes(stored: Clinic) -> None:
    fields = [Patient._meta.get_field(name) for name in ("phone_index", "email_index")]
    hashes = {each.hashed("the same") for each in fields}
    assert [len(each) for each in hashes] == [32, 32]


# --- In the admin --------------------------------------------------------------------------------


@pytest.fixture
def browser(organization: Organization, client: Client) -> Client:
    member: User = make.member(organization, is_staff=True)
    client.force_login(member)
    return client


def test_the_admin_says_what_can_be_typed_and_finds_it(stored: Clinic, browser: Client) -> None:
    page = browser.get("/admin/clinics/patient/", {"q": "(212) 555 0123"}).content.decode()
    assert "In full: a telephone number, an e-mail address, a name with its birth date" in page
    assert "Ada Maria Invented" in page
    assert "Grace Invented" not in page
    everybody = browser.get("/admin/clinics/patient/").content.decode()
    assert "Ada Maria Invented" in everybody
    assert "Grace Invented" in everybody


def test_the_admin_finds_nobody_of_another_organization(stored: Clinic, browser: Client) -> None:
    store(make.clinic(), [replace(ADA, first_name="Foreign")], now=NOW)
    page = browser.get("/admin/clinics/patient/", {"q": "2125550123"}).content.decode()
    assert "Ada Maria Invented" in page
    assert "Foreign" not in page


@pytest.mark.parametrize("column", range(1, 9))
def test_no_list_is_ordered_by_ciphertext(stored: Clinic, browser: Client, column: int) -> None:
    page = browser.get("/admin/clinics/patient/", {"o": column})
    assert page.status_code == 200
    ordered = {str(each).lstrip("-") for each in page.context["cl"].queryset.query.order_by}
    assert ordered <= {"pk", "is_active", "clinic", "external_id", "last_synced_at"}
