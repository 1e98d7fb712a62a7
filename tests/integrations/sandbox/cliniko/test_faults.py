"""What goes wrong: the limit, refusals in Cliniko's own shapes, and answers that get lost."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.sandbox.server import ConnectionDropped

from .caller import NOW, PERSON, PREFIX, Caller


def resets_at(seconds: float) -> str:
    return str(int((NOW + timedelta(seconds=seconds)).timestamp()))


def test_200_calls_a_minute_are_free_and_one_more_is_429_until_the_minute_is_over(
    caller: Caller,
) -> None:
    for _ in range(200):
        caller.get("/user")
    caller.clock.advance(12)
    refused = caller.call("POST", "/patients", json=PERSON)

    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Reset"] == resets_at(60)
    assert "Retry-After" not in refused.headers
    assert "X-RateLimit-Remaining" not in refused.headers
    assert caller.made()["patients"] == []
    caller.get("/user", office="cliniko-2")
    caller.clock.advance(47.9)
    assert caller.call("GET", "/user").status_code == 429
    caller.clock.advance(0.1)
    caller.get("/user")


def test_the_reset_is_never_before_the_window_ends(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller(cliniko_rate_limit=1, now=NOW + timedelta(seconds=0.4))
    caller.get("/user")
    refused = caller.call("GET", "/user")
    assert refused.headers["X-RateLimit-Reset"] == resets_at(61)


def test_callers_who_are_not_let_in_use_nothing_up(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller(cliniko_rate_limit=1)
    key = caller.keys["cliniko-1"]
    for headers in ({}, caller.headers(key, **{"User-Agent": "curl/8"})):
        assert caller.call("GET", "/user", headers=headers).status_code in (401, 403)
    assert caller.call("GET", "/nothing").status_code == 404
    caller.get("/user")
    assert caller.call("GET", "/user").status_code == 429


@pytest.mark.parametrize(
    ("fault", "status", "reset"),
    [
        ("error", 500, None),
        ("unavailable", 503, None),
        ("throttled", 429, resets_at(60)),
        ("daily_quota", 429, str(int(datetime(2026, 3, 3, tzinfo=UTC).timestamp()))),
    ],
)
def test_a_refused_call_does_nothing(
    caller: Caller, fault: str, status: int, reset: str | None
) -> None:
    caller.fault("POST /patients", fault)
    refused = caller.call("POST", "/patients", json=PERSON)
    assert refused.status_code == status
    assert refused.headers.get("X-RateLimit-Reset") == reset
    assert refused.content_type.startswith("text/html") is (status >= 500)
    assert caller.made()["traces"] == []
    caller.register()


def test_a_lost_answer_is_of_a_write_that_was_done(caller: Caller) -> None:
    body = caller.booking()
    caller.turn(lost_answers=1.0)
    with pytest.raises(ConnectionDropped):
        caller.call("POST", "/individual_appointments", json=body)
    (made,) = caller.made()["appointments"]
    assert (
        caller.ids("individual_appointments", q=f"patient_id:={body['patient_id']}")[-1]
        == (made["id"])
    )
    # What was refused, or asked, is answered.
    assert caller.errors("POST", "/patients", json={})


def test_a_write_may_fail_and_succeed_the_next_time(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller(failures=0.5)
    statuses = [caller.call("POST", "/patients", json=PERSON).status_code for _ in range(20)]
    books = caller.made()
    states = [write["state"] for write in books["writebacks"]]
    assert states == [{201: "completed", 422: "failed"}[status] for status in statuses]
    assert 0 < states.count("failed") < 20
    done = [write["id"] for write in books["writebacks"] if write["state"] == "completed"]
    assert [trace["writeback_id"] for trace in books["traces"]] == done
    assert len(books["patients"]) == len(done)


def test_calls_are_noted_with_their_account_and_without_the_key(caller: Caller) -> None:
    caller.get("/user")
    caller.get("/user", office="cliniko-2")
    caller.call("GET", "/nothing")
    calls = caller.control("GET", "/calls?office_id=cliniko-1")
    assert [(call["method"], call["path"], call["status"]) for call in calls] == [
        ("GET", f"{PREFIX}/user", 200),
        ("GET", f"{PREFIX}/nothing", 404),
    ]
    assert caller.keys["cliniko-1"] not in str(calls)


def test_what_was_written_outlives_a_kill(
    open_caller: Callable[..., Caller], tmp_path: Path
) -> None:
    file = tmp_path / "books.sqlite3"
    first = open_caller(state=file)
    first.control("POST", "/expire_keys", {"office_id": "cliniko-1"})
    made, keys = first.book(), first.keys
    first.sandbox.close()

    second = open_caller(state=file)
    assert second.keys == keys
    assert second.get(f"/individual_appointments/{made['id']}") == made


def test_reset_brings_the_world_back(caller: Caller) -> None:
    before, keys = caller.truth(), caller.keys
    caller.book()
    caller.change("patient", "delete", caller.ids("patients")[9])
    caller.control("POST", "/expire_keys", {"office_id": "cliniko-1"})
    caller.control("POST", "/reset")
    assert (caller.truth(), caller.keys) == (before, keys)
    assert caller.made()["writebacks"] == []
