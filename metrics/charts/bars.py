"""Bookings by day as bars, and the period before as a line."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from metrics.calendar import Period
from metrics.charts.paper import LABELS_HEIGHT, LEFT, TOP, WIDTH
from metrics.wording import counted

#: Of the plot, without its labels.
PLOT_HEIGHT: Final = 180
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
