"""Tell an organization's endpoints what happened: written down with the change that it tells of."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q
from kombu.exceptions import OperationalError

from tenancy import scope
from webhooks import events
from webhooks.models import Delivery, Endpoint, Message

logger = logging.getLogger(__name__)


def publish(
    organization_id: UUID,
    clinic_id: UUID,
    type: str,
    data: dict[str, Any],
    now: datetime,
    *,
    event_id: UUID,
) -> Message | None:
    """Have the organization's endpoints that want it told of this event, each at least once.

    To be called in the transaction, and the tenant's scope, of the change that it tells of: both
    are kept or none. The same `event_id` again is the same event and adds nothing. Without an
    endpoint that wants it, nothing is kept, and None returned. `data` is what JSON can say, also
    datetimes and UUIDs; it is stored encrypted. Raises ValueError for a type that is none.
    """
    if type not in events.TYPES:
        raise ValueError(f"{type!r} is no type of event: see webhooks/events.py")
    endpoints = Endpoint.objects.filter(
        Q(event_types=[]) | Q(event_types__contains=[type]),
        Q(clinics=[]) | Q(clinics__contains=[clinic_id]),
        organization_id=organization_id,
        is_active=True,
    )
    with transaction.atomic():
        wanting = list(endpoints.values_list("pk", flat=True))
        if not wanting:
            return None
        message, is_new = Message.objects.get_or_create(
            pk=event_id,
            defaults={
                "organization_id": organization_id,
                "clinic_id": clinic_id,
                "type": type,
                "data": data,
                "created_at": now,
            },
        )
        if is_new:
            _send_out(message, wanting, now)
    return message


def send_test(endpoint: Endpoint, now: datetime) -> Delivery:
    """Send an event that means nothing to this endpoint alone, whatever types it wants."""
    # Messages are out of sight of those who look over all tenants, and this one tells of nobody.
    with scope.organizations(endpoint.organization_id), transaction.atomic():
        message = Message.objects.create(
            pk=uuid4(),
            organization_id=endpoint.organization_id,
            type=events.TEST,
            data={"message": "This is a test; nothing happened."},
            created_at=now,
        )
        (delivery,) = _send_out(message, [endpoint.pk], now)
    return delivery


def hand_on(endpoint_id: UUID) -> None:
    """Let a worker send, after the commit, what is due to this endpoint. Without a broker the
    dispatcher finds it by its due time."""
    transaction.on_commit(partial(_enqueue, str(endpoint_id)))


def _send_out(message: Message, endpoints: Iterable[UUID], now: datetime) -> list[Delivery]:
    deliveries = Delivery.objects.bulk_create(
        Delivery(
            organization_id=message.organization_id,
            endpoint_id=pk,
            message=message,
            type=message.type,
            created_at=now,
            due_at=now,
        )
        for pk in endpoints
    )
    for each in deliveries:
        hand_on(each.endpoint_id)
    return deliveries


def _enqueue(endpoint_id: str) -> None:
    from webhooks.tasks import EXPIRES, deliver

    try:
        deliver.apply_async((endpoint_id,), expires=EXPIRES)
    except OperationalError:
        logger.warning("webhook %s: no broker now; it is told when one is back", endpoint_id)
