"""Payments: their types, what is checked at once, and the entry they leave."""

import pytest

from .gateway import Gateway, code

PAYMENT = {
    "patient_id": "1001",
    "guarantor_id": "1001",
    "procedure_code": "2",
    "procedure_description": "Check Payment",
    "provider_id": "DMD1",
    "amount": "120.5",
    "practice_id": "1",
    "transaction_date": "2026-03-02",
}


def test_a_payment_is_entered_after_its_delay(gateway: Gateway) -> None:
    write = gateway.write("POST", "/transaction", {**PAYMENT, "note": "check 114"})
    today = {"patient_id": "1001", "startdate": "2026-03-02"}
    assert gateway.items("/transactions", **today) == []

    done = gateway.done(write)
    (entry,) = gateway.items("/transactions", **today)

    assert (done["status"], done["api"]) == ("Success", "transactions")
    assert done["created_id"] == entry["transaction_sr_no"]
    expected = {
        **PAYMENT,
        "amount": "120.5000",
        "transaction_date": "2026-03-02T00:00:00",
        "transaction_entry_date": "2026-03-02T00:00:00",
        "transaction_type": "Payment",
        "payment_type": "Check Payment",
        "note": "check 114",
    }
    assert {name: entry[name] for name in expected} == expected
    assert gateway.get("/transactions").headers["Data-Insert"] == "completed"
    (listed,) = gateway.listed()
    assert listed["api_name"] == "transaction"


def test_the_day_of_the_entry_is_the_practices_own(gateway: Gateway) -> None:
    gateway.clock.advance(13 * 3600)  # 4:00 on 3 March in UTC, 23:00 on 2 March in Portland
    gateway.done(gateway.write("POST", "/transaction", PAYMENT))
    (entry,) = gateway.items("/transactions", patient_id="1001", transaction_type="payment")
    assert entry["transaction_entry_date"] == "2026-03-02T00:00:00"


@pytest.mark.parametrize("missing", list(PAYMENT))
def test_a_missing_field_is_named(gateway: Gateway, missing: str) -> None:
    body = {name: value for name, value in PAYMENT.items() if name != missing}
    refused = gateway.call("POST", "/transaction", json=body)
    assert code(refused) == (400, "API1026")
    assert refused.get_json()["long_message"] == f"Parameter {missing} is required."
    assert gateway.listed() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"amount": "0"}, (400, "API1026")),
        ({"amount": "0.00"}, (400, "API1026")),
        ({"amount": "$5"}, (400, "API1026")),
        ({"amount": "5|7"}, (400, "API1026")),
        ({"amount": "NaN"}, (400, "API1026")),
        ({"procedure_code": "D1110"}, (400, "API1026")),
        ({"procedure_description": "check payment"}, (400, "API1026")),
        (
            {"procedure_code": "2.92", "procedure_description": "Insurance Payment by Check"},
            (400, "API1026"),
        ),
        ({"transaction_date": "2026-13-01"}, (400, "API1026")),
        ({"transaction_entry_date": "today"}, (400, "API1026")),
        ({"practice_id": "2"}, (401, "API2007")),
        ({"card_number": "4"}, (501, "")),
        ({"is_payment_refund": "true"}, (501, "")),
    ],
)
def test_a_wrong_field_is_refused_at_once(
    gateway: Gateway, change: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(gateway.call("POST", "/transaction", json={**PAYMENT, **change})) == expected
    assert gateway.listed() == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"patient_id": "9"}, "Patient 9 does not exist"),
        ({"guarantor_id": "9"}, "Guarantor 9 does not exist"),
        ({"provider_id": "DMD9"}, "Provider DMD9 does not exist or is inactive"),
    ],
)
def test_what_the_practice_does_not_know_fails_there(
    gateway: Gateway, change: dict[str, str], reason: str
) -> None:
    failed = gateway.done(gateway.write("POST", "/transaction", {**PAYMENT, **change}))
    assert (failed["status"], failed["result"]) == ("Failed", reason)
    assert gateway.books()["transactions"] == []


def test_a_repeated_payment_is_a_second_payment(gateway: Gateway) -> None:
    first = gateway.write("POST", "/transaction", PAYMENT)
    second = gateway.write("POST", "/transaction", PAYMENT)
    gateway.clock.advance(20)
    entered = gateway.books()["transactions"]
    assert sorted(entry["writeback_id"] for entry in entered) == [first, second]


def test_payment_types_can_be_asked_for_by_kind(gateway: Gateway) -> None:
    def codes(**query: object) -> list[str]:
        return [item["code"] for item in gateway.items("/payment_types", **query)]

    assert codes() == ["1", "2", "3", "2.92", "11", "21"]
    assert codes(is_insurance_type="true") == ["2.92"]
    assert codes(is_adjustment_type="true") == ["11"]
    assert codes(is_debit_adjustment_type="true") == ["21"]
    assert codes(are_credit_card_details_required="true") == []
    assert gateway.items("/payment_types", code="2") == [
        {
            "href": "http://localhost/sikka/v4/practices/1/payment_types/2",
            "practice_id": "1",
            "practice_href": "http://localhost/sikka/v4/practices/1",
            "description": "Check Payment",
            "code": "2",
        }
    ]


def test_transactions_are_found_by_their_fields(gateway: Gateway) -> None:
    everything = gateway.items("/transactions", limit=5000)
    one = everything[0]
    assert {entry["transaction_type"] for entry in everything} == {"Procedure"}
    for name in ("transaction_sr_no", "patient_id", "guarantor_id", "procedure_code"):
        found = gateway.items("/transactions", limit=5000, **{name: one[name]})
        assert one in found
        assert {entry[name] for entry in found} == {one[name]}
    day = one["transaction_date"][:10]
    dated = gateway.items(
        "/transactions", date_filter_on="transaction_entry_date", startdate=day, enddate=day
    )
    assert one in dated
    assert {entry["transaction_entry_date"][:10] for entry in dated} == {day}
    assert code(gateway.get("/transactions", date_filter_on="amount")) == (400, "API1026")
