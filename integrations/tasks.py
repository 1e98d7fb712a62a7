"""Background work for integrations. Each task is safe to run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.utils import timezone

from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import Integration, IntegrationStatus
from integrations.session import open_session

logger = logging.getLogger(__name__)


@shared_task
def refresh_tokens() -> int:
    """Start a renewal for each integration whose key is due; returns how many."""
    integrations = Integration.objects.exclude(status=IntegrationStatus.SETUP_REQUIRED)
    now = timezone.now()
    ids = [str(each.pk) for each in integrations.iterator() if each.key_is_due(now)]
    for pk in ids:
        refresh_token.delay(pk)
    return len(ids)


@shared_task
def refresh_token(integration_id: str) -> None:
    """Renew one integration's key if it still is due."""
    integration = Integration.objects.get(pk=integration_id)
    try:
        session = open_session(
            integration, Priority.LOW, correlation="refresh_token", even_if_rejected=True
        )
        session.tokens.renew_if_due()
    except PmsError as error:
        # The next tick tries again; a rejected credential is shown on the integration.
        logger.warning("integration %s: key not renewed: %s", integration_id, error)
