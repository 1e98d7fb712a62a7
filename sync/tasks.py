"""Celery's way in. Each task is safe to run twice."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from clinics import pruning
from sync import claiming, handing_on, running, schedule, spare, wanting
from sync.models import SyncRun, UnknownAccount
from tenancy import scope

#: A hand-out that was not taken up within this many seconds is repeated by a later tick.
EXPIRES = 60


@shared_task
def dispatch() -> None:
    """Make the runs that webhooks ask for, and hand out those that are due or whose worker is gone.
    Runs every few seconds."""
    handing_on.begins()
    now = timezone.now()
    with scope.everywhere():
        wanting.make_runs(now)
        for run_id in claiming.hand_out(now):
            carry_on.apply_async((run_id,), expires=EXPIRES)


@shared_task
def make_runs() -> None:
    """Make the runs whose time has come: by interval, by night, with calls left over."""
    if not settings.ENABLE_SYNC_SCHEDULER:
        return
    now = timezone.now()
    with scope.everywhere():
        integrations = schedule.active()
        schedule.make_nightly_runs(now, integrations)
        schedule.make_due_runs(now, integrations)
        if settings.SYNC_WITH_SPARE_CALLS:
            spare.make_runs(now, integrations)


@shared_task
def prune() -> int:
    """Delete runs that ended longer ago than settings say, and the practices that nobody connected
    or heard of since; returns how many rows."""
    before = timezone.now() - timedelta(days=settings.SYNC_RUN_DAYS)
    with scope.everywhere():
        return pruning.prune(SyncRun.objects.filter(finished_at__lt=before)) + pruning.prune(
            UnknownAccount.objects.filter(last_told_at__lt=before)
        )


@shared_task
def carry_on(run_id: str) -> None:
    """Work on a run for a shift."""
    with scope.tenant_of(SyncRun, run_id):
        running.carry_on(run_id)
