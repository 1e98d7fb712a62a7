"""Did it work: of the patients who were reached, how many have a new appointment soon after."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from django.db import connection

from clinics.models import Clinic
from metrics.calendar import Period
from metrics.rollups import BOOKED
from outreach.outcomes import REACHED

#: How long after the call an appointment counts as its doing.
WITHIN: Final = timedelta(days=14)
#: Patients below whom a percentage would say more than is known.
MINIMUM: Final = 20

# One who books on the telephone has the appointment before anybody says so here: it counts from the
# beginning of that day on. One that was cancelled since is none.
_COUNT: Final = """
    WITH reached AS (
        SELECT patient_id, min(closed_at) AS at
        FROM outreach_tasks
        WHERE clinic_id = %(clinic)s AND status = 'done' AND outcome = ANY (%(reached)s)
            AND closed_at >= %(first)s AND closed_at < %(end)s
        GROUP BY patient_id
    ),
    told AS (
        SELECT at + %(within)s <= %(now)s AS is_over, EXISTS (
            SELECT FROM clinics_appointment AS made
            WHERE made.patient_id = reached.patient_id AND made.clinic_id = %(clinic)s
                AND made.removed_at IS NULL AND made.status = ANY (%(booked)s)
                AND coalesce(made.made_at, made.created_at) >= date_trunc('day', at, %(zone)s)
                AND coalesce(made.made_at, made.created_at) <= at + %(within)s
        ) AS has_booked
        FROM reached
    )
    SELECT count(*), count(*) FILTER (WHERE is_over),
        count(*) FILTER (WHERE is_over AND has_booked), count(*) FILTER (WHERE has_booked)
    FROM told
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Patients reached in a period, and what became of it."""

    #: Patients who were reached, each once, by their first call of the period.
    reached: int
    #: Of those: whose 14 days are over, and who of them has a new appointment.
    decided: int
    converted: int
    #: Who has a new appointment, whether the 14 days are over or not.
    booked: int

    @property
    def is_enough(self) -> bool:
        """Whether so many are decided that a percentage tells something."""
        return self.decided >= MINIMUM

    @property
    def percentage(self) -> float | None:
        """The percentage of those decided; None where they are too few."""
        return round(100 * self.converted / self.decided, 1) if self.is_enough else None


def of(clinic: Clinic, period: Period, now: datetime) -> Conversion:
    """Count the clinic's calls of a period, by its own dates."""
    # Nobody was called after today; and the calendar's last date has no next one.
    last = min(period.last, now.astimezone(clinic.zone).date())
    values: dict[str, Any] = {
        "clinic": clinic.pk,
        "zone": clinic.timezone,
        "now": now,
        "first": _midnight(clinic, period.first),
        "end": _midnight(clinic, last + timedelta(days=1)),
        "within": WITHIN,
        "reached": list(REACHED),
        "booked": list(BOOKED),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        reached, decided, converted, booked = cursor.fetchone()
    return Conversion(reached=reached, decided=decided, converted=converted, booked=booked)


def _midnight(clinic: Clinic, day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=clinic.zone)
