"""What goes wrong: limits, refusals in Nookal's own words, and answers that get lost."""

from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.sandbox.server import ConnectionDropped

from .caller import BOOKING, PREFIX, Caller


def test_above_the_limit_is_429_with_the_seconds_to_wait(
    open_caller: Callable[..., Caller],
) -> None:
    caller = open_caller(nookal_rate_limit=2)
    caller.ask("verify")
    caller.clock.advance(12)
    caller.ask("verify")

    refused = caller.call("addAppointmentBooking", **BOOKING)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "48")
    assert refused.get_json()["status"] == "failure"
    caller.ask("verify", office="nookal-2")
    caller.clock.advance(48)
    assert caller.made()["appointments"] == []
    caller.ask("verify")


def test_a_caller_without_a_key_uses_nothing_up(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller(nookal_rate_limit=1)
    assert caller.client.post(f"{PREFIX}/verify").status_code == 200
    caller.ask("verify")
    assert caller.call("verify").status_code == 429


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        ("error", 500, None),
        ("unavailable", 503, None),
        ("throttled", 429, "60"),
        ("daily_quota", 429, "82800"),
    ],
)
def test_a_refused_call_does_nothing(
    caller: Caller, fault: str, status: int, retry_after: str | None
) -> None:
    caller.fault("POST /addAppointmentBooking", fault)
    response = caller.call("addAppointmentBooking", **BOOKING)
    assert response.status_code == status
    assert response.headers.get("Retry-After") == retry_after
    is_page = response.content_type.startswith("text/html")
    assert is_page is (status >= 500)
    assert caller.made()["traces"] == []
    assert caller.book()


def test_a_lost_answer_is_of_a_write_that_was_done(caller: Caller) -> None:
    caller.turn(lost_answers=1.0)
    with pytest.raises(ConnectionDropped):
        caller.call("addAppointmentBooking", **BOOKING)
    (made,) = caller.made()["appointments"]
    assert caller.appointment(made["ID"])["patientID"] == "5"
    # What was refused, or asked, is answered.
    assert caller.alerts("addPatient") != []
    assert caller.results("verify") == {"verify": True}


def test_a_write_may_fail_and_succeed_the_next_time(open_caller: Callable[..., Caller]) -> None:
    caller = open_caller(failures=0.5)
    times = [f"{hour:02}:{minute}:00" for hour in range(8, 18) for minute in ("00", "30")]
    said = [
        caller.call(
            "addAppointmentBooking", **{**BOOKING, "start_time": time, "appointment_type_id": "2"}
        ).get_json()["status"]
        for time in times
    ]
    books = caller.made()
    states = [write["state"] for write in books["writebacks"]]
    assert states == [{"success": "completed", "failure": "failed"}[word] for word in said]
    assert 0 < states.count("failed") < len(times)
    done = [write["id"] for write in books["writebacks"] if write["state"] == "completed"]
    assert [trace["writeback_id"] for trace in books["traces"]] == done


def test_calls_are_noted_with_their_account(caller: Caller) -> None:
    caller.ask("verify")
    caller.call("verify", office="nookal-2")
    (call,) = caller.control("GET", "/calls?office_id=nookal-1")
    assert (call["method"], call["path"], call["status"]) == ("POST", f"{PREFIX}/verify", 200)
    assert "api_key" not in str(call)


def test_what_was_written_outlives_a_kill(
    open_caller: Callable[..., Caller], tmp_path: Path
) -> None:
    file = tmp_path / "books.sqlite3"
    first = open_caller(state=file)
    number = first.book()
    first.sandbox.close()
    second = open_caller(state=file)
    assert second.appointment(number)["patientID"] == "5"
    assert second.keys == first.keys


def test_reset_brings_the_world_back(caller: Caller) -> None:
    before = caller.truth()
    caller.book()
    caller.change("patient", "delete", "9")
    caller.control("POST", "/reset")
    assert caller.truth() == before
    assert caller.made()["writebacks"] == []
