"""$title, whose every answer is written down before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses

from clinics.records import Unreadable
from integrations import registry
from integrations.adapters.$name import answers
from integrations.contract import Adapter, Scope
from integrations.http.client import Client, Reply
from integrations.http.errors import NoAnswer, NotAuthorized, Refused, Throttled
from integrations.queries import Resource
from tests.integrations.guards import NOW, OpenGuard
from tests.integrations.lists import records

URL = "https://$name.example"


@pytest.fixture
def pms() -> Iterator[responses.RequestsMock]:
    """Let nothing out of this machine."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def spent() -> list[Any]:
    return []


@pytest.fixture
def adapter(spent: list[Any]) -> Adapter:
    client = Client(
        base_url=URL,
        guard=OpenGuard(spent.append),
        user_agent="Frontdesk/test",
        timeout=(1, 1),
        clock=lambda: NOW,
        wait=lambda seconds: None,
    )
    return registry.connect("$name", client, "1", {"api_key": "the-key"}, {}, None)


def test_a_credential_without_a_key_is_unusable() -> None:
    with pytest.raises(ValueError, match="api_key"):
        registry.connect("$name", None, "1", {}, {}, None)


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (401, {}, NotAuthorized),
        (403, {}, NotAuthorized),
        (404, {}, Refused),
        (404, None, NoAnswer),
        (429, {}, Throttled),
        (500, {}, NoAnswer),
    ],
)
def test_each_refusal_has_its_type(status: int, answer: Any, error: type[Exception]) -> None:
    reply = Reply(status, {}, answer)
    with pytest.raises(error):
        answers.raise_for_error(reply, NOW)


@pytest.mark.parametrize("answer", [None, [], {}, {"items": None}, {"items": {}}])
def test_an_answer_without_a_list_is_never_an_empty_one(answer: Any) -> None:
    with pytest.raises(NoAnswer):
        answers.rows(Reply(200, {}, answer))


def test_whom_the_key_lets_in_is_told_in_one_call(
    pms: responses.RequestsMock, adapter: Adapter, spent: list[Any]
) -> None:
    pms.get(f"{URL}/account", json={"id": "1", "name": "Maple Street"})
    assert adapter.verify().id == "1"
    assert spent == [(Scope.INTEGRATION,)]


def test_a_patient_is_read_and_one_that_cannot_be_stops_no_other(
    pms: responses.RequestsMock, adapter: Adapter
) -> None:
    pms.get(f"{URL}/patients", json={"items": [{"id": "7", "first_name": "Ada"}, {}]})
    patient, odd = records(adapter, Resource.PATIENTS)
    assert (patient.external_id, patient.first_name) == ("7", "Ada")
    assert odd == Unreadable("has no usable id")


def test_appointments_are_on_their_sites_clock(
    pms: responses.RequestsMock, adapter: Adapter
) -> None:
    pms.get(f"{URL}/appointments", json={"items": []})
    assert records(adapter, Resource.APPOINTMENTS) == []
