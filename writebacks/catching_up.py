"""The night's catch-up: at 2 AM of each practice everything that is open is looked at once more."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from clinics import hours
from integrations.models import Integration
from writebacks import handing_on
from writebacks.models import Writeback
from writebacks.states import Status


def catch_up(now: datetime) -> int:
    """Make everything open due at the practices whose night it is; return how many these are.

    Once in each local date, also where the clocks jump over 2 AM or come back to it.
    """
    zones = Integration.objects.values_list("pk", "clinic__timezone", "caught_up_on")
    nights = 0
    for pk, zone, caught_up_on in zones.iterator():
        local = now.astimezone(ZoneInfo(zone))
        if local.time() < hours.CATCH_UP or caught_up_on == local.date():
            continue
        nights += _begin(pk, local.date(), now)
    return nights


def _begin(integration_id: UUID, local_date: date, now: datetime) -> bool:
    """Begin a practice's catch-up; False where another process has."""
    this = Integration.objects.select_related("clinic").get(pk=integration_id)
    with transaction.atomic():
        tonight = Integration.objects.filter(pk=integration_id).filter(
            Q(caught_up_on=None) | Q(caught_up_on__lt=local_date)
        )
        if not tonight.update(caught_up_on=local_date):
            return False
        told_since = now - this.manifest.look_back
        still_told = Q(submitted_at=None) | Q(submitted_at__gte=told_since)
        open_writes = Writeback.objects.filter(still_told, integration=this).filter(
            Q(status=Status.PENDING)
            | Q(status=Status.UNCONFIRMED)
            | Q(status=Status.COMPLETED, due_at__isnull=False)
        )
        # What is due already stays so, longest waiting first.
        if open_writes.filter(Q(due_at=None) | Q(due_at__gt=now)).update(due_at=now):
            handing_on.check_soon(integration_id)
            handing_on.look_soon(integration_id)
    return True
