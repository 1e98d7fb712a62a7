"""How long before their visit patients book."""

from __future__ import annotations

from typing import Final

from metrics.insights.bookings import ASKED, MADE
from metrics.insights.context import Context
from metrics.insights.definitions import BOOKING_LEAD_TIME
from metrics.insights.figure import Figure, known, lacking

#: What was made in the window and before it began cannot have begun before the window.
_MEDIAN: Final = f"""
    WITH {ASKED},
    made AS (
        SELECT own.starts_at, {MADE} AS at
        FROM clinics_appointment AS own LEFT JOIN asked USING (external_id)
        WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
            AND own.status = ANY (%(booked)s) AND own.starts_at >= %(since)s
    ),
    days AS (
        SELECT (starts_at AT TIME ZONE %(zone)s)::date - (at AT TIME ZONE %(zone)s)::date AS ahead
        FROM made WHERE at BETWEEN %(since)s AND %(now)s AND at <= starts_at
    )
    SELECT count(*), percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY ahead),
        (SELECT count(*) FROM made WHERE at IS NULL), (SELECT count(*) FROM made)
    FROM days
"""  # noqa: S608 (names of our own, no values)


def figures(context: Context) -> dict[str, Figure]:
    """Return the median, and between which days the middle half of the bookings lies."""
    ((n, quartiles, unknown, every),) = context.query(_MEDIAN)
    if every and unknown == every:
        why = "nobody knows when this clinic's appointments were made."
        return {BOOKING_LEAD_TIME.name: lacking(BOOKING_LEAD_TIME, 0, why, unknown=unknown)}
    low, median, high = (round(each, 1) for each in quartiles) if n else (None, None, None)
    enough = n >= BOOKING_LEAD_TIME.least
    middle = [low, high] if enough else None
    return {
        BOOKING_LEAD_TIME.name: known(
            BOOKING_LEAD_TIME, median, n, middleHalf=middle, unknown=unknown
        )
    }
