"""How many bookings come while the clinic is closed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from integrations.profile_model import Profile
from integrations.profiles import open_intervals
from metrics.insights.bookings import ASKED, MADE, ONLY_DATE, WITHOUT_ZONE
from metrics.insights.context import Context
from metrics.insights.definitions import BOOKED_OUTSIDE_HOURS, PAST_DAYS
from metrics.insights.figure import Figure, known, lacking, share
from writebacks.free_time import Interval, Timeline

_MADE: Final = f"""
    WITH {ASKED}
    SELECT {MADE}, NOT {ONLY_DATE} AND (asked.asked_at IS NOT NULL OR %(sure)s)
    FROM clinics_appointment AS own LEFT JOIN asked USING (external_id)
    WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
        AND own.status = ANY (%(booked)s) AND own.starts_at >= %(since)s
        AND {MADE} BETWEEN %(since)s AND %(now)s AND {MADE} <= own.starts_at
"""  # noqa: S608 (names of our own, no values)


def figures(context: Context) -> dict[str, Figure]:
    """Return the share made while closed, and of how many only the date is known."""
    profile = context.profile
    if profile is None or not profile.hours:
        why = "nobody has said when the clinic is open."
        return {BOOKED_OUTSIDE_HOURS.name: lacking(BOOKED_OUTSIDE_HOURS, 0, why)}
    rows = context.query(_MADE, sure=context.pms not in WITHOUT_ZONE)
    moments = [made for made, is_exact in rows if is_exact]
    opened = _opened(context, profile)
    outside = sum(not _is_in(opened, made) for made in moments)
    n, unknown = len(moments), len(rows) - len(moments)
    if unknown and not n:
        why = "this clinic's PMS tells the dates on which appointments were made, and no times."
        figure = lacking(BOOKED_OUTSIDE_HOURS, n, why, outside=None, unknown=unknown)
    else:
        enough = n >= BOOKED_OUTSIDE_HOURS.least
        figure = known(
            BOOKED_OUTSIDE_HOURS,
            share(outside, n),
            n,
            outside=outside if enough else None,
            unknown=unknown,
        )
    return {BOOKED_OUTSIDE_HOURS.name: figure}


def _opened(context: Context, profile: Profile) -> Timeline:
    zone = context.clinic.zone
    days = (context.today + timedelta(days=each) for each in range(-PAST_DAYS, 1))
    return Timeline(
        Interval(*span) for day in days for span in open_intervals(profile, None, day, zone) or ()
    )


def _is_in(opened: Timeline, moment: datetime) -> bool:
    return opened.covers(Interval(moment, moment + datetime.resolution))
