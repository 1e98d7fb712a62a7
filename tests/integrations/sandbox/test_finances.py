"""What patients owe and what their insurances cover."""

from decimal import Decimal
from typing import Any

from .gateway import Gateway, code

PAYMENT = {
    "patient_id": "1001",
    "guarantor_id": "1001",
    "procedure_code": "1",
    "procedure_description": "Cash Payment",
    "provider_id": "DMD1",
    "practice_id": "1",
    "transaction_date": "2026-03-02",
}


def balance(gateway: Gateway, patient_id: str) -> dict[str, Any]:
    (item,) = gateway.items("/patient_balance", patient_id=patient_id)
    return item


def test_every_patient_owes_what_their_visits_cost(gateway: Gateway) -> None:
    owed: dict[str, Decimal] = {}
    for entry in gateway.items("/transactions", limit=5000):
        id = entry["patient_id"]
        owed[id] = owed.get(id, Decimal()) + Decimal(entry["amount"])
    balances = gateway.items("/patient_balance", limit=5000)

    assert len(balances) == 650
    told = {item["patient_id"]: Decimal(item["patient_balance"]) for item in balances}
    assert {id: amount for id, amount in told.items() if amount} == owed
    for item in balances:
        ages = [value for name, value in item.items() if name.startswith("patient_amount_")]
        assert sum(map(Decimal, ages)) == Decimal(item["patient_due"])
    one = balances[0]
    assert (one["practice_name"], one["current_date"]) == (
        "Maple Street Dental",
        "2026-03-02T00:00:00",
    )


def test_a_payment_settles_the_oldest_debt_and_what_is_over_is_unapplied(gateway: Gateway) -> None:
    debtor = next(
        item
        for item in gateway.items("/patient_balance", limit=5000)
        if Decimal(item["patient_due"]) > 0
    )
    ids = {"patient_id": debtor["patient_id"], "guarantor_id": debtor["patient_id"]}
    amount = Decimal(debtor["patient_due"]) + 5
    write = gateway.write("POST", "/transaction", {**PAYMENT, **ids, "amount": str(amount)})
    gateway.done(write)

    after = balance(gateway, debtor["patient_id"])
    assert (after["patient_due"], after["unapplied"]) == ("0.00", "5.00")
    assert (after["patient_balance"], after["account_balance"]) == ("-5.00", "-5.00")


def test_debts_are_told_by_age(gateway: Gateway) -> None:
    entry = gateway.items("/transactions", limit=5000)[-1]
    before = balance(gateway, entry["patient_id"])
    gateway.clock.advance(100 * 86_400)
    gateway.keys.clear()
    after = balance(gateway, entry["patient_id"])
    assert Decimal(before["patient_amount_less_than_30"]) >= Decimal(entry["amount"])
    assert after["patient_amount_less_than_30"] == "0.00"
    assert after["patient_amount_greater_than_90"] == after["patient_due"] == before["patient_due"]


def test_a_patient_names_the_company_whose_plan_covers_them(gateway: Gateway) -> None:
    people = gateway.items("/patients", limit=3)
    assert [item["primary_insurance_company_id"] for item in people] == ["301", "302", ""]
    plan = gateway.items("/insurance_plan_coverage", insurance_company_id="302")
    assert [(item["category"], item["percentage_covered"]) for item in plan] == [
        ("Preventive", "80"),
        ("Standard", "50"),
    ]
    assert plan[0]["insurance_company_href"].endswith("/practices/1/insurance_companies/302")


def test_plans_are_those_of_each_practice(gateway: Gateway) -> None:
    both = gateway.items("/insurance_plan_coverage", office="D10002")
    one = gateway.items("/insurance_plan_coverage", office="D10002", practice_id="2")
    assert (len(both), len(one)) == (10, 5)
    assert gateway.get("/insurance_plan_coverage", practice_id="2").status_code == 204


def test_both_are_told_to_the_office_only(gateway: Gateway) -> None:
    for path in ("/patient_balance", "/insurance_plan_coverage"):
        assert code(gateway.get(path, office=None)) == (400, "API1004")
