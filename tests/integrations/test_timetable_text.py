"""Timetables as people type them: read, written again, and refused in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations import timetable_text as text
from integrations.profile_form import read_types, write_types
from integrations.timetable import WrongTimetable, check_closures, check_hours

IDS = {"DMD1": "id-1", "DMD 2": "id-2"}
NAMES = {"id-1": "DMD1", "id-2": "DMD 2"}


def test_hours_are_a_line_for_each_weekday() -> None:
    typed = "Mon 08:00-12:00, 13:00 – 17:00\n\n  tue closed\n"
    hours = check_hours(text.read_hours(typed))
    assert hours["mon"] == [["08:00", "12:00"], ["13:00", "17:00"]]
    assert hours["tue"] == []
    assert text.write_hours(hours).splitlines()[:2] == [
        "mon 08:00-12:00, 13:00-17:00",
        "tue closed",
    ]
    assert check_hours(text.read_hours(text.write_hours(hours))) == hours
    assert (text.read_hours(""), text.write_hours({})) == ({}, "")


def test_hours_of_practitioners_begin_with_the_pmss_id() -> None:
    typed = "DMD1 sat 09:00-12:00\nDMD 2 mon 08:00-12:00\nDMD1 sun closed"
    hours = text.read_practitioner_hours(typed, IDS)
    assert hours == {
        "id-1": {"sat": [["09:00", "12:00"]], "sun": []},
        "id-2": {"mon": [["08:00", "12:00"]]},
    }
    written = text.write_practitioner_hours(hours, NAMES)
    assert text.read_practitioner_hours(written, IDS) == hours


def test_closures_have_dates_perhaps_somebody_and_a_reason() -> None:
    typed = (
        "2030-12-24..2030-12-26 Christmas [as ever]\n"
        "2030-07-04\n"
        "2030-07-01 .. 2030-07-05 [DMD 2] On leave"
    )
    closures = text.read_closures(typed, IDS)
    assert closures == [
        {
            "first_date": "2030-12-24",
            "last_date": "2030-12-26",
            "reason": "Christmas [as ever]",
        },
        {"first_date": "2030-07-04", "last_date": "2030-07-04", "reason": ""},
        {
            "first_date": "2030-07-01",
            "last_date": "2030-07-05",
            "reason": "On leave",
            "practitioner": "id-2",
        },
    ]
    assert check_closures(closures) == sorted(closures, key=lambda each: each["first_date"])
    assert text.read_closures(text.write_closures(closures, NAMES), IDS) == closures


def test_types_are_our_word_and_the_pmss_value() -> None:
    types = read_types("cleaning = 12\n new patient =  a = b \n\n")
    assert types == {"cleaning": "12", "new patient": "a = b"}
    assert read_types(write_types(types)) == types


@pytest.mark.parametrize(
    ("read", "typed", "words"),
    [
        (text.read_hours, "monday 08:00-12:00", "“monday 08:00-12:00” is no line such as mon"),
        (text.read_hours, "mon", "“mon” is no line such as"),
        (text.read_hours, "mon 08:00", "write spans such as 08:00-12:00, or closed."),
        (text.read_hours, "mon 08:00-12:00-13:00", "write spans such as"),
        (text.read_hours, "mon closed\nmon 08:00-12:00", "says a weekday for a second time"),
        (lambda typed: text.read_practitioner_hours(typed, IDS), "mon 08:00-12:00", "such as DMD1"),
        (
            lambda typed: text.read_practitioner_hours(typed, IDS),
            "DMD3 mon 08:00-12:00",
            "DMD3 is no practitioner of this clinic; the PMS has DMD 2, DMD1.",
        ),
        (lambda typed: text.read_closures(typed, IDS), "2030-07-04 [X] y", "X is no practitioner"),
        (lambda typed: text.read_closures(typed, IDS), "[DMD1] ill", "is no line such as 2030-12"),
        (lambda typed: text.read_closures(typed, {}), "2030-07-04 [X]", "has nobody yet."),
    ],
)
def test_a_line_that_says_nothing_is_refused_in_words(
    read: Callable[[str], Any], typed: str, words: str
) -> None:
    with pytest.raises(WrongTimetable) as refused:
        read(typed)
    assert words in str(refused.value)


@pytest.mark.parametrize("typed", ["cleaning", "= 12", "cleaning =", "a = 1\na = 2"])
def test_a_type_without_both_sides_or_twice_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match=r"no line such as cleaning = 12|there twice"):
        read_types(typed)
