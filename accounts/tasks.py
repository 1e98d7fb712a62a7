"""Background work for logins. Safe to run twice."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import TokenFamily
from clinics import pruning

#: How long a revoked family stays, so that its tokens are told that it was.
REVOKED_DAYS = 1


@shared_task
def prune() -> int:
    """Delete ended logins and forgotten failures to log in; returns how many of both.

    What one run leaves, the next one takes.
    """
    now = timezone.now()
    old = TokenFamily.objects.filter(
        Q(ends_at__lte=now) | Q(revoked_at__lte=now - timedelta(days=REVOKED_DAYS))
    )
    deleted = pruning.prune(old)
    failures = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME)
    return deleted + failures.delete()[0]
