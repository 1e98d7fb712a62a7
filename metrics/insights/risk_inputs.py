"""The inputs of the no-show risk, read from a clinic's appointments: the same for those that are
over, from which it learns, and for those to come."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

from metrics.insights.bookings import ASKED, MADE, MERGED
from metrics.insights.context import Context
from metrics.insights.definitions import COMING_DAYS
from metrics.insights.risk_model import HISTORIES, LEADS, LEARNS_DAYS, WEEKDAYS, Cell, Inputs

#: The dates whose predictions are held against what was seen.
CALIBRATES_DAYS: Final = 180
#: How far back a patient's own visits count.
HISTORY_DAYS: Final = 365
#: The first of them needs a year to learn from, of which the first visit needs a year before it.
READ_DAYS: Final = CALIBRATES_DAYS + LEARNS_DAYS + HISTORY_DAYS

#: What was kept or missed is known of dates that are over and were before the visit's own: of two
#: visits on one day neither tells of the other. A visit that was entered after it began could not
#: have been predicted, but is part of the patient's history.
_VISITS: Final = f"""
    WITH RECURSIVE {ASKED}, {MERGED},
    {{wanted}}
    visits AS (
        SELECT own.id, own.status, own.starts_at, {MADE} AS made,
            coalesce(merged.into_id, own.patient_id) AS patient,
            (own.starts_at AT TIME ZONE %(zone)s)::date AS date
        FROM clinics_appointment AS own
        LEFT JOIN asked USING (external_id)
        LEFT JOIN merged ON merged.id = own.patient_id
        WHERE own.clinic_id = %(clinic)s AND own.removed_at IS NULL
            AND own.status = ANY (%(booked)s) AND own.patient_id IS NOT NULL
            AND own.starts_at >= %(begins)s AND own.starts_at < %(until)s {{only}}
    ),
    told AS (
        SELECT visits.*, date - (made AT TIME ZONE %(zone)s)::date AS ahead,
            count(*) FILTER (WHERE date < %(today)s) OVER earlier AS seen,
            count(*) FILTER (WHERE date < %(today)s AND status = 'noshow') OVER earlier AS missed
        FROM visits
        WINDOW earlier AS (
            PARTITION BY patient ORDER BY date
            RANGE BETWEEN make_interval(days => {HISTORY_DAYS}) PRECEDING
                AND make_interval(days => 1) PRECEDING
        )
    ),
    grouped AS (
        SELECT id, status, starts_at, date,
            CASE WHEN ahead IS NULL THEN 4 WHEN ahead <= 1 THEN 0 WHEN ahead <= 7 THEN 1
                WHEN ahead <= 30 THEN 2 ELSE 3 END AS lead,
            CASE WHEN seen = 0 THEN 0 WHEN missed = 0 THEN 1 WHEN missed * 5 <= seen THEN 2
                ELSE 3 END AS history
        FROM told WHERE made IS NULL OR made <= starts_at
    )
"""  # noqa: S608 (names of our own, no values)
_IS_COMING: Final = "starts_at > %(now)s AND status IN ('pending', 'booked')"
_CELLS: Final = f"""
    SELECT date, lead, history, count(*), count(*) FILTER (WHERE status = 'noshow')
    FROM grouped WHERE date < %(today)s OR ({_IS_COMING})
    GROUP BY 1, 2, 3 ORDER BY 1
"""  # noqa: S608 (names of our own, no values)
_ROWS: Final = f"""
    SELECT id, date, lead, history FROM grouped WHERE id = ANY (%(ids)s) AND {_IS_COMING}
"""  # noqa: S608 (names of our own, no values)
_WANTED: Final = """
    wanted AS (
        SELECT DISTINCT coalesce(merged.into_id, own.patient_id) AS patient
        FROM clinics_appointment AS own LEFT JOIN merged ON merged.id = own.patient_id
        WHERE own.clinic_id = %(clinic)s AND own.id = ANY (%(ids)s)
    ),
"""
_ONLY: Final = """
    AND own.patient_id IN (
        SELECT patient FROM wanted
        UNION ALL
        SELECT merged.id FROM merged JOIN wanted ON wanted.patient = merged.into_id
    )
"""


def cells(context: Context) -> list[Cell]:
    """Return all visits that are over and all that come, added up by date and inputs."""
    sql = _VISITS.format(wanted="", only="") + _CELLS
    rows = context.query(sql, begins=context.midnight(-READ_DAYS))
    return [
        Cell(date, _inputs(date, lead, history), visits, missed)
        for date, lead, history, visits, missed in rows
    ]


def of_appointments(context: Context, ids: Collection[UUID]) -> dict[UUID, Inputs]:
    """Return the inputs of those of these appointments that are still to come."""
    sql = _VISITS.format(wanted=_WANTED, only=_ONLY) + _ROWS
    begins = context.midnight(-HISTORY_DAYS - COMING_DAYS)
    rows = context.query(sql, begins=begins, ids=list(ids))
    return {pk: _inputs(date, lead, history) for pk, date, lead, history in rows}


def _inputs(date: Any, lead: int, history: int) -> Inputs:
    return Inputs(LEADS[lead], HISTORIES[history], WEEKDAYS[date.weekday()])
