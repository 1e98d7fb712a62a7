"""The service's webhooks: thin, and signed as the Standard Webhooks specification says."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from integrations.sandbox import RunningSandbox, running
from tests.integrations.sandbox.receiver import Receiver, receiving

from .service import MONDAY, Service


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with running(now=MONDAY, frozen=True) as sandbox:
        yield sandbox


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def signed(secret: str, headers: dict[str, str], body: bytes) -> str:
    """Compute a signature from its specification."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    return "v1," + base64.b64encode(hmac.digest(key, content.encode(), hashlib.sha256)).decode()


def test_a_delivery_is_thin_and_signed_with_the_accounts_secret(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    account = sandbox.systems["rest"]["offices"][0]
    status = sandbox.control.webhook("rest-1", receiver.url, "appointment.updated")

    ((_, headers, body),) = receiver.taken
    assert status == 204
    assert json.loads(body) == {"type": "appointment.updated", "account": "rest-1"}
    assert headers["webhook-id"].startswith("msg_")
    assert headers["webhook-timestamp"] == str(int(MONDAY.timestamp()))
    assert headers["webhook-signature"] == signed(account["webhook_secret"], headers, body)
    assert len(base64.b64decode(account["webhook_secret"].removeprefix("whsec_"))) == 24


def test_another_secret_makes_another_signature(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    other = "whsec_" + base64.b64encode(b"x" * 32).decode()
    sandbox.control.webhook("rest-1", receiver.url, "client.created", secret=other)
    ((_, headers, body),) = receiver.taken
    own = sandbox.systems["rest"]["offices"][0]["webhook_secret"]
    assert headers["webhook-signature"] == signed(other, headers, body)
    assert headers["webhook-signature"] != signed(own, headers, body)


def test_each_delivery_has_an_id_of_its_own_unless_it_is_the_same_one_again(
    sandbox: RunningSandbox, receiver: Receiver
) -> None:
    for options in ({}, {}, {"id": "msg_again"}, {"id": "msg_again"}):
        sandbox.control.webhook("rest-2", receiver.url, "client.updated", **options)
    ids = [headers["webhook-id"] for _, headers, _ in receiver.taken]
    assert len(set(ids[:2])) == 2
    assert ids[2:] == ["msg_again"] * 2


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"event": "patient"}, "event must be one of client.created"),
        ({"secret": "hush"}, "secret must be whsec_ and base64"),
        ({"secret": "whsec_!"}, "secret must be whsec_ and base64"),
        ({"callback_key": "k"}, "a webhook of this PMS has no callback_key"),
    ],
)
def test_a_wrong_instruction_is_refused(
    service: Service, changes: dict[str, Any], complaint: str
) -> None:
    whole = {"office_id": "rest-1", "url": "http://127.0.0.1:9/", "event": "client.created"}
    answer = service.client.post("/control/webhooks", json={**whole, **changes})
    assert answer.status_code == 400
    assert complaint in answer.get_json()["error"]
