"""Background work for integrations. Each task is safe to run twice."""

from __future__ import annotations

import logging

from celery import shared_task
from django.db.models import Q
from django.utils import timezone

from integrations.contract import Priority
from integrations.http.errors import PmsError
from integrations.models import RENEW_BEFORE_END, Integration, IntegrationStatus
from integrations.session import open_session

logger = logging.getLogger(__name__)


@shared_task
def refresh_tokens() -> int:
    """Start a renewal for each integration whose key is due; returns how many."""
    due = timezone.now() + RENEW_BEFORE_END
    integrations = Integration.objects.filter(
        Q(key_expires_at=None) | Q(key_expires_at__lte=due)
    ).exclude(status=IntegrationStatus.SETUP_REQUIRED)
    ids = [str(pk) for pk in integrations.values_list("pk", flat=True)]
    for pk in ids:
        refresh_token.delay(pk)
    return len(ids)


@shared_task
def refresh_token(integration_id: str) -> None:
    """Renew one integration's key if it still is due."""
    integration = Integration.objects.get(pk=integration_id)
    try:
        open_session(integration, Priority.LOW).tokens.renew_if_due()
    except PmsError as error:
        # The next tick tries again; a rejected credential is shown on the integration.
        logger.warning("integration %s: key not renewed: %s", integration_id, error)
