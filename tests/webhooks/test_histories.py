"""Whatever happens in whatever order: nothing is lost, and nothing is sent twice at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinics.models import Clinic
from tests.conftest import START
from webhooks import due, endpoints, replay, sending
from webhooks.models import LEASE, Attempt, Delivery, Endpoint, Reason, Status
from webhooks.publishing import publish
from webhooks.sending import Told

pytestmark = pytest.mark.django_db

ANSWERS = {
    "answers well": Told(200),
    "fails": Told(500, "bad_status"),
    "asks to wait": Told(503, "bad_status", wait=timedelta(hours=3)),
    "is silent": Told(None, "timeout"),
    "is gone": Told(410, "bad_status"),
}
HAPPENINGS = (
    *("claim", "claim", "claim", "a lease", "a moment", "an hour", "a day"),
    *("answer late", "replay all", "tell", "disable", "enable"),
    *ANSWERS,
)
SPANS = {
    "a moment": timedelta(seconds=5),
    "a lease": LEASE,
    "an hour": timedelta(hours=1),
    "a day": timedelta(days=1),
}


class History:
    """One endpoint, the workers that hold a claim, and what its receiver has heard."""

    def __init__(self, clinic: Clinic, endpoint: Endpoint) -> None:
        self.clinic, self.endpoint, self.now = clinic, endpoint, START
        self.claimed: list[tuple[Delivery, datetime]] = []
        self.heard: set[object] = set()

    def tell(self) -> None:
        publish(
            self.clinic.organization_id,
            self.clinic.pk,
            "writeback.failed",
            {},
            self.now,
            event_id=uuid4(),
        )

    def claim(self) -> None:
        self.endpoint.refresh_from_db()
        if not self.endpoint.is_active:
            endpoints.give_up(self.endpoint, self.now)
        elif delivery := due.claim(self.endpoint, self.now):
            for other, at in self.claimed:
                overlaps = other.pk == delivery.pk and self.now < at + LEASE
                assert not overlaps, "two workers hold it at once"
            self.claimed.append((delivery, self.now))

    def answer(self, told: Told, which: int = -1) -> None:
        if self.claimed:
            delivery, _ = self.claimed.pop(which)
            if not told.error:
                self.heard.add(delivery.pk)
            sending.note(delivery, told, self.now)

    def disable(self) -> None:
        endpoints.disable(self.endpoint, Reason.FAILING, self.now)

    def enable(self) -> None:
        Endpoint.objects.filter(pk=self.endpoint.pk).update(
            is_active=True, disabled_at=None, disabled_reason=""
        )

    def replay_all(self) -> None:
        self.endpoint.refresh_from_db()
        if self.endpoint.is_active:
            replay.replay_failed(self.endpoint, START, self.now)

    def check(self) -> None:
        for delivery in Delivery.objects.all():
            log = Attempt.objects.filter(delivery=delivery)
            assert log.count() == delivery.attempts
            if delivery.status == Status.DELIVERED:
                assert delivery.pk in self.heard, "told as delivered without having been"
            if delivery.pk in self.heard:
                assert delivery.status == Status.DELIVERED, "heard, and to be sent again"
            if delivery.status == Status.EXHAUSTED:
                assert delivery.step > 9
            assert (delivery.due_at is not None) == (delivery.status == Status.PENDING)


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.sampled_from(HAPPENINGS), min_size=5, max_size=60))
def test_no_history_loses_or_doubles_a_delivery(
    clinic: Clinic, endpoint: Endpoint, happenings: list[str]
) -> None:
    with transaction.atomic():
        history = History(clinic, endpoint)
        others: dict[str, Callable[[], None]] = {
            "tell": history.tell,
            "claim": history.claim,
            "disable": history.disable,
            "enable": history.enable,
            "replay all": history.replay_all,
            "answer late": lambda: history.answer(ANSWERS["fails"], 0),
        }
        for happening in ["tell", *happenings]:
            if span := SPANS.get(happening):
                history.now += span
            elif told := ANSWERS.get(happening):
                history.answer(told)
            else:
                others[happening]()
            history.check()
        history.enable()
        history.replay_all()
        # In the end a receiver that is well hears everything: one a lease, and its answer.
        for _ in range(3 * Delivery.objects.count()):
            history.now += timedelta(days=1)
            history.claim()
            history.answer(ANSWERS["answers well"])
        assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}
        transaction.set_rollback(True)
