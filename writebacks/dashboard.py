"""What a practice's card shows: calls used this hour, and how its writebacks stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Min, Q

from clinics import hours
from clinics.access import Access
from clinics.models import Clinic
from clinics.permissions import Action
from integrations.contract import Priority
from integrations.http.budget import window_start
from integrations.models import BudgetWindow, Integration, IntegrationStatus
from writebacks import pace
from writebacks.finding import (
    FOR_AGENT,
    FOR_BUDGET,
    FOR_EARLIER,
    OPEN,
    PARKED,
    RECENT,
    REJECTED,
    TO_BE_IDENTIFIED,
)
from writebacks.models import Writeback
from writebacks.states import TERMINAL, Status

#: What else a card counts, by its standing; the words come after the number.
WAITS: Final = {
    "budget": "waiting for calls of the next window",
    "agent": "waiting for the practice's computer",
    "earlier": "waiting for an earlier one",
    "withdrawing": "being withdrawn",
    "identifying": "confirmed, the PMS's id still to be read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Calls of one kind against what they may use; `percent` is of the drawn length."""

    label: str
    used: int
    limit: int
    of: str = ""

    @property
    def percent(self) -> int:
        """How full the bar is, 0 to 100."""
        return min(100, round(100 * self.used / self.limit)) if self.limit else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """How many writebacks wait for one thing, and the standing (writebacks/finding.py) of these."""

    count: int
    words: str
    standing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticeCard:
    """One practice at a glance. Durations are timedeltas, None where there is nothing to tell."""

    clinic: Clinic
    #: Whether the person may go on to the practice's writebacks, appointments and numbers.
    opens_writebacks: bool
    opens_appointments: bool
    opens_metrics: bool
    integration: Integration
    window_starts_at: datetime
    window_ends_at: datetime
    total: Bar
    split: tuple[Bar, Bar]
    #: From this many calls in total, background work waits for the next window.
    low_ceiling: int
    open: int
    oldest_age: timedelta | None
    unconfirmed: int
    #: When the first of the unconfirmed ones is looked for again, and whether that is the night's
    #: catch-up.
    next_look_at: datetime | None
    at_night: bool
    rejected: int
    parked: int
    completed: int
    average: timedelta | None
    failed: int
    #: How many of the failed ones nobody has asked for again.
    not_retried: int
    #: How many cannot be sent, since the practice's computer is not connected.
    offline: int
    waits: tuple[Wait, ...]
    #: Until when no check is made, to leave the practice's calls for people; None where one may.
    paced_until: datetime | None

    @property
    def needs_person(self) -> int:
        """How many writes do not move on by themselves."""
        return self.rejected + self.parked

    @property
    def away(self) -> bool:
        """Whether the PMS failed several times in a row and has not answered since."""
        breaker = getattr(self.integration, "breaker", None)
        return breaker is not None and breaker.opened_at is not None

    @property
    def health(self) -> tuple[str, str]:
        """A level (good, warning, bad) and the one sentence that explains it."""
        if self.integration.status == IntegrationStatus.ERROR:
            return "bad", "The PMS rejects our credential"
        if self.integration.status == IntegrationStatus.SETUP_REQUIRED:
            return "warning", "Set-up is not finished"
        if self.away:
            return "bad", "The PMS is away"
        if self.rejected:
            return "bad", "The PMS rejects our calls"
        if self.parked:
            return "warning", "Some writes need a person"
        if self.unconfirmed:
            return "warning", "Some writes are not confirmed"
        if self.offline:
            return "warning", "The practice's computer is offline"
        if self.total.used >= self.total.limit:
            return "bad", "This hour's calls are used up"
        if self.total.used >= self.low_ceiling:
            return "warning", "Background checks wait for the next hour"
        return "good", "Healthy"


def practice_cards(found: Access, now: datetime) -> list[PracticeCard]:
    """Return the card of each connected practice that may be seen, by name: 3 queries."""
    clinics = Clinic.objects.select_related("integration__breaker", "organization").filter(
        integration__isnull=False
    )
    shown = list(found.visible(clinics, Action.VIEW_CONNECTIONS).order_by("name"))
    counts = _writebacks([clinic.pk for clinic in shown], now)
    windows = _windows([clinic.integration for clinic in shown], now)
    return [_card(found, clinic, counts.get(clinic.pk, {}), windows, now) for clinic in shown]


def _writebacks(clinic_ids: list[UUID], now: datetime) -> dict[UUID, Any]:
    took = ExpressionWrapper(F("completed_at") - F("created_at"), output_field=DurationField())
    open_, unconfirmed = Q(status__in=OPEN), Q(status=Status.UNCONFIRMED)
    recent = Q(completed_at__gte=now - RECENT)
    completed, failed = (recent & Q(status=each) for each in (Status.COMPLETED, Status.FAILED))
    rows = (
        Writeback.objects.filter(clinic_id__in=clinic_ids)
        .filter(Q(completed_at=None) | recent | TO_BE_IDENTIFIED)
        .values("clinic_id")
        .annotate(
            open=Count("pk", filter=open_),
            oldest=Min("created_at", filter=open_),
            unconfirmed=Count("pk", filter=unconfirmed),
            next_look=Min("due_at", filter=unconfirmed),
            rejected=_waiting(REJECTED),
            parked=_waiting(PARKED),
            completed=Count("pk", filter=completed),
            average=Avg(took, filter=completed),
            failed=Count("pk", filter=failed),
            not_retried=Count("pk", filter=failed & Q(retried_as=None)),
            offline=Count("pk", filter=Q(status=Status.QUEUED, waiting_for=FOR_AGENT)),
            budget=_waiting(FOR_BUDGET),
            agent=_waiting(FOR_AGENT),
            earlier=_waiting(FOR_EARLIER),
            withdrawing=Count(
                "pk", filter=Q(status=Status.PENDING, withdraw_asked_at__isnull=False)
            ),
            identifying=Count("pk", filter=TO_BE_IDENTIFIED),
        )
    )
    return {row["clinic_id"]: row for row in rows}


def _waiting(code: str) -> Count:
    return Count("pk", filter=Q(waiting_for=code) & ~Q(status__in=TERMINAL))


def _windows(integrations: list[Integration], now: datetime) -> dict[str, BudgetWindow]:
    """Return the window that now runs of each practice's own counter, by its key."""
    counters = {each.key: each.limit for each in (i.practice_counter() for i in integrations)}
    starts = {window_start(now, limit.seconds) for limit in counters.values()}
    windows = BudgetWindow.objects.filter(key__in=counters, starts_at__in=starts)
    return {each.key: each for each in windows if each.seconds == counters[each.key].seconds}


def _card(
    found: Access, clinic: Clinic, counts: Any, windows: dict[str, BudgetWindow], now: datetime
) -> PracticeCard:
    counter = clinic.integration.practice_counter()
    limit = counter.limit
    window = windows.get(counter.key) or BudgetWindow()
    starts_at = window_start(now, limit.seconds)
    oldest = counts.get("oldest")
    low_ceiling = limit.ceiling(Priority.LOW)
    next_look = counts.get("next_look")
    return PracticeCard(
        clinic=clinic,
        opens_writebacks=found.may(Action.VIEW_WRITEBACKS, clinic),
        opens_appointments=found.may(Action.VIEW_PATIENTS, clinic),
        opens_metrics=found.may(Action.VIEW_METRICS, clinic),
        integration=clinic.integration,
        window_starts_at=starts_at,
        window_ends_at=starts_at + timedelta(seconds=limit.seconds),
        total=Bar(label="Calls this hour", used=window.used, limit=limit.calls),
        split=(
            Bar(
                label="HIGH: people",
                used=window.used_high,
                limit=limit.calls,
                of=f"of {limit.calls}",
            ),
            Bar(
                label="LOW: background",
                used=window.used_low,
                limit=low_ceiling,
                of=f"stops at {low_ceiling} in all",
            ),
        ),
        low_ceiling=low_ceiling,
        open=counts.get("open", 0),
        oldest_age=now - oldest if isinstance(oldest, datetime) else None,
        unconfirmed=counts.get("unconfirmed", 0),
        next_look_at=next_look,
        at_night=next_look == hours.next_catch_up(now, clinic.zone),
        rejected=counts.get("rejected", 0),
        parked=counts.get("parked", 0),
        completed=counts.get("completed", 0),
        average=counts.get("average"),
        failed=counts.get("failed", 0),
        not_retried=counts.get("not_retried", 0),
        offline=counts.get("offline", 0),
        waits=tuple(
            Wait(count=counts[name], words=words, standing=name)
            for name, words in WAITS.items()
            if counts.get(name)
        ),
        paced_until=_paced_until(clinic, now),
    )


def _paced_until(clinic: Clinic, now: datetime) -> datetime | None:
    allowed = pace.allows_at(clinic.integration.checks_paid_until, now)
    return allowed if allowed > now and hours.by_day(now, clinic.zone) else None
