"""Celery's way in. Each task is safe to run twice."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from clinics.models import Clinic
from outreach import refreshing
from outreach.models import CallList
from tenancy import scope

logger = logging.getLogger(__name__)

#: Seconds in which a clinic's further changes are left to the look that was asked for already.
ASKED = 10


def ask(clinic_id: UUID) -> None:
    """Have the calls of those closed who have booked; changes until then make one look together.

    What cannot be asked for now, whoever looks at the list next finds.
    """
    try:
        if cache.add(_key(clinic_id), True, ASKED):
            close_booked.apply_async((str(clinic_id),), expires=60)
    except (OperationalError, RedisError) as error:
        logger.warning("calls are left open until the next look: %s", type(error).__name__)


@shared_task
def close_booked(clinic_id: str) -> None:
    """Close the calls of those who have booked."""
    # Before anything is read: what changes from here on asks for the next look.
    cache.delete(_key(clinic_id))
    with scope.tenant_of(Clinic, clinic_id):
        refreshing.close_booked(Clinic.objects.get(pk=clinic_id), timezone.now())


@shared_task
def refresh(clinic_id: str) -> None:
    """Make a clinic's list for the day, unless it was made already."""
    with scope.tenant_of(Clinic, clinic_id):
        refreshing.refresh(Clinic.objects.get(pk=clinic_id), timezone.now())


@shared_task
def dispatch() -> None:
    """Have the lists made of those clinics whose 2 AM has come. Runs every few minutes."""
    with scope.everywhere():
        due = CallList.objects.filter(due_at__lte=timezone.now())
        for clinic_id in due.values_list("pk", flat=True):
            refresh.apply_async((str(clinic_id),), expires=280)


def _key(clinic_id: UUID | str) -> str:
    return f"outreach.asked.{clinic_id}"
