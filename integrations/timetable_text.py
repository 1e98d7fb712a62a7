"""Timetables as people type them: one line for a weekday, a practitioner's weekday, a closure.

    mon 08:00-12:00, 13:00-17:00
    DMD1 tue 09:00-12:00
    2030-12-24..2030-12-26 Christmas
    2030-07-01..2030-07-05 [DMD1] On leave

Practitioners are named by the PMS's ids. What is read is not checked further here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from integrations.timetable import WEEKDAYS, Closure, Hours, WrongTimetable

CLOSED = "closed"
_DAY = "|".join(WEEKDAYS)
_DAY_LINE = re.compile(rf"(?P<day>{_DAY})\s+(?P<spans>.+)", re.IGNORECASE)
_PERSON_LINE = re.compile(rf"(?P<who>.+?)\s+(?P<day>{_DAY})\s+(?P<spans>.+)", re.IGNORECASE)
_CLOSURE_LINE = re.compile(
    r"(?P<first>[^\s.\[]+)(?:\s*\.\.\s*(?P<last>[^\s\[]+))?(?:\s*\[(?P<who>[^\]]+)\])?"
    r"(?:\s+(?P<reason>.*))?"
)


def write_hours(hours: Hours) -> str:
    """Return the hours, a line for each weekday."""
    # In the week's order, which JSON in the database does not keep.
    return "\n".join(f"{day} {_write_spans(hours[day])}" for day in WEEKDAYS if day in hours)


def read_hours(text: str) -> Hours:
    """Return the hours that lines say. Raises WrongTimetable for a line that says none."""
    hours: Hours = {}
    for line in _lines(text):
        found = _DAY_LINE.fullmatch(line)
        if not found:
            raise WrongTimetable(f"“{line}” is no line such as mon 08:00-12:00, 13:00-17:00.")
        _add(hours, found["day"], found["spans"], line)
    return hours


def write_practitioner_hours(hours: Mapping[str, Hours], names: Mapping[str, str]) -> str:
    """Return the hours of each; `names` maps our ids → the PMS's."""
    return "\n".join(
        f"{names.get(who, who)} {line}"
        for who, own in hours.items()
        for line in write_hours(own).splitlines()
    )


def read_practitioner_hours(text: str, ids: Mapping[str, str]) -> dict[str, Hours]:
    """Return the hours of each by our ids; `ids` maps the PMS's → ours."""
    hours: dict[str, Hours] = {}
    for line in _lines(text):
        found = _PERSON_LINE.fullmatch(line)
        if not found:
            raise WrongTimetable(f"“{line}” is no line such as DMD1 mon 08:00-12:00.")
        own = hours.setdefault(_id(found["who"], ids), {})
        _add(own, found["day"], found["spans"], line)
    return hours


def write_closures(closures: list[Closure], names: Mapping[str, str]) -> str:
    """Return the closures, a line for each; `names` maps our ids → the PMS's."""
    lines = []
    for each in closures:
        dates = each["first_date"]
        if each["last_date"] != dates:
            dates += f"..{each['last_date']}"
        who = each.get("practitioner", "")
        named = f"[{names.get(who, who)}]" if who else ""
        lines.append(" ".join(filter(None, [dates, named, each["reason"]])))
    return "\n".join(lines)


def read_closures(text: str, ids: Mapping[str, str]) -> list[Closure]:
    """Return the closures that lines say; `ids` maps the PMS's ids → ours."""
    closures = []
    for line in _lines(text):
        found = _CLOSURE_LINE.fullmatch(line)
        if not found:
            raise WrongTimetable(f"“{line}” is no line such as 2030-12-24..2030-12-26 Christmas.")
        closure = {
            "first_date": found["first"],
            "last_date": found["last"] or found["first"],
            "reason": (found["reason"] or "").strip(),
        }
        if found["who"]:
            closure["practitioner"] = _id(found["who"], ids)
        closures.append(closure)
    return closures


def _lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines() if line.strip())


def _write_spans(spans: list[list[str]]) -> str:
    return ", ".join("-".join(span) for span in spans) or CLOSED


def _add(hours: Hours, day: str, spans: str, line: str) -> None:
    if day.lower() in hours:
        raise WrongTimetable(f"“{line}” says a weekday for a second time; write it on one line.")
    closed = spans.strip().lower() == CLOSED
    # A dash of either kind, with or without spaces around it.
    parts = [] if closed else [re.split(r"\s*[-–]\s*", each.strip()) for each in spans.split(",")]
    if any(len(part) != 2 for part in parts):
        raise WrongTimetable(f"“{line}”: write spans such as 08:00-12:00, or {CLOSED}.")
    hours[day.lower()] = parts


def _id(name: str, ids: Mapping[str, str]) -> str:
    name = name.strip()
    if name not in ids:
        known = ", ".join(sorted(ids)[:20]) or "nobody yet"
        raise WrongTimetable(f"{name} is no practitioner of this clinic; the PMS has {known}.")
    return ids[name]
