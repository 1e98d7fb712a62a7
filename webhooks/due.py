"""What is due, and taking it on. One worker at a time sends to an endpoint, so that a slow one
takes up one worker and no more, and one that fails rests in between."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from webhooks.models import LEASE, UNFINISHED, Attempt, Delivery, Endpoint, Status

#: Endpoints that one tick hands out at most, those waiting longest first.
HANDED_OUT: Final = 50
#: Endpoints that failed last time and are tried at the same moment: those that answer go first.
FAILING_AT_ONCE: Final = 2


def endpoints_with_due(now: datetime) -> list[str]:
    """Return the ids of endpoints that something is due to and nobody is at."""
    due = Delivery.objects.filter(endpoint=OuterRef("pk"), due_at__lte=now).order_by("due_at")
    free = Endpoint.objects.filter(_free("busy_until", now), _free("rests_until", now))
    waiting = free.annotate(oldest=Subquery(due.values("due_at")[:1])).filter(oldest__lte=now)
    waiting = waiting.order_by("oldest")
    ids = list(waiting.filter(failures=0).values_list("pk", flat=True)[:HANDED_OUT])
    tried = Endpoint.objects.filter(failures__gt=0, busy_until__gt=now).count()
    if room := max(0, FAILING_AT_ONCE - tried):
        ids += waiting.filter(failures__gt=0).values_list("pk", flat=True)[:room]
    return [str(pk) for pk in ids]


def take(endpoint_id: str, now: datetime) -> bool:
    """Take an endpoint on for as long as a lease; False where somebody is at it, or it rests."""
    free = Endpoint.objects.filter(_free("busy_until", now), _free("rests_until", now))
    return bool(free.filter(pk=endpoint_id).update(busy_until=now + LEASE))


def leave(endpoint_id: str, taken_at: datetime) -> None:
    """Leave an endpoint that was taken on at that time, unless somebody else has it by now."""
    mine = Endpoint.objects.filter(pk=endpoint_id, busy_until=taken_at + LEASE)
    mine.update(busy_until=None)


def claim(endpoint: Endpoint, now: datetime) -> Delivery | None:
    """Take on the delivery that is due longest to this endpoint, and note the attempt."""
    with transaction.atomic():
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(endpoint=endpoint, status=Status.PENDING, due_at__lte=now)
            .order_by("due_at")
            .first()
        )
        if delivery is None:
            return None
        # By the row's own count: the attempt is the fence against who comes back late.
        mine = Delivery.objects.filter(pk=delivery.pk, due_at=delivery.due_at)
        if not mine.update(attempts=F("attempts") + 1, step=F("step") + 1, due_at=now + LEASE):
            return None
        delivery.refresh_from_db(fields=["attempts", "step", "due_at"])
        Attempt.objects.create(
            organization_id=delivery.organization_id,
            delivery=delivery,
            number=delivery.attempts,
            at=now,
            error=UNFINISHED,
        )
    delivery.endpoint = endpoint
    return delivery


def _free(name: str, now: datetime) -> Q:
    return Q(**{name: None}) | Q(**{f"{name}__lte": now})
