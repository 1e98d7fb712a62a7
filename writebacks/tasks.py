"""Celery's way in: each task loads by id and does one step. All are safe to run twice."""

from __future__ import annotations

from datetime import datetime
from smtplib import SMTPException

from celery import shared_task
from django.utils import timezone

from integrations.models import Integration
from tenancy import scope
from writebacks import catching_up, due, identifying, mailing, polling, submission
from writebacks import reconcile as reconciling
from writebacks.models import Writeback
from writebacks.states import Status

#: A hand-out that was not taken up within this many seconds is worthless: a later tick repeats it.
EXPIRES = 60


@shared_task
def dispatch() -> None:
    """Find what is due and hand it out. Runs every few seconds; does no work of its own.

    What is handed out is taken already: if the broker loses it, a lease brings it back.
    """
    now = timezone.now()
    with scope.everywhere():
        due.lapse(now)
        for writeback_id, due_at in due.hand_out_queued(now):
            submit.apply_async((writeback_id, due_at), expires=EXPIRES)
        for integration_id in due.hand_out_integrations(Status.PENDING, now):
            check.apply_async((integration_id,), expires=EXPIRES)
        for integration_id in due.hand_out_integrations(Status.UNCONFIRMED, now):
            reconcile.apply_async((integration_id,), expires=EXPIRES)
        for integration_id in due.hand_out_integrations(Status.COMPLETED, now):
            identify.apply_async((integration_id,), expires=EXPIRES)


@shared_task
def catch_up() -> None:
    """Begin the night's catch-up where it is 2 AM. Runs every few minutes."""
    with scope.everywhere():
        catching_up.catch_up(timezone.now())


@shared_task
def submit(writeback_id: str, due_at: str) -> None:
    """Send one queued writeback that was handed out as due at this time."""
    with scope.tenant_of(Writeback, writeback_id):
        submission.submit(writeback_id, datetime.fromisoformat(due_at), timezone.now)


@shared_task
def check(integration_id: str) -> None:
    """Ask for the outcome of an integration's pending writebacks."""
    with scope.tenant_of(Integration, integration_id):
        polling.check(integration_id, timezone.now)


@shared_task
def reconcile(integration_id: str) -> None:
    """Look for an integration's unconfirmed writebacks."""
    with scope.tenant_of(Integration, integration_id):
        reconciling.reconcile(integration_id, timezone.now)


@shared_task
def identify(integration_id: str) -> None:
    """Read the PMS's ids of what an integration's confirmed writebacks have created."""
    with scope.tenant_of(Integration, integration_id):
        identifying.identify(integration_id, timezone.now)


@shared_task(
    autoretry_for=(OSError, SMTPException), retry_backoff=60, retry_backoff_max=3600, max_retries=6
)
def mail(writeback_id: str) -> None:
    """Tell the person who asked how it ended."""
    with scope.tenant_of(Writeback, writeback_id):
        mailing.mail(writeback_id)
