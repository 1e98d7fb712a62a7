"""A clinic's nine numbers by plain Python over its appointments: no SQL, no rollups.

Written apart from the product, from docs/metrics.md alone, so that one misreading is not mirrored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any
from zoneinfo import ZoneInfo

#: FHIR's words, not the product's lists.
CAME = {"arrived", "checked-in", "fulfilled"}
BOOKED = CAME | {"pending", "booked", "noshow"}


@dataclass(frozen=True)
class Visit:
    """One row."""

    patient: Any
    starts_at: datetime
    status: str
    is_removed: bool


def numbers(
    visits: Iterable[Visit],
    zone: ZoneInfo,
    first: date,
    last: date,
    before: tuple[date, date],
    today: date,
    active_days: int,
) -> dict[str, Any]:
    """Return the numbers from `first` to `last`, compared with the dates of `before`."""
    rows = [
        (each, each.starts_at.astimezone(zone))
        for each in visits
        if not each.is_removed and each.status in BOOKED | {"cancelled"}
    ]
    booked = [(each, at) for each, at in rows if each.status in BOOKED]
    within = [(each, at) for each, at in booked if first <= at.date() <= last]
    previous = [at for _, at in booked if before[0] <= at.date() <= before[1]]
    missed = [at for each, at in within if each.status == "noshow"]
    decided = [at for each, at in within if each.status in CAME or at.date() < today]
    over = len(decided) + sum(at.date() >= today for at in missed)
    begun = [at.date() for _, at in rows if at.date() <= last]
    knows = bool(begun) and min(begun) <= before[0]
    seen: dict[Any, set[date]] = {}
    for each, at in booked:
        if each.patient is not None and each.status != "noshow":
            seen.setdefault(each.patient, set()).add(at.date())
    as_of = min(last, today)
    window = (as_of - timedelta(days=active_days - 1), as_of)
    firsts = Counter(min(dates) for dates in seen.values())
    return {
        "totalBookings": len(within),
        "totalBookingsChange": tenth(100 * (len(within) - len(previous)), len(previous))
        if knows
        else None,
        "activePatients": sum(
            any(window[0] <= each <= window[1] for each in dates) for dates in seen.values()
        ),
        "newPatients": sum(count for each, count in firsts.items() if first <= each <= last),
        "dailyAverage": tenth(len(within), len({at.date() for _, at in within})),
        "missedAppointments": len(missed),
        "missedAppointmentsPercentage": tenth(100 * len(missed), over),
        "bookingTrends": trends(rows, firsts, first, last),
        "peakHours": peaks([at for _, at in within]),
    }


def trends(
    rows: list[tuple[Visit, datetime]], firsts: Counter[date], first: date, last: date
) -> list[dict[str, Any]]:
    by_date: dict[date, list[str]] = {}
    for each, at in rows:
        if first <= at.date() <= last:
            by_date.setdefault(at.date(), []).append(each.status)
    return [
        {
            "date": day.isoformat(),
            "bookings": sum(status != "cancelled" for status in statuses),
            "missed": statuses.count("noshow"),
            "cancelled": statuses.count("cancelled"),
            "newPatients": firsts[day],
        }
        for day, statuses in sorted(by_date.items())
    ]


def peaks(times: list[datetime]) -> list[dict[str, int]]:
    counts = Counter((at.weekday(), at.hour) for at in times)
    busiest = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return [{"dayOfWeek": day, "hour": hour, "bookings": n} for (day, hour), n in busiest]


def tenth(part: int, whole: int) -> float | None:
    """Return part / whole to one decimal, halves away from zero; None of nothing."""
    if whole == 0:
        return None
    exact = abs(Fraction(part, whole)) * 10 + Fraction(1, 2)
    return (1 if part >= 0 else -1) * floor(exact) / 10
