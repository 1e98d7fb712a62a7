"""Numbers as they are answered: what is read for them, and what makes two answers the same."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from clinics.models import Clinic
from metrics import away, freshness, overview
from metrics.calendar import Name, Period
from metrics.freshness import Freshness
from metrics.models import Insight, Standing
from metrics.questions import INSIGHTS, name_of, period_of, wishes_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All that decides about an answer but the numbers themselves: a few rows, quickly read.

    The standing is read before the numbers. What is recounted in between makes them newer than
    their version tells, and the next question's tag another; never the other way round.
    """

    clinic: Clinic
    name: Name | None
    period: Period
    names: tuple[str, ...]
    today: date
    #: None before the numbers were first added up.
    standing: Standing | None
    freshness: Freshness
    #: Not asked for: None.
    insights: dict[str, Any] | None

    @property
    def is_outdated(self) -> bool:
        """Whether the numbers are about to be added up anew, or for the first time."""
        return self.standing is None or self.standing.is_outdated

    @property
    def parts(self) -> tuple[Any, ...]:
        """What the answer follows from, the seconds that pass by themselves left out."""
        return (
            self.clinic.pk,
            self.standing and self.standing.version,
            self.is_outdated,
            self.name,
            self.period,
            self.today,
            self.names,
            self.freshness,
            self.insights and self.insights["computedAt"],
        )


def look_up(clinics: Sequence[Clinic], asked: dict[str, Any], now: datetime) -> list[Reading]:
    """Look up what a valid question comes to for each of these clinics: one query, and another
    one for insights, however many there are.

    The clinics were read with their standing and preferences.
    """
    ids = [each.pk for each in clinics]
    current = freshness.of_all(ids, now)
    insights = insights_of(ids) if INSIGHTS in asked["metrics"] else {}
    readings = []
    for clinic in clinics:
        standing: Standing | None = getattr(clinic, "metrics_standing", None)
        today = now.astimezone(clinic.zone).date()
        reading = Reading(
            clinic=clinic,
            name=name_of(asked),
            period=period_of(asked, wishes_of(clinic), today),
            names=asked["metrics"],
            today=today,
            standing=standing if standing and standing.rebuilt_at else None,
            freshness=current[clinic.pk],
            insights=insights.get(clinic.pk),
        )
        readings.append(reading)
    return readings


def tag_of(readings: Sequence[Reading], *further: str) -> str:
    """Return a weak ETag of what an answer says."""
    parts = (*(each.parts for each in readings), *further)
    return f'W/"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def told(readings: Sequence[Reading], now: datetime) -> list[dict[str, Any]]:
    """Return the answer about each clinic: one query. Nothing added up yet: no `metrics`."""
    groups = [each for each in (readings[0].names if readings else ()) if each != INSIGHTS]
    counted = [each for each in readings if each.standing is not None]
    asked = (overview.Asked(each.clinic.pk, each.period, each.today) for each in counted)
    numbers = overview.of(asked, groups)
    return [_told(each, numbers.get(each.clinic.pk), now) for each in readings]


def _told(reading: Reading, numbers: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    if numbers is not None and reading.insights is not None:
        numbers = numbers | {INSIGHTS: reading.insights}
    return {
        "clinicId": str(reading.clinic.pk),
        "clinicName": reading.clinic.name,
        "period": {
            "name": reading.name,
            "startDate": reading.period.first.isoformat(),
            "endDate": reading.period.last.isoformat(),
        },
        "metrics": numbers,
        **age_of(reading.freshness, now),
        "problem": away.problem_of(reading.freshness),
        "version": reading.standing.version if reading.standing else 0,
        "isBeingRecounted": reading.is_outdated,
    }


def age_of(found: Freshness, now: datetime) -> dict[str, Any]:
    """Return how current numbers are, in the words of the API."""
    stale_at = found.stale_at.isoformat() if found.stale_at else None
    return {**found.as_json(now), "staleAt": stale_at}


def insights_of(clinic_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return what the PMS does not track, of each clinic as it was last worked out."""
    rows = Insight.objects.in_bulk(clinic_ids)
    return {pk: _insights(rows.get(pk)) for pk in clinic_ids}


def _insights(row: Insight | None) -> dict[str, Any]:
    at = row.computed_at if row else None
    return {"computedAt": at.isoformat() if at else None, "figures": row.figures if row else {}}
