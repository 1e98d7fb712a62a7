"""Celery's way in. Each task is safe to run twice."""

from __future__ import annotations

import logging
from uuid import UUID

from celery import shared_task
from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from clinics import changes, pruning
from clinics.models import Clinic
from metrics import recounting
from metrics.insights import work
from metrics.models import Standing, Told, Touched
from tenancy import scope

logger = logging.getLogger(__name__)

#: Seconds in which a clinic's further changes are left to the recount that was asked for already.
ASKED = 5
#: Clinics whose insights are asked for in one tick, and seconds in which one is not asked for anew.
INSIGHTS_AT_ONCE = 10
INSIGHTS_ASKED = 60


def ask(clinic_id: UUID) -> None:
    """Have a clinic recounted soon; changes until it begins make one recount together.

    What cannot be asked for now, `dispatch` finds.
    """
    try:
        if cache.add(_key(clinic_id), True, ASKED):
            recount.apply_async((str(clinic_id),), expires=60)
    except (OperationalError, RedisError) as error:
        logger.warning("a recount is left to the dispatcher: %s", type(error).__name__)


@shared_task
def recount(clinic_id: str) -> None:
    """Bring a clinic's numbers up to date."""
    # Before anything is read: what changes from here on asks for the next one.
    cache.delete(_key(clinic_id))
    with scope.tenant_of(Clinic, clinic_id):
        recounting.recount(Clinic.objects.get(pk=clinic_id), timezone.now())


@shared_task
def dispatch() -> None:
    """Have those clinics recounted whose changes were not told of, or for which time has changed
    something. Runs every few seconds."""
    now = timezone.now()
    touched = Touched.objects.filter(clinic=OuterRef("pk"))
    with scope.everywhere():
        due = Clinic.objects.filter(
            Q(metrics_standing=None)
            | Q(metrics_standing__is_outdated=True)
            | Q(metrics_standing__due_at__lte=now)
            | Exists(touched)
        )
        for clinic_id in due.values_list("pk", flat=True):
            ask(clinic_id)


@shared_task
def insights(clinic_id: str) -> None:
    """Work out what the PMS of a clinic does not track, if that is due, and have it told."""
    cache.delete(_insights_key(clinic_id))
    now = timezone.now()
    with scope.tenant_of(Clinic, clinic_id):
        clinic = Clinic.objects.get(pk=clinic_id)
        if work.claim(clinic, now):
            work.work_out(clinic, now)
            changes.announce(clinic.pk)


@shared_task
def dispatch_insights() -> None:
    """Have insights worked out that are due, a few at a time: recounts wait in the same queue,
    and somebody watches those."""
    with scope.everywhere():
        clinics = work.due(timezone.now(), INSIGHTS_AT_ONCE)
    for clinic_id in clinics:
        if cache.add(_insights_key(clinic_id), True, INSIGHTS_ASKED):
            insights.apply_async((str(clinic_id),), expires=INSIGHTS_ASKED)


@shared_task
def prune() -> int:
    """Forget what was told long ago, but for the newest of each clinic; returns how many rows."""
    newest = Standing.objects.filter(clinic=OuterRef("clinic"), version=OuterRef("version"))
    with scope.everywhere():
        old = Told.objects.filter(~Exists(newest), at__lt=timezone.now() - recounting.KEPT)
        return pruning.prune(old)


def _key(clinic_id: UUID | str) -> str:
    return f"metrics.asked.{clinic_id}"


def _insights_key(clinic_id: UUID | str) -> str:
    return f"metrics.insights.asked.{clinic_id}"
