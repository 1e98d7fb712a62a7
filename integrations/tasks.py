"""Background work for integrations. Each task is safe to run twice."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from clinics import pruning
from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import BudgetCap, BudgetWindow, Call, Integration, IntegrationStatus
from integrations.session import open_session
from tenancy import scope

logger = logging.getLogger(__name__)


@shared_task
def refresh_tokens() -> int:
    """Start a renewal for each integration whose key is due; returns how many."""
    integrations = Integration.objects.exclude(status=IntegrationStatus.SETUP_REQUIRED)
    now = timezone.now()
    with scope.everywhere():
        ids = [
            str(each.pk)
            for each in integrations
            if each.key_is_due(now) or each.status == IntegrationStatus.ERROR
        ]
    for pk in ids:
        refresh_token.delay(pk)
    return len(ids)


@shared_task
def refresh_token(integration_id: str) -> None:
    """Renew one integration's key if it still is due."""
    with scope.tenant_of(Integration, integration_id):
        integration = Integration.objects.get(pk=integration_id)
        try:
            session = open_session(
                integration, Priority.LOW, correlation="refresh_token", even_if_rejected=True
            )
            session.tokens.renew_if_due()
        except PmsError as error:
            # The next tick tries again; a rejected credential is shown on the integration.
            logger.warning("integration %s: key not renewed: %s", integration_id, error)


@shared_task
def prune() -> int:
    """Delete what is older than settings say, in small bites; returns how many rows.

    What one run leaves, the next one takes.
    """
    now = timezone.now()
    calls = now - timedelta(days=settings.CALL_LOG_DAYS)
    windows = now - timedelta(days=settings.BUDGET_HISTORY_DAYS)
    with scope.everywhere():
        return (
            pruning.prune(Call.objects.filter(at__lt=calls).order_by("at"))
            + pruning.prune(BudgetWindow.objects.filter(starts_at__lt=windows))
            + pruning.prune(BudgetCap.objects.filter(until__lte=now))
        )
