"""A patient's telephone numbers: a list in Cliniko, a first and a second one with us."""

from __future__ import annotations

import re
from typing import Any, Final

from integrations.adapters.cliniko.fields import Item

#: The list's name in a patient.
FIELD: Final = "patient_phone_numbers"
MOBILE: Final = "Mobile"
#: Nobody can be reached there by voice.
FAX: Final = "Fax"

Number = dict[str, str]


def numbers(item: Item) -> list[Number]:
    """Return the numbers in Cliniko's order, as they can be written; what is none is left out."""
    listed = item.get(FIELD)
    found = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            number = str(each.get("number") or each.get("normalized_number") or "")
            if number.strip():
                found.append({"phone_type": str(each.get("phone_type") or ""), "number": number})
    return found


def first_two(item: Item) -> tuple[str, str]:
    """Return the number to call and another one, "" for none: mobiles first, and no fax."""
    found = list(dict.fromkeys(each["number"] for each in _by_use(numbers(item))))
    first, second, *_ = (*found, "", "")
    return first, second


def with_first(item: Item, wanted: list[Number]) -> list[Number]:
    """Return the whole list with another first number, or without it where none is wanted.

    Cliniko takes a patient's numbers as a whole: what is not named would be lost.
    """
    kept = numbers(item)
    first = next(iter(_by_use(kept)), None)
    if not wanted:
        return [each for each in kept if each is not first]
    (new,) = wanted
    if first is None:
        return [new, *kept]
    replaced = {"phone_type": first["phone_type"], "number": new["number"]}
    return [replaced if each is first else each for each in kept]


def same(one: Any, other: Any) -> bool:
    """Return whether a patient's list holds each number of another list, or is empty as that."""
    held, wanted = ({_digits(each["number"]) for each in numbers({FIELD: x})} for x in (one, other))
    return wanted <= held if wanted else not held


def _by_use(listed: list[Number]) -> list[Number]:
    voice = [each for each in listed if each["phone_type"] != FAX]
    return sorted(voice, key=lambda each: each["phone_type"] != MOBILE)


def _digits(number: str) -> str:
    return re.sub(r"\D", "", number)
