"""Workers at once, workers that are killed, and workers that come back late."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from tests import make
from tests.conftest import START, Clock
from tests.integrations.threads import at_once
from tests.integrations.wire import Peer
from tests.webhooks.conftest import Tell, attempts, only_delivery, receiving, says, send
from webhooks import due, endpoints, sending
from webhooks.models import LEASE, UNFINISHED, Delivery, Endpoint, Reason
from webhooks.sending import Told

pytestmark = pytest.mark.django_db


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("private")
def test_two_workers_at_once_send_once(endpoint: Endpoint, tell: Tell) -> None:
    event_id = tell()
    with receiving(endpoint) as server:
        made = at_once(4, lambda _: sending.deliver(str(endpoint.pk), timezone.now))
    assert sorted(made) == [0, 0, 0, 1]
    assert [heard.headers["webhook-id"] for heard in server.requests] == [str(event_id)]


@pytest.mark.django_db(transaction=True)
def test_a_delivery_is_claimed_by_one_even_where_two_have_the_endpoint(
    endpoint: Endpoint, tell: Tell
) -> None:
    """As when a worker slept past its lease."""
    tell()
    now = timezone.now() + timedelta(seconds=1)
    claimed = at_once(4, lambda _: due.claim(endpoint, now))
    assert len([each for each in claimed if each]) == 1
    delivery = only_delivery()
    assert (delivery.attempts, delivery.due_at) == (1, now + LEASE)


class Killed(BaseException):
    """What no code of ours catches, as a kill is not."""


@pytest.mark.usefixtures("private")
def test_a_worker_killed_between_sending_and_noting_leads_to_a_repeat_by_the_same_id(
    endpoint: Endpoint, tell: Tell, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*args: Any) -> None:
        raise Killed

    event_id = tell()
    with receiving(endpoint) as server:
        with monkeypatch.context() as patch:
            patch.setattr(sending, "note", kill)
            patch.setattr(due, "leave", lambda *_: None)  # a dead worker leaves nothing tidy
            with pytest.raises(Killed):
                send(endpoint)
        assert attempts(only_delivery()) == [(None, UNFINISHED)]
        clock.advance(LEASE.total_seconds() - 1)
        send(endpoint)
        assert len(server.requests) == 1, "its lease has not lapsed"
        clock.advance(1)
        send(endpoint)
    assert [heard.headers["webhook-id"] for heard in server.requests] == [str(event_id)] * 2
    assert server.requests[0].body == server.requests[1].body
    assert attempts(only_delivery()) == [(None, UNFINISHED), (204, "")]
    assert only_delivery().status == "delivered"


def test_a_late_failure_does_not_undo_what_happened_since(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    late = due.claim(endpoint, clock.now)
    clock.advance(LEASE.total_seconds())
    second = due.claim(endpoint, clock.now)
    assert late
    assert second
    sending.note(second, Told(200), clock.now)
    sending.note(late, Told(500, "bad_status"), clock.now)
    delivery = only_delivery()
    assert (delivery.status, delivery.due_at) == ("delivered", None)
    assert attempts(delivery) == [(500, "bad_status"), (200, "")]


def test_a_late_failure_does_not_move_the_attempt_that_is_under_way(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    late = due.claim(endpoint, clock.now)
    clock.advance(LEASE.total_seconds())
    assert due.claim(endpoint, clock.now)
    assert late
    sending.note(late, Told(500, "bad_status"), clock.now)
    assert only_delivery().due_at == clock.now + LEASE


def test_a_late_success_counts_since_the_receiver_has_it(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    late = due.claim(endpoint, clock.now)
    clock.advance(LEASE.total_seconds())
    second = due.claim(endpoint, clock.now)
    assert late
    assert second
    sending.note(late, Told(200), clock.now)
    sending.note(second, Told(None, "timeout"), clock.now)
    assert only_delivery().status == "delivered"


@pytest.mark.usefixtures("private", "clock")
def test_an_endpoint_disabled_during_a_batch_hears_nothing_more(
    endpoint: Endpoint, tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = sending.note

    def noted(*args: Any) -> None:
        note(*args)
        endpoints.disable(endpoint, Reason.BY_HAND, START)

    monkeypatch.setattr(sending, "note", noted)
    tell()
    tell()
    with receiving(endpoint) as server:
        send(endpoint)
    assert len(server.requests) == 1
    assert sorted(Delivery.objects.values_list("status", flat=True)) == ["cancelled", "delivered"]


@pytest.mark.usefixtures("private", "clock")
def test_an_event_that_came_while_its_endpoint_was_disabled_is_given_up(
    endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    Endpoint.objects.update(is_active=False, disabled_at=START, disabled_reason="by_hand")
    assert due.endpoints_with_due(START) == [str(endpoint.pk)]
    with receiving(endpoint) as server:
        send(endpoint)
    assert server.connections == 0
    assert only_delivery().status == "cancelled"
    assert due.endpoints_with_due(START) == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("private")
def test_failures_and_an_admin_who_disables_do_not_wait_for_each_other(
    endpoint: Endpoint, tell: Tell
) -> None:
    for _ in range(10):
        tell()
    now = timezone.now() + timedelta(seconds=1)
    claimed = [due.claim(endpoint, now) for _ in range(10)]

    def work(number: int) -> None:
        if number == 5:
            endpoints.disable(endpoint, Reason.BY_HAND, now)
        elif delivery := claimed[number]:
            sending.note(delivery, Told(500, "bad_status"), now)

    at_once(10, work)
    endpoint.refresh_from_db()
    assert (endpoint.is_active, endpoint.failures) == (False, 9)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("private")
def test_a_hanging_endpoint_holds_up_no_other(
    endpoint: Endpoint, tell: Tell, settings: Any
) -> None:
    settings.WEBHOOK_SECONDS = 30.0
    heard = threading.Event()

    def hang(peer: Peer) -> None:
        peer.read()
        heard.set()
        peer.hold()

    other = make.webhook(endpoint.organization)
    tell()
    with receiving(other) as quick, receiving(endpoint, hang) as hanging:

        def work(number: int) -> float:
            if number == 0:
                sending.deliver(str(endpoint.pk), timezone.now)
                return 0
            assert heard.wait(5)
            assert due.endpoints_with_due(timezone.now()) == [str(other.pk)], "one worker is enough"
            begun = time.perf_counter()
            sending.deliver(str(other.pk), timezone.now)
            took = time.perf_counter() - begun
            hanging.over.set()
            return took

        took = at_once(2, work)[1]
    assert took < 2
    assert len(quick.requests) == 1


@pytest.mark.usefixtures("private")
def test_an_endpoint_that_fails_is_tried_with_one_delivery_and_then_rests(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    for _ in range(30):
        tell()
    with receiving(endpoint, says("500 Oops"), says("500 Oops"), says("200 OK")) as server:
        send(endpoint)
        send(endpoint)
        assert len(server.requests) == 1
        assert due.endpoints_with_due(clock.now) == []
        clock.advance(5)
        assert due.endpoints_with_due(clock.now) == [str(endpoint.pk)]
        send(endpoint)
        assert len(server.requests) == 2
        clock.advance(29)
        assert due.endpoints_with_due(clock.now) == []
        clock.advance(1)
        send(endpoint)
        assert len(server.requests) == 2 + sending.BATCH, "well again: a batch at once"
        send(endpoint)
    assert Delivery.objects.filter(status="delivered").count() == 30


def test_endpoints_that_answer_go_before_those_that_fail(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    failing = [make.webhook(endpoint.organization, failures=3, failing_since=START) for _ in "abc"]
    tell()
    handed = due.endpoints_with_due(clock.now)
    assert handed[0] == str(endpoint.pk)
    assert len(handed) == 1 + due.FAILING_AT_ONCE
    for each in failing[:2]:
        assert due.take(str(each.pk), clock.now)
    assert due.endpoints_with_due(clock.now) == [str(endpoint.pk)], "others wait for their turn"
    clock.advance(LEASE.total_seconds())
    assert len(due.endpoints_with_due(clock.now)) == 1 + due.FAILING_AT_ONCE


def test_a_taken_endpoint_is_left_only_by_who_took_it(endpoint: Endpoint, clock: Clock) -> None:
    assert due.take(str(endpoint.pk), START)
    assert not due.take(str(endpoint.pk), START)
    clock.advance(LEASE.total_seconds())
    assert due.take(str(endpoint.pk), clock.now)
    due.leave(str(endpoint.pk), START)
    endpoint.refresh_from_db()
    assert endpoint.busy_until == clock.now + LEASE
    due.leave(str(endpoint.pk), clock.now)
    endpoint.refresh_from_db()
    assert endpoint.busy_until is None
