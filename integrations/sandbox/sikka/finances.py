"""What patients owe, and what their insurances cover.

Names of parameters and fields are from Sikka's public API documentation. Unverified: the form and
the signs of amounts, since its sample of patient_balance has none; how payments are set against
older debts. Amounts and plans are invented, insurances owe nothing, and every practice of an office
has the same plans.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from werkzeug.wrappers import Response

from . import records
from .call import Call, Item
from .filters import EXISTS, Condition, Filter, conditions, exactly, matching
from .offices import OFFICES
from .vocabulary import PAYMENT_TYPES, PaymentKind

BALANCE_FILTERS: dict[str, Filter] = {
    "patient_id": exactly("patient_id"),
    "practice_id": exactly("practice_id"),
    "customer_id": exactly("cust_id"),
}
# What is owed by patients, by the age of the debt in days: from, and before.
AGES = {
    "less_than_30": (-10_000, 30),
    "between_30_60": (30, 60),
    "between_60_90": (60, 90),
    "greater_than_90": (90, 100_000),
}

# Codes covered (first and last), what for, and the share in per cent. Is there a deductible?
PLANS = {
    "301": (
        ("D0100", "D1999", "Preventive", 100, False),
        ("D2000", "D3999", "Basic", 80, True),
        ("D2700", "D2899", "Crowns", 50, True),
    ),
    "302": (
        ("D0100", "D1999", "Preventive", 80, False),
        ("D2000", "D7999", "Standard", 50, True),
    ),
}


def patient_balance(call: Call) -> Response:
    """GET /patient_balance: what each patient owes, from the transactions that readers see."""
    patients, total = call.stage.books.read(
        call.office_id,
        records.PATIENT,
        seen_at=call.now,
        where=conditions(call, BALANCE_FILTERS),
        limit=call.limit,
        skip=call.page * call.limit,
    )
    ledger = _ledger(call, patients)
    items = [_balance(call, patient, ledger[patient["patient_id"]]) for patient in patients]
    return call.listing(items, total)


def insurance_plan_coverage(call: Call) -> Response:
    """GET /insurance_plan_coverage: what each plan pays; a patient names the plan's company."""
    items = [
        {
            "href": f"{call.practice(practice.practice_id)}/insurance_plan_coverage/{company}",
            "practice_id": practice.practice_id,
            "practice_href": call.practice(practice.practice_id),
            "insurance_company_id": company,
            "insurance_company_href": (
                f"{call.practice(practice.practice_id)}/insurance_companies/{company}"
            ),
            "procedure_code_from": first,
            "co_pay": "0.0000",
            "procedure_code_to": last,
            "percentage_covered": str(share),
            "category": category,
            "deductible": "Standard" if has_deductible else "Preventive",
            "is_deductible": "1" if has_deductible else "0",
        }
        for practice in OFFICES[call.office_id].practices
        for company, plan in PLANS.items()
        for first, last, category, share, has_deductible in plan
    ]
    return call.listing_of(matching(call, items, ["insurance_company_id", "practice_id"]))


def _ledger(
    call: Call, patients: Sequence[records.Record]
) -> defaultdict[str, list[records.Record]]:
    """Return the transactions of these patients, oldest first."""
    where: list[Condition] = [EXISTS]
    if len(patients) == 1:
        where.append(("json_extract(record, '$.patient_id') = ?", [patients[0]["patient_id"]]))
    found, _ = call.stage.books.read(
        call.office_id,
        records.TRANSACTION,
        seen_at=call.now,
        where=where,
        limit=-1,  # SQLite's word for all
        skip=0,
    )
    ledger: defaultdict[str, list[records.Record]] = defaultdict(list)
    for record in sorted(found, key=lambda record: record["transaction_date"]):
        ledger[record["patient_id"]].append(record)
    return ledger


def _balance(call: Call, patient: records.Record, entries: Iterable[records.Record]) -> Item:
    office = OFFICES[call.office_id]
    today = call.now.astimezone(office.zone).date()
    debts = [(_day(entry), amount) for entry in entries if (amount := _owed(entry)) > 0]
    paid = -sum((amount for entry in entries if (amount := _owed(entry)) < 0), Decimal())
    by_age = dict.fromkeys(AGES, Decimal())
    for since, amount in debts:
        settled = min(paid, amount)
        paid -= settled
        by_age[_age(today - since)] += amount - settled
    due = sum(by_age.values(), Decimal())
    practice = records.practice_of(call.office_id, patient["practice_id"])
    return {
        "patient_id": patient["patient_id"],
        "firstname": patient["firstname"],
        "lastname": patient["lastname"],
        "practice_id": patient["practice_id"],
        "current_date": records.midnight(today.isoformat()),
        "practice_name": practice.name if practice else "",
        "customer_id": patient["cust_id"],
        "chart_number": patient["chart_number"],
        **{f"patient_amount_{age}": f"{amount:.2f}" for age, amount in by_age.items()},
        **{f"insurance_amount_{age}": "0.00" for age in AGES},
        "patient_balance": f"{due - paid:.2f}",
        "unapplied": f"{paid:.2f}",
        "insurance_due": "0.00",
        "patient_due": f"{due:.2f}",
        "account_balance": f"{due - paid:.2f}",
        "write_off": "0.00",
    }


def _owed(entry: records.Record) -> Decimal:
    """Return what an entry adds to a debt. The amount of a payment counts whatever its sign."""
    amount = Decimal(entry["amount"])
    known = PAYMENT_TYPES.get(entry["procedure_code"])
    if known is None or known.kind is PaymentKind.DEBIT_ADJUSTMENT:
        return abs(amount)
    return -abs(amount)


def _age(passed: timedelta) -> str:
    return next(name for name, (first, end) in AGES.items() if first <= passed.days < end)


def _day(entry: records.Record) -> date:
    return datetime.fromisoformat(entry["transaction_date"]).date()
