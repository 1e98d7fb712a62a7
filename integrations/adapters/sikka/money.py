"""What a patient owes and has paid, as Sikka tells it. Pure functions.

Signs are not documented: a balance above 0 is taken for a debt, and a payment's amount counts
without its sign, since a ledger may write what was paid as a negative one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from integrations.adapters.sikka.mapping import storable, usable_id
from integrations.queries import Balance, Payment


def balance(rows: Iterable[Mapping[str, Any]], patient_id: str) -> Balance | None:
    """Return what a patient owes at all practices of the office; None where that is not told."""
    own = [row for row in rows if str(row.get("patient_id")) == patient_id]
    amounts = [_amount(row.get("patient_balance")) for row in own]
    told = [amount for amount in amounts if amount is not None]
    if not told or len(told) < len(amounts):
        return None
    return Balance(amount=sum(told, Decimal()), as_of=_day(own[0].get("current_date")))


def payments(rows: Iterable[Mapping[str, Any]], patient_id: str) -> list[Payment]:
    """Return the patient's own payments among the transactions; an insurance's are not theirs."""
    found = []
    for row in rows:
        amount = _amount(row.get("amount"))
        external_id = usable_id(row.get("transaction_sr_no"))
        is_own = str(row.get("patient_id")) == patient_id and _is_payment(row)
        if is_own and amount is not None and external_id:
            found.append(
                Payment(
                    id=external_id,
                    amount=abs(amount),
                    paid_on=_day(row.get("transaction_date")),
                    type=storable(row.get("payment_type")),
                    description=storable(row.get("procedure_description")),
                )
            )
    return found


def _is_payment(row: Mapping[str, Any]) -> bool:
    """Return whether a transaction is one, by words that are each system's own (unverified)."""
    kind = str(row.get("transaction_type") or "").casefold()
    all_words = f"{kind} {row.get('payment_type')} {row.get('procedure_description')}".casefold()
    return "payment" in kind and "insurance" not in all_words


def _amount(value: object) -> Decimal | None:
    try:
        amount = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None
