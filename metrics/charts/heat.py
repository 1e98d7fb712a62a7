"""Bookings by weekday and hour as a map of shades."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from metrics.charts.paper import LABELS_HEIGHT, LEFT, TOP, WIDTH
from metrics.wording import counted

ROW_HEIGHT: Final = 30
#: Shades beside the empty one.
SHADES: Final = 5
#: So many bookings at least make the darkest shade: one booking is no rush.
RUSH: Final = 5
#: Hours that are shown even where nobody comes, the last one included.
USUAL_HOURS: Final = (8, 17)
#: From so many columns on, a phone has no room for numbers in the cells.
MANY_COLUMNS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An hour of the week; `shade` is 0 for none up to SHADES for the busiest."""

    x: float
    middle: float
    bookings: int
    shade: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A weekday of the heat map."""

    name: str
    label: str
    y: float
    baseline: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """Bookings by weekday and hour."""

    height: float
    cell_width: float
    cell_height: float
    #: (middle, hour, whether a phone has room for it) of each column.
    hours: tuple[tuple[float, int, bool], ...]
    rows: tuple[Row, ...]
    is_dense: bool
    words: str
    left: int = LEFT

    @property
    def by_hour(self) -> list[tuple[int, list[int]]]:
        """Each hour with its bookings by weekday, as the table beside the map shows them."""
        return [
            (hour, [row.cells[number].bookings for row in self.rows])
            for number, (_, hour, _) in enumerate(self.hours)
        ]


def heat(peaks: Sequence[Mapping[str, int]], week_starts_on: int = 0) -> Heat | None:
    """Return the heat map of a period's `peakHours`, or None where there is nothing to draw."""
    if not peaks:
        return None
    counts = {(each["dayOfWeek"], each["hour"]): each["bookings"] for each in peaks}
    first = min(USUAL_HOURS[0], *(hour for _, hour in counts))
    last = max(USUAL_HOURS[1], *(hour for _, hour in counts))
    columns = range(first, last + 1)
    width = (WIDTH - LEFT) / len(columns)
    most = max(counts.values())
    rows = tuple(
        _row(place, (week_starts_on + place) % 7, columns, counts, width, most)
        for place in range(7)
    )
    busiest = [each for each, count in counts.items() if count == most]
    day, hour = busiest[0]
    where = f"{weekday(day)} {hour}:00"
    if len(busiest) > 1:
        where += f" and {counted(len(busiest) - 1, 'other hour')}, {most:,} each"
    else:
        where += f", {counted(most, 'booking')}"
    bottom = TOP + 7 * ROW_HEIGHT
    return Heat(
        height=bottom + LABELS_HEIGHT,
        cell_width=round(width - 2, 1),
        cell_height=ROW_HEIGHT - 2,
        hours=tuple(
            (round(LEFT + (number + 0.5) * width, 1), each, number % 2 == 0)
            for number, each in enumerate(columns)
        ),
        rows=rows,
        is_dense=len(columns) >= MANY_COLUMNS,
        words=f"Bookings by weekday and hour, busiest {where}.",
    )


def _row(
    place: int,
    day: int,
    columns: range,
    counts: Mapping[tuple[int, int], int],
    width: float,
    most: int,
) -> Row:
    y = TOP + place * ROW_HEIGHT
    cells = []
    for number, hour in enumerate(columns):
        booked = counts.get((day, hour), 0)
        cells.append(
            Cell(
                x=round(LEFT + number * width + 1, 1),
                middle=round(LEFT + (number + 0.5) * width, 1),
                bookings=booked,
                shade=math.ceil(SHADES * booked / max(most, RUSH)),
                words=f"{weekday(day)} {hour}:00: {counted(booked, 'booking')}",
            )
        )
    return Row(
        name=weekday(day),
        label=weekday(day)[:3],
        y=y + 1,
        baseline=y + ROW_HEIGHT / 2,
        cells=tuple(cells),
    )


def weekday(number: int) -> str:
    """Return a weekday's name; 0 is Monday."""
    return f"{date(2024, 1, 1) + timedelta(days=number):%A}"
