"""Whether what the service shows is what was asked for, written perhaps a little otherwise."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from clinics.records import PatientRecord
from integrations.queries import PatientQuery

#: Digits that tell one telephone from another, without the country's part.
LOCAL_DIGITS: Final = 7


def same_text(one: str, other: str) -> bool:
    """Return whether two texts are one but for their letters' case, spaces and composition."""
    return _normal(one) == _normal(other)


def same_phone(one: str, other: str) -> bool:
    """Return whether two telephone numbers are one, with the country's part or without."""
    one, other = (re.sub(r"\D", "", text).lstrip("0") for text in (one, other))
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= LOCAL_DIGITS and longer.endswith(shorter)


def same(name: str, asked: Any, shown: Any) -> bool:
    """Return whether one of our fields shows what was asked for; "" and None are nothing."""
    if not asked or not shown:
        return bool(asked) == bool(shown)
    if name in {"phone", "other_phone"}:
        return same_phone(str(asked), str(shown))
    if isinstance(asked, str) and isinstance(shown, str) and not name.endswith("_id"):
        return same_text(asked, shown)
    return bool(asked == shown)


def fits(patient: PatientRecord, query: PatientQuery) -> bool:
    """Return whether a patient is one that was looked for; a query for nothing fits nobody."""
    asked = [
        (name, value)
        for name in ("phone", "email", "first_name", "last_name", "birth_date")
        if (value := getattr(query, name))
    ]
    return bool(asked) and all(
        same(name, value, getattr(patient, name))
        or (name == "phone" and same(name, value, patient.other_phone))
        for name, value in asked
    )


def _normal(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
