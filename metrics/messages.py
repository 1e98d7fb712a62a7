"""What who watches is sent. Pure functions; docs/live.md describes each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from metrics.calendar import Name
from metrics.freshness import Freshness


@dataclass(frozen=True, slots=True)
class Version:
    """A clinic's numbers as they were told, and how current they were when this was read."""

    number: int
    numbers: dict[str, Any]
    found: Freshness

    def of(self, period: Name) -> dict[str, Any]:
        """Return the nine numbers of a period."""
        metrics: dict[str, Any] = self.numbers[period.value]
        return metrics


def snapshot(clinic_id: UUID, period: Name, newest: Version, now: datetime) -> dict[str, Any]:
    """Return all of it."""
    return {
        "type": "snapshot",
        "id": newest.number,
        "clinicId": str(clinic_id),
        "period": period.value,
        "metrics": newest.of(period),
        **_standing(newest, now),
    }


def update(period: Name, before: dict[str, Any], newest: Version, now: datetime) -> dict[str, Any]:
    """Return what differs from the numbers (of all periods) that were told before."""
    old, new = before[period.value], newest.of(period)
    return {
        "type": "update",
        "id": newest.number,
        "changed": {name: value for name, value in new.items() if old.get(name) != value},
        **_standing(newest, now),
    }


def heartbeat(newest: Version | None, now: datetime) -> dict[str, Any]:
    """Return that all is well, and how old the numbers are; before the first of them, id 0."""
    if newest is None:
        return {"type": "heartbeat", "id": 0}
    return {"type": "heartbeat", "id": newest.number, **newest.found.as_json(now)}


def is_news(period: Name, before: dict[str, Any], newest: Version) -> bool:
    """Return whether somebody who watches this period would see a difference."""
    shown = (period.value, "lastUpdated", "status", "insightsAt")
    return any(before.get(name) != newest.numbers.get(name) for name in shown)


def _standing(newest: Version, now: datetime) -> dict[str, Any]:
    stale_at = newest.found.stale_at
    return {
        **newest.found.as_json(now),
        "staleAt": stale_at.isoformat() if stale_at else None,
        "insightsAt": newest.numbers.get("insightsAt"),
    }
