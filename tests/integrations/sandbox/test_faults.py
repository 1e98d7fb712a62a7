"""What goes wrong on purpose, and what has happened behind it."""

import json
from collections.abc import Callable

import pytest

from integrations.sandbox.server import ConnectionDropped

from .gateway import BOOKING, Gateway, code


def writes(gateway: Gateway) -> int:
    return len(gateway.control("GET", "/books")["offices"]["D10001"]["writebacks"])


def test_a_lost_answer_leaves_the_write_in_the_queue(gateway: Gateway) -> None:
    gateway.fault("POST /appointment", "lost_answer")
    with pytest.raises(ConnectionDropped):
        gateway.book()
    assert writes(gateway) == 1
    gateway.book()
    assert writes(gateway) == 2


def test_a_dropped_request_leaves_nothing(gateway: Gateway) -> None:
    gateway.fault("POST /appointment", "dropped_request")
    with pytest.raises(ConnectionDropped):
        gateway.book()
    assert writes(gateway) == 0


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("error", (500, "API2001")),
        ("unavailable", (503, "API2002")),
        ("throttled", (429, "")),
        ("daily_quota", (429, "API2012")),
    ],
)
def test_a_refusal_comes_in_the_gateways_words_and_nothing_happens(
    gateway: Gateway, fault: str, expected: tuple[int, str]
) -> None:
    gateway.fault("POST /appointment", fault)
    answer = gateway.call("POST", "/appointment", json=BOOKING)
    assert code(answer) == expected
    assert (answer.headers["X-Rate-Limit-Remaining"] == "0") == (fault == "throttled")
    assert writes(gateway) == 0


def test_a_slow_answer_comes_after_the_work_is_done(gateway: Gateway) -> None:
    gateway.fault("POST /appointment", "slow", seconds=7)
    gateway.book()
    assert gateway.slept == [7.0]
    assert writes(gateway) == 1


def test_garbage_is_a_200_that_breaks_off(gateway: Gateway) -> None:
    gateway.fault("GET /patients", "garbage", count=2)
    for query in ({}, {"patient_id": "none"}):
        answer = gateway.get("/patients", **query)
        assert answer.status_code == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(answer.text)
    assert gateway.get("/patients").status_code == 200


def test_faults_strike_matching_calls_in_order_and_so_many_times(gateway: Gateway) -> None:
    gateway.fault("GET /appointments*", "error", count=2)
    gateway.fault("*", "unavailable")
    # An order for any call goes to whoever comes first.
    assert gateway.ask_for_key().status_code == 503
    statuses = [gateway.get("/appointments").status_code for _ in range(3)]
    assert statuses == [500, 500, 200]
    assert gateway.control("GET", "/faults") == []


def test_shares_are_the_same_for_the_same_seed(open_gateway: Callable[..., Gateway]) -> None:
    def statuses(other_traffic: bool) -> list[int]:
        gateway = open_gateway(rate_limit=5000)
        gateway.key("D10001")
        gateway.turn(errors=0.2, throttled=0.2)
        seen = []
        for _ in range(60):
            if other_traffic:
                gateway.get("/practices")
            seen.append(gateway.get("/patients", limit=1).status_code)
        return seen

    quiet = statuses(other_traffic=False)
    assert quiet == statuses(other_traffic=True)
    assert set(quiet) == {200, 429, 500}


def test_lost_answers_by_share_hang_on_the_write_alone(gateway: Gateway) -> None:
    gateway.key("D10001")
    gateway.turn(lost_answers=0.5)
    lost = 0
    for _ in range(20):
        try:
            gateway.book()
        except ConnectionDropped:
            lost += 1
    assert 0 < lost < 20
    assert writes(gateway) == 20
    assert gateway.get("/patients").status_code == 200


def test_calls_are_noted_as_their_callers_saw_them(gateway: Gateway) -> None:
    gateway.key("D10001")
    gateway.fault("GET /practices", "dropped_request")
    gateway.fault("GET /practices", "lost_answer")
    for _ in range(2):
        with pytest.raises(ConnectionDropped):
            gateway.get("/practices")
    gateway.get("/practices", office="D10002")

    calls = gateway.control("GET", "/calls")
    assert [(call["path"], call["office_id"], call["status"], call["fault"]) for call in calls] == [
        ("/sikka/v4/request_key", "D10001", 200, None),
        ("/sikka/v4/practices", None, None, "dropped_request"),
        ("/sikka/v4/practices", "D10001", None, "lost_answer"),
        ("/sikka/v4/request_key", "D10002", 200, None),
        ("/sikka/v4/practices", "D10002", 200, None),
    ]
    assert len(gateway.control("GET", "/calls?office_id=D10002")) == 2
    assert len(gateway.control("GET", "/calls?limit=1")) == 1
    books = gateway.control("GET", "/books")
    assert books["offices"]["D10001"]["calls"] == 2
    assert books["applications"] == {gateway.credentials["app_id"]: 4}
