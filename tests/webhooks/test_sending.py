"""From an event to its receiver, over real HTTP, and what each answer leads to."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import START, Clock
from tests.integrations.wire import Peer
from tests.webhooks.conftest import (
    DATA,
    Tell,
    attempts,
    only_delivery,
    receiving,
    says,
    send,
    verified,
)
from webhooks import schedule
from webhooks.models import Attempt, Delivery, Endpoint, Notice, Status

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("private", "clock")]


def test_an_event_arrives_signed_and_is_told_once(endpoint: Endpoint, tell: Tell) -> None:
    event_id = tell()
    with receiving(endpoint) as server:
        send(endpoint)
        send(endpoint)
    (heard,) = server.requests
    assert heard.line == "POST /hook HTTP/1.1"
    assert heard.headers["Content-Type"] == "application/json"
    assert heard.headers["webhook-id"] == str(event_id)
    assert heard.headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert verified(heard, endpoint.secret) == {
        "id": str(event_id),
        "type": "writeback.completed",
        "timestamp": "2030-03-05T15:00:00Z",
        "data": DATA,
    }
    delivery = only_delivery()
    assert (delivery.status, delivery.due_at, delivery.ended_at) == ("delivered", None, START)
    assert attempts(delivery) == [(204, "")]
    assert (endpoint.last_success_at, endpoint.failures, endpoint.busy_until) == (START, 0, None)


def test_another_secret_or_another_body_does_not_verify(endpoint: Endpoint, tell: Tell) -> None:
    tell()
    with receiving(endpoint) as server:
        send(endpoint)
    (heard,) = server.requests
    with pytest.raises(WebhookVerificationError):
        verified(heard, "whsec_" + "b" * 43 + "=")
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(heard.body.replace(b"Ada", b"Eve"), heard.headers)


def test_all_attempts_tell_the_same_event_by_the_same_id(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    event_id = tell()
    with receiving(endpoint, says("500 Oops"), says("200 OK")) as server:
        send(endpoint)
        assert only_delivery().due_at == START + timedelta(seconds=5)
        clock.advance(4)
        send(endpoint)
        assert len(server.requests) == 1, "not before it is due"
        clock.advance(1)
        send(endpoint)
    first, second = server.requests
    assert first.body == second.body
    assert [each.headers["webhook-id"] for each in server.requests] == [str(event_id)] * 2
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]
    assert verified(second, endpoint.secret)["id"] == str(event_id)
    assert attempts(only_delivery()) == [(500, "bad_status"), (200, "")]


def test_a_receiver_that_never_answers_well_is_tried_ten_times_over_three_days(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    tell()
    waited = []
    with receiving(endpoint, says("500 Oops")) as server:
        while (due_at := only_delivery().due_at) is not None:
            waited.append(due_at - clock.now)
            clock.advance((due_at - clock.now).total_seconds())
            send(endpoint)
    assert waited == [timedelta(0), *schedule.WAITS]
    assert clock.now - START == timedelta(hours=75, minutes=35, seconds=5)
    delivery = only_delivery()
    assert (delivery.status, delivery.ended_at) == ("exhausted", clock.now)
    assert attempts(delivery) == [(500, "bad_status")] * 10
    assert len(server.requests) == 10
    assert endpoint.is_active


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed_and_counts_as_a_failure(
    endpoint: Endpoint, tell: Tell, status: str
) -> None:
    tell()
    with receiving(endpoint, says(status, Location="/elsewhere"), says("200 OK")) as server:
        send(endpoint)
    assert [heard.line for heard in server.requests] == ["POST /hook HTTP/1.1"]
    delivery = only_delivery()
    assert attempts(delivery) == [(int(status[:3]), "redirect")]
    assert delivery.status == Status.PENDING


def dribble(peer: Peer) -> None:
    """Send a header that never ends, a byte at a time."""
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer._wire.over.wait(0.02):
        peer.send(b"x")


def say_nothing(peer: Peer) -> None:
    peer.read()
    peer.hold()


@pytest.mark.parametrize("script", [dribble, say_nothing])
def test_a_slow_receiver_is_cut_off(
    endpoint: Endpoint, tell: Tell, settings: Any, script: Any
) -> None:
    settings.WEBHOOK_SECONDS = 0.2
    tell()
    begun = time.perf_counter()
    with receiving(endpoint, script):
        send(endpoint)
        assert time.perf_counter() - begun < 2
    assert attempts(only_delivery()) == [(None, "timeout")]


def test_a_body_without_end_is_not_waited_for(endpoint: Endpoint, tell: Tell) -> None:
    def endless(peer: Peer) -> None:
        peer.read()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        while True:
            peer.send(b"400\r\n" + b"x" * 1024 + b"\r\n")

    tell()
    with receiving(endpoint, endless):
        send(endpoint)
    assert attempts(only_delivery()) == [(200, "")]


GARBAGE = {
    "not HTTP": b"220 mail.example ESMTP\r\n",
    "nothing": b"",
    "a broken status": b"HTTP/1.1 two hundred\r\n\r\n",
    "an endless header": b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_a_failure(endpoint: Endpoint, tell: Tell, raw: bytes) -> None:
    def garbage(peer: Peer) -> None:
        peer.read()
        peer.send(raw)

    tell()
    with receiving(endpoint, garbage):
        send(endpoint)
    assert attempts(only_delivery()) == [(None, "no_answer")]
    assert only_delivery().due_at == START + timedelta(seconds=5)


def test_a_receiver_that_is_not_there_is_a_failure(endpoint: Endpoint, tell: Tell) -> None:
    with receiving(endpoint):
        pass
    tell()
    send(endpoint)
    assert attempts(only_delivery()) == [(None, "not_reached")]


def test_a_410_ends_the_endpoint_at_once(endpoint: Endpoint, tell: Tell) -> None:
    tell()
    tell()
    with receiving(endpoint, says("410 Gone")) as server:
        send(endpoint)
        send(endpoint)
        tell()
    assert len(server.requests) == 1
    assert (endpoint.is_active, endpoint.disabled_at) == (False, START)
    assert endpoint.disabled_reason == "gone"
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}
    assert Delivery.objects.count() == 2, "and nothing is written down for it any more"
    assert Notice.objects.get().reason == "gone"


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        ("429 Too Many Requests", "90", 90),
        ("503 Service Unavailable", "Tue, 05 Mar 2030 15:10:00 GMT", 600),
        ("503 Service Unavailable", "999999999", 24 * 3600),
        ("503 Service Unavailable", "1", 5),
        ("503 Service Unavailable", "soon", 5),
        ("503 Service Unavailable", "Tue, 05 Mar 2030 14:00:00 GMT", 5),
        ("500 Oops", "90", 5),
    ],
)
def test_what_a_receiver_asks_us_to_wait_is_respected_within_bounds(
    endpoint: Endpoint, tell: Tell, status: str, header: str, seconds: int
) -> None:
    tell()
    with receiving(endpoint, says(status, Retry_After=header)):
        send(endpoint)
    assert only_delivery().due_at == START + timedelta(seconds=seconds)
    rest = min(seconds, 3600)
    assert endpoint.rests_until == START + timedelta(seconds=rest)


def test_an_endpoint_where_everything_failed_for_five_days_is_disabled(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    with receiving(endpoint, says("500 Oops")) as server:
        for day in range(5):
            tell()
            send(endpoint)
            assert endpoint.is_active, day
            clock.advance(24 * 3600)
        tell()
        send(endpoint)
    assert len(server.requests) == 6
    assert (endpoint.is_active, endpoint.disabled_reason) == (False, "failing")
    assert endpoint.disabled_at == endpoint.failing_since + timedelta(days=5)
    assert set(Delivery.objects.values_list("status", flat=True)) == {"cancelled"}


def test_one_success_in_between_keeps_an_endpoint(
    endpoint: Endpoint, tell: Tell, clock: Clock
) -> None:
    with receiving(endpoint, says("500 Oops"), says("200 OK"), says("500 Oops")):
        tell()
        send(endpoint)
        clock.advance(3 * 24 * 3600)
        send(endpoint)
        clock.advance(3 * 24 * 3600)
        tell()
        send(endpoint)
    assert endpoint.is_active
    assert (endpoint.failures, endpoint.failing_since) == (1, clock.now)


def test_nothing_of_what_was_sent_or_answered_is_in_the_log(
    endpoint: Endpoint, tell: Tell, caplog: pytest.LogCaptureFixture
) -> None:
    def chatty(peer: Peer) -> None:
        peer.read()
        peer.answer(b"we know Ada Invented", status="500 Ada Invented")

    tell()
    caplog.set_level("DEBUG", "webhooks")
    with receiving(endpoint, chatty):
        send(endpoint)
    row = json.dumps(list(Attempt.objects.values()), default=str)
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM webhooks_message")
        (stored,) = cursor.fetchone()
    assert caplog.messages
    for text in (row, caplog.text, stored):
        assert "Ada" not in text
        assert endpoint.secret not in text
        assert "hook" not in text.replace("webhook", "")
