"""Server-sent events: what a WebSocket tells, over plain HTTP."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from accounts import tokens
from clinics.models import Clinic, User
from metrics import feed, limits, stream
from tests import make
from tests.metrics.test_sockets import connections
from tests.metrics.web import Stream, Web, token_of, told, visit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(staff: User) -> str:
    return token_of(staff)


@pytest.fixture
def watched(clinic: Clinic) -> Clinic:
    """A clinic that was counted."""
    told(clinic)
    return clinic


def test_a_stream_begins_with_all_numbers_and_goes_on_with_what_changes(
    web: Web, watched: Clinic, token: str
) -> None:
    with web.stream(watched, token=token) as events:
        assert events.answer.status == 200
        assert events.answer.headers["Content-Type"] == "text/event-stream"
        assert events.answer.headers["Cache-Control"] == "private, no-cache, no-transform"
        assert events.next() == {"retry": "1000"}
        first = events.next()
        assert (first["event"], first["id"]) == ("snapshot", "1")
        assert json.loads(first["data"])["metrics"]["totalBookings"] == 0
        visit(watched)
        told(watched)
        then = events.next()
        assert (then["event"], then["id"]) == ("update", "2")
        assert json.loads(then["data"])["changed"]["totalBookings"] == 1


def test_a_reader_that_comes_back_is_told_what_has_changed_since_its_last_event(
    web: Web, watched: Clinic, token: str
) -> None:
    visit(watched)
    told(watched)
    for how in ({"Last-Event-ID": "1"}, {"query": "?last_id=1"}):
        with web.stream(watched, token=token, **how) as events:
            events.next()
            message = events.message()
            assert (message["type"], message["id"]) == ("update", 2)
            assert message["changed"]["totalBookings"] == 1


def test_heartbeats_are_events(
    web: Web, watched: Clinic, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT", 1.0)
    with web.stream(watched, token=token) as events:
        types = [events.next().get("event") for _ in range(4)]
        assert types == [None, "snapshot", "heartbeat", "heartbeat"]


def test_a_stream_ends_after_its_time_without_an_error_so_that_its_reader_comes_back(
    web: Web, watched: Clinic, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LASTS", timedelta(seconds=1))
    with web.stream(watched, token=token) as events:
        assert [events.next().get("event") for _ in range(2)] == [None, "snapshot"]
        assert events.next() == {}
        assert events.answer.read() == b""


def test_a_stream_ends_with_its_login(web: Web, watched: Clinic, staff: User) -> None:
    with web.stream(watched, token=token_of(staff)) as events:
        assert [events.next().get("event") for _ in range(2)] == [None, "snapshot"]
        tokens.log_out_everywhere(staff, timezone.now())
        assert events.message()["code"] == "login_ended"
        assert events.next() == {}


def test_a_session_reads_a_stream(web: Web, watched: Clinic, staff: User) -> None:
    browser = Client()
    browser.force_login(staff)
    cookie = f"sessionid={browser.cookies['sessionid'].value}"
    with web.stream(watched, Cookie=cookie) as events:
        assert [events.next().get("event") for _ in range(2)] == [None, "snapshot"]


@pytest.mark.parametrize(
    ("whose", "query", "status", "code"),
    [
        ("staff", "?period=decade", 400, "invalid"),
        ("staff", "?last_id=x", 400, "invalid"),
        ("nobody", "", 401, "not_authenticated"),
        ("rubbish", "", 401, "token_not_valid"),
        ("guest", "", 403, "permission_denied"),
    ],
)
def test_what_is_refused_is_answered_as_the_rest_of_the_api_does(
    web: Web, watched: Clinic, token: str, whose: str, query: str, status: int, code: str
) -> None:
    tokens_of = {"staff": token, "nobody": "", "rubbish": "rubbish", "guest": token_of(make.user())}
    with web.stream(watched, token=tokens_of[whose], query=query) as events:
        assert events.answer.status == status
        assert events.answer.headers["Content-Type"] == "application/json"
        assert json.loads(events.answer.read())["error"]["code"] == code


def test_a_clinic_of_others_and_one_that_is_none_are_unknown_alike(
    web: Web, watched: Clinic, token: str
) -> None:
    for each in (make.clinic(), uuid4()):
        with web.stream(each, token=token) as events:
            assert events.answer.status == 404


def test_too_many_streams_of_a_login_are_refused_and_one_that_ends_makes_room(
    web: Web, watched: Clinic, token: str, settings: Any
) -> None:
    settings.LIVE_SOCKETS_OF_LOGIN = 1
    with web.stream(watched, token=token) as first:
        assert first.answer.status == 200
        assert first.next() == {"retry": "1000"}
        assert first.message()["type"] == "snapshot"
        with web.stream(watched, token=token) as second:
            assert second.answer.status == 429
            assert second.answer.headers["Retry-After"] == "60"
            assert json.loads(second.answer.read())["error"]["code"] == "too_many_open"
    until(lambda: not limits.seats.taken)
    with web.stream(watched, token=token) as third:
        assert third.answer.status == 200


def test_thirty_streams_hold_neither_a_connection_to_the_database_nor_a_thread(
    web: Web, watched: Clinic, token: str
) -> None:
    before, threads = connections(), threading.active_count()
    with_streams: list[Any] = [web.stream(watched, token=token) for _ in range(30)]
    opened: list[Stream] = [each.__enter__() for each in with_streams]
    try:
        for each in opened:
            assert [each.next().get("event") for _ in range(2)] == [None, "snapshot"]
        until(lambda: connections() == before)
        # The pool of metrics/threads.py, and what the server itself keeps.
        assert threading.active_count() <= threads + 10
    finally:
        for one in with_streams:
            one.__exit__(None, None, None)
    until(lambda: not limits.seats.taken)


def until(condition: Any, seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_reader_that_takes_nothing_is_cut_off(
    web: Web, watched: Clinic, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "TAKEN_WITHIN", 0.5)
    # Events so large that no buffer on the way holds a second one.
    monkeypatch.setattr(stream, "_event", lambda message: b"data: " + b"x" * 30_000_000 + b"\n\n")
    with web.stream(watched, token=token) as events:
        assert events.answer.status == 200
        until(lambda: bool(limits.seats.taken))
        until(lambda: not limits.seats.taken)
