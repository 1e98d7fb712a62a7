"""Sending again what did not arrive, as the same event."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests import make
from tests.conftest import START, Clock
from tests.webhooks.conftest import Tell, attempts, only_delivery, receiving, says, send
from webhooks import due, replay
from webhooks.models import LEASE, Delivery, Endpoint, Status

pytestmark = pytest.mark.django_db


@pytest.mark.usefixtures("private")
def test_what_was_exhausted_is_sent_again_by_the_whole_schedule(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    event_id = tell()
    with receiving(endpoint, *[says("500 Oops")] * 11, says("200 OK")) as server:
        while (due_at := only_delivery().due_at) is not None:
            clock.advance((due_at - clock.now).total_seconds())
            send(endpoint)
        assert only_delivery().status == "exhausted"
        replay.replay(only_delivery(), clock.now)
        send(endpoint)
        assert only_delivery().due_at == clock.now + timedelta(seconds=5), "from the beginning"
        clock.advance(300)  # its endpoint rests for longer, after eleven failures in a row
        send(endpoint)
    assert only_delivery().status == "delivered"
    assert len(attempts(only_delivery())) == 12
    assert {heard.headers["webhook-id"] for heard in server.requests} == {str(event_id)}


@pytest.mark.usefixtures("private")
def test_what_arrived_may_be_sent_again(endpoint: Endpoint, tell: Tell, clock: Clock) -> None:
    event_id = tell()
    with receiving(endpoint) as server:
        send(endpoint)
        replay.replay(only_delivery(), clock.now)
        send(endpoint)
    assert [heard.headers["webhook-id"] for heard in server.requests] == [str(event_id)] * 2


def test_what_failed_since_a_time_is_sent_again_and_nothing_else(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    def ended(status: Status, at: int) -> Delivery:
        event = tell(now=START + timedelta(minutes=at))
        Delivery.objects.filter(message_id=event).update(
            status=status, due_at=None, ended_at=clock.now, step=10
        )
        return Delivery.objects.get(message_id=event)

    early = ended(Status.EXHAUSTED, 0)
    again = [ended(Status.EXHAUSTED, 10), ended(Status.CANCELLED, 20)]
    arrived = ended(Status.DELIVERED, 20)
    waiting = Delivery.objects.get(message_id=tell(now=START + timedelta(minutes=20)))
    Delivery.objects.filter(pk=waiting.pk).update(due_at=START + timedelta(hours=5), step=5)
    other = make.webhook(endpoint.organization)
    foreign = make.delivery(other, make.clinic(endpoint.organization))
    Delivery.objects.filter(pk=foreign.pk).update(
        status=Status.EXHAUSTED, due_at=None, ended_at=START
    )

    count = replay.replay_failed(endpoint, START + timedelta(minutes=10), clock.now)
    assert count == 3
    for each in (*again, waiting):
        each.refresh_from_db()
        assert (each.status, each.due_at, each.step, each.ended_at) == ("pending", START, 0, None)
    for each, status in ((early, "exhausted"), (arrived, "delivered"), (foreign, "exhausted")):
        each.refresh_from_db()
        assert (each.status, each.due_at) == (status, None)


def test_one_that_may_be_on_its_way_right_now_is_left_to_come(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    assert due.claim(endpoint, clock.now)
    replay.replay(only_delivery(), clock.now)
    assert (only_delivery().due_at, only_delivery().step) == (START + LEASE, 1)
    assert replay.replay_failed(endpoint, START, clock.now) == 0


def test_a_replay_wakes_an_endpoint_that_rests(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    rests_until = START + timedelta(minutes=5)
    Endpoint.objects.update(failures=9, failing_since=START, rests_until=rests_until)
    assert due.endpoints_with_due(clock.now) == []
    replay.replay(only_delivery(), clock.now)
    assert due.endpoints_with_due(clock.now) == [str(endpoint.pk)]


def test_nothing_is_sent_again_to_a_disabled_endpoint(endpoint: Endpoint, tell: Tell) -> None:
    tell()
    Delivery.objects.update(status=Status.CANCELLED, due_at=None, ended_at=START)
    Endpoint.objects.update(is_active=False, disabled_at=START, disabled_reason="gone")
    with pytest.raises(replay.Disabled):
        replay.replay(only_delivery(), START)
    with pytest.raises(replay.Disabled):
        replay.replay_failed(endpoint, START - timedelta(days=1), START)
    assert only_delivery().status == "cancelled"
