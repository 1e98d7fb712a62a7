"""Offer the nearest free times where the one asked for is taken, by our copy and our holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from clinics.models import Appointment, Clinic, Location, Operatory, Practitioner
from writebacks.free_time import DAY, Hours, Interval, nearest, step_for, whole_day
from writebacks.models import SlotHold
from writebacks.slots import visits_at

#: How far from the time asked for others are offered.
REACH = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSlot:
    """A time, in UTC, at which the practitioner and, if asked for, an operatory are free."""

    starts_at: datetime
    ends_at: datetime
    practitioner_id: UUID
    operatory_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternatives:
    """Free slots, the nearest first; `inferred` where the opening hours are not known."""

    slots: tuple[FreeSlot, ...]
    inferred: bool


class Taken(NamedTuple):
    """Time that a visit of our copy takes, or a hold, whose location is not known."""

    practitioner: UUID | None
    operatory: UUID | None
    location: UUID | None
    interval: Interval


def alternatives(
    clinic: Clinic,
    practitioner: Practitioner,
    operatory: Operatory | None,
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    count: int = 3,
    *,
    location: Location | None = None,
    hours: Hours | None = None,
    ignore_appointment: Appointment | None = None,
) -> Alternatives:
    """Return the nearest free times as long as the one asked for, with the same practitioner.

    They are at most REACH away and not before `now`; the PMS may still know better. Where an
    operatory is asked for, another may come in its place: one that the location uses, by the visits
    in our copy, since we are not told where an operatory is.

    Without known `hours` they are inferred, for each local date: from the start of the first of the
    practitioner's visits at the location to the end of the last. On the date asked for they also
    reach to both sides of the time asked for, by its own length.

    Two queries, however much there is to look through.
    """
    zone = location.zone if location else clinic.zone
    asked = Interval(starts_at.astimezone(UTC), ends_at.astimezone(UTC))
    days = _days(asked, now, zone)
    if not days:
        return Alternatives(slots=(), inferred=hours is None)
    window = Interval(whole_day(days[0], zone).start, whole_day(days[-1], zone).end)
    visits = _visits(clinic, window, ignore_appointment)
    taken = visits + _holds(clinic, window)
    here = [each for each in visits if location is None or each.location == location.pk]
    if hours is None:
        worked = [each.interval for each in here if each.practitioner == practitioner.pk]
        open_in = _inferred(worked, asked, zone)
    else:
        open_in = [interval for day in days for interval in hours(day)]
    found = nearest(
        asked,
        open_in=open_in,
        busy=[each.interval for each in taken if each.practitioner == practitioner.pk],
        places=_places(operatory, here, taken),
        not_before=now,
        reach=REACH,
    )
    return Alternatives(
        slots=tuple(
            FreeSlot(
                starts_at=slot.start,
                ends_at=slot.end,
                practitioner_id=practitioner.pk,
                operatory_id=place,
            )
            for slot, place in islice(found, count)
        ),
        inferred=hours is None,
    )


def _days(asked: Interval, now: datetime, zone: ZoneInfo) -> list[date]:
    """Return the local dates on which a time may be offered."""
    first = max(now, asked.start - REACH).astimezone(zone).date()
    last = (asked.end + REACH).astimezone(zone).date()
    return [first + number * DAY for number in range((last - first).days + 1)]


def _visits(clinic: Clinic, window: Interval, ignored: Appointment | None) -> list[Taken]:
    rows = visits_at(clinic.pk, window.start, window.end, ignored).values_list(
        "practitioner_id", "operatory_id", "location_id", "starts_at", "ends_at"
    )
    return [
        Taken(practitioner, operatory, place, Interval(start, end))
        for practitioner, operatory, place, start, end in rows
    ]


def _holds(clinic: Clinic, window: Interval) -> list[Taken]:
    rows = SlotHold.objects.filter(
        clinic=clinic, during__overlap=DateTimeTZRange(*window)
    ).values_list("practitioner_id", "operatory_id", "during")
    return [
        Taken(practitioner, operatory, None, Interval(during.lower, during.upper))
        for practitioner, operatory, during in rows
    ]


def _places(
    operatory: Operatory | None, here: Iterable[Taken], taken: Iterable[Taken]
) -> dict[UUID | None, list[Interval]]:
    """Return what is taken of each operatory that may be offered, the one asked for first."""
    if operatory is None:
        return {None: []}
    places: dict[UUID | None, list[Interval]] = {operatory.pk: []}
    places |= {each.operatory: [] for each in here if each.operatory not in (None, operatory.pk)}
    for each in taken:
        if each.operatory in places:
            places[each.operatory].append(each.interval)
    return places


def _inferred(worked: Iterable[Interval], asked: Interval, zone: ZoneInfo) -> list[Interval]:
    """Return when the practitioner seems to work, by the rule that `alternatives` tells."""
    spans: dict[date, Interval] = {}
    for each in worked:
        day = each.start.astimezone(zone).date()
        span = spans.get(day, each)
        spans[day] = Interval(min(span.start, each.start), max(span.end, each.end))
    length = asked.end - asked.start
    step = step_for(length)
    beside = -(-length // step) * step  # up to the next time that is offered
    midnights = whole_day(asked.start.astimezone(zone).date(), zone)
    around = Interval(
        max(midnights.start, asked.start - beside), min(midnights.end, asked.end + beside)
    )
    return [*spans.values(), around]
