"""How much of the practitioners' coming time is booked, and what the rest is worth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from clinics.models import Appointment, Practitioner
from metrics.insights.context import Context
from metrics.insights.definitions import COMING_DAYS, EMPTY_SLOTS_VALUE, FILL_RATE
from metrics.insights.figure import Figure, known, lacking, share
from metrics.rollups import BOOKED
from writebacks.free_time import Interval, merged
from writebacks.opening import hours_of

_MINUTE: Final = timedelta(minutes=1)
_NO_HOURS: Final = "nobody has said when the practitioners work."
_NOT_OPEN: Final = "no practitioner works in the coming 14 days."


def figures(context: Context) -> dict[str, Figure]:
    """Return the fill rate with each practitioner's, and the value of what is empty."""
    people = list(
        Practitioner.objects.present()
        .filter(clinic=context.clinic, is_active=True)
        .order_by("last_name", "first_name", "pk")
    )
    hours = {who.pk: _open(context, who) for who in people}
    known_hours = {pk: spans for pk, spans in hours.items() if spans is not None}
    booked = _booked(context) if known_hours else {}
    rows = [
        _row(who, known_hours[who.pk], booked.get(who.pk, []))
        for who in people
        if who.pk in known_hours
    ]
    details = {
        "perPractitioner": rows,
        "hoursUnknown": [str(who) for who in people if who.pk not in known_hours],
        "bookedMinutes": sum(row["bookedMinutes"] for row in rows),
        "openMinutes": sum(row["openMinutes"] for row in rows),
    }
    return {FILL_RATE.name: _rate(details), EMPTY_SLOTS_VALUE.name: _value(context, details)}


def _open(context: Context, who: Practitioner) -> list[Interval] | None:
    """Return when the practitioner works from now on; None where nobody has said."""
    if context.profile is None:
        return None
    hours = hours_of(context.profile, who, context.clinic.zone)
    if hours is None:
        return None
    days = (context.today + timedelta(days=each) for each in range(COMING_DAYS))
    return merged(
        Interval(max(each.start, context.now), each.end) for day in days for each in hours(day)
    )


def _booked(context: Context) -> dict[UUID, list[Interval]]:
    """Return each practitioner's bookings that end after now, as times without overlaps."""
    found: dict[UUID, list[Interval]] = defaultdict(list)
    rows = Appointment.objects.present().filter(
        clinic=context.clinic,
        practitioner__isnull=False,
        status__in=BOOKED,
        ends_at__gt=context.now,
        starts_at__lt=context.midnight(COMING_DAYS),
    )
    for who, start, end in rows.values_list("practitioner_id", "starts_at", "ends_at"):
        found[who].append(Interval(start, end))
    return {who: merged(spans) for who, spans in found.items()}


def _row(who: Practitioner, hours: Sequence[Interval], taken: Sequence[Interval]) -> dict[str, Any]:
    opened = _minutes(hours)
    booked = _minutes(_both(hours, taken))
    return {
        "id": str(who.pk),
        "name": str(who),
        "value": share(booked, opened),
        "bookedMinutes": booked,
        "openMinutes": opened,
    }


def _both(one: Sequence[Interval], other: Sequence[Interval]) -> Iterable[Interval]:
    """Yield the times that are in both; each is in order and without overlaps."""
    at, beside = 0, 0
    while at < len(one) and beside < len(other):
        start = max(one[at].start, other[beside].start)
        end = min(one[at].end, other[beside].end)
        if start < end:
            yield Interval(start, end)
        if one[at].end <= other[beside].end:
            at += 1
        else:
            beside += 1


def _minutes(spans: Iterable[Interval]) -> int:
    return round(sum((each.end - each.start for each in spans), timedelta()) / _MINUTE)


def _rate(details: dict[str, Any]) -> Figure:
    n = len(details["perPractitioner"])
    if not details["openMinutes"]:
        return lacking(FILL_RATE, n, _NOT_OPEN if n else _NO_HOURS, **details)
    value = share(details["bookedMinutes"], details["openMinutes"])
    return known(FILL_RATE, value, n, **details)


def _value(context: Context, details: dict[str, Any]) -> Figure:
    n, hour = len(details["perPractitioner"]), context.wishes.value_per_hour
    empty = details["openMinutes"] - details["bookedMinutes"]
    if hour is None:
        why = "the clinic has not said what an hour is worth to it."
        return lacking(EMPTY_SLOTS_VALUE, n, why)
    if not details["openMinutes"]:
        return lacking(EMPTY_SLOTS_VALUE, n, _NOT_OPEN if n else _NO_HOURS)
    currency = context.wishes.currency
    found = known(
        EMPTY_SLOTS_VALUE,
        float(round(hour * empty / 60, 2)),
        n,
        currency=currency,
        valuePerHour=float(hour),
        emptyMinutes=empty,
    )
    said = f"{hour:,.2f} {currency}".strip()
    return {**found, "note": f"By the clinic's own figure of {said} an hour. {found['note']}"}
