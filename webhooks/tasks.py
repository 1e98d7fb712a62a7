"""Celery's way in: each task loads by id. All are safe to run twice."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from clinics import pruning
from tenancy import scope
from webhooks import due, notices, sending
from webhooks.models import Endpoint, Message, Notice, Status

#: A hand-out that was not taken up within this many seconds is worthless: a later tick repeats it.
EXPIRES = 60


@shared_task
def dispatch() -> None:
    """Find what is due and hand it out, one task for each endpoint. Does no work of its own."""
    now = timezone.now()
    with scope.everywhere():
        for endpoint_id in due.endpoints_with_due(now):
            deliver.apply_async((endpoint_id,), expires=EXPIRES)
        for notice_id in notices.due(now):
            mail.apply_async((notice_id,), expires=EXPIRES)


@shared_task
def deliver(endpoint_id: str) -> None:
    """Send what is due to one endpoint."""
    with scope.tenant_of(Endpoint, endpoint_id):
        sending.deliver(endpoint_id, timezone.now)


@shared_task
def mail(notice_id: int) -> None:
    """Mail one notice."""
    with scope.tenant_of(Notice, notice_id):
        notices.mail(notice_id, timezone.now())


@shared_task
def prune() -> int:
    """Delete events that are older than settings say, with their deliveries and attempts; then
    deleted endpoints of which nothing is left. Returns how many of both.

    What one run leaves, the next one takes.
    """
    before = timezone.now() - timedelta(days=settings.WEBHOOK_LOG_DAYS)
    with scope.all_tenants():
        old = Message.objects.filter(created_at__lt=before)
        pruned = pruning.prune(old.exclude(deliveries__status=Status.PENDING))
        empty = Endpoint.objects.filter(deleted_at__isnull=False, deliveries=None)
        return pruned + pruning.prune(empty)
