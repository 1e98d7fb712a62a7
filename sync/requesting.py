"""Ask for a run. There is one at a time for each clinic; who asks twice gets the one there is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from accounts.models import ApiKey
from clinics.models import User
from integrations.models import Integration
from integrations.queries import Resource
from sync.claiming import lock_key
from sync.models import Checkpoint, SyncRun
from sync.states import OPEN, Mode, Status, Trigger

#: A run that nobody forces is left out when one ended well so short a time ago.
COOL_DOWN: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a run shall read, and who wants it."""

    mode: Mode = Mode.INCREMENTAL
    trigger: Trigger = Trigger.PERSON
    is_full: bool = False
    #: Now, however recently there was one.
    is_forced: bool = False
    may_remove: bool = False
    #: Somebody waits for it: it may use the calls that are kept for people.
    is_urgent: bool = False
    only: Collection[Resource] = ()
    #: It begins no sooner; None: now.
    not_before: datetime | None = None
    user: User | None = None
    key: ApiKey | None = None


@dataclass(frozen=True, slots=True)
class Running(Exception):
    """There is an open run already; `run` is that one."""

    run: SyncRun


@dataclass(frozen=True, slots=True)
class TooSoon(Exception):
    """One ended well within the cool-down; `run` is that one."""

    run: SyncRun


def request(integration: Integration, wanted: Wanted, now: datetime) -> SyncRun:
    """Make a run, due now. Raises Running or TooSoon with the run that stands for it.

    What waits (for budget, say, or for the PMS to come back) is made due by a person's forced one:
    somebody wants to know now. It is the waiting one then that goes on, and Running tells it. A
    forced one of our own leaves it waiting: each tick would shorten its wait to nothing.
    """
    if not wanted.is_forced and (recent := _recent(integration, wanted, now)):
        raise TooSoon(recent)
    full = wanted.is_full or wanted.mode is Mode.COMPREHENSIVE
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                organization_id=integration.organization_id,
                clinic_id=integration.clinic_id,
                integration=integration,
                mode=wanted.mode,
                trigger=wanted.trigger,
                is_full=full,
                may_remove=wanted.may_remove,
                is_urgent=wanted.is_urgent,
                only=sorted(wanted.only),
                requested_by=wanted.user,
                requested_by_key=wanted.key,
                lock_key=lock_key(integration.pk),
                due_at=max(wanted.not_before or now, now),
                created_at=now,
            )
            Checkpoint.objects.create(run=run, organization_id=run.organization_id)
    except IntegrityError:
        open_run = SyncRun.objects.filter(integration=integration, status__in=OPEN).first()
        if open_run is None:  # it ended in this very moment
            return request(integration, wanted, now)
        if wanted.is_forced and wanted.trigger is Trigger.PERSON:
            at_rest = SyncRun.objects.filter(
                pk=open_run.pk, status__in=[Status.WAITING, Status.QUEUED]
            )
            at_rest.filter(due_at__gt=now).update(due_at=now, told_at=None)
            if wanted.is_urgent:
                # A full one reads for hours: it would take all of the calls kept for people.
                at_rest.filter(is_full=False).update(is_urgent=True)
        raise Running(open_run) from None
    return run


def cancel(run: SyncRun, now: datetime) -> bool:
    """End a run that has not ended; what it has stored stays. False where it had ended."""
    with transaction.atomic():
        # The checkpoint before the run, as those do who plan its steps: no two wait for each other.
        Checkpoint.objects.select_for_update(no_key=True).filter(pk=run.pk).first()
        ended = SyncRun.objects.filter(pk=run.pk, status__in=OPEN).update(
            status=Status.CANCELLED, due_at=None, finished_at=now, waiting_for=""
        )
        if ended:
            # Whoever works on it stores no further page.
            Checkpoint.objects.filter(pk=run.pk).update(claim=0)
            run.sightings.all().delete()
    return bool(ended)


def covers(run: SyncRun, wanted: Wanted) -> bool:
    """Return whether an open run reads what is wanted, too."""
    if (wanted.is_full or wanted.mode is Mode.COMPREHENSIVE) and not run.is_full:
        return False
    if wanted.may_remove and not run.may_remove:
        return False
    if run.mode == Mode.UPCOMING and wanted.mode is not Mode.UPCOMING:
        return False
    if run.mode == Mode.PATIENTS_ONLY and wanted.mode is not Mode.PATIENTS_ONLY:
        return False
    return not run.only or bool(wanted.only and set(wanted.only) <= set(run.only))


def _recent(integration: Integration, wanted: Wanted, now: datetime) -> SyncRun | None:
    """Return the newest run that read what is wanted and ended well within the cool-down."""
    runs = SyncRun.objects.filter(
        integration=integration, status=Status.COMPLETED, finished_at__gt=now - COOL_DOWN
    ).exclude(mode__in=[Mode.UPCOMING, Mode.PATIENTS_ONLY])
    if wanted.is_full or wanted.mode is Mode.COMPREHENSIVE:
        runs = runs.filter(is_full=True)
    for run in runs.order_by("-created_at"):
        if not run.only or (wanted.only and set(wanted.only) <= set(run.only)):
            return run
    return None
