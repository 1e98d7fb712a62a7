"""What is known of a clinic's patients, by one statement over their visits and calls.

Whoever is no more at the clinic (deceased, archived, merged into another record, vanished from the
PMS) has no facts: nobody calls them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from clinics.models import Clinic
from metrics.rollups import ATTENDED, VISITS
from outreach.outcomes import REACHED
from outreach.scoring import Facts

#: Rows that are fetched at once.
AT_ONCE: Final = 5_000

# A visit of a day that is over counts as kept unless it was missed, as in the numbers of metrics:
# many PMSs only say who did not come. One of today that nobody has marked is still coming.
_FACTS: Final = """
    WITH seen AS (
        SELECT own.patient_id,
            max(own.starts_at) FILTER (WHERE own.kept) AS last_visit_at,
            min(own.starts_at) FILTER (WHERE own.stands AND NOT own.kept) AS next_visit_at,
            count(*) FILTER (WHERE own.kept) AS attended,
            count(*) FILTER (WHERE own.missed) AS missed,
            count(*) FILTER (WHERE own.missed AND own.starts_at >= %(lately)s) AS missed_lately
        FROM (
            SELECT patient_id, starts_at,
                status = ANY (%(visits)s) AS stands,
                (status = ANY (%(attended)s) AND starts_at <= %(now)s)
                    OR (status = ANY (%(visits)s) AND starts_at < %(today_at)s) AS kept,
                status = 'noshow' AND starts_at <= %(now)s AS missed
            FROM clinics_appointment
            WHERE clinic_id = %(clinic)s AND removed_at IS NULL AND patient_id IS NOT NULL
                {some_visits}
        ) AS own
        GROUP BY own.patient_id
    ),
    called AS (
        SELECT patient_id, max(closed_at) AS at
        FROM outreach_tasks
        WHERE clinic_id = %(clinic)s AND status = 'done' AND outcome = ANY (%(reached)s)
        GROUP BY patient_id
    )
    -- In the order of scoring.Facts.
    SELECT patient.id, seen.last_visit_at, seen.next_visit_at,
        %(today)s::date - (seen.last_visit_at AT TIME ZONE %(zone)s)::date,
        %(today)s::date
            - (greatest(seen.last_visit_at, called.at) AT TIME ZONE %(zone)s)::date,
        coalesce(seen.attended, 0), coalesce(seen.missed, 0), coalesce(seen.missed_lately, 0)
    FROM clinics_patient AS patient
    LEFT JOIN seen ON seen.patient_id = patient.id
    LEFT JOIN called ON called.patient_id = patient.id
    WHERE patient.clinic_id = %(clinic)s AND patient.removed_at IS NULL AND patient.is_active
        AND patient.merged_into_id = '' {some_patients}
"""


def of(
    clinic: Clinic,
    now: datetime,
    missed_days: int,
    patients: Collection[UUID] | None = None,
) -> Iterator[Facts]:
    """Yield the facts of these patients (None: of all), as of now on the clinic's own calendar.

    `missed_days` is how far back a missed visit counts as one of lately.
    """
    local = now.astimezone(clinic.zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    some = patients is not None
    statement = _FACTS.format(
        some_visits="AND patient_id = ANY (%(patients)s)" if some else "",
        some_patients="AND patient.id = ANY (%(patients)s)" if some else "",
    )
    values: dict[str, Any] = {
        "clinic": clinic.pk,
        "zone": clinic.timezone,
        "now": now,
        "today": local.date(),
        "today_at": midnight,
        "lately": midnight - timedelta(days=missed_days),
        "visits": list(VISITS),
        "attended": list(ATTENDED),
        "reached": list(REACHED),
        "patients": list(patients or ()),
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        while rows := cursor.fetchmany(AT_ONCE):
            yield from map(Facts._make, rows)
