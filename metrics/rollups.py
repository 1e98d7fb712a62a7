"""Add up a clinic's appointments by date and by hour, for the dates that changed or for all.

One statement does both, so that numbers made anew are the numbers that were kept up to date. Dates
are those of the clinic's own clock, by when an appointment starts.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from clinics.models import AppointmentStatus, Clinic

#: A booking: it stands, or its time came, whoever came. A proposal or a place in a waiting list
#: is none yet, and what was cancelled or entered in error is none any more.
BOOKED: Final = (
    AppointmentStatus.PENDING,
    AppointmentStatus.BOOKED,
    AppointmentStatus.ARRIVED,
    AppointmentStatus.CHECKED_IN,
    AppointmentStatus.FULFILLED,
    AppointmentStatus.NO_SHOW,
)
#: The PMS says that the patient came. Many PMSs only say who did not.
ATTENDED: Final = (
    AppointmentStatus.ARRIVED,
    AppointmentStatus.CHECKED_IN,
    AppointmentStatus.FULFILLED,
)
#: A visit, kept or yet to come: what makes a patient new, and active.
VISITS: Final = tuple(each for each in BOOKED if each != AppointmentStatus.NO_SHOW)

_LOCAL: Final = "(own.starts_at AT TIME ZONE %(zone)s)"
#: Dates that PostgreSQL and Python can both tell. PMSs write the first or the last for "never".
_TELLABLE: Final = "BETWEEN '0001-01-01' AND '9999-12-31'"
#: The appointments of a date. Whatever a zone's clocks do, also at midnight, its moments lie within
#: a day of it in UTC: that is a range of the index of the clinic's starts, and the local date then
#: decides. OFFSET 0 keeps it one step in the index for each date; a plain join reads all rows.
_OF_DATE: Final = f"""
    CROSS JOIN LATERAL (
        SELECT own.patient_id, own.starts_at, own.status
        FROM clinics_appointment AS own
        WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
            AND own.starts_at >= (day.date - 1)::timestamp AT TIME ZONE 'UTC'
            AND own.starts_at < (day.date + 2)::timestamp AT TIME ZONE 'UTC'
            AND {_LOCAL}::date = day.date
        OFFSET 0
    ) AS own
"""  # noqa: S608 (names of our own, no values)
_OF_DATES: Final = f"FROM unnest(%(dates)s::date[]) AS day (date) {_OF_DATE} WHERE true"
_OF_ALL: Final = f"""
    FROM clinics_appointment AS own
    WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL AND {_LOCAL}::date {_TELLABLE}
"""
#: Who has a visit on one of the dates, or had one so long before that they cease to be active.
_CONCERNED: Final = f"""
    AND own.patient_id IN (
        SELECT own.patient_id
        FROM (SELECT unnest(%(dates)s::date[]) UNION SELECT unnest(%(dates)s::date[])
            - %(active)s::int) AS day (date)
        {_OF_DATE}
    )
"""  # noqa: S608 (names of our own, no values)
_VISITS: Final = f"""
    SELECT DISTINCT own.patient_id, {_LOCAL}::date AS date
    FROM clinics_appointment AS own
    WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
        AND own.status = ANY (%(visits)s) AND own.patient_id IS NOT NULL
        AND {_LOCAL}::date {_TELLABLE}
"""  # noqa: S608 (names of our own, no values)
_DAYS: Final = f"""
    WITH counted AS (
        SELECT {_LOCAL}::date AS date,
            count(*) FILTER (WHERE own.status = ANY (%(booked)s)) AS bookings,
            count(*) FILTER (WHERE own.status = ANY (%(attended)s)) AS attended,
            count(*) FILTER (WHERE own.status = 'noshow') AS missed,
            count(*) FILTER (WHERE own.status = 'cancelled') AS cancelled
        {{rows}} AND (own.status = ANY (%(booked)s) OR own.status = 'cancelled') GROUP BY 1
    ),
    visits AS ({_VISITS} {{concerned}}),
    walked AS (
        SELECT date, lag(date) OVER one AS before, lead(date) OVER one AS after
        FROM visits WINDOW one AS (PARTITION BY patient_id ORDER BY date)
    ),
    moves AS (
        SELECT date, count(*) FILTER (WHERE before IS NULL) AS new_patients,
            count(*) AS gained, 0 AS lost
        FROM walked WHERE before IS NULL OR before + %(active)s::int <= date GROUP BY 1
        UNION ALL
        SELECT date + %(active)s::int, 0, 0, count(*)
        FROM walked WHERE after IS NULL OR date + %(active)s::int <= after GROUP BY 1
    ),
    moved AS (
        SELECT date, sum(new_patients) AS new_patients, sum(gained) AS gained, sum(lost) AS lost
        FROM moves WHERE date {{moved}} GROUP BY date
    )
    INSERT INTO clinic_metrics (organization_id, clinic_id, date, bookings, attended, missed,
        cancelled, new_patients, gained, lost)
    SELECT %(organization)s, %(clinic)s, date, coalesce(bookings, 0), coalesce(attended, 0),
        coalesce(missed, 0), coalesce(cancelled, 0), coalesce(new_patients, 0),
        coalesce(gained, 0), coalesce(lost, 0)
    FROM counted FULL JOIN moved USING (date)
    ORDER BY date
"""  # noqa: S608 (names of our own, no values)
_HOURS: Final = f"""
    INSERT INTO booking_trends (organization_id, clinic_id, date, hour_of_day, day_of_week,
        booking_count)
    SELECT %(organization)s, %(clinic)s, {_LOCAL}::date, extract(hour FROM {_LOCAL}),
        extract(isodow FROM {_LOCAL}) - 1, count(*)
    {{rows}} AND own.status = ANY (%(booked)s)
    GROUP BY 3, 4, 5 ORDER BY 3, 4
"""  # noqa: S608 (names of our own, no values)
_FORGET: Final = "DELETE FROM {table} WHERE clinic_id = %(clinic)s {only}"
_AFFECTED: Final = f"""
    WITH touched AS (
        SELECT DISTINCT (told.starts_at AT TIME ZONE %(zone)s)::date AS date, told.patient_id
        FROM unnest(%(moments)s::timestamptz[], %(patients)s::uuid[])
            AS told (starts_at, patient_id)
    ),
    points AS (
        SELECT patient_id, date, date AS visited
        FROM ({_VISITS} AND own.patient_id IN (SELECT patient_id FROM touched)) AS visits
        UNION ALL
        SELECT patient_id, date, NULL FROM touched WHERE patient_id IS NOT NULL
    ),
    walked AS (
        SELECT date, visited, max(visited) OVER (one RANGE BETWEEN UNBOUNDED PRECEDING
                AND '1 day' PRECEDING) AS before,
            min(visited) OVER (one RANGE BETWEEN '1 day' FOLLOWING
                AND UNBOUNDED FOLLOWING) AS after
        FROM points WINDOW one AS (PARTITION BY patient_id ORDER BY date)
    ),
    near AS (
        SELECT date FROM touched
        UNION SELECT date + %(active)s::int FROM walked WHERE visited IS NULL
        UNION SELECT before + %(active)s::int FROM walked
            WHERE visited IS NULL AND before + %(active)s::int > date
        UNION SELECT after FROM walked WHERE visited IS NULL
    )
    SELECT date FROM near WHERE date {_TELLABLE} ORDER BY 1
"""  # noqa: S608 (names of our own, no values)


def affected(
    clinic: Clinic, touched: Collection[tuple[datetime, UUID | None]], active_days: int
) -> list[date]:
    """Return the dates whose numbers may differ after changes at these (start, patient).

    A visit that comes or goes moves its own date, and when its patient is new, and until when they
    are active: by it, by the visit before, and from the one after on. Those are four dates at most.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _AFFECTED,
            _values(clinic, active_days)
            | {
                "moments": [moment for moment, _ in touched],
                "patients": [patient for _, patient in touched],
            },
        )
        return [day for (day,) in cursor.fetchall()]


def add_up(clinic: Clinic, active_days: int, dates: Collection[date] | None = None) -> None:
    """Make the numbers of these dates anew; None: of all. Belongs in a transaction, under the
    lock of the clinic's standing."""
    some = dates is not None
    values = _values(clinic, active_days) | {"dates": sorted(dates or ())}
    only = "AND date = ANY (%(dates)s)" if some else ""
    rows = _OF_DATES if some else _OF_ALL
    statements = (
        _FORGET.format(table="clinic_metrics", only=only),
        _FORGET.format(table="booking_trends", only=only),
        _DAYS.format(
            rows=rows,
            concerned=_CONCERNED if some else "",
            moved="= ANY (%(dates)s)" if some else _TELLABLE,
        ),
        _HOURS.format(rows=rows),
    )
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)


def _values(clinic: Clinic, active_days: int) -> dict[str, Any]:
    return {
        "organization": clinic.organization_id,
        "clinic": clinic.pk,
        "zone": clinic.timezone,
        "active": active_days,
        "booked": list(BOOKED),
        "attended": list(ATTENDED),
        "visits": list(VISITS),
    }
