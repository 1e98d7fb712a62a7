"""Working hours and closures as JSON: what is allowed in them, and when they leave a place open.

Hours are a list of spans for each weekday, in the wall clock of the site: {"mon": [["08:00",
"12:00"], ["13:00", "17:00"]], ...}. No weekday at all: nobody has said. Closures are a list of
{"first_date", "last_date", "reason", "practitioner"}, without the last one for the whole clinic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT: Final = "24:00"
LONGEST_REASON: Final = 200

Hours = dict[str, list[list[str]]]
Closure = dict[str, str]
Span = tuple[datetime, datetime]


class WrongTimetable(ValueError):
    """What was given is no timetable; the message says to people what is wrong."""


def check_hours(given: Any) -> Hours:
    """Return the hours with every weekday named and its spans in order; {} stays {}.

    Raises WrongTimetable for an unknown weekday, or spans that overlap or end before they begin.
    """
    if not isinstance(given, Mapping):
        raise WrongTimetable("Working hours are spans for each weekday.")
    if unknown := sorted(set(map(str, given)) - set(WEEKDAYS)):
        raise WrongTimetable(f"{unknown[0]} is no weekday; use {', '.join(WEEKDAYS)}.")
    if not given:
        return {}
    return {day: _spans(day, given.get(day, [])) for day in WEEKDAYS}


def _spans(day: str, given: Any) -> list[list[str]]:
    if not isinstance(given, list):
        raise WrongTimetable(f"{day}: write spans such as 08:00-12:00.")
    spans = []
    for span in given:
        if not (isinstance(span, list | tuple) and len(span) == 2):
            raise WrongTimetable(f"{day}: write spans such as 08:00-12:00.")
        start, end = span
        for text, is_end in ((start, False), (end, True)):
            if not _is_clock(text, is_end):
                raise WrongTimetable(f"{day}: {text} is no time of day; write it as 08:00.")
        if end <= start:
            past = f"; what goes past midnight is {start}-{MIDNIGHT} and then the next day's"
            raise WrongTimetable(f"{day}: {start}-{end} ends before it begins{past}.")
        spans.append([start, end])
    spans.sort()
    for before, after in pairwise(spans):
        if after[0] < before[1]:
            raise WrongTimetable(f"{day}: {'-'.join(before)} and {'-'.join(after)} overlap.")
    return spans


def _is_clock(text: Any, is_end: bool) -> bool:
    """Return whether it is HH:MM, so that texts compare as times do."""
    if is_end and text == MIDNIGHT:
        return True
    return isinstance(text, str) and bool(re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", text))


def check_closures(given: Any) -> list[Closure]:
    """Return the closures by date. Raises WrongTimetable for what is no date or ends too early."""
    if not isinstance(given, list):
        raise WrongTimetable("Closures are a list of dates.")
    closures = []
    for each in given:
        if not isinstance(each, Mapping):
            raise WrongTimetable("A closure has a first date, a last date and a reason.")
        first, last = (_date(each.get(name)) for name in ("first_date", "last_date"))
        if last < first:
            raise WrongTimetable(f"The closure from {first} ends before it begins, on {last}.")
        reason = str(each.get("reason") or "").strip()
        if len(reason) > LONGEST_REASON or not reason.isprintable():
            raise WrongTimetable(f"A reason has at most {LONGEST_REASON} characters, on one line.")
        closure = {
            "first_date": first.isoformat(),
            "last_date": last.isoformat(),
            "reason": reason,
        }
        if practitioner := str(each.get("practitioner") or ""):
            closure["practitioner"] = practitioner
        closures.append(closure)
    return sorted(closures, key=lambda one: (one["first_date"], one["last_date"]))


def _date(text: Any) -> date:
    # Not every form that ISO 8601 has: dates of one form compare as texts, too.
    if not (isinstance(text, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text)):
        raise WrongTimetable(f"{text or 'Nothing'} is no date; write it as 2030-12-24.")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongTimetable(f"There is no {text} in the calendar.") from None


def is_closed(closures: Iterable[Closure], day: date, practitioner: str = "") -> bool:
    """Return whether a closure of the clinic, or of this practitioner, covers the day."""
    return any(
        each["first_date"] <= day.isoformat() <= each["last_date"]
        and each.get("practitioner", practitioner) == practitioner
        for each in closures
    )


def spans_of(hours: Hours, day: date, zone: ZoneInfo) -> list[Span]:
    """Return when the hours are on a local date, in UTC. A span that the clock jumps over whole
    is none."""
    spans = []
    for start, end in hours.get(WEEKDAYS[day.weekday()], []):
        opens, closes = _moment(day, start, zone), _moment(day, end, zone)
        if opens < closes:
            spans.append((opens, closes))
    return spans


def _moment(day: date, clock: str, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the site's clock shows this time, or a later one where it
    jumps over it."""
    if clock == MIDNIGHT:
        wall = datetime.combine(day + timedelta(days=1), time())
    else:
        wall = datetime.combine(day, time.fromisoformat(clock))
    # PEP 495: within a jump, the two readings of a time that never is lie around the jump.
    late = wall.replace(tzinfo=zone).astimezone(UTC)
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if early >= late:
        return late
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late
