"""When runs are made without anybody asking: by interval, at night, and with calls left over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from clinics import hours
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.session import system_of
from sync.asking import ask
from sync.plan import MOVING
from sync.requesting import COOL_DOWN, Running, Wanted, request
from sync.states import Mode, Status, Trigger

logger = logging.getLogger(__name__)

#: Between the runs of two organizations that come due together.
BETWEEN_ORGANIZATIONS: Final = timedelta(seconds=30)
#: A night's full pass that did not come about in time is begun by day once the last is so old.
OVERDUE: Final = timedelta(hours=44)
#: A full pass is not needed where one ended well so short a time before.
FRESH: Final = timedelta(hours=20)
#: Failures in a row that are counted: each doubles the wait before the next run.
COUNTED: Final = 5


def active() -> list[Integration]:
    """Read the integrations that runs are made for; one reading serves all kinds of a tick."""
    return list(
        Integration.objects.filter(status=IntegrationStatus.ACTIVE)
        .select_related("clinic")
        .prefetch_related("cursors")
        .order_by("organization_id", "pk")
    )


def make_due_runs(now: datetime, among: Iterable[Integration] | None = None) -> int:
    """Make the runs of the clinics whose interval has passed; return how many.

    `among` is what `active` has read; else it is read now.

    Those of one organization begin at once, those of the next half a minute later; where that
    would take longer than half of the interval, sooner.
    """
    organizations: dict[UUID, list[tuple[Integration, list[Resource]]]] = {}
    for integration in active() if among is None else among:
        with apart(integration):
            resources = due_resources(integration, now)
            if resources and now >= _rest_until(integration, now):
                organizations.setdefault(integration.organization_id, []).append(
                    (integration, resources)
                )
    if not organizations:
        return 0
    longest = timedelta(minutes=settings.SYNC_INTERVAL_MINUTES) / 2 / len(organizations)
    between = min(BETWEEN_ORGANIZATIONS, longest)
    made = 0
    for number, integrations in enumerate(organizations.values()):
        for integration, resources in integrations:
            only = () if resources == moving(integration) else resources
            wanted = Wanted(trigger=Trigger.SCHEDULE, only=only, not_before=now + between * number)
            made += len(ask([integration], wanted, now).made)
    return made


@contextmanager
def apart(integration: Integration) -> Iterator[None]:
    """Let what is set up wrongly at one integration (a PMS or zone that is not known any more) keep
    no other from its runs."""
    try:
        yield
    except (LookupError, ValueError):
        logger.exception("integration %s: no run can be made", integration.pk)


def due_resources(integration: Integration, now: datetime) -> list[Resource]:
    """Return the lists whose interval has passed since they were last read, or that never were."""
    looked_at = {cursor.resource: cursor.looked_at for cursor in integration.cursors.all()}
    return [
        resource
        for resource in moving(integration)
        if resource not in looked_at or now >= looked_at[resource] + interval(integration, resource)
    ]


def moving(integration: Integration) -> list[Resource]:
    """Return the lists that are read by interval: those of them that this practice's PMS has."""
    lists = system_of(integration).lists
    return [resource for resource in MOVING if resource in lists]


def _rest_until(integration: Integration, now: datetime) -> datetime:
    """Return when the next run may begin after runs that failed: half an hour after the first, at
    most the usual interval after many. What failed for good would fail so with each tick."""
    ended = (
        integration.sync_runs.filter(finished_at__isnull=False)
        .exclude(mode=Mode.UPCOMING)
        .exclude(status=Status.CANCELLED)
        .order_by("-created_at")
        .values_list("status", "finished_at")[:COUNTED]
    )
    failed = [finished_at for _, finished_at in takewhile(lambda e: e[0] == Status.FAILED, ended)]
    if not failed:
        return now
    longest = timedelta(minutes=settings.SYNC_INTERVAL_MINUTES)
    return failed[0] + min(COOL_DOWN * 2 ** (len(failed) - 1), longest)


def interval(integration: Integration, resource: Resource) -> timedelta:
    """Return how long after a reading of a list the next one follows: the integration's own, else
    what is usual for its PMS, else the setting."""
    usual = integration.manifest.usual_minutes.get(resource, settings.SYNC_INTERVAL_MINUTES)
    return timedelta(minutes=integration.sync_minutes or usual)


def make_nightly_runs(now: datetime, among: Iterable[Integration] | None = None) -> int:
    """Make the full runs of the clinics whose night it is, once in each local date; return how
    many. Where the clocks jump over 2 AM, it is the moment of that. `among` as above."""
    made = 0
    for integration in active() if among is None else among:
        cursors = integration.cursors.all()
        if not cursors:  # the first run of all is full by itself
            continue
        with apart(integration):
            local = now.astimezone(integration.clinic.zone)
            oldest = min((each.full_at for each in cursors if each.full_at), default=None)
            age = now - oldest if oldest else OVERDUE
            in_time = hours.CATCH_UP <= local.time() < hours.DAY_BEGINS
            if age >= FRESH and (in_time or (age >= OVERDUE and local.time() >= hours.CATCH_UP)):
                made += _begin_night(integration, local.date(), now)
    return made


def _begin_night(integration: Integration, local_date: date, now: datetime) -> bool:
    tonight = Integration.objects.filter(pk=integration.pk).filter(
        Q(full_sync_on=None) | Q(full_sync_on__lt=local_date)
    )
    try:
        with transaction.atomic():
            if not tonight.update(full_sync_on=local_date):
                return False
            wanted = Wanted(trigger=Trigger.NIGHT, is_full=True, is_forced=True)
            request(integration, wanted, now)
    except Running:
        return False  # the mark is undone too: the next tick tries again
    return True


def next_night(integration: Integration, now: datetime) -> datetime:
    """Return when the next full run is due at the earliest."""
    return hours.next_catch_up(now, integration.clinic.zone)
