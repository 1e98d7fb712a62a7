"""Whom Sikka is asked for, and whether a record is one of them. Pure functions.

How Sikka compares is not documented, nor what it makes of a parameter that it does not like: what
it answers is compared again, so that nobody else is shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from integrations.adapters.sikka.mapping import PHONES
from integrations.queries import PatientQuery

#: Digits of a national number where the systems behind Sikka are used (North America).
NATIONAL: Final = 10
#: Fewer digits are no telephone number.
FEWEST_DIGITS: Final = 7


def questions(query: PatientQuery) -> list[Mapping[str, str]]:
    """Return the parameters to ask by, one set after the other until one finds somebody.

    None where the query names nobody. There is no parameter for a birth date.
    """
    if number := _digits(query.phone):
        return [{"phone": number}, {"cell": number}]
    if email := query.email.strip():
        return [{"email": email}]
    first, last = query.first_name.strip(), query.last_name.strip()
    if first and last and query.birth_date:
        return [{"firstname": first, "lastname": last}]
    return []


def fits(query: PatientQuery, item: Mapping[str, Any]) -> bool:
    """Return whether a record of Sikka's is of somebody who was asked for."""
    if number := _digits(query.phone):
        return any(_digits(str(item.get(name) or "")) == number for name in PHONES)
    if query.email.strip():
        return _same(query.email, item.get("email"))
    born = str(item.get("birthdate") or "")[:10]
    return (
        query.birth_date is not None
        and born == query.birth_date.isoformat()
        and _same(query.first_name, item.get("firstname"))
        and _same(query.last_name, item.get("lastname"))
    )


def _digits(number: str) -> str:
    digits = re.sub(r"[^0-9]", "", number)[-NATIONAL:]
    return digits if len(digits) >= FEWEST_DIGITS else ""


def _same(one: str, other: object) -> bool:
    return one.strip().casefold() == str(other or "").strip().casefold()
