"""API access of single practices, which the application switches on and off."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from .gateway import BOOKING, Gateway, code


def switch(gateway: Gateway, access: str, practice_id: str, **changes: Any) -> TestResponse:
    body = {"office_id": "D10002", "practice_id": practice_id, "access": access, **changes}
    return gateway.call("POST", "/practice_location", office=None, json=body)


def told(gateway: Gateway, office_id: str = "D10002") -> list[tuple[str, str]]:
    items = gateway.items("/practice_location", office=None, office_id=office_id)
    return [(item["practice_id"], item["access"]) for item in items]


def test_access_is_on_until_it_is_switched_off(gateway: Gateway) -> None:
    assert told(gateway) == [("1", "on"), ("2", "on")]
    answer = switch(gateway, "OFF", "1-2")
    assert code(answer) == (200, "API4006")
    assert answer.get_json()["long_message"] == "Practice location(s) updated successfully"
    assert told(gateway) == [("1", "on"), ("2", "off")]
    assert told(gateway, "D10001") == [("1", "on")]
    switch(gateway, "ON", "1-1,1-2")
    assert told(gateway) == [("1", "on"), ("2", "on")]


def test_a_practice_without_access_takes_no_writes(gateway: Gateway) -> None:
    switch(gateway, "OFF", "2")
    there = {**BOOKING, "practice_id": "2", "provider_id": "DMD2", "operatory": "HILL1"}
    here = {**BOOKING, "operatory": "CHAIR1"}
    refused = gateway.call("POST", "/appointment", office="D10002", json=there)
    assert code(refused) == (401, "API2007")
    assert gateway.write("POST", "/appointment", here, office="D10002") == 275495


def test_an_office_without_any_gets_no_key_and_no_answer(gateway: Gateway) -> None:
    gateway.key("D10002")
    switch(gateway, "OFF", "1-1, 1-2")
    assert code(gateway.get("/patients", office="D10002")) == (401, "API2007")
    assert code(gateway.ask_for_key("D10002")) == (401, "API2007")
    assert gateway.get("/patients").status_code == 200
    switch(gateway, "ON", "1-1")
    assert gateway.get("/patients", office="D10002").status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"access": "on"}, (400, "API1026")),
        ({"access": None}, (400, "API1026")),
        ({"practice_id": "1-1,1-3"}, (401, "API2007")),
        ({"office_id": "D7"}, (401, "API2007")),
    ],
)
def test_a_wrong_switch_moves_nothing(
    gateway: Gateway, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    body = {"access": "OFF", "practice_id": "1-1", **changes}
    assert code(switch(gateway, **body)) == expected
    assert told(gateway) == [("1", "on"), ("2", "on")]
    assert told(gateway, "D10001") == [("1", "on")]
