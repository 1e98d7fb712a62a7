"""Single questions to Sikka: who we are, one record, one person, money."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from clinics.records import AppointmentRecord, PatientRecord, Removed, Unreadable
from integrations.adapters.sikka import MANIFEST, base_url
from integrations.contract import Scope
from integrations.http.errors import NoAnswer, NotAuthorized, Refused
from integrations.queries import (
    Ability,
    Account,
    Balance,
    PatientQuery,
    Payment,
    Resource,
)
from tests.integrations.adapters.conftest import URL, Office
from tests.integrations.adapters.sikka_items import appointment, patient, practice

APPLICATION = (Scope.APPLICATION,)


# --- Who we are ----------------------------------------------------------------------------------


def test_a_credential_is_verified_in_one_call_of_the_application(office: Office) -> None:
    office.lists("/authorized_practices", practice("D2"), practice("D1"), practice("D1", "2"))
    assert office.sikka.verify() == Account(id="D1", name="Maple Street")
    assert office.spent == [APPLICATION]
    assert office.keys.number == 1, "no key is needed for it"


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [practice("D2")],
        [practice("D10")],
        [practice("D1", secret_key="another")],
    ],
)
def test_an_office_that_let_us_in_not_or_by_another_secret_is_told(
    office: Office, rows: list[dict[str, str]]
) -> None:
    office.lists("/authorized_practices", *rows)
    with pytest.raises(NotAuthorized) as caught:
        office.sikka.verify()
    assert "secret-key" not in str(caught.value)


def test_an_office_whose_secret_is_not_shown_is_let_in(office: Office) -> None:
    office.lists("/authorized_practices", practice("D1", secret_key=""))
    assert office.sikka.verify().id == "D1"


def test_whose_secret_it_is_can_be_asked_before_the_office_is_known(office: Office) -> None:
    office.account = ""
    nobody = practice("")
    office.lists("/authorized_practices", practice("D2", secret_key="theirs"), nobody,
                 practice("D7"))  # fmt: skip
    assert office.sikka.verify().id == "D7"


def test_a_secret_of_nobody_is_nobodys(office: Office) -> None:
    office.account = ""
    office.lists("/authorized_practices", practice("D2", secret_key="theirs"))
    with pytest.raises(NotAuthorized):
        office.sikka.verify()


def test_every_application_is_at_the_same_address() -> None:
    assert base_url({}) == "https://api.sikkasoft.com/v4"


# --- One record ----------------------------------------------------------------------------------


def test_a_patient_is_looked_up_in_one_call(office: Office) -> None:
    office.lists("/patients", patient(7), patient(5))
    found = office.sikka.lookup(Resource.PATIENTS, "5")
    assert isinstance(found, PatientRecord)
    assert found.external_id == "5"
    asked = office.params(0)
    assert (asked["patient_id"], asked["fields"], len(office.requests)) == ("5", "get_all", 1)


def test_a_record_looked_up_is_the_record_of_its_list(office: Office) -> None:
    office.lists("/patients", patient(5, created_date="2020-01-02T00:00:00"))
    office.lists("/patients", patient(5, created_date="2020-01-02T00:00:00"))
    (listed,) = office.read(Resource.PATIENTS)
    found = office.sikka.lookup(Resource.PATIENTS, "5")
    assert isinstance(found, PatientRecord)
    assert found.payload_hash() == listed.payload_hash()


def test_an_appointment_is_looked_up_on_its_sites_clock_which_is_asked_for_once(
    office: Office,
) -> None:
    sikka = office.sikka
    office.lists("/appointments", appointment())
    office.lists("/authorized_practices", practice("D2"), practice("D1"))
    office.lists("/appointments", appointment(appointment_sr_no="8"))
    for number in ("70670", "8"):
        found = sikka.lookup(Resource.APPOINTMENTS, number)
        assert isinstance(found, AppointmentRecord)
        assert found.starts_at.astimezone(UTC) == datetime(2030, 3, 5, 15, 30, tzinfo=UTC)
    assert office.asked == ["GET /appointments", "GET /authorized_practices", "GET /appointments"]


@pytest.mark.parametrize("resource", [Resource.PATIENTS, Resource.APPOINTMENTS])
def test_what_the_pms_has_not_is_removed(office: Office, resource: Resource) -> None:
    office.answers("GET", f"/{resource}", status=204)
    assert office.sikka.lookup(resource, "5") == Removed(external_id="5")
    assert len(office.requests) == 1


def test_other_records_than_the_one_asked_for_are_no_answer(office: Office) -> None:
    office.lists("/patients", patient(50), patient(51))
    with pytest.raises(NoAnswer):
        office.sikka.lookup(Resource.PATIENTS, "5")


def test_a_record_that_cannot_be_read_is_there_all_the_same(office: Office) -> None:
    office.lists("/patients", patient(5, birthdate="1984-13-45"))
    found = office.sikka.lookup(Resource.PATIENTS, "5")
    assert isinstance(found, Unreadable)
    assert found.external_id == "5"


# --- One person ----------------------------------------------------------------------------------


def test_a_person_is_searched_for_by_email(office: Office) -> None:
    office.lists("/patients", patient(1), patient(2, email="Other@example.org"))
    found = office.sikka.search_patients(PatientQuery(email=" ADA@example.org "))
    assert [record.external_id for record in found] == ["1"]
    assert office.params(0)["email"] == "ADA@example.org"


def test_a_person_is_searched_for_by_name_and_compared_by_birth_date(office: Office) -> None:
    office.lists(
        "/patients",
        patient(1),
        patient(2, birthdate="1990-01-01T00:00:00"),
        patient(3, firstname="Adam"),
        patient(4, birthdate=None),
        patient(5, lastname="INVENTED"),
    )
    query = PatientQuery(first_name="Ada", last_name="Invented", birth_date=date(1984, 12, 10))
    found = office.sikka.search_patients(query)
    assert [record.external_id for record in found] == ["1", "5"]
    asked = office.params(0)
    assert (asked["firstname"], asked["lastname"]) == ("Ada", "Invented")
    assert "1984" not in str(asked), "no parameter for it is documented"


@pytest.mark.parametrize(
    "number", ["+1 207 555 0123", "207-555-0123", "(207) 555-0123", "2075550123", "12075550123"]
)
def test_a_person_is_searched_for_by_any_of_their_numbers(office: Office, number: str) -> None:
    office.lists(
        "/patients",
        patient(1),
        patient(2, cell="", workphone="+1 (207) 555-0123"),
        patient(3, cell="207-555-0199"),
    )
    found = office.sikka.search_patients(PatientQuery(phone=number))
    assert [record.external_id for record in found] == ["1", "2"]
    assert office.params(0)["phone"] == "2075550123"
    assert len(office.requests) == 1


def test_a_number_that_finds_nobody_is_tried_as_a_mobile_one(office: Office) -> None:
    office.answers("GET", "/patients", status=204)
    office.lists("/patients", patient(1))
    found = office.sikka.search_patients(PatientQuery(phone="2075550123"))
    assert [record.external_id for record in found] == ["1"]
    assert "phone" not in office.params(1)
    assert office.params(1)["cell"] == "2075550123"


@pytest.mark.parametrize(
    "query",
    [
        PatientQuery(),
        PatientQuery(phone="   "),
        PatientQuery(phone="12345"),
        PatientQuery(email=" "),
        PatientQuery(first_name="Ada", last_name="Invented"),
        PatientQuery(first_name="Ada", birth_date=date(1984, 12, 10)),
        PatientQuery(birth_date=date(1984, 12, 10)),
    ],
)
def test_who_asks_for_nobody_finds_nobody_and_no_call_is_made(
    office: Office, query: PatientQuery
) -> None:
    assert office.sikka.search_patients(query) == []
    assert office.requests == []


def test_a_parameter_that_is_passed_over_shows_nobody_else(office: Office) -> None:
    office.lists("/patients", *(patient(n, email=f"{n}@example.org") for n in range(50)))
    assert office.sikka.search_patients(PatientQuery(email="ada@example.org")) == []


def test_a_search_does_not_stumble_over_a_record_that_cannot_be_read(office: Office) -> None:
    office.lists("/patients", patient(1, patient_id=""), patient(2))
    found = office.sikka.search_patients(PatientQuery(email="ada@example.org"))
    assert [record.external_id for record in found] == ["2"]


# --- Money ---------------------------------------------------------------------------------------


def owes(amount: object, patient_id: str = "5") -> dict[str, Any]:
    return {
        "patient_id": patient_id,
        "patient_balance": amount,
        "current_date": "2030-03-05T00:00:00",
    }


@pytest.mark.parametrize(
    ("rows", "balance"),
    [
        ([owes("120.50")], "120.50"),
        ([owes("-5.0000")], "-5.0000"),
        ([owes(120.5)], "120.5"),
        ([owes("0.00")], "0.00"),
        ([owes("100.00"), owes("20.00"), owes("1", "6")], "120.00"),
    ],
)
def test_a_balance_is_what_all_practices_of_the_office_say(
    office: Office, rows: list[dict[str, Any]], balance: str
) -> None:
    office.lists("/patient_balance", *rows)
    found = office.sikka.balance("5")
    assert found == Balance(amount=Decimal(balance), as_of=date(2030, 3, 5))
    assert office.params(0)["patient_id"] == "5"


@pytest.mark.parametrize(
    "rows",
    [[], [owes("1", "6")], [owes("")], [owes(None)], [owes("much")], [owes("NaN")],
     [owes("100.00"), owes("?")]],
)  # fmt: skip
def test_a_balance_that_is_not_told_is_not_zero(office: Office, rows: list[dict[str, Any]]) -> None:
    office.lists("/patient_balance", *rows)
    assert office.sikka.balance("5") is None


def paid(number: str, kind: str = "Payment", **changes: Any) -> dict[str, Any]:
    item = {
        "transaction_sr_no": number,
        "patient_id": "5",
        "transaction_type": kind,
        "transaction_date": "2030-03-01T00:00:00",
        "payment_type": "Cash Payment",
        "procedure_description": "Paid at the desk",
        "amount": "80.0000",
    }
    return item | changes


def test_payments_are_what_the_patient_paid(office: Office) -> None:
    office.lists(
        "/transactions",
        paid("1"),
        paid("2", amount="-20.00"),
        paid("3", "Procedure"),
        paid("4", "Insurance Payment"),
        paid("5", payment_type="Insurance Check"),
        paid("6", "Adjustment"),
        paid("7", patient_id="6"),
        paid("8", amount="some"),
        paid(""),
        paid("9", transaction_date="", payment_type=None),
    )
    assert office.sikka.payments("5") == [
        Payment(id="1", amount=Decimal(80), paid_on=date(2030, 3, 1), type="Cash Payment",
                description="Paid at the desk"),
        Payment(id="2", amount=Decimal(20), paid_on=date(2030, 3, 1), type="Cash Payment",
                description="Paid at the desk"),
        Payment(id="9", amount=Decimal(80), paid_on=None, description="Paid at the desk"),
    ]  # fmt: skip


def test_payments_are_read_to_their_end(office: Office) -> None:
    office.lists("/transactions", paid("1"), following=f"{URL}/transactions?offset=1")
    office.lists("/transactions", paid("2"))
    assert [each.id for each in office.sikka.payments("5")] == ["1", "2"]


def test_insurances_cannot_be_asked_for_by_patient(office: Office) -> None:
    assert Ability.COVERAGES not in MANIFEST.abilities
    with pytest.raises(Refused):
        office.sikka.coverages("5")
    assert office.requests == []
