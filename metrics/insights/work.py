"""Work out a clinic's insights, keep them in a row, and say when that is next due.

One that fails is kept as not available and stops no other. A working-out is claimed by moving the
row's due time past a lease, so that one that is killed comes due again by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Least

from clinics.models import Clinic
from metrics.insights import (
    fill_rate,
    lead_time,
    no_show_risk,
    outside_hours,
    recall,
    refilled,
    writing_back,
)
from metrics.insights.context import Context
from metrics.insights.definitions import (
    BOOKED_OUTSIDE_HOURS,
    BOOKING_LEAD_TIME,
    DEFINITIONS,
    DUE_NOT_REBOOKED,
    EMPTY_SLOTS_VALUE,
    FILL_RATE,
    MINUTES_SAVED,
    NO_SHOW_RISK,
    REFILLED_CANCELLATIONS,
    TIME_TO_CONFIRMATION,
    Definition,
)
from metrics.insights.figure import Figure, failed
from metrics.models import Insight, Standing

logger = logging.getLogger(__name__)

#: The windows move with the time, also where nothing changes.
EVERY: Final = timedelta(hours=1)
#: Longer than a task may run (CELERY_TASK_TIME_LIMIT) and recounting.INSIGHTS_APART together: a
#: change that comes meanwhile still pulls the due time nearer.
LEASE: Final = timedelta(seconds=150)
#: What one may take in the database: all of them together stay within a task's time.
LONGEST_MS: Final = 5000

#: What works out which.
WORKERS: Final[
    tuple[tuple[tuple[Definition, ...], Callable[[Context], dict[str, Figure]]], ...]
] = (
    ((BOOKING_LEAD_TIME,), lead_time.figures),
    ((FILL_RATE, EMPTY_SLOTS_VALUE), fill_rate.figures),
    ((REFILLED_CANCELLATIONS,), refilled.figures),
    ((DUE_NOT_REBOOKED,), recall.figures),
    ((NO_SHOW_RISK,), no_show_risk.figures),
    ((MINUTES_SAVED,), writing_back.minutes_saved),
    ((BOOKED_OUTSIDE_HOURS,), outside_hours.figures),
    ((TIME_TO_CONFIRMATION,), writing_back.figures),
)


def of(clinic: Clinic) -> dict[str, Any]:
    """Return a clinic's insights as last worked out; {} figures before the first time."""
    return of_all([clinic.pk])[clinic.pk]


def of_all(clinic_ids: Collection[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return them for each of these clinics: one query."""
    rows = Insight.objects.in_bulk(clinic_ids)
    return {each: _told(rows.get(each)) for each in clinic_ids}


def _told(found: Insight | None) -> dict[str, Any]:
    if found is None or found.computed_at is None:
        return {"computedAt": None, "figures": {}}
    order = [each.name for each in DEFINITIONS if each.name in found.figures]
    return {
        "computedAt": found.computed_at.isoformat(),
        "figures": {name: found.figures[name] for name in order},
    }


def claim(clinic: Clinic, now: datetime) -> bool:
    """Take on a clinic whose insights are due; False where they are not, or somebody else has.

    Whoever claims works them out with the same `now`, or leaves it to the lapse of the lease.
    """
    _make(clinic, now)
    due = Insight.objects.filter(clinic=clinic, due_at__lte=now)
    return bool(due.update(due_at=now + LEASE))


def work_out(clinic: Clinic, now: datetime) -> Insight:
    """Work out and keep all insights as of now; what was kept of a later moment stays.

    Who watches the clinic is told with its next recount, which is made due with it.
    """
    context = Context.of(clinic, now)
    figures: dict[str, Figure] = {}
    for definitions, worker in WORKERS:
        figures |= _one(definitions, worker, context)
    with transaction.atomic():
        # In the order in which a recount locks them.
        Standing.objects.filter(clinic=clinic, due_at__gt=now).update(due_at=now)
        _make(clinic, now)
        again = now + EVERY
        newer = Q(computed_at=None) | Q(computed_at__lte=now)
        Insight.objects.filter(newer, clinic=clinic).update(
            figures=figures,
            computed_at=now,
            # What pulled the due time nearer meanwhile changed something after it was read.
            due_at=Case(
                When(Q(due_at=now + LEASE) | Q(due_at__lte=now), then=Value(again)),
                default=Least(F("due_at"), Value(again)),
            ),
        )
    return Insight.objects.get(clinic=clinic)


def hasten(clinic: Clinic, now: datetime) -> None:
    """Make a clinic's insights due now: it has said something anew that they are counted with."""
    Insight.objects.filter(clinic=clinic, due_at__gt=now).update(due_at=now)


def due(now: datetime, most: int) -> list[UUID]:
    """Return clinics whose insights are due, the longest first. Needs the scope of everywhere."""
    new = Clinic.objects.filter(metrics_insight=None).values_list("pk", flat=True)
    late = Insight.objects.filter(due_at__lte=now).order_by("due_at", "pk")
    return [*new[:most], *late.values_list("pk", flat=True)[:most]][:most]


def _one(
    definitions: tuple[Definition, ...],
    worker: Callable[[Context], dict[str, Figure]],
    context: Context,
) -> dict[str, Figure]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {LONGEST_MS}")
            return worker(context)
    except SoftTimeLimitExceeded:
        raise
    except Exception as error:  # whatever is wrong with one, the others are shown
        # The name alone: an error of the database tells of the rows.
        names = ", ".join(each.name for each in definitions)
        kind = type(error).__name__
        logger.error("clinic %s: %s could not be worked out: %s", context.clinic.pk, names, kind)
        return {each.name: failed(each) for each in definitions}


def _make(clinic: Clinic, now: datetime) -> None:
    row = Insight(clinic=clinic, organization_id=clinic.organization_id, due_at=now)
    Insight.objects.bulk_create([row], ignore_conflicts=True)
