"""Single questions to Nookal: whom the key lets in, and who a patient is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from clinics.records import (
    Removed,
)
from integrations import registry
from integrations.http.errors import NoAnswer, NotAuthorized, Refused
from integrations.queries import Account, PatientQuery, Resource
from tests.integrations.adapters.nookal_practice import (
    Practice,
    failure,
    location,
    patient,
    practising,
    success,
)


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


# --- Whom the key lets in ---


def test_the_account_is_its_first_location_by_number_name_and_place(practice: Practice) -> None:
    rows = [location(ID="10", Name="Second"), location(ID="9"), location(ID=None, Name="None")]
    practice.lists("getLocations", "locations", *rows)
    assert practice.nookal.verify() == Account(id="9-8cffb49cdaf5", name="Invented Physio")
    assert practice.asked == ["getLocations"]


def test_two_practices_whose_numbers_are_the_same_are_two_accounts(practice: Practice) -> None:
    practice.lists("getLocations", "locations", location())
    practice.lists("getLocations", "locations", location(Name="Another Physio"))
    first, second = practice.nookal.verify(), practice.nookal.verify()
    assert first.id != second.id
    assert first.id.startswith("1-")
    assert second.id.startswith("1-")


@pytest.mark.parametrize("rows", [[], [{"Name": "Without a number"}], ["1"]])
def test_a_key_that_opens_no_location_lets_nobody_in(practice: Practice, rows: Any) -> None:
    practice.lists("getLocations", "locations", *rows)
    with pytest.raises(NotAuthorized, match="opens no location"):
        practice.nookal.verify()


def test_the_key_is_looked_at_once_a_day_and_stays_the_same(practice: Practice) -> None:
    practice.answers("verify", success({"verify": True}))
    token = practice.nookal.issue_token("")
    assert (token.value, token.refresh_value) == ("the-api-key", "")
    assert token.lifetime == timedelta(days=1)
    assert "the-api-key" not in repr(practice.nookal)


def test_a_key_that_was_taken_away_is_told(practice: Practice) -> None:
    practice.answers("verify", failure("Invalid API key"))
    with pytest.raises(NotAuthorized):
        practice.nookal.issue_token("")


@pytest.mark.parametrize("credential", [{}, {"api_key": ""}, {"api_key": "  "}, {"key": "x"}])
def test_nothing_is_tried_without_a_key(credential: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="api_key"):
        registry.connect("nookal", None, "1", credential, {}, None)  # type: ignore[arg-type]


def test_its_address_is_the_same_for_all() -> None:
    assert registry.base_url("nookal", {}) == "https://api.nookal.com/production/v2"


# --- Single questions ---


def test_a_patient_is_looked_up_by_number(practice: Practice) -> None:
    practice.lists("searchPatients", "patients", patient(ID="15"), patient(ID="5"))
    found = practice.nookal.lookup(Resource.PATIENTS, "5")
    assert found.external_id == "5"
    assert practice.form(0) == {"patient_id": "5", "page": "1", "page_length": "200"}


def test_a_patient_whom_nookal_has_not_is_removed(practice: Practice) -> None:
    practice.lists("searchPatients", "patients")
    assert practice.nookal.lookup(Resource.PATIENTS, "5") == Removed(external_id="5")


def test_other_patients_do_not_prove_that_one_is_gone(practice: Practice) -> None:
    practice.lists("searchPatients", "patients", patient(ID="15"))
    with pytest.raises(NoAnswer):
        practice.nookal.lookup(Resource.PATIENTS, "5")


def test_an_appointment_cannot_be_looked_up(practice: Practice) -> None:
    with pytest.raises(Refused):
        practice.nookal.lookup(Resource.APPOINTMENTS, "10")
    assert practice.asked == []


def test_patients_are_searched_for_by_email_in_any_case(practice: Practice) -> None:
    practice.lists("searchPatients", "patients", patient(), patient(ID="6", Email="b@example.com"))
    found = practice.nookal.search_patients(PatientQuery(email="ADA@example.com"))
    assert [each.external_id for each in found] == ["5"]
    assert practice.form(0)["email"] == "ADA@example.com"


def test_patients_are_searched_for_by_name_and_date_of_birth(practice: Practice) -> None:
    strangers = [
        patient(ID="6", FirstName="Bo"),
        patient(ID="7", DOB="1980-02-01"),
        patient(ID="8", DOB="1980-02-30"),
        patient(ID="9", LastName="Other"),
    ]
    practice.lists("searchPatients", "patients", *strangers, patient(FirstName="Adaline"))
    query = PatientQuery(first_name="ada", last_name="Invented", birth_date=date(1980, 1, 31))
    found = practice.nookal.search_patients(query)
    assert [(each.external_id, each.first_name) for each in found] == [("5", "Adaline")]
    assert practice.form(0) == {
        "first_name": "ada",
        "last_name": "Invented",
        "date_of_birth": "1980-01-31",
        "page": "1",
        "page_length": "200",
    }


@pytest.mark.parametrize(
    "query",
    [
        PatientQuery(),
        PatientQuery(phone="0491 570 006"),
        PatientQuery(first_name="Ada", last_name="Invented"),
        PatientQuery(birth_date=date(1980, 1, 31)),
    ],
)
def test_too_little_finds_nobody_and_costs_nothing(practice: Practice, query: PatientQuery) -> None:
    assert practice.nookal.search_patients(query) == []
    assert practice.asked == []
