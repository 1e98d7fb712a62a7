"""What a run reads, in which order: pure decisions over the PMS's abilities and our cursors."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Self

from integrations.queries import Changes, Feed, Resource
from sync.states import Mode

#: Days around today that an incremental run reads where changes alone may not tell all.
DAYS_BACK: Final = 7
DAYS_AHEAD: Final = 30
#: What changes between two runs; the other lists are read by full passes.
MOVING: Final = (Resource.PATIENTS, Resource.APPOINTMENTS)


class Kind(enum.StrEnum):
    """How a step reads its list."""

    FULL = "full"
    CHANGES = "changes"
    WINDOW = "window"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One reading of one list. Kept in the database as the run begins, so that a resumed run reads
    on just what it began."""

    resource: Resource
    kind: Kind
    changed_since: datetime | None = None
    first: date | None = None
    last: date | None = None

    def feed(self, timezones: Mapping[str, str]) -> Feed:
        """Return it as a question to an adapter."""
        return Feed(
            resource=self.resource,
            changed_since=self.changed_since,
            first=self.first,
            last=self.last,
            timezones=timezones,
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in asdict(self).items()
            if value is not None
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return what `as_json` was made of."""
        since, first, last = (kept.get(name) for name in ("changed_since", "first", "last"))
        return cls(
            resource=Resource(kept["resource"]),
            kind=Kind(kept["kind"]),
            changed_since=datetime.fromisoformat(since) if since else None,
            first=date.fromisoformat(first) if first else None,
            last=date.fromisoformat(last) if last else None,
        )


def make(
    mode: Mode,
    *,
    is_full: bool,
    only: Collection[str],
    lists: Mapping[Resource, Changes],
    read_until: Mapping[str, datetime],
    today: date,
    now: datetime,
) -> list[Step]:
    """Return the steps of a run that begins now.

    `lists` is what the PMS has, `read_until` our cursor of each list that was ever read whole, and
    `today` the clinic's date. A list without a cursor is read in full, and so is one whose PMS
    cannot tell what changed since the cursor; where that is true of nothing but appointments, the
    days around today stand for them, and the night reads the rest.
    """
    is_full = is_full or mode is Mode.COMPREHENSIVE or not read_until
    if mode is Mode.UPCOMING and not is_full:
        if Resource.APPOINTMENTS not in lists:
            return []
        return [_changes_or_window(lists[Resource.APPOINTMENTS], read_until, today, now)]
    unread = {resource for resource in lists if resource not in read_until}
    wanted = set(only) or (set(Resource) if is_full else {*MOVING, *unread})
    if mode is Mode.PATIENTS_ONLY:
        wanted = {Resource.PATIENTS}
    steps: list[Step] = []
    for resource in Resource:
        if resource not in wanted or resource not in lists:
            continue
        changes, until = lists[resource], read_until.get(resource)
        if is_full or until is None:
            steps.append(Step(resource=resource, kind=Kind.FULL))
        elif since := _asked_since(changes, until, now):
            steps.append(Step(resource=resource, kind=Kind.CHANGES, changed_since=since))
            if resource is Resource.APPOINTMENTS and changes.needs_window:
                steps.append(_window(today))
        elif resource is Resource.APPOINTMENTS and not changes.told:
            steps.append(_window(today))
        else:
            steps.append(Step(resource=resource, kind=Kind.FULL))
    return steps


def instead_of(step: Step, mode: Mode, today: date) -> Step:
    """Return what is read where the PMS does not tell the changes that a step asks for."""
    if step.resource is not Resource.APPOINTMENTS:
        return Step(resource=step.resource, kind=Kind.FULL)
    return _upcoming(today) if mode is Mode.UPCOMING else _window(today)


def _changes_or_window(
    changes: Changes, read_until: Mapping[str, datetime], today: date, now: datetime
) -> Step:
    until = read_until.get(Resource.APPOINTMENTS)
    since = _asked_since(changes, until, now) if until and not changes.needs_window else None
    if since:
        return Step(resource=Resource.APPOINTMENTS, kind=Kind.CHANGES, changed_since=since)
    return _upcoming(today)


def _upcoming(today: date) -> Step:
    tomorrow = today + timedelta(days=1)
    return Step(resource=Resource.APPOINTMENTS, kind=Kind.WINDOW, first=today, last=tomorrow)


def _window(today: date) -> Step:
    return Step(
        resource=Resource.APPOINTMENTS,
        kind=Kind.WINDOW,
        first=today - timedelta(days=DAYS_BACK),
        last=today + timedelta(days=DAYS_AHEAD),
    )


def _asked_since(changes: Changes, until: datetime, now: datetime) -> datetime | None:
    """Return the moment to ask changes from; None where the PMS does not tell them from there."""
    if not changes.told:
        return None
    since = until - changes.overlap
    if changes.furthest is not None and since < now - changes.furthest:
        return None
    return since
