"""The client: spends first, sends once, and reads whatever JSON comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from integrations.contract import Scope
from integrations.http.errors import BudgetExhausted, NoAnswer, NotReached
from tests.integrations.guards import plain_client
from tests.integrations.wire import Peer, Script, answer_all, read_and_answer, serving

client = plain_client


def answers(body: bytes, status: str = "200 OK", **headers: str) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.answer(body, status, **headers)

    return script


def test_nothing_is_sent_when_the_budget_is_used_up() -> None:
    asked: list[Sequence[Scope]] = []

    def used_up(scopes: Sequence[Scope]) -> None:
        asked.append(scopes)
        raise BudgetExhausted("All used.", retry_at=datetime(2030, 3, 5, 16, tzinfo=UTC))

    with serving(read_and_answer) as server, pytest.raises(BudgetExhausted) as caught:
        client(server.address, used_up).request("GET", "/patients", scopes=[Scope.APPLICATION])

    assert caught.value.retry_at == datetime(2030, 3, 5, 16, tzinfo=UTC)
    assert asked == [[Scope.APPLICATION]]
    assert server.connections == 0


def test_each_request_spends_once_before_it_is_sent() -> None:
    log: list[Any] = []

    def answer(peer: Peer) -> None:
        peer.read()
        log.append("sent")
        peer.answer()

    scopes = (Scope.INTEGRATION, Scope.APPLICATION)
    with serving(answer) as server:
        client(server.address, log.append).request("GET", "/patients", scopes=scopes)

    assert log == [scopes, "sent"]


def test_a_call_that_reached_nobody_has_spent_all_the_same() -> None:
    spent: list[Any] = []
    waited: list[float] = []
    ours = client("http://127.0.0.1:9", spent.append, wait=waited.append)
    with pytest.raises(NotReached):
        ours.request("GET", "/x", scopes=())
    assert spent == [(), (), ()], "each of three attempts"
    assert len(waited) == 2
    assert sum(waited) < 1


def test_every_request_says_who_asks_and_carries_the_callers_headers() -> None:
    with serving(answer_all) as server:
        ours = client(f"{server.address}/v4/")
        ours.request("GET", "/patients", scopes=(), params={"offset": "0"})
        headers = {"Request-Key": "the-key"}
        ours.request("POST", "/appointment", scopes=(), headers=headers, json={"note": "ü"})

    get, post = server.requests
    assert get.line == "GET /v4/patients?offset=0 HTTP/1.1"
    assert post.line == "POST /v4/appointment HTTP/1.1"
    assert {heard.headers["User-Agent"] for heard in (get, post)} == {"Frontdesk/test"}
    assert {heard.headers["Accept"] for heard in (get, post)} == {"application/json"}
    assert {heard.headers["Accept-Encoding"].split(",")[0] for heard in (get, post)} == {"gzip"}
    assert (get.headers.get("Request-Key"), post.headers["Request-Key"]) == (None, "the-key")
    assert (get.body, post.json) == (b"", {"note": "ü"})


@pytest.mark.parametrize(
    ("script", "status", "data"),
    [
        (answers(b'{"a": "1"}', Content_Type="application/json"), 200, {"a": "1"}),
        (answers(b'{"a": "1"}', Content_Type="text/html; charset=UTF-8"), 200, {"a": "1"}),
        (answers('{"a": "é"}'.encode(), Content_Type="text/html; charset=cp1252"), 200, {"a": "é"}),
        (answers(b"[]", "201 Created"), 201, []),
        (answers(b"", "204 No Content"), 204, None),
        (answers(b" \r\n"), 200, None),
        (answers(b'{"error_code": "API1025"}', "400 Bad Request"), 400, {"error_code": "API1025"}),
        (answers(b"<html>", "404 Not Found"), 404, None),
        (answers(b"", "429 Too Many Requests"), 429, None),
        (answers(b"<html>", "502 Bad Gateway"), 502, None),
    ],
)  # fmt: skip
def test_the_body_is_read_as_json_whatever_it_claims_to_be(
    script: Script, status: int, data: object
) -> None:
    with serving(script) as server:
        reply = client(server.address).request("GET", "/x", scopes=())
    assert (reply.status, reply.data) == (status, data)


@pytest.mark.parametrize("body", [b"<html>Ada Invented</html>", b'{"Ada": ', b"\xff\xfe\xfd"])
@pytest.mark.parametrize("status", ["200 OK", "201 Created", "302 Found"])
def test_a_success_that_cannot_be_read_may_have_happened(body: bytes, status: str) -> None:
    with serving(answers(body, status)) as server, pytest.raises(NoAnswer) as caught:
        client(server.address).request("POST", "/appointment", scopes=())
    assert str(caught.value) == "The PMS's answer could not be read as JSON."
    assert caught.value.may_have_happened is True
    assert len(server.requests) == 1


def test_its_repr_shows_where_it_goes_and_not_what_it_spends() -> None:
    assert repr(client("http://127.0.0.1:9")) == (
        "PlainClient(base_url='http://127.0.0.1:9', user_agent='Frontdesk/test', timeout=(2, 2), "
        "is_sandbox=True)"
    )
