"""Where the shapes of the live page's charts stand, in units of their drawing. Pure functions.

The templates write them out as SVG by attributes alone, which a strict Content-Security-Policy
lets pass; the colours are the style sheet's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from metrics.calendar import Period
from metrics.wording import counted

#: A drawing's width in its own units; the page scales it to the room that there is.
WIDTH: Final = 640
#: Room for the numbers on the left of the bars, and for the weekdays beside the heat map.
LEFT: Final = 60
TOP: Final = 12
#: Of the bars' plot, without its labels.
PLOT_HEIGHT: Final = 180
LABELS_HEIGHT: Final = 34
ROW_HEIGHT: Final = 30
#: Shades of the heat map beside the empty one.
SHADES: Final = 5
#: So many bookings at least make the darkest shade: one booking is no rush.
RUSH: Final = 5
#: Hours that are shown even where nobody comes, the last one included.
USUAL_HOURS: Final = (8, 17)
#: From so many columns on, a phone has no room for numbers in the cells.
MANY_COLUMNS: Final = 15
#: More days than these are labelled by every so manieth on a phone.
MANY_DAYS: Final = 10
EVERY: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One date's bar: what was booked, and on top the part that nobody came to."""

    date: date
    label: str
    #: Whether a phone has room for the label.
    is_major: bool
    is_today: bool
    x: float
    width: float
    middle: float
    y: float
    height: float
    missed_y: float
    missed_height: float
    bookings: int
    missed: int
    cancelled: int
    new_patients: int
    #: Bookings of the date that stands here in the period before; None where that is not known.
    previous: int | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bookings by date, and the period before as a line."""

    height: int
    bottom: float
    days: tuple[Day, ...]
    #: (y, number) of the lines behind the bars.
    grid: tuple[tuple[float, int], ...]
    #: The points of the line, as SVG's polyline takes them; "" for none.
    line: str
    words: str
    left: int = LEFT


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


def bars(
    period: Period,
    trends: Sequence[Mapping[str, Any]],
    previous: Sequence[Mapping[str, Any]] | None,
    today: date,
) -> Bars | None:
    """Return the bars of a period's `bookingTrends`, or None where there is nothing to draw.

    `previous` are the trends of the period before, or None where they are not known.
    """
    if not trends:
        return None
    by_date = {date.fromisoformat(each["date"]): each for each in trends}
    before = {date.fromisoformat(each["date"]): each for each in previous or ()}
    pairs = [
        (each, None if previous is None else _before(period, before, number))
        for number, each in enumerate(_dates(period))
    ]
    highest = max(
        max((row["bookings"] for row in by_date.values()), default=0),
        max((count for _, count in pairs if count is not None), default=0),
        1,
    )
    step = _step(highest)
    top = step * math.ceil(highest / step)
    scale = PLOT_HEIGHT / top
    bottom = TOP + PLOT_HEIGHT
    slot = (WIDTH - LEFT) / len(pairs)
    days = tuple(
        _day(number, each, by_date.get(each, {}), count, slot, scale, today, len(pairs))
        for number, (each, count) in enumerate(pairs)
    )
    points = [
        f"{day.middle},{round(bottom - day.previous * scale, 1)}"
        for day in days
        if day.previous is not None
    ]
    return Bars(
        height=bottom + LABELS_HEIGHT,
        bottom=bottom,
        days=days,
        grid=tuple((bottom - number * scale, number) for number in range(0, top + 1, step)),
        line=" ".join(points),
        words=_bars_words(period, days),
    )


def _dates(period: Period) -> list[date]:
    return [period.first + timedelta(days=number) for number in range(period.days)]


def _before(period: Period, rows: Mapping[date, Mapping[str, Any]], number: int) -> int | None:
    """Return the bookings of the same place in the period before; a longer one has more dates."""
    each = period.previous_first + timedelta(days=number)
    if each > period.previous_last:
        return None
    return int(rows.get(each, {}).get("bookings", 0))


def _day(
    number: int,
    each: date,
    row: Mapping[str, Any],
    previous: int | None,
    slot: float,
    scale: float,
    today: date,
    days: int,
) -> Day:
    booked, missed = row.get("bookings", 0), row.get("missed", 0)
    bottom = TOP + PLOT_HEIGHT
    kept, absent = (booked - missed) * scale, missed * scale
    words = f"{each:%A} {each.day} {each:%B}: {counted(booked, 'booking')}"
    return Day(
        date=each,
        label=f"{each:%a} {each.day}" if days <= MANY_DAYS else str(each.day),
        is_major=days <= MANY_DAYS or number % EVERY == 0,
        is_today=each == today,
        x=round(LEFT + number * slot + slot * 0.15, 1),
        width=round(slot * 0.7, 1),
        middle=round(LEFT + (number + 0.5) * slot, 1),
        y=round(bottom - kept, 1),
        height=round(kept, 1),
        missed_y=round(bottom - kept - absent, 1),
        missed_height=round(absent, 1),
        bookings=booked,
        missed=missed,
        cancelled=row.get("cancelled", 0),
        new_patients=row.get("newPatients", 0),
        previous=previous,
        words=f"{words}, {missed} of them missed" if missed else words,
    )


def _step(highest: int) -> int:
    """Return a round number of which at most five reach beyond the highest."""
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if highest <= 4 * step:
                return step
        size *= 10


def _bars_words(period: Period, days: Sequence[Day]) -> str:
    busiest = max(days, key=lambda day: day.bookings)
    total = sum(day.bookings for day in days)
    span = f"{period.first.day} {period.first:%B} to {period.last.day} {period.last:%B}"
    return (
        f"Bookings by day, {span}: {counted(total, 'booking')}, "
        f"most on {busiest.date:%A} {busiest.date.day} {busiest.date:%B} ({busiest.bookings})."
    )


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
