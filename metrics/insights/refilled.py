"""Whether time that was cancelled is booked again."""

from __future__ import annotations

from typing import Final

from metrics.insights.bookings import ASKED, MADE, ONLY_DATE
from metrics.insights.context import Context
from metrics.insights.definitions import PAST_DAYS, REFILLED_CANCELLATIONS
from metrics.insights.figure import Figure, known, lacking, share

#: Of two moments that are exact a day is 24 hours; where only a date is known, it is that date and
#: the next. `later` are the standing appointments of the practitioner at the cancelled time, `own`
#: by the name that the parts of bookings.py use; a day is more than the longest visit.
_COUNT: Final = f"""
    WITH {ASKED},
    freed AS (
        SELECT practitioner_id, starts_at, ends_at, off_at,
            (off_at AT TIME ZONE %(zone)s)::date AS off_date,
            is_confirmed OR (off_at AT TIME ZONE %(zone)s)::time <> '00:00' AS is_exact
        FROM (
            SELECT gone.practitioner_id, gone.starts_at, gone.ends_at, gone.id,
                coalesce(told.off_at, gone.cancelled_at) AS off_at,
                told.off_at IS NOT NULL AS is_confirmed
            FROM clinics_appointment AS gone
            LEFT JOIN (
                SELECT appointment_id, min(completed_at) AS off_at
                FROM pms_writebacks
                WHERE clinic_id = %(clinic)s AND operation = 'cancel' AND status = 'completed'
                GROUP BY 1
            ) AS told ON told.appointment_id = gone.id
            WHERE gone.clinic_id = %(clinic)s AND gone.removed_at IS NULL
                AND gone.status = 'cancelled' AND gone.practitioner_id IS NOT NULL
                AND gone.starts_at >= %(from)s
        ) AS called_off
        WHERE off_at >= %(from)s AND off_at < %(to)s AND off_at < starts_at
    ),
    taken AS (
        SELECT freed.starts_at, freed.ends_at, later.again, later.maybe
        FROM freed CROSS JOIN LATERAL (
            SELECT range_agg(span) FILTER (WHERE is_in_time) AS again,
                range_agg(span) FILTER (WHERE is_in_time IS NOT false) AS maybe
            FROM (
                SELECT tstzrange(own.starts_at, own.ends_at)
                        * tstzrange(freed.starts_at, freed.ends_at) AS span,
                    CASE WHEN freed.is_exact AND NOT {ONLY_DATE}
                        THEN {MADE} > freed.off_at AND {MADE} <= freed.off_at + interval '24 hours'
                        ELSE ({MADE} AT TIME ZONE %(zone)s)::date
                            BETWEEN freed.off_date AND freed.off_date + 1
                    END AS is_in_time
                FROM clinics_appointment AS own LEFT JOIN asked USING (external_id)
                WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
                    AND own.status = ANY (%(booked)s)
                    AND own.practitioner_id = freed.practitioner_id
                    AND own.starts_at > freed.starts_at - interval '24 hours'
                    AND own.starts_at < freed.ends_at AND own.ends_at > freed.starts_at
            ) AS spans
        ) AS later
    ),
    halves AS (
        SELECT
            (SELECT coalesce(sum(upper(each) - lower(each)), '0') FROM unnest(again) AS each)
                >= (ends_at - starts_at) / 2 AS is_refilled,
            (SELECT coalesce(sum(upper(each) - lower(each)), '0') FROM unnest(maybe) AS each)
                >= (ends_at - starts_at) / 2 AS may_be_refilled
        FROM taken
    )
    SELECT count(*) FILTER (WHERE is_refilled),
        count(*) FILTER (WHERE is_refilled OR NOT may_be_refilled),
        count(*) FILTER (WHERE may_be_refilled AND NOT is_refilled)
    FROM halves
"""  # noqa: S608 (names of our own, no values)


def figures(context: Context) -> dict[str, Figure]:
    """Return the share that was refilled, and of how many nobody can tell."""
    # Whatever was cancelled before yesterday began has had a whole day.
    window = {"from": context.midnight(-PAST_DAYS - 1), "to": context.midnight(-1)}
    ((refilled, n, unknown),) = context.query(_COUNT, **window)
    if unknown and not n:
        why = "nobody knows when the appointments were made that now take the cancelled times."
        figure = lacking(REFILLED_CANCELLATIONS, n, why, refilled=None, unknown=unknown)
    else:
        enough = n >= REFILLED_CANCELLATIONS.least
        figure = known(
            REFILLED_CANCELLATIONS,
            share(refilled, n),
            n,
            refilled=refilled if enough else None,
            unknown=unknown,
        )
    return {REFILLED_CANCELLATIONS.name: figure}
