"""What every way in which a call can go wrong means, over real connections, in every dialect."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest

from integrations.adapters.cliniko import answers as cliniko
from integrations.adapters.nookal import answers as nookal
from integrations.adapters.sikka import answers as sikka
from integrations.contract import RateSignal, Scope
from integrations.http import errors
from integrations.http.client import Attempt
from integrations.http.errors import (
    Fault,
    NoAnswer,
    NotAuthorized,
    NotReached,
    PmsError,
    Refused,
    Throttled,
)
from tests.integrations.guards import NOW, OpenGuard, plain_client
from tests.integrations.wire import Peer, Script, serving

DIALECTS = {"sikka": sikka, "cliniko": cliniko, "nookal": nookal}

#: Values of a body, none of which may ever be told.
PRIVATE = ("Ada", "Invented", "+61491570006", "ada@example.org", "1984-12-10", "patient-4711")
RECORD = (
    b'{"status": "Ada", "message": "Ada Invented", "errors": {"Ada Invented": "+61491570006"},'
    b' "long_message": "ada@example.org, born 1984-12-10",'
    b' "details": {"errorCode": "patient-4711", "errorMessage": "+61491570006", "alerts": ["Ada"]}}'
)
TRUNCATED = RECORD[:-40]
HTML = b"<!doctype html><h1>Ada Invented</h1><p>+61491570006, ada@example.org, 1984-12-10</p>"


def answers(status: str, body: bytes = b"", **headers: str) -> Script:
    def script(peer: Peer) -> None:
        while True:
            peer.read()
            peer.answer(body, status, **headers)

    return script


def ask(
    address: str, dialect: Any, method: str, timeout: float = 2
) -> tuple[PmsError, list[Attempt]]:
    """Make one call that goes wrong; return its error and every attempt that it took."""
    guard = OpenGuard()
    client = plain_client(address, guard=guard, clock=lambda: NOW, timeout=(2, timeout))
    with pytest.raises(PmsError) as caught:
        client.request(
            method,
            "/patients/patient-4711",
            dialect=dialect,
            scopes=(Scope.INTEGRATION,),
            json={"note": "Ada Invented"} if method == "POST" else None,
        )
    return caught.value, guard.attempts


def told(error: PmsError) -> list[str]:
    """Return the private values that the error gives away, in its words or what led to it."""
    chain = [error, error.__cause__, None if error.__suppress_context__ else error.__context__]
    text = "".join(f"{link}{link!r}{vars(link)}" for link in chain if link)
    return [value for value in PRIVATE if value in text]


# --- The types ------------------------------------------------------------------------------


def test_each_type_answers_what_its_callers_ask() -> None:
    kinds = {
        kind.__name__: (kind.code, kind.may_have_happened, kind.fault)
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, PmsError) and kind is not PmsError
    }
    assert kinds == {
        "NoAnswer": ("no_answer", True, Fault.PMS),
        "NotReached": ("not_reached", False, Fault.PMS),
        "BudgetExhausted": ("waiting_for_budget", False, Fault.NOBODY),
        "CircuitOpen": ("pms_away", False, Fault.PMS),
        "NotReady": ("not_ready", False, Fault.PMS),
        "Throttled": ("throttled", False, Fault.NOBODY),
        "AgentOffline": ("agent_offline", False, Fault.PRACTICE),
        "KeyExpired": ("key_expired", False, Fault.NOBODY),
        "TooLate": ("too_late", False, Fault.NOBODY),
        "NotAuthorized": ("not_authorized", False, Fault.SETUP),
        "TokenBusy": ("renewing_key", False, Fault.NOBODY),
        "Halted": ("not_authorized", False, Fault.SETUP),
        "Refused": ("refused", False, Fault.REQUEST),
        "ChangesNotTold": ("changes_not_told", False, Fault.REQUEST),
    }


# --- Without a usable answer ----------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_a_refused_connection_reached_nobody_and_may_be_tried_again(
    dialect: Any, method: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}"
    error, attempts = ask(address, dialect, method)
    assert type(error) is NotReached
    assert (error.may_have_happened, error.retry_at, error.fault) == (False, None, Fault.PMS)
    assert str(error) == "The PMS could not be reached."
    assert told(error) == []
    assert [(attempt.status, attempt.signal) for attempt in attempts] == [(None, None)] * 3


def drop(peer: Peer) -> None:
    peer.read()
    peer.close()


def break_off(peer: Peer) -> None:
    peer.read()
    peer.reset()


def stay_silent(peer: Peer) -> None:
    peer.read()
    peer.read()  # nothing comes: until the client leaves


def drop_in_the_head(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Note: Ada Inv")


def send_half(peer: Peer) -> None:
    peer.read()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(RECORD)}\r\n\r\n"
    peer.send(head.encode() + TRUNCATED)


def stall_half_way(peer: Peer) -> None:
    send_half(peer)
    peer.read()


#: What the server does, the status that is known of it (None: no whole answer came).
UNANSWERED: dict[str, tuple[Script, int | None]] = {
    "dropped": (drop, None),
    "reset": (break_off, None),
    "silent": (stay_silent, None),
    "dropped in the body": (send_half, None),
    "stalled in the body": (stall_half_way, None),
    "not JSON": (answers("200 OK", HTML), 200),
    "truncated JSON": (answers("200 OK", TRUNCATED), 200),
    "truncated JSON of a creation": (answers("201 Created", TRUNCATED), 201),
    "half a character": (answers("200 OK", b'{"status": "success", "a": "\xc3"}'), 200),
    "redirect": (answers("302 Found", Location="https://ada@example.org/Ada"), 302),
    "redirect with a page": (answers("301 Moved Permanently", HTML), 301),
    "500": (answers("500 Internal Server Error", RECORD), 500),
    "502 of a proxy": (answers("502 Bad Gateway", HTML), 502),
    "503, truncated": (answers("503 Service Unavailable", TRUNCATED, Retry_After="7"), 503),
    "504, empty": (answers("504 Gateway Timeout"), 504),
    "405 of a proxy": (answers("405 Method Not Allowed", HTML), 405),
    "408, empty": (answers("408 Request Timeout"), 408),
    "413 of a proxy": (answers("413 Content Too Large", HTML), 413),
}


@pytest.mark.parametrize(("method", "calls"), [("GET", 3), ("POST", 1)])
@pytest.mark.parametrize(("script", "status"), UNANSWERED.values(), ids=UNANSWERED)
@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_without_a_usable_answer_it_may_have_happened_and_only_a_read_is_repeated(
    dialect: Any, script: Script, status: int | None, method: str, calls: int
) -> None:
    with serving(script) as server:
        error, attempts = ask(server.address, dialect, method, timeout=0.05)
    assert type(error) is NoAnswer
    assert (error.may_have_happened, error.retry_at, error.fault) == (True, None, Fault.PMS)
    assert told(error) == []
    assert len(server.requests) == calls
    assert [attempt.status for attempt in attempts] == [status] * calls
    assert {attempt.path for attempt in attempts} == {"/patients/{id}"}


@pytest.mark.parametrize(("method", "calls"), [("GET", 3), ("POST", 1)])
@pytest.mark.parametrize("dialect", [cliniko, nookal], ids=["cliniko", "nookal"])
def test_an_answer_dropped_before_its_body_is_no_success(
    dialect: Any, method: str, calls: int
) -> None:
    # HTTP's library takes what came of the head for all of it, and the body for an empty one.
    with serving(drop_in_the_head) as server:
        error, attempts = ask(server.address, dialect, method)
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert told(error) == []
    assert [attempt.status for attempt in attempts] == [200] * calls


# --- Refused --------------------------------------------------------------------------------

BODIES = {"empty": b"", "a page": HTML, "truncated JSON": TRUNCATED, "JSON": RECORD}
NOT_VALID = b'{"message": "Validation Failed", "errors": {"email": "ada@example.org is taken"}}'
FAILURE = b'{"status": "failure", "details": {"errorCode": "L010", "errorMessage": "Ada Invented"}}'
NO_KEY = b'{"status": "failure", "details": {"errorCode": "L000_1", "alerts": ["No api_key, Ada"]}}'

#: Who refuses, with which status and body, and what it means.
REFUSALS: list[tuple[Any, str, bytes, type[PmsError]]] = [
    *((cliniko, "400 Bad Request", body, Refused) for body in BODIES.values()),
    *((cliniko, "401 Unauthorized", body, NotAuthorized) for body in BODIES.values()),
    *((cliniko, "403 Forbidden", body, NotAuthorized) for body in BODIES.values()),
    *((cliniko, "404 Not Found", body, Refused) for body in BODIES.values()),
    (cliniko, "422 Unprocessable Entity", RECORD, Refused),
    (cliniko, "422 Unprocessable Entity", NOT_VALID, Refused),
    *((nookal, "401 Unauthorized", body, NotAuthorized) for body in BODIES.values()),
    *((nookal, "403 Forbidden", body, NotAuthorized) for body in BODIES.values()),
    *((nookal, "404 Not Found", body, Refused) for body in BODIES.values()),
    (nookal, "200 OK", FAILURE, Refused),
    (nookal, "200 OK", NO_KEY, NotAuthorized),
]
FAULTS = {Refused: Fault.REQUEST, NotAuthorized: Fault.SETUP}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("dialect", "status", "body", "expected"), REFUSALS)
def test_a_refusal_did_nothing_stands_and_gives_no_value_away(
    dialect: Any, status: str, body: bytes, expected: type[PmsError], method: str
) -> None:
    with serving(answers(status, body)) as server:
        error, attempts = ask(server.address, dialect, method)
    assert isinstance(error, expected)
    assert (error.code, error.fault) == (expected.code, expected.fault)
    assert error.may_have_happened is False
    assert error.retry_at is None
    assert error.fault is FAULTS[expected]
    assert told(error) == []
    assert len(server.requests) == 1
    assert [(attempt.status, attempt.signal) for attempt in attempts] == [(int(status[:3]), None)]


THROTTLED: dict[str, tuple[dict[str, str], int]] = {
    "no header": ({}, 60),
    "seconds": ({"Retry_After": "7"}, 7),
    "a date": ({"Retry_After": "Tue, 05 Mar 2030 15:00:07 GMT"}, 7),
    "unreadable": ({"Retry_After": "Ada"}, 60),
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize(("headers", "wait"), THROTTLED.values(), ids=THROTTLED)
@pytest.mark.parametrize(
    ("dialect", "scope"),
    [(sikka, Scope.APPLICATION), (cliniko, Scope.INTEGRATION), (nookal, Scope.INTEGRATION)],
    ids=DIALECTS,
)
def test_a_429_is_not_repeated_and_says_when(
    dialect: Any, scope: Scope, headers: dict[str, str], wait: int, body: bytes, method: str
) -> None:
    with serving(answers("429 Too Many Requests", body, **headers)) as server:
        error, attempts = ask(server.address, dialect, method)
    until = NOW + timedelta(seconds=wait)
    assert type(error) is Throttled
    assert (error.may_have_happened, error.retry_at, error.fault) == (False, until, Fault.NOBODY)
    assert told(error) == []
    assert len(server.requests) == 1
    assert [attempt.signal for attempt in attempts] == [RateSignal(scope, 0, until)]
