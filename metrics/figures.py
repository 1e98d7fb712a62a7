"""The numbers of one clinic and period, in the words of the API, from the rollups.

Each definition with its edge cases is in docs/metrics.md. None means that there is not enough data
to say: a share of nothing, or a comparison with a time of which we know only a part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

from django.db.models import Count, F, Min, Q, Sum

from clinics.models import Clinic
from metrics.calendar import Period
from metrics.models import BookingHour, ClinicDay

#: The words of `metrics=` → the fields that they stand for.
GROUPS: Final = {
    "bookings": (
        "totalBookings",
        "totalBookingsChange",
        "dailyAverage",
        "missedAppointments",
        "missedAppointmentsPercentage",
    ),
    "patients": ("activePatients", "newPatients"),
    "trends": ("bookingTrends", "peakHours"),
}


def of(
    clinic: Clinic, period: Period, today: date, groups: Collection[str] = tuple(GROUPS)
) -> dict[str, Any]:
    """Return the numbers of a period; `today` is the clinic's own date."""
    found: dict[str, Any] = {}
    if "bookings" in groups or "patients" in groups:
        found |= _sums(clinic, period, today)
    if "trends" in groups:
        found |= {"bookingTrends": _trends(clinic, period), "peakHours": _peaks(clinic, period)}
    wanted = {name for group in groups for name in GROUPS[group]}
    return {name: value for name, value in found.items() if name in wanted}


def _sums(clinic: Clinic, period: Period, today: date) -> dict[str, Any]:
    within = Q(date__range=(period.first, period.last))
    before = Q(date__range=(period.previous_first, period.previous_last))
    as_of = min(period.last, today)
    found = ClinicDay.objects.filter(clinic=clinic, date__lte=period.last).aggregate(
        begins=Min("date", filter=Q(bookings__gt=0) | Q(cancelled__gt=0)),
        booked=Sum("bookings", filter=within, default=0),
        previous=Sum("bookings", filter=before, default=0),
        days=Count("date", filter=within & Q(bookings__gt=0)),
        absent=Sum("missed", filter=within, default=0),
        came=Sum("attended", filter=within, default=0),
        # Of a day that is over, who was not marked as missed has come.
        presumed=Sum(
            F("bookings") - F("attended") - F("missed"),
            filter=within & Q(date__lt=today),
            default=0,
        ),
        new=Sum("new_patients", filter=within, default=0),
        active=Sum(F("gained") - F("lost"), filter=Q(date__lte=as_of), default=0),
    )
    return in_words(found, period)


def in_words(found: Mapping[str, Any], period: Period) -> dict[str, Any]:
    """Return what the sums of a period's days come to."""
    over = found["absent"] + found["came"] + found["presumed"]
    knows_previous = found["begins"] is not None and found["begins"] <= period.previous_first
    change = found["booked"] - found["previous"]
    return {
        "totalBookings": found["booked"],
        "totalBookingsChange": _share(change, found["previous"]) if knows_previous else None,
        "activePatients": found["active"],
        "newPatients": found["new"],
        "dailyAverage": round(found["booked"] / found["days"], 1) if found["days"] else None,
        "missedAppointments": found["absent"],
        "missedAppointmentsPercentage": _share(found["absent"], over),
    }


def _share(part: int, whole: int) -> float | None:
    """Return a share in percent; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def _trends(clinic: Clinic, period: Period) -> list[dict[str, Any]]:
    """Return each date that has bookings, or had them."""
    days = ClinicDay.objects.filter(
        Q(bookings__gt=0) | Q(cancelled__gt=0),
        clinic=clinic,
        date__range=(period.first, period.last),
    ).order_by("date")
    return [
        {
            "date": each.date.isoformat(),
            "bookings": each.bookings,
            "missed": each.missed,
            "cancelled": each.cancelled,
            "newPatients": each.new_patients,
        }
        for each in days
    ]


def _peaks(clinic: Clinic, period: Period) -> list[dict[str, int]]:
    """Return the hours of the week with their bookings, the busiest first."""
    hours = (
        BookingHour.objects.filter(clinic=clinic, date__range=(period.first, period.last))
        .values("day_of_week", "hour_of_day")
        .annotate(bookings=Sum("booking_count"))
        .order_by("-bookings", "day_of_week", "hour_of_day")
    )
    return [
        {
            "dayOfWeek": each["day_of_week"],
            "hour": each["hour_of_day"],
            "bookings": each["bookings"],
        }
        for each in hours
    ]
