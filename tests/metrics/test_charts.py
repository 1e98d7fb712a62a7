"""Where the charts' shapes stand: every number has its place, and nothing leaves the drawing."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics import charts
from metrics.calendar import Period, between, month
from metrics.charts.bars import PLOT_HEIGHT
from metrics.charts.paper import LEFT, TOP, WIDTH

TUESDAY = date(2030, 3, 5)
WEEK = between(date(2030, 3, 4), date(2030, 3, 10))
COUNTS = st.integers(0, 5000)


def day(each: date, bookings: int, missed: int = 0) -> dict[str, Any]:
    return {
        "date": each.isoformat(),
        "bookings": bookings,
        "missed": missed,
        "cancelled": 2,
        "newPatients": 1,
    }


def drawn(*days: dict[str, Any], previous: Any = None, period: Period = WEEK) -> charts.Bars:
    found = charts.bars(period, days, previous, TUESDAY)
    assert found is not None
    return found


def test_each_date_of_the_period_has_a_bar_and_today_is_marked() -> None:
    found = drawn(day(TUESDAY, 4))
    assert [each.label for each in found.days] == [
        "Mon 4", "Tue 5", "Wed 6", "Thu 7", "Fri 8", "Sat 9", "Sun 10",
    ]  # fmt: skip
    assert [each.date for each in found.days if each.is_today] == [TUESDAY]
    assert [each.bookings for each in found.days] == [0, 4, 0, 0, 0, 0, 0]


def test_a_bar_is_as_high_as_its_number_and_the_missed_stand_on_top() -> None:
    bar = drawn(day(TUESDAY, 4, missed=1)).days[1]
    assert (bar.height, bar.missed_height) == (135.0, 45.0)
    assert (bar.y, bar.missed_y) == (57.0, 12.0)
    assert bar.y + bar.height == TOP + PLOT_HEIGHT
    assert bar.words == "Tuesday 5 March: 4 bookings, 1 of them missed"


def test_the_words_of_the_bars_tell_the_whole_and_the_busiest_date() -> None:
    found = drawn(day(TUESDAY, 1), day(TUESDAY + timedelta(days=2), 3))
    assert found.words == (
        "Bookings by day, 4 March to 10 March: 4 bookings, most on Thursday 7 March (3)."
    )


def test_the_period_before_is_a_line_with_a_point_for_each_date() -> None:
    previous = [day(date(2030, 2, 26), 2)]
    found = drawn(day(TUESDAY, 4), previous=previous)
    assert [each.previous for each in found.days] == [0, 2, 0, 0, 0, 0, 0]
    assert found.line.split()[1] == f"{found.days[1].middle},102.0"
    assert len(found.line.split()) == 7


def test_what_is_not_known_of_the_period_before_is_no_line_at_zero() -> None:
    found = drawn(day(TUESDAY, 4))
    assert found.line == ""
    assert {each.previous for each in found.days} == {None}


def test_a_month_beside_a_shorter_one_has_no_line_beyond_its_end() -> None:
    found = drawn(day(TUESDAY, 4), previous=[], period=month(TUESDAY))
    assert len(found.days) == 31
    assert [each.previous for each in found.days[27:]] == [0, None, None, None]
    assert [each.label for each in found.days if each.is_major] == [
        "1", "6", "11", "16", "21", "26", "31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("highest", "numbers"),
    [
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (9, [0, 5, 10]),
        (61, [0, 20, 40, 60, 80]),
    ],
)
def test_the_lines_behind_the_bars_are_at_round_numbers(highest: int, numbers: list[int]) -> None:
    assert [number for _, number in drawn(day(TUESDAY, highest)).grid] == numbers


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=7, max_size=7), st.lists(COUNTS, max_size=7))
def test_no_bar_and_no_point_leaves_the_drawing(
    numbers: list[tuple[int, int]], before: list[int]
) -> None:
    days = [
        day(WEEK.first + timedelta(days=place), max(pair), min(pair))
        for place, pair in enumerate(numbers)
    ]
    previous = [
        day(WEEK.previous_first + timedelta(days=place), count)
        for place, count in enumerate(before)
    ]
    found = drawn(*days, previous=previous)
    for each in found.days:
        assert each.missed_y >= TOP - 0.1
        assert each.x >= LEFT
        assert each.x + each.width <= WIDTH
    for one, other in pairwise(found.days):
        assert one.x + one.width < other.x
    for point in found.line.split():
        x, y = map(float, point.split(","))
        assert LEFT <= x <= WIDTH
        assert TOP - 0.1 <= y <= found.bottom


def test_nothing_booked_is_no_chart() -> None:
    assert charts.bars(WEEK, [], None, TUESDAY) is None
    assert charts.heat([]) is None


def peak(weekday: int, hour: int, bookings: int) -> dict[str, int]:
    return {"dayOfWeek": weekday, "hour": hour, "bookings": bookings}


def mapped(*peaks: dict[str, int], week_starts_on: int = 0) -> charts.Heat:
    found = charts.heat(peaks, week_starts_on)
    assert found is not None
    return found


def test_the_map_has_a_row_for_each_weekday_from_the_clinics_first_on() -> None:
    assert mapped(peak(1, 9, 3)).rows[0].label == "Mon"
    found = mapped(peak(1, 9, 3), week_starts_on=6)
    assert [row.label for row in found.rows] == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    assert [cell.bookings for cell in found.rows[2].cells] == [0, 3, *[0] * 8]


def test_hours_out_of_the_usual_widen_the_map() -> None:
    assert [hour for _, hour, _ in mapped(peak(1, 9, 3)).hours] == list(range(8, 18))
    wide = mapped(peak(1, 0, 3), peak(1, 23, 1))
    assert [hour for _, hour, _ in wide.hours] == list(range(24))
    assert wide.is_dense
    assert wide.rows[0].cells[-1].x + wide.cell_width <= WIDTH


def test_the_darkest_shade_is_the_busiest_hours_and_takes_a_few_bookings() -> None:
    shades = {cell.bookings: cell.shade for row in mapped(peak(0, 9, 20), peak(1, 9, 3)).rows
              for cell in row.cells}  # fmt: skip
    assert shades == {0: 0, 3: 1, 20: 5}
    alone = mapped(peak(0, 9, 1)).rows[0].cells[1]
    assert alone.shade == 1


def test_the_words_of_the_map_name_the_busiest_hour_or_how_many_share_that() -> None:
    assert mapped(peak(1, 9, 3)).words.endswith("busiest Tuesday 9:00, 3 bookings.")
    shared = mapped(peak(1, 9, 3), peak(4, 10, 3), peak(2, 8, 1)).words
    assert shared.endswith("busiest Tuesday 9:00 and 1 other hour, 3 each.")


def test_the_table_beside_the_map_has_the_same_numbers() -> None:
    rows = dict(mapped(peak(1, 9, 3), peak(6, 9, 2)).by_hour)
    assert rows[9] == [0, 3, 0, 0, 0, 0, 2]
    assert rows[10] == [0] * 7
