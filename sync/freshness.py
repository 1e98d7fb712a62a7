"""How current our copy of each list of a practice is, and what it costs to read it anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from integrations.models import Integration
from integrations.queries import Resource
from sync import schedule
from sync.plan import MOVING


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """One list: all that the PMS changed before `read_until` is here; None: never read whole."""

    resource: Resource
    read_until: datetime | None
    #: Since then; some of it may be newer, where only the days around today are read between.
    age: timedelta | None
    looked_at: datetime | None
    full_at: datetime | None
    #: Calls that another full pass would take, by the last one.
    full_pages: int
    #: When the PMS last said that it changed, if it was not read since.
    wanted_at: datetime | None
    #: How often it is read by day; None for what only full passes read.
    interval: timedelta | None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.resource.replace("_", " ").capitalize()

    @property
    def is_late(self) -> bool:
        """Whether it is older than two of its intervals, or than a night's pass leaves it."""
        longest = self.interval * 2 if self.interval else schedule.OVERDUE
        return self.age is None or self.age > longest


def of(integration: Integration, now: datetime) -> list[Freshness]:
    """Return how current each list is that the PMS has, in the order in which they are read."""
    cursors = {each.resource: each for each in integration.cursors.all()}
    found = []
    for resource in Resource:
        cursor = cursors.get(resource)
        if cursor is None and resource not in integration.manifest.lists:
            continue
        moves = resource in MOVING
        found.append(
            Freshness(
                resource=resource,
                read_until=cursor.read_until if cursor else None,
                age=now - cursor.read_until if cursor else None,
                looked_at=cursor.looked_at if cursor else None,
                full_at=cursor.full_at if cursor else None,
                full_pages=cursor.full_pages if cursor else 0,
                wanted_at=cursor.wanted_at if cursor else None,
                interval=schedule.interval(integration, resource) if moves else None,
            )
        )
    return found
