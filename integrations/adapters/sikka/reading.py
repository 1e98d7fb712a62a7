"""Which call brings which page of a list, and where the next one begins. Pure functions.

A position is JSON: how the list is read, what is left of it, and the number of the page in its
first part. A long list of appointments or changes is read in parts, since Sikka answers for no
longer time at once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from clinics.records import PmsRecord, Removed, Unreadable
from integrations.adapters.sikka import answers, mapping, vocabulary
from integrations.adapters.sikka.manifest import DAYS_AHEAD, DAYS_BACK, LONGEST_RANGE
from integrations.http.client import Reply
from integrations.http.errors import NoAnswer
from integrations.queries import Feed, Page, Resource

ALL_FIELDS: Final = {"fields": "get_all"}
PRACTICES: Final = "/practices"
APPOINTMENTS: Final = "/appointments"
EVENTS: Final = "/practice_events"
#: Lists that are asked for as they are.
WHOLE: Final[Mapping[Resource, tuple[str, Mapping[str, str]]]] = {
    Resource.LOCATIONS: ("/authorized_practices", {"show": "all"}),
    Resource.PRACTITIONERS: ("/providers", {}),
    Resource.APPOINTMENT_TYPES: (vocabulary.TYPES.path, vocabulary.TYPES.params),
    Resource.PATIENTS: ("/patients", ALL_FIELDS),
}
#: The lists whose changes are told, by the name that they have there.
TOLD: Final = {Resource.PATIENTS: "patients", Resource.APPOINTMENTS: "appointments"}

#: The longest time that practice_events answers for, in minutes (documented).
LONGEST_INTERVAL: Final = 1440
#: Longer ones are slow and not exact, says the documentation.
LONGEST_SLICE: Final = timedelta(days=1)
#: In which zone Sikka writes when a record was loaded is not documented: how far clocks are
#: behind and ahead of UTC.
BEHIND, AHEAD = timedelta(hours=12), timedelta(hours=14)
#: A position is at most 1,000 characters; the rest of it takes up less than this.
LONGEST_CUSTOMERS: Final = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A call for one page. `part` names the part of the list that it is of, `more` is the position
    of the next page of that part, and `rest` that of the next part, "" where this is the last."""

    resource: Resource
    path: str
    params: Mapping[str, str]
    page: int
    more: str
    part: str = ""
    rest: str = ""

    @property
    def by_application(self) -> bool:
        """Return whether the application asks, and not the office."""
        return self.resource is Resource.LOCATIONS


def question(feed: Feed, position: str, now: datetime) -> Question:
    """Return what to ask for a position. Changes are told whatever days they are about."""
    told: list[Any] = json.loads(position or "[]")
    if feed.changed_since is not None and feed.resource in TOLD:
        return _changes(feed.resource, feed.changed_since, told, now)
    if feed.resource is Resource.APPOINTMENTS:
        return _days(feed, told, now)
    if feed.resource is Resource.OPERATORIES:
        return _operatories(told)
    path, params = WHOLE[feed.resource]
    page = told[0] if told else 0
    return Question(
        resource=feed.resource, path=path, params=params, page=page, more=_position(page + 1)
    )


def read(
    question: Question,
    reply: Reply,
    timezones: Mapping[str, str],
    is_ours: Callable[[Mapping[str, Any]], bool],
) -> Page:
    """Return the page that a call brought. Raises NoAnswer where the answer holds no list.

    `is_ours` tells the practices of this office from those of others.
    """
    rows = answers.rows(reply)
    # An empty page ends a list, whatever it names next.
    goes_on = bool(rows) and answers.has_next_page(reply, question.page)
    if question.path == PRACTICES:
        return Page(records=(), next=_customers(rows, goes_on))
    if question.path == EVENTS:
        records = tuple(
            _event(question.resource, row, timezones) for row in _newest(question.resource, rows)
        )
    else:
        if question.resource is Resource.LOCATIONS:
            rows = [row for row in rows if isinstance(row, dict) and is_ours(row)]
        elif question.resource is Resource.APPOINTMENT_TYPES:
            rows = [row for row in rows if vocabulary.is_of(vocabulary.TYPES, row)]
        records = tuple(mapping.record(question.resource, row, timezones) for row in rows)
        if question.resource is Resource.APPOINTMENT_TYPES:
            records = tuple(dict.fromkeys(records))  # each practice repeats what all of them have
    is_part = bool(question.rest) or question.path in {APPOINTMENTS, EVENTS}
    return Page(
        records=records,
        next=question.more if goes_on else question.rest,
        part=question.part,
        total=None if is_part or question.by_application else answers.total(reply),
    )


def _days(feed: Feed, told: Sequence[Any], now: datetime) -> Question:
    """Ask for appointments by their days, a year at a time."""
    if told:
        first, last, page = date.fromisoformat(told[0]), date.fromisoformat(told[1]), told[2]
    else:
        today, page = now.astimezone(UTC).date(), 0
        first = feed.first or min(feed.last or today, today) - timedelta(days=DAYS_BACK)
        last = feed.last or max(first, today) + timedelta(days=DAYS_AHEAD)
    until = min(first + timedelta(days=LONGEST_RANGE - 1), last)
    following = until + timedelta(days=1)
    return Question(
        resource=Resource.APPOINTMENTS,
        path=APPOINTMENTS,
        params={"startdate": first.isoformat(), "enddate": until.isoformat(), **ALL_FIELDS},
        page=page,
        more=_position(first, last, page + 1),
        part=first.isoformat(),
        rest=_position(following, last, 0) if until < last else "",
    )


def _changes(resource: Resource, since: datetime, told: Sequence[Any], now: datetime) -> Question:
    """Ask what changed since a moment: by minutes from now for a day, else day by day.

    Minutes from now mean the same in any zone. Between two pages they only grow, so that what
    leaves the time asked for at its beginning moves nothing past the reader.
    """
    way, *rest = told or ["minutes", since.isoformat(), 0]
    params = {"events": TOLD[resource], "status": "current", **ALL_FIELDS}
    if way == "minutes":
        begin, page = datetime.fromisoformat(rest[0]), rest[1]
        # One more for the time until Sikka reads it.
        minutes = max(math.ceil((now - begin) / timedelta(minutes=1)), 0) + 1
        if minutes <= LONGEST_INTERVAL:
            begin = now - timedelta(minutes=minutes)
            return Question(
                resource=resource,
                path=EVENTS,
                params={**params, "interval": str(minutes)},
                page=page,
                more=_position("minutes", begin.isoformat(), page + 1),
            )
        rest = [_wall_clock(since - BEHIND), _wall_clock(now + AHEAD), 0]
    first, last, page = datetime.fromisoformat(rest[0]), datetime.fromisoformat(rest[1]), rest[2]
    # Two slices share a second: what was loaded within it must be in one of them.
    until = min(first + LONGEST_SLICE, last)
    loaded = {"loaded_startdate": first.isoformat(), "loaded_enddate": until.isoformat()}
    return Question(
        resource=resource,
        path=EVENTS,
        params={**params, **loaded},
        page=page,
        more=_position("loaded", first.isoformat(), last.isoformat(), page + 1),
        part=first.isoformat(),
        rest=_position("loaded", until.isoformat(), last.isoformat(), 0) if until < last else "",
    )


def _wall_clock(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat()


def _newest(resource: Resource, rows: Sequence[Any]) -> list[Any]:
    """Return the rows without those that a later one of the same record has overtaken.

    Each record is asked for once, in its last state; that Sikka keeps to it is not taken on trust,
    since a deletion and what came before or after it would be told as one.
    """

    def key(number: int) -> object:
        row = rows[number]
        id = row.get(mapping.ID_FIELDS[resource]) if isinstance(row, dict) else None
        return str(id) if id else number

    last: dict[object, tuple[str, int]] = {}
    for number, row in enumerate(rows):
        loaded = str(row.get("loadeddate") or "") if isinstance(row, dict) else ""
        last[key(number)] = max(last.get(key(number), ("", 0)), (loaded, number))
    return [rows[number] for _, number in sorted(last.values(), key=lambda each: each[1])]


def _event(
    resource: Resource, row: Any, timezones: Mapping[str, str]
) -> PmsRecord | Removed | Unreadable:
    """Read what became of a record: the flag is written with a capital letter or without."""
    flag = str(row.get("flag") or "").strip().lower() if isinstance(row, dict) else ""
    if flag != "deleted":
        return mapping.record(resource, row, timezones)
    external_id = mapping.usable_id(row.get(mapping.ID_FIELDS[resource]))
    # Into whom a patient was merged is not told.
    return Removed(external_id=external_id) if external_id else Unreadable("has no usable id")


def _operatories(told: Sequence[Any]) -> Question:
    """Ask for the operatories of the office's customers in turn, after asking who they are."""
    resource = Resource.OPERATORIES
    if not told:
        return Question(resource=resource, path=PRACTICES, params={}, page=0, more="")
    page, customer, *others = told
    return Question(
        resource=resource,
        path="/operatories",
        params={"cust_id": customer},
        page=page,
        more=_position(page + 1, customer, *others),
        part=customer,
        rest=_position(0, *others) if others else "",
    )


def _customers(rows: Sequence[Any], goes_on: bool) -> str:
    """Return the position of the first operatory: a list that must be asked for by cust_id."""
    found = {str(row["cust_id"]) for row in rows if isinstance(row, dict) and row.get("cust_id")}
    if not found:
        return ""
    position = _position(0, *sorted(found))
    if goes_on or len(position) > LONGEST_CUSTOMERS:
        raise NoAnswer("Sikka tells more practices than one office can have.")
    return position


def _position(*parts: Any) -> str:
    return json.dumps([str(part) if isinstance(part, date) else part for part in parts])
