"""A clinic's numbers as they are answered: what is read, and what makes two answers the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from clinics.models import Clinic
from metrics import away, figures, freshness
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
    standing: Standing
    freshness: Freshness
    #: Not asked for: None.
    insights: dict[str, Any] | None

    @classmethod
    def of(cls, clinic: Clinic, asked: dict[str, Any], now: datetime) -> Self | None:
        """Look up what a valid question about this clinic comes to, with one query; None before
        its numbers were first added up.

        The clinic was read with its standing and preferences.
        """
        standing: Standing | None = getattr(clinic, "metrics_standing", None)
        if standing is None or standing.rebuilt_at is None:
            return None
        names: tuple[str, ...] = asked["metrics"]
        today = now.astimezone(clinic.zone).date()
        return cls(
            clinic=clinic,
            name=name_of(asked),
            period=period_of(asked, wishes_of(clinic), today),
            names=names,
            today=today,
            standing=standing,
            freshness=freshness.of(clinic, now),
            insights=insights_of(clinic) if INSIGHTS in names else None,
        )

    @property
    def etag(self) -> str:
        """A weak tag of what the answer says, the seconds that pass by themselves left out."""
        parts = (
            self.clinic.pk,
            self.standing.version,
            self.standing.is_outdated,
            self.name,
            self.period,
            self.today,
            self.names,
            self.freshness,
            self.insights and self.insights["computedAt"],
        )
        digest = hashlib.blake2b(repr(parts).encode(), digest_size=12)
        return f'W/"{digest.hexdigest()}"'

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Return the answer."""
        return {
            "clinicId": str(self.clinic.pk),
            "period": {
                "name": self.name,
                "startDate": self.period.first.isoformat(),
                "endDate": self.period.last.isoformat(),
            },
            "metrics": self._metrics(),
            **age_of(self.freshness, now),
            "problem": away.problem_of(self.freshness),
            "version": self.standing.version,
            "isBeingRecounted": self.standing.is_outdated,
        }

    def _metrics(self) -> dict[str, Any]:
        groups = [each for each in self.names if each != INSIGHTS]
        found = figures.of(self.clinic, self.period, self.today, groups) if groups else {}
        return found if self.insights is None else found | {INSIGHTS: self.insights}


def age_of(found: Freshness, now: datetime) -> dict[str, Any]:
    """Return how current numbers are, in the words of the API."""
    stale_at = found.stale_at.isoformat() if found.stale_at else None
    return {**found.as_json(now), "staleAt": stale_at}


def insights_of(clinic: Clinic) -> dict[str, Any]:
    """Return what the PMS does not track, as it was last worked out."""
    row = Insight.objects.filter(clinic=clinic).first()
    at = row.computed_at if row else None
    return {"computedAt": at.isoformat() if at else None, "figures": row.figures if row else {}}
