"""One normal form for each way of writing the same telephone number, address or name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clinics.identity import normal_email, normal_name, normal_phone, parsed_phone, region_of

BORN = date(1980, 1, 31)


@pytest.mark.parametrize(
    ("written", "region", "normal"),
    [
        ("(212) 555-0123", "US", "+12125550123"),
        ("212.555.0123", "US", "+12125550123"),
        ("1-212-555-0123", "US", "+12125550123"),
        ("+1 212 555 0123 ext. 9", "US", "+12125550123"),
        ("+1 (212) 555-0123", "DE", "+12125550123"),
        ("001 212 555 0123", "DE", "+12125550123"),
        ("030 901820", "DE", "+4930901820"),
        ("+49 (0)30 901820", "US", "+4930901820"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("555-0123", "US", "+15550123"),
        ("", "US", ""),
        ("12", "US", ""),
        ("call the mother", "US", ""),
        ("+999 12345678", "US", ""),
    ],
)
def test_a_phone_is_one_number_however_it_is_written(
    written: str, region: str, normal: str
) -> None:
    assert normal_phone(written, region) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\n", "ada@example.org"),
        ("ada.invented@example.org", "ada.invented@example.org"),
        ("STRASSE@example.org", "strasse@example.org"),
        ("", ""),
    ],
)
def test_an_email_is_one_address_however_it_is_written(written: str, normal: str) -> None:
    assert normal_email(written) == normal


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Ada Invented", "ada invented 1980-01-31"),
        ("  ADA \t invented ", "ada invented 1980-01-31"),
        ("José Ruiz-Peña", "jose ruiz pena 1980-01-31"),
        ("Jose\u0301 Ruiz Pen\u0303a", "jose ruiz pena 1980-01-31"),
        ("Anna-Maria O’Brien", "anna maria o brien 1980-01-31"),
        ("Jörg Weiß", "jorg weiss 1980-01-31"),
        ("李 小龍", "李 小龍 1980-01-31"),
        (" - ", ""),
        ("", ""),
    ],
)
def test_a_name_is_one_person_however_it_is_written(written: str, normal: str) -> None:
    assert normal_name(written, BORN) == normal
    assert normal_name(written, None) == ""


@pytest.mark.parametrize(
    ("zone", "region"),
    [
        ("America/New_York", "US"),
        ("Europe/Berlin", "DE"),
        ("Australia/Sydney", "AU"),
        ("UTC", "US"),
        ("US/Eastern", "US"),
    ],
)
def test_the_country_is_that_of_the_time_zone_or_else_the_us(zone: str, region: str) -> None:
    assert region_of(zone) == region


PUNCTUATION = st.text(" -.()", max_size=2)
PREFIXES = st.sampled_from(
    ["", "1", "0", "+1", "+61", "+44", "+49", "00", "011", "+ 1", "1 1", "++1"]
)


@st.composite
def written_phones(draw: st.DrawFn) -> str:
    """Numbers as people write them, of about the usual length."""
    digits = draw(st.text("0123456789", min_size=6, max_size=12))
    spread = "".join(digit + draw(PUNCTUATION) for digit in digits)
    return f"{draw(PUNCTUATION)}{draw(PREFIXES)}{draw(PUNCTUATION)}{spread}"


@given(written_phones(), st.sampled_from(["US", "CA", "AU", "GB", "DE", "IT", "BS", "NZ"]))
@settings(max_examples=1500, deadline=None)
def test_common_numbers_are_read_as_the_library_reads_them(written: str, region: str) -> None:
    assert normal_phone(written, region) == parsed_phone(written, region)


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("(212) 555-0123", "US"), ("1 212 555 0123", "CA"), ("+12125550123", "AU"),
        ("0412 345 678", "AU"), ("(02) 9876 5432", "AU"), ("+61 412 345 678", "US"),
        ("020 7946 0018", "GB"), ("07700 900123", "GB"), ("+44 7700 900123", "AU"),
    ],
)  # fmt: skip
def test_the_commonest_numbers_do_not_need_the_library(
    written: str, region: str, monkeypatch: Any
) -> None:
    parsed = parsed_phone(written, region)
    monkeypatch.setattr("clinics.identity.parsed_phone", None)
    assert normal_phone(written, region) == parsed


@given(st.text(st.characters(max_codepoint=127)))
@settings(deadline=None)
def test_a_name_in_ascii_is_read_as_one_with_accents(name: str) -> None:
    assert normal_name(f"{name} é", BORN).split() == [*normal_name(f"{name} e", BORN).split()]
