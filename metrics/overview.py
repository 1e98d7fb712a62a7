"""The numbers of several clinics at once, each in a period of its own calendar: one query.

What each means is in metrics/definitions.py. Also the way to the numbers of one clinic: half of the
time of three small queries is Django's own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection

from metrics.calendar import Period
from metrics.definitions import GROUPS

_ASKED: Final = """
    WITH asked AS (
        SELECT * FROM unnest(%(clinics)s::uuid[], %(first)s::date[], %(last)s::date[],
            %(previous_first)s::date[], %(previous_last)s::date[], %(today)s::date[])
            AS asked (clinic_id, first, last, previous_first, previous_last, today)
    )
"""
#: In the order of `_SUMMED`. Of a day that is over, who was not marked as missed has come.
_SUMS: Final = """
    CROSS JOIN LATERAL (
        SELECT min(date) FILTER (WHERE bookings > 0 OR cancelled > 0) AS begins,
            coalesce(sum(bookings) FILTER (WHERE date >= asked.first), 0) AS booked,
            coalesce(sum(bookings) FILTER (
                WHERE date BETWEEN asked.previous_first AND asked.previous_last), 0) AS previous,
            count(*) FILTER (WHERE date >= asked.first AND bookings > 0) AS days,
            coalesce(sum(missed) FILTER (WHERE date >= asked.first), 0) AS absent,
            coalesce(sum(attended) FILTER (WHERE date >= asked.first), 0) AS came,
            coalesce(sum(bookings - attended - missed) FILTER (
                WHERE date >= asked.first AND date < asked.today), 0) AS presumed,
            coalesce(sum(new_patients) FILTER (WHERE date >= asked.first), 0) AS new,
            coalesce(sum(gained - lost) FILTER (WHERE date <= asked.today), 0) AS active
        FROM clinic_metrics
        WHERE clinic_id = asked.clinic_id AND date <= asked.last
    ) AS sums
"""
_SUMMED: Final = (
    *("begins", "booked", "previous", "days", "absent", "came", "presumed", "new", "active"),
)
_TRENDS: Final = """
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object('date', date, 'bookings', bookings,
            'missed', missed, 'cancelled', cancelled, 'newPatients', new_patients)
            ORDER BY date), '[]') AS days
        FROM clinic_metrics
        WHERE clinic_id = asked.clinic_id AND date BETWEEN asked.first AND asked.last
            AND (bookings > 0 OR cancelled > 0)
    ) AS trends
    CROSS JOIN LATERAL (
        SELECT coalesce(json_agg(json_build_object('dayOfWeek', day_of_week,
            'hour', hour_of_day, 'bookings', bookings)
            ORDER BY bookings DESC, day_of_week, hour_of_day), '[]') AS hours
        FROM (
            SELECT day_of_week, hour_of_day, sum(booking_count) AS bookings
            FROM booking_trends
            WHERE clinic_id = asked.clinic_id AND date BETWEEN asked.first AND asked.last
            GROUP BY day_of_week, hour_of_day
        ) AS hour
    ) AS peaks
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of one clinic; `today` is its own date."""

    clinic_id: UUID
    period: Period
    today: date


def of(asked: Iterable[Asked], groups: Collection[str] = tuple(GROUPS)) -> dict[UUID, Any]:
    """Return each clinic's numbers, in the words of the API."""
    rows = list(asked)
    with_sums = "bookings" in groups or "patients" in groups
    with_trends = "trends" in groups
    if not rows or not (with_sums or with_trends):
        return {each.clinic_id: {} for each in rows}
    columns = [f"sums.{each}" for each in _SUMMED] if with_sums else []
    columns += ["trends.days", "peaks.hours"] if with_trends else []
    statement = (
        f"{_ASKED} SELECT clinic_id, {', '.join(columns)} FROM asked"  # noqa: S608 (our own names)
        f"{_SUMS if with_sums else ''}{_TRENDS if with_trends else ''}"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, _values(rows))
        found = {row[0]: row[1:] for row in cursor.fetchall()}
    wanted = {name for group in groups for name in GROUPS[group]}
    return {
        each.clinic_id: {
            name: value
            for name, value in _told(found[each.clinic_id], each, with_sums=with_sums).items()
            if name in wanted
        }
        for each in rows
    }


def _told(row: tuple[Any, ...], asked: Asked, *, with_sums: bool) -> dict[str, Any]:
    sums = row[: len(_SUMMED)] if with_sums else ()
    told = _in_words(dict(zip(_SUMMED, sums, strict=True)), asked.period) if with_sums else {}
    for name, value in zip(GROUPS["trends"], row[len(sums) :], strict=False):
        told[name] = value
    return told


def _values(rows: list[Asked]) -> dict[str, list[Any]]:
    return {
        "clinics": [each.clinic_id for each in rows],
        "first": [each.period.first for each in rows],
        "last": [each.period.last for each in rows],
        "previous_first": [each.period.previous_first for each in rows],
        "previous_last": [each.period.previous_last for each in rows],
        "today": [each.today for each in rows],
    }


def _in_words(found: Mapping[str, Any], period: Period) -> dict[str, Any]:
    """Return what the sums of a period's days come to."""
    over = found["absent"] + found["came"] + found["presumed"]
    knows_previous = found["begins"] is not None and found["begins"] <= period.previous_first
    change = found["booked"] - found["previous"]
    return {
        "totalBookings": found["booked"],
        "totalBookingsChange": _share(change, found["previous"]) if knows_previous else None,
        "activePatients": found["active"],
        "newPatients": found["new"],
        "dailyAverage": _ratio(found["booked"], found["days"]),
        "missedAppointments": found["absent"],
        "missedAppointmentsPercentage": _share(found["absent"], over),
    }


def _share(part: int, whole: int) -> float | None:
    """Return a share in percent, to one decimal; None of nothing."""
    return _ratio(100 * part, whole)


def _ratio(part: int, whole: int) -> float | None:
    """Return a ratio to one decimal, halves away from zero as people round; None of nothing."""
    if not whole:
        return None
    return float((Decimal(part) / whole).quantize(Decimal("0.1"), ROUND_HALF_UP))
