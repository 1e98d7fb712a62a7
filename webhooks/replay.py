"""Send again what did not arrive, or what got lost with its receiver: as the same event."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from webhooks.models import LEASE, Delivery, Endpoint, Status
from webhooks.publishing import hand_on


class Disabled(Exception):
    """The endpoint is not active: nothing is sent to it."""


def replay(delivery: Delivery, now: datetime) -> None:
    """Have a delivery made again, at once and then by the whole schedule. Raises Disabled."""
    _again(delivery.endpoint, Delivery.objects.filter(pk=delivery.pk), now)
    delivery.refresh_from_db()


def replay_failed(endpoint: Endpoint, since: datetime, now: datetime) -> int:
    """Do the same for everything since then that has not arrived; returns how many deliveries.

    Raises Disabled.
    """
    rows = Delivery.objects.filter(endpoint=endpoint, created_at__gte=since)
    return _again(endpoint, rows.exclude(status=Status.DELIVERED), now)


def _again(endpoint: Endpoint, rows: QuerySet[Delivery], now: datetime) -> int:
    # One that is pending and due within a lease may be on its way right now, and comes by itself.
    idle = ~Q(status=Status.PENDING) | Q(due_at__gt=now + LEASE)
    with transaction.atomic():
        locked = Endpoint.objects.select_for_update(no_key=True).get(pk=endpoint.pk)
        if not locked.is_active:
            raise Disabled("This webhook is disabled. Enable it first.")
        count = rows.filter(idle).update(status=Status.PENDING, due_at=now, ended_at=None, step=0)
        Endpoint.objects.filter(pk=endpoint.pk).update(rests_until=None)
        hand_on(endpoint.pk)
    return count
