"""Background work for logins. Safe to run twice."""

from __future__ import annotations

from datetime import timedelta

from axes.models import AccessAttempt
from celery import shared_task
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.models import TokenFamily

#: Families that one statement deletes at most, and its statements in one run.
PRUNED_AT_ONCE = 1_000
PRUNED_TIMES = 20
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
    deleted = 0
    for _ in range(PRUNED_TIMES):
        keys = list(old.values_list("pk", flat=True)[:PRUNED_AT_ONCE])
        TokenFamily.objects.filter(pk__in=keys).delete()
        deleted += len(keys)
        if len(keys) < PRUNED_AT_ONCE:
            break
    failures = AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME)
    return deleted + failures.delete()[0]
