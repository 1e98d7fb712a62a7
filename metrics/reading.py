"""Numbers as they are answered: what is read for them, and what makes two answers the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from clinics.models import Clinic
from metrics import away, freshness, insights, overview
from metrics.calendar import Name, Period
from metrics.freshness import Freshness
from metrics.models import Standing
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
            self.clinic.name,
            self.standing and self.standing.version,
            self.is_outdated,
            self.name,
            self.period,
            self.today,
            self.names,
            self.freshness,
            self.insights and self.insights["computedAt"],
        )


@dataclass(frozen=True)
class Answer:
    """What is answered about some clinics at a moment; the numbers are read when they are needed,
    and once."""

    readings: Sequence[Reading]
    now: datetime

    @cached_property
    def numbers(self) -> dict[UUID, dict[str, Any]]:
        """Those of the clinics whose numbers were added up: one query."""
        names = self.readings[0].names if self.readings else ()
        return overview.of(
            (
                overview.Asked(each.clinic.pk, each.period, each.today)
                for each in self.readings
                if each.standing is not None
            ),
            [each for each in names if each != INSIGHTS],
        )

    def tag(self, *further: str | None) -> str:
        """Return a weak ETag of what the answer says, and of what else is in it."""
        parts: list[Any] = [*(each.parts for each in self.readings), *further]
        # A version tells of the named periods alone: of other dates only the numbers do.
        if any(each.name is None for each in self.readings):
            parts.append(self.numbers)
        return f'W/"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'

    def told(self) -> list[dict[str, Any]]:
        """Return it about each clinic; nothing added up yet: no `metrics`."""
        return [_told(each, self.numbers.get(each.clinic.pk), self.now) for each in self.readings]


def look_up(clinics: Sequence[Clinic], asked: dict[str, Any], now: datetime) -> Answer:
    """Look up what a valid question about these clinics comes to: one query, and another one for
    insights, however many clinics there are.

    They were read with their standing and preferences.
    """
    ids = [each.pk for each in clinics]
    current = freshness.of_all(ids, now)
    worked_out = insights.of_all(ids) if INSIGHTS in asked["metrics"] else {}
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
            insights=worked_out.get(clinic.pk),
        )
        readings.append(reading)
    return Answer(readings, now)


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
