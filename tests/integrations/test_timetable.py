"""Working hours and closures: what may be written, and what it means on the site's clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import timetable
from integrations.timetable import WEEKDAYS, WrongTimetable, check_closures, check_hours, spans_of

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2030, 3, 4)


def daily(*spans: list[str]) -> timetable.Hours:
    return check_hours({day: [list(span) for span in spans] for day in WEEKDAYS})


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)


def on(day: date, zone: str, *spans: list[str]) -> list[timetable.Span]:
    return spans_of(daily(*spans), day, ZoneInfo(zone))


# --- What may be written -------------------------------------------------------------------------


def test_a_weekday_that_is_not_named_is_closed_once_any_other_is() -> None:
    hours = check_hours({"tue": [["13:00", "17:00"], ["08:00", "12:00"]]})
    assert hours["tue"] == [["08:00", "12:00"], ["13:00", "17:00"]], "in order"
    assert [hours[day] for day in WEEKDAYS if day != "tue"] == [[]] * 6


def test_no_hours_at_all_stay_unknown() -> None:
    assert check_hours({}) == {}


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (["mon"], "Working hours are spans for each weekday."),
        ({"monday": []}, "monday is no weekday; use mon, tue"),
        ({"mon": "08:00-12:00"}, "mon: write spans such as 08:00-12:00."),
        ({"mon": [["08:00"]]}, "mon: write spans such as 08:00-12:00."),
        ({"mon": [["8:00", "12:00"]]}, "mon: 8:00 is no time of day"),
        ({"mon": [["08:00", "25:00"]]}, "mon: 25:00 is no time of day"),
        ({"mon": [["24:00", "24:00"]]}, "mon: 24:00 is no time of day"),
        ({"mon": [["08:60", "12:00"]]}, "mon: 08:60 is no time of day"),
        ({"mon": [[8, 12]]}, "mon: 8 is no time of day"),
        ({"mon": [["0٨:00", "12:00"]]}, "is no time of day"),
        ({"mon": [["12:00", "08:00"]]}, "mon: 12:00-08:00 ends before it begins; what goes past"),
        ({"mon": [["08:00", "08:00"]]}, "mon: 08:00-08:00 ends before it begins"),
        (
            {"fri": [["11:59", "17:00"], ["08:00", "12:00"]]},
            "fri: 08:00-12:00 and 11:59-17:00 overlap.",
        ),
    ],
)
def test_hours_that_make_no_sense_are_refused_in_words(hours: Any, words: str) -> None:
    with pytest.raises(WrongTimetable) as refused:
        check_hours(hours)
    assert words in str(refused.value)


def test_spans_may_touch_and_end_at_midnight() -> None:
    hours = check_hours({"mon": [["00:00", "12:00"], ["12:00", "24:00"]]})
    assert spans_of(hours, MONDAY, NEW_YORK) == [
        (utc(2030, 3, 4, 5), utc(2030, 3, 4, 17)),
        (utc(2030, 3, 4, 17), utc(2030, 3, 5, 5)),
    ]


def closure(first: str, last: str = "", **more: str) -> dict[str, str]:
    return {"first_date": first, "last_date": last or first, "reason": "Holiday", **more}


def test_closures_are_kept_by_date() -> None:
    given_order = [closure("2030-12-24", "2030-12-26"), closure("2030-07-04")]
    assert check_closures(given_order) == list(reversed(given_order))


@pytest.mark.parametrize(
    ("closures", "words"),
    [
        ({}, "Closures are a list of dates."),
        (["2030-07-04"], "A closure has a first date, a last date and a reason."),
        ([closure("2030-12-26", "2030-12-24")], "from 2030-12-26 ends before it begins, on 2030-"),
        ([closure("2030-02-30")], "There is no 2030-02-30 in the calendar."),
        ([closure("20300704")], "20300704 is no date; write it as 2030-12-24."),
        ([closure("2030-W27-4")], "2030-W27-4 is no date"),
        ([{"last_date": "2030-07-04"}], "Nothing is no date"),
        ([closure("2030-07-04") | {"reason": "x" * 201}], "at most 200 characters"),
        ([closure("2030-07-04") | {"reason": "two\nlines"}], "on one line"),
    ],
)
def test_closures_that_make_no_sense_are_refused_in_words(closures: Any, words: str) -> None:
    with pytest.raises(WrongTimetable) as refused:
        check_closures(closures)
    assert words in str(refused.value)


def test_a_closure_holds_on_its_first_and_last_date_and_not_beside_them() -> None:
    closures = check_closures([closure("2030-12-24", "2030-12-26")])
    days = [date(2030, 12, day) for day in range(23, 28)]
    assert [timetable.is_closed(closures, day) for day in days] == [False, True, True, True, False]


def test_a_practitioners_leave_closes_neither_the_clinic_nor_a_colleague() -> None:
    closures = check_closures([closure("2030-07-04", practitioner="mara")])
    day = date(2030, 7, 4)
    assert timetable.is_closed(closures, day, "mara")
    assert not timetable.is_closed(closures, day, "tunde")
    assert not timetable.is_closed(closures, day)


# --- On the clock --------------------------------------------------------------------------------


def test_a_usual_day_is_the_walls_clock_in_utc() -> None:
    assert on(MONDAY, "America/New_York", ["08:00", "17:00"]) == [
        (utc(2030, 3, 4, 13), utc(2030, 3, 4, 22))
    ]


def test_a_zone_of_half_an_hour_is_right_to_the_minute() -> None:
    assert on(MONDAY, "Asia/Kolkata", ["09:15", "17:00"]) == [
        (utc(2030, 3, 4, 3, 45), utc(2030, 3, 4, 11, 30))
    ]
    # Lord Howe turns its clock by half an hour: on this day from 2:00 to 2:30.
    assert on(date(2030, 10, 6), "Australia/Lord_Howe", ["02:10", "03:00"]) == [
        (utc(2030, 10, 5, 15, 30), utc(2030, 10, 5, 16))
    ]


def test_the_day_before_the_clock_goes_forward_and_that_day_differ_by_an_hour() -> None:
    before, day = date(2030, 3, 9), date(2030, 3, 10)
    assert on(before, "America/New_York", ["08:00", "17:00"])[0][0] == utc(2030, 3, 9, 13)
    assert on(day, "America/New_York", ["08:00", "17:00"])[0][0] == utc(2030, 3, 10, 12)
    ((opens, closes),) = on(day, "America/New_York", ["00:00", "24:00"])
    assert closes - opens == timedelta(hours=23)


def test_an_hour_that_the_clock_jumps_over_opens_when_it_has_jumped() -> None:
    day, jump = date(2030, 3, 10), utc(2030, 3, 10, 7)
    assert on(day, "America/New_York", ["02:30", "05:00"]) == [(jump, utc(2030, 3, 10, 9))]
    assert on(day, "America/New_York", ["01:00", "02:30"]) == [(utc(2030, 3, 10, 6), jump)]
    assert on(day, "America/New_York", ["02:10", "02:50"]) == [], "there is no such time"


def test_an_hour_that_comes_twice_counts_from_its_first_time() -> None:
    day = date(2030, 11, 3)
    assert on(day, "America/New_York", ["00:00", "01:30"], ["01:30", "03:00"]) == [
        (utc(2030, 11, 3, 4), utc(2030, 11, 3, 5, 30)),
        (utc(2030, 11, 3, 5, 30), utc(2030, 11, 3, 8)),
    ]
    ((opens, closes),) = on(day, "America/New_York", ["00:00", "24:00"])
    assert closes - opens == timedelta(hours=25)


def test_a_day_that_a_zone_left_out_is_not_open() -> None:
    assert on(date(2011, 12, 30), "Pacific/Apia", ["08:00", "17:00"]) == []


@given(
    day=st.dates(date(2020, 1, 1), date(2037, 12, 31)),
    zone=st.sampled_from(
        ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "UTC"]
    ),
    minutes=st.lists(st.integers(0, 1440), min_size=2, max_size=8, unique=True),
)
def test_spans_never_overlap_and_begin_and_end_on_the_day(
    day: date, zone: str, minutes: list[int]
) -> None:
    clocks = [f"{minute // 60:02d}:{minute % 60:02d}" for minute in sorted(minutes)]
    clocks = clocks[: len(clocks) // 2 * 2]
    hours = daily(*([clocks[at], clocks[at + 1]] for at in range(0, len(clocks), 2)))
    spans = spans_of(hours, day, ZoneInfo(zone))
    moments = [moment for span in spans for moment in span]
    assert moments == sorted(moments)
    for opens, closes in spans:
        assert opens < closes
        assert opens.astimezone(ZoneInfo(zone)).date() == day
        assert (closes - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == day
