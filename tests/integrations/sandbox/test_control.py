"""The control: knobs, clock, faults and reset, and how it refuses nonsense."""

from datetime import timedelta
from typing import Any

import pytest

from .gateway import MONDAY, Gateway


@pytest.mark.parametrize(
    ("path", "body", "complaint"),
    [
        ("/knobs", {"speed": 3}, "no knob is called 'speed'"),
        ("/knobs", {"failures": 2}, "failures must be a share from 0 to 1, not 2"),
        ("/knobs", {"failures": "often"}, "failures must be a number"),
        ("/knobs", {"delay": "25-10"}, "delay must start with the smaller number"),
        ("/knobs", {"slow": 3}, "slow must be a share and seconds like 0.1:5"),
        ("/knobs", {"rate_limit": 0}, "rate_limit must be a whole number, 1 or more"),
        ("/knobs", {"agent_offline": "yes"}, "agent_offline must be true, false or a list"),
        ("/knobs", {"agent_offline": ["D7"]}, "agent_offline names 'D7', which is no office here"),
        ("/knobs", {"dolphin": "D10001"}, "dolphin must be true, false or a list"),
        ("/knobs", {"dolphin": ["D7"]}, "dolphin names 'D7', which is no office here"),
        ("/knobs", {"note_length": 0}, "note_length must be a whole number, 1 or more"),
        ("/knobs", {"reject_overlaps": 1}, "reject_overlaps must be true or false"),
        ("/knobs", {"closing_words": ["done"]}, "closing_words must be two words"),
        ("/knobs", {"refresh_lag": -1}, "refresh_lag must be a number of seconds, 0 or more"),
        ("/knobs", {"loaded_zone": "Mars"}, "loaded_zone must be the IANA name of a time zone"),
        ("/knobs", {"loaded_zone": "../UTC"}, "loaded_zone must be the IANA name"),
        ("/knobs", [], "the body must be a JSON object"),
        ("/faults", {"fault": "earthquake"}, "fault must be one of: lost_answer"),
        ("/faults", {"fault": "error", "on": "appointment"}, "on must be"),
        ("/faults", {"fault": "error", "times": 2}, "a fault has no times"),
        ("/faults", {"fault": "error", "count": 0}, "count and seconds: must be a whole number"),
        ("/clock", {"now": "tomorrow"}, "now: Invalid isoformat string"),
        ("/clock", {"now": "2026-03-02T09:00:00"}, "now: the moment needs a UTC offset"),
        ("/clock", {"advance_seconds": -1}, "advance_seconds: must be a number of seconds"),
        ("/clock", {"speed": 2}, "the clock takes"),
        ("/records", {"office_id": "D10001", "kind": "patient"}, "a change has office_id, kind"),
        ("/records", {"kind": "patient", "action": "create"}, "office_id must be given"),
        ("/expire_keys", {"office_id": "D7"}, "'D7' is no office here; there are: D10001, D10002"),
    ],
)
def test_nonsense_is_refused_with_a_reason(
    gateway: Gateway, path: str, body: Any, complaint: str
) -> None:
    before = gateway.control("GET", "/knobs"), gateway.control("GET", "/clock")
    method = "PATCH" if path == "/knobs" else "POST"
    answer = gateway.client.open(f"/control{path}", method=method, json=body)
    assert answer.status_code == 400
    assert complaint in answer.get_json()["error"]
    assert (gateway.control("GET", "/knobs"), gateway.control("GET", "/clock")) == before
    assert gateway.control("GET", "/faults") == []


def test_knobs_are_all_or_nothing(gateway: Gateway) -> None:
    answer = gateway.client.patch("/control/knobs", json={"errors": 0.5, "speed": 3})
    assert answer.status_code == 400
    assert gateway.control("GET", "/knobs")["errors"] == 0.0


def test_unknown_addresses_answer_in_json(gateway: Gateway) -> None:
    assert gateway.client.get("/control/nothing").status_code == 404
    assert gateway.client.delete("/control/clock").get_json() == {
        "error": "DELETE /control/clock: Method Not Allowed"
    }
    assert "/sikka/v4" in gateway.client.get("/").text


def test_the_clock_can_be_moved_set_and_stopped(gateway: Gateway) -> None:
    def at(body: dict[str, object]) -> dict[str, object]:
        return gateway.control("POST", "/clock", body)

    assert at({"advance_seconds": 90}) == {"now": "2026-03-02T15:01:30+00:00", "frozen": True}
    assert at({"now": "2026-03-05T08:00:00-05:00"})["now"] == "2026-03-05T13:00:00+00:00"
    assert at({"freeze": False})["frozen"] is False
    moved = gateway.clock.now()
    assert moved - MONDAY < timedelta(days=2, hours=22, minutes=1)


def test_reset_brings_everything_back_to_the_beginning(gateway: Gateway) -> None:
    first_key = gateway.key("D10001")
    before = gateway.items("/appointments", limit=5000, fields="get_all")
    gateway.book()
    gateway.control("POST", "/clock", {"advance_seconds": 86_400 * 3})
    gateway.turn(errors=1.0)
    gateway.fault("*", "slow")

    gateway.control("POST", "/reset")
    gateway.keys.clear()

    assert gateway.clock.now() == MONDAY
    assert gateway.control("GET", "/faults") == []
    assert gateway.control("GET", "/calls") == []
    assert gateway.items("/appointments", limit=5000, fields="get_all") == before
    assert gateway.key("D10001") == first_key
    assert gateway.book() == 275495
