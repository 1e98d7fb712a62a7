"""How old a clinic's numbers are, and whether its PMS can be asked for newer ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from django.conf import settings

from clinics.models import Clinic
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.standing import breaker_of
from sync.models import SyncRun
from sync.states import ENDED, Status

#: Failures that mean that the PMS cannot be asked; others pass within its limits.
AWAY: Final = frozenset(
    {
        "no_answer",
        "not_reached",
        "pms_away",
        "agent_offline",
        "key_expired",
        "not_authorized",
        "refused",
    }
)
#: Beyond the interval in which a sync is due: what it may take.
GRACE: Final = timedelta(minutes=30)


class State(StrEnum):
    """How current the numbers are."""

    #: As in the PMS when it was last due to be looked at.
    LIVE = "live"
    #: A sync is overdue, for whatever reason.
    STALE = "stale"
    #: The PMS does not answer, or refuses us: the last try failed.
    AWAY = "away"
    #: The clinic has no PMS, or nothing was read of it yet.
    UNCONNECTED = "unconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Since when the PMS was not looked at. `last_updated` is None before the first time."""

    state: State
    last_updated: datetime | None = None
    #: When the numbers become stale, if nothing comes in between.
    stale_at: datetime | None = None
    #: Of a PMS that is away: what it does not do, as writebacks and syncs name it.
    problem: str = ""
    pms: str = ""

    def age_seconds(self, now: datetime) -> int | None:
        """Return how old the numbers are; None where there are none."""
        if self.last_updated is None:
            return None
        return max(0, int((now - self.last_updated).total_seconds()))

    def as_json(self, now: datetime) -> dict[str, Any]:
        """Return it in the words of the API."""
        return {
            "lastUpdated": self.last_updated.isoformat() if self.last_updated else None,
            "dataAgeSeconds": self.age_seconds(now),
            "status": self.state.value,
        }


def of(clinic: Clinic, now: datetime) -> Freshness:
    """Return how current what we have of a clinic's appointments is."""
    integration = (
        Integration.objects.filter(clinic=clinic)
        .select_related("breaker")
        .prefetch_related("cursors")
        .first()
    )
    if integration is None:
        return Freshness(state=State.UNCONNECTED)
    cursors = [each for each in integration.cursors.all() if each.resource == Resource.APPOINTMENTS]
    looked = max(
        (each for one in cursors for each in (one.read_until, one.looked_at) if each),
        default=None,
    )
    if looked is None:
        return Freshness(state=State.UNCONNECTED, pms=integration.pms)
    minutes = integration.sync_minutes or settings.SYNC_INTERVAL_MINUTES
    stale_at = looked + timedelta(minutes=minutes) + GRACE
    problem = _problem(integration)
    state = State.AWAY if problem else State.STALE if now >= stale_at else State.LIVE
    return Freshness(
        state=state,
        last_updated=looked,
        stale_at=stale_at,
        problem=problem,
        pms=integration.pms,
    )


def _problem(integration: Integration) -> str:
    """Return what keeps the PMS from answering; "" where nothing is known to."""
    if breaker_of(integration).opened_at is not None:
        return "pms_away"
    if integration.status == IntegrationStatus.ERROR:
        return "not_authorized"
    newest = (
        SyncRun.objects.filter(integration=integration)
        .filter(status__in=(*ENDED, Status.WAITING))
        .order_by("-created_at")
        .values_list("status", "waiting_for")
        .first()
    )
    if newest and newest[0] in (Status.FAILED, Status.WAITING) and newest[1] in AWAY:
        return newest[1]
    return ""
