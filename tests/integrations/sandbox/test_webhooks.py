"""Sikka's webhooks, sent when the control asks for one."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from integrations.sandbox import ControlRefused, RunningSandbox, running

from .gateway import MONDAY, Gateway
from .receiver import receiving


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(now=MONDAY, frozen=True) as sandbox:
        yield sandbox


def test_a_delivery_has_a_thin_body_and_the_static_secret(sandbox: RunningSandbox) -> None:
    with receiving() as receiver:
        status = sandbox.control.webhook("D10002", receiver.url, "patient", callback_key="s3cret")

    ((path, headers, body),) = receiver.taken
    assert status == 204
    assert path == "/hooks/pms?clinic=7"
    assert headers["callback-key"] == "s3cret"
    assert headers["content-type"] == "application/json"
    assert not {name for name in headers if "signature" in name or "timestamp" in name}
    assert json.loads(body) == {
        "event": "patient",
        "office_id": "D10002",
        "practice_id": "1",
        "customer_id": "1",
        "prev_generated_time": "2026-03-02 14:00:00",
        "next_data_synchronization_date": "2026-03-02 16:00:00",
        "generated_time": "2026-03-02 15:00:00",
    }


def test_a_refresh_tells_more_and_its_practice_as_a_number(sandbox: RunningSandbox) -> None:
    with receiving() as receiver:
        options = {"callback_key": "s3cret", "practice_id": "2"}
        sandbox.control.webhook("D10002", receiver.url, "Data_Refresh", **options)

    body = json.loads(receiver.taken[0][2])
    assert body["practice_id"] == 2
    assert body["data_insert_date"] == "2026-03-02 15:00:00"
    assert body["practice_management_system_refresh_date"] == "2026-03-02 07:00:00"
    zone = body["practice_management_system_refresh_date_time_zone"]
    assert (zone, body["utc_difference_in_minutes"]) == ("Pacific Standard Time", "480")
    assert "generated_time" not in body


@pytest.mark.parametrize("status", [200, 302, 401, 500])
def test_whatever_was_answered_is_told(sandbox: RunningSandbox, status: int) -> None:
    with receiving(status) as receiver:
        told = sandbox.control.webhook("D10001", receiver.url, "appointments", callback_key="k")
    assert (told, len(receiver.taken)) == (status, 1)


def test_the_receiver_may_call_the_sandbox_before_it_answers(sandbox: RunningSandbox) -> None:
    times: list[datetime] = []
    with receiving() as receiver:
        receiver.before = lambda: times.append(sandbox.control.now)
        sandbox.control.webhook("D10001", receiver.url, "appointments", callback_key="k")
    assert times == [datetime(2026, 3, 2, 15, tzinfo=UTC)]


def test_nobody_there_is_an_error_and_not_a_status(sandbox: RunningSandbox) -> None:
    with receiving() as receiver:
        gone = receiver.url
    with pytest.raises(ControlRefused, match=r"no answer from .*ConnectionRefusedError"):
        sandbox.control.webhook("D10001", gone, "patient", callback_key="k")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event": "claims"}, "event must be one of Data_Refresh, patient"),
        ({"callback_key": None}, "callback_key is required"),
        ({"callback_key": ""}, "callback_key must be a string with something in it"),
        ({"url": "ftp://127.0.0.1/"}, "url must be an address"),
        ({"url": None}, "url must be an address"),
        ({"practice_id": "2"}, "there is no practice 2"),
        ({"secret": "x"}, "a webhook of this PMS has no secret"),
        ({"office_id": None}, "office_id must be given"),
    ],
)
def test_a_wrong_instruction_is_refused(
    gateway: Gateway, changes: dict[str, str | None], complaint: str
) -> None:
    whole = {
        "office_id": "D10001",
        "url": "http://127.0.0.1:9/",
        "event": "patient",
        "callback_key": "k",
        **changes,
    }
    body = {name: value for name, value in whole.items() if value is not None}
    answer = gateway.client.post("/control/webhooks", json=body)
    assert answer.status_code == 400
    assert complaint in answer.get_json()["error"]
