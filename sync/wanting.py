"""What a PMS said has changed, and the runs that go and look. Whatever it says is only a reason to
read: nothing of it comes into our tables, so it can never stand over newer data.

A list that is wanted stays so until a run that began after the PMS spoke has read it: what a PMS
says while a run reads may be about a page that the run has passed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet

from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from sync import handing_on
from sync.asking import ask
from sync.models import Cursor, SyncRun
from sync.requesting import Wanted
from sync.states import OPEN, Status, Trigger

#: Between the runs that one practice's webhooks make, however many come; and after one that failed.
APART: Final = timedelta(minutes=1)
AFTER_FAILURE: Final = timedelta(minutes=15)


def note(
    integrations: Iterable[Integration], resources: Collection[Resource], now: datetime
) -> None:
    """Note that these lists have changed. A list that was never read whole needs no note: its first
    reading is to come, or is under way and followed by one of what changed since it began."""
    wanted = Cursor.objects.filter(
        integration__in=[each.pk for each in integrations], resource__in=resources
    )
    if wanted.update(wanted_at=now):
        handing_on.look_soon()


def make_runs(now: datetime) -> int:
    """Make a run of the wanted lists of each practice that has none open; return how many."""
    made = 0
    for integration in _waiting_for_a_run():
        lists = [each.resource for each in integration.cursors.all() if each.wanted_at]
        newest = integration.sync_runs.order_by("-created_at").first()
        if not lists or (newest and now < _rest_until(newest)):
            continue
        only = [Resource(each) for each in lists]
        wanted = Wanted(trigger=Trigger.WEBHOOK, only=only, is_forced=True)
        made += len(ask([integration], wanted, now).made)
    return made


def _rest_until(newest: SyncRun) -> datetime:
    """Return when the next run may begin, as far as the one before it is concerned."""
    if newest.status == Status.FAILED and newest.finished_at:
        return newest.finished_at + AFTER_FAILURE
    return newest.created_at + APART


def _waiting_for_a_run() -> QuerySet[Integration]:
    wanted = Cursor.objects.filter(integration=OuterRef("pk"), wanted_at__isnull=False)
    under_way = SyncRun.objects.filter(integration=OuterRef("pk"), status__in=OPEN)
    return Integration.objects.filter(
        Exists(wanted), ~Exists(under_way), status=IntegrationStatus.ACTIVE
    ).prefetch_related("cursors")
