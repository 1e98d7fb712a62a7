"""Periods of a clinic's own calendar. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

#: Days of a period at most: two years with a leap day.
LONGEST = 731


class Name(StrEnum):
    """A period by its name."""

    WEEK = "week"
    MONTH = "month"


class WrongPeriod(ValueError):
    """What was asked for is no period; the message says to people what is wrong."""


@dataclass(frozen=True, slots=True)
class Period:
    """Dates from the first to the last, both included, and the period to compare them with."""

    first: date
    last: date
    previous_first: date
    previous_last: date

    @property
    def days(self) -> int:
        """How many dates it has."""
        return (self.last - self.first).days + 1


def week(today: date, starts_on: int = 0) -> Period:
    """Return the week that has today in it; `starts_on` is its first weekday, 0 for Monday."""
    first = today - timedelta(days=(today.weekday() - starts_on) % 7)
    return between(first, first + timedelta(days=6))


def month(today: date) -> Period:
    """Return the calendar month that has today in it, beside the calendar month before."""
    first = today.replace(day=1)
    previous_last = first - timedelta(days=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(first, following - timedelta(days=1), previous_last.replace(day=1), previous_last)


def between(first: date, last: date) -> Period:
    """Return these dates, beside as many just before them. Raises WrongPeriod."""
    if last < first:
        raise WrongPeriod("endDate is before startDate.")
    days = (last - first).days + 1
    if days > LONGEST:
        raise WrongPeriod(f"This is a period of {days:,} days; ask for {LONGEST} at most.")
    try:
        previous_first = first - timedelta(days=days)
    except OverflowError:
        raise WrongPeriod("startDate is too early.") from None
    return Period(first, last, previous_first, first - timedelta(days=1))


def named(name: Name, today: date, starts_on: int = 0) -> Period:
    """Return the period of this name that has today in it."""
    return week(today, starts_on) if name is Name.WEEK else month(today)
