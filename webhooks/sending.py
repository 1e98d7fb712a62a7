"""Send what is due to one endpoint, and note how each attempt went. Nothing is sent inside a
transaction."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction

from integrations.http import transport
from integrations.http.transport import NotDelivered
from webhooks import due, endpoints, schedule, signing
from webhooks.models import Attempt, Delivery, Endpoint, Message, Reason, Status

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]

#: Deliveries that one task makes at most, and the seconds after which it begins no other: others
#: wait for its worker, and a task has its time limit.
BATCH: Final = 20
ENOUGH: Final = 20.0
GONE: Final = 410
#: Answers whose Retry-After counts: Too Many Requests, Service Unavailable.
BUSY: Final = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Told:
    """What came of one attempt."""

    status_code: int | None = None
    #: Empty when it was delivered.
    error: str = ""
    milliseconds: int = 0
    #: What the receiver asks us to wait at least.
    wait: timedelta | None = None


def deliver(endpoint_id: str, clock: Clock) -> int:
    """Send what is due to an endpoint, the oldest first; returns how many attempts were made.

    Ends with the first failure: the next one would likely fail too, and others wait.
    """
    taken_at = clock()
    if not due.take(endpoint_id, taken_at):
        return 0
    try:
        endpoint = Endpoint.objects.get(pk=endpoint_id)
        if endpoint.is_active and not endpoints.key_works(endpoint, taken_at):
            endpoints.disable(endpoint, Reason.KEY_ENDED, taken_at)
        begun = time.monotonic()
        for made in range(BATCH):
            # Read anew: it may have been disabled, moved or given another secret since.
            endpoint.refresh_from_db()
            if not endpoint.is_active:
                endpoints.give_up(endpoint, clock())
                return made
            delivery = due.claim(endpoint, clock()) if time.monotonic() - begun < ENOUGH else None
            if delivery is None:
                return made
            told = attempt(delivery, clock())
            note(delivery, told, clock())
            if told.error:
                return made + 1
        return BATCH
    finally:
        due.leave(endpoint_id, taken_at)


def body_of(message: Message) -> str:
    """Return an event as it is sent: the same text in every attempt."""
    told = {
        "id": str(message.pk),
        "type": message.type,
        "timestamp": message.created_at,
        "data": message.data,
    }
    return json.dumps(told, cls=DjangoJSONEncoder, separators=(",", ":"), sort_keys=True)


def attempt(delivery: Delivery, now: datetime) -> Told:
    """Send a delivery once."""
    endpoint = delivery.endpoint
    body = body_of(delivery.message)
    headers = signing.headers(delivery.message_id, body, endpoint.secrets(now), now)
    begun = time.monotonic()
    try:
        answer = transport.push(
            endpoint.url,
            body.encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": settings.PMS_USER_AGENT,
                **headers,
            },
            seconds=settings.WEBHOOK_SECONDS,
            allow_private=settings.WEBHOOKS_ALLOW_PRIVATE,
        )
    except NotDelivered as failure:
        return Told(None, failure.code, _since(begun))
    took, status = _since(begun), answer.status
    if 200 <= status < 300:
        return Told(status, "", took)
    asked = answer.headers.get("Retry-After", "") if status in BUSY else ""
    error = "redirect" if 300 <= status < 400 else "bad_status"
    return Told(status, error, took, schedule.asked_wait(asked, now))


def note(delivery: Delivery, told: Told, now: datetime) -> None:
    """Write down how an attempt went, and when the next one is due if there is one."""
    with transaction.atomic():
        # The endpoint first, as whoever disables it does: two who wait for each other get nowhere.
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
        Attempt.objects.filter(delivery=delivery, number=delivery.attempts).update(
            status_code=told.status_code, error=told.error, milliseconds=told.milliseconds
        )
        if told.error:
            _failed(delivery, endpoint, told, now)
        else:
            _delivered(delivery, now)
    logger.info(
        "webhook %s: delivery %s, attempt %s: %s",
        *(delivery.endpoint_id, delivery.pk, delivery.attempts),
        told.error or "delivered",
    )


def _delivered(delivery: Delivery, now: datetime) -> None:
    # Whoever has claimed it since: what the receiver has, it has.
    Delivery.objects.filter(pk=delivery.pk).exclude(status=Status.DELIVERED).update(
        status=Status.DELIVERED, due_at=None, ended_at=now
    )
    Endpoint.objects.filter(pk=delivery.endpoint_id).update(
        last_success_at=now, failures=0, failing_since=None, rests_until=None
    )


def _failed(delivery: Delivery, endpoint: Endpoint, told: Told, now: datetime) -> None:
    # Only the attempt that was claimed: another one may be on its way by now.
    mine = Delivery.objects.filter(
        pk=delivery.pk, status=Status.PENDING, attempts=delivery.attempts
    )
    wait = schedule.next_wait(delivery.step, told.wait)
    if wait is None:
        mine.update(status=Status.EXHAUSTED, due_at=None, ended_at=now)
    else:
        mine.update(due_at=now + wait)
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    endpoint.rests_until = now + schedule.rest(endpoint.failures, told.wait)
    endpoint.save(update_fields=["failures", "failing_since", "rests_until"])
    if told.status_code == GONE:
        endpoints.disable(endpoint, Reason.GONE, now)
    elif now - endpoint.failing_since >= schedule.GIVEN_UP_AFTER:
        endpoints.disable(endpoint, Reason.FAILING, now)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
