"""What a patient can be found by: one normal form for each way of writing the same thing.

Blind indexes hash these forms, so a change here needs every index to be made anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import phonenumbers

if TYPE_CHECKING:
    from clinics.models import Patient

#: Whose national numbers are meant where a clinic's time zone tells no country.
DEFAULT_REGION = "US"

#: Numbers that are read without `phonenumbers`, which takes 15 to 50 µs for each: as most of a
#: country's are written, without their punctuation. By the library's own metadata of each country
#: (general_desc, and the national prefix that is left out); a test holds them to it.
_NATIONAL: Mapping[str, tuple[re.Pattern[str], str]] = {
    "US": (re.compile(r"1?([2-9][0-9]{9})"), "+1"),
    "CA": (re.compile(r"1?([2-9][0-9]{9})"), "+1"),
    "AU": (re.compile(r"0([2-478][0-9]{8})"), "+61"),
    "GB": (re.compile(r"0([1-357-9][0-9]{9})"), "+44"),
}
_INTERNATIONAL = re.compile(r"\+(?:1[2-9][0-9]{9}|61[2-478][0-9]{8}|44[1-357-9][0-9]{9})")
_PUNCTUATION = str.maketrans("", "", " -.()")
#: Longer ones hold more than a number.
_LONGEST_PLAIN = 25
#: Of a name in ASCII: the others take ten times as long.
_WORDS = re.compile(r"[a-z0-9]+")


def normal_phone(text: str, region: str) -> str:
    """Return a telephone number as E.164 (+12125550123), or "" for what is none.

    A number without its country's code is one of `region`, an ISO 3166 code. Extensions are left
    out: they belong to the same line.
    """
    if len(text) <= _LONGEST_PLAIN:
        digits = text.translate(_PUNCTUATION)
        if _INTERNATIONAL.fullmatch(digits):
            return digits
        pattern, code = _NATIONAL.get(region, (None, ""))
        if pattern and (found := pattern.fullmatch(digits)):
            return code + found[1]
    return parsed_phone(text, region)


def parsed_phone(text: str, region: str) -> str:
    """Return the same as `normal_phone`, by the rules of all countries."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normal_email(text: str) -> str:
    """Return an e-mail address without regard to case and to blanks around it."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def normal_name(name: str, birth_date: date | None) -> str:
    """Return first and last name with the birth date, or "" unless both are there.

    Accents, case, hyphens, apostrophes and blanks make no difference, nor where the first name
    ends: "José  Ruiz-Peña" is "jose ruiz pena".
    """
    if name.isascii():
        words = " ".join(_WORDS.findall(name.lower()))
    else:
        letters = unicodedata.normalize("NFKD", name.casefold())
        kept = "".join(
            each if each.isalnum() else "" if unicodedata.combining(each) else " "
            for each in letters
        )
        words = " ".join(kept.split())
    return f"{words} {birth_date.isoformat()}" if words and birth_date else ""


@cache
def region_of(zone: str) -> str:
    """Return the country (ISO 3166) in which an IANA time zone lies, by the table of the zones."""
    return _countries().get(zone, DEFAULT_REGION)


@cache
def _countries() -> dict[str, str]:
    try:
        text = (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    except (ModuleNotFoundError, FileNotFoundError):
        return {}
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    return {row[2]: row[0] for row in rows}


# --- Of a patient's row ---


def phone_of(patient: Patient) -> str:
    """Return the normal form of the patient's telephone number."""
    if not patient.phone:
        return ""
    return normal_phone(patient.phone, region_of(patient.clinic.timezone))


def other_phone_of(patient: Patient) -> str:
    """Return the normal form of the patient's second telephone number."""
    if not patient.other_phone:
        return ""
    return normal_phone(patient.other_phone, region_of(patient.clinic.timezone))


def email_of(patient: Patient) -> str:
    """Return the normal form of the patient's e-mail address."""
    return normal_email(patient.email)


def name_of(patient: Patient) -> str:
    """Return the normal form of the patient's name with the birth date."""
    return normal_name(f"{patient.first_name} {patient.last_name}", patient.birth_date)
