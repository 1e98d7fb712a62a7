"""How old a clinic's numbers are, and whether its PMS can be asked for newer ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from clinics.models import Clinic
from integrations import registry
from integrations.models import IntegrationStatus
from integrations.queries import Resource
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

#: By hand: every answer about a clinic's numbers asks it.
_LINKS: Final = """
    SELECT link.clinic_id, link.pms, link.status, link.sync_minutes, breaker.opened_at,
        greatest(list.read_until, list.looked_at), run.status, run.waiting_for
    FROM pms_integrations AS link
    LEFT JOIN pms_breakers AS breaker ON breaker.integration_id = link.id
    LEFT JOIN pms_sync_cursors AS list
        ON list.integration_id = link.id AND list.resource = %(appointments)s
    LEFT JOIN LATERAL (
        SELECT status, waiting_for FROM pms_sync_runs
        WHERE integration_id = link.id AND status = ANY (%(telling)s)
        ORDER BY created_at DESC LIMIT 1
    ) AS run ON true
    WHERE link.clinic_id = ANY (%(clinics)s)
"""


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
    return of_all([clinic.pk], now)[clinic.pk]


def of_all(clinic_ids: Collection[UUID], now: datetime) -> dict[UUID, Freshness]:
    """Return it for each of these clinics: one query, however many there are."""
    with connection.cursor() as cursor:
        cursor.execute(
            _LINKS,
            {
                "clinics": list(clinic_ids),
                "appointments": Resource.APPOINTMENTS.value,
                "telling": [each.value for each in (*ENDED, Status.WAITING)],
            },
        )
        found = {row[0]: _judged(_Link(*row[1:]), now) for row in cursor.fetchall()}
    return {each: found.get(each, Freshness(state=State.UNCONNECTED)) for each in clinic_ids}


@dataclass(frozen=True, slots=True)
class _Link:
    """What decides about the freshness of a clinic that has a PMS."""

    pms: str
    status: str
    sync_minutes: int | None
    away_since: datetime | None
    #: When its appointments were last looked at.
    looked: datetime | None
    #: Of the newest run that tells how the PMS answered; None where none has yet.
    run_status: str | None
    run_problem: str | None

    @property
    def minutes(self) -> int:
        """After how long the next look is due."""
        usual: int = settings.SYNC_INTERVAL_MINUTES
        if self.pms in registry.ADAPTERS:
            manifest = registry.manifest(self.pms)
            usual = manifest.usual_minutes.get(Resource.APPOINTMENTS, usual)
        return self.sync_minutes or usual

    @property
    def problem(self) -> str:
        """What keeps the PMS from answering; "" where nothing is known to."""
        if self.away_since is not None:
            return "pms_away"
        if self.status == IntegrationStatus.ERROR:
            return "not_authorized"
        if self.run_status in (Status.FAILED, Status.WAITING) and self.run_problem in AWAY:
            return self.run_problem or ""
        return ""


def _judged(link: _Link, now: datetime) -> Freshness:
    problem = link.problem
    if link.looked is None:
        return Freshness(state=State.UNCONNECTED, problem=problem, pms=link.pms)
    stale_at = link.looked + timedelta(minutes=link.minutes) + GRACE
    state = State.AWAY if problem else State.STALE if now >= stale_at else State.LIVE
    return Freshness(
        state=state, last_updated=link.looked, stale_at=stale_at, problem=problem, pms=link.pms
    )
