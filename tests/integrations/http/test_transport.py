"""What the transport makes of each way in which a connection can go wrong."""

from __future__ import annotations

import socket
import traceback
from typing import Any

import pytest
import requests
from urllib3.connection import HTTPConnection

from integrations.http import transport
from integrations.http.errors import NoAnswer, NotReached
from integrations.http.transport import Answer
from tests.integrations.wire import Peer, Script, read_and_answer, serving

PATIENT = "patient-4711"
NOTE = "a note about them"


def send(address: str, method: str = "POST", **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "headers": {"X-Key": "the-key"},
        "params": {"id": PATIENT},
        "json": {"note": NOTE},
        "is_sandbox": True,
        "timeout": (2, 2),
    }
    return transport.send(method, f"{address}/appointment", **(values | changes))


def unused_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_complete_answer_comes_back_as_it_is() -> None:
    def teapot(peer: Peer) -> None:
        peer.read()
        peer.answer(b"short and stout", status="418 Teapot", X_Rate_Limit_Reset="17")

    with serving(teapot) as server:
        answer = send(server.address)

    assert (answer.status, answer.body) == (418, b"short and stout")
    assert answer.headers["x-rate-limit-reset"] == "17"
    (heard,) = server.requests
    assert heard.line == f"POST /appointment?id={PATIENT} HTTP/1.1"
    assert heard.json == {"note": NOTE}
    assert heard.headers["X-Key"] == "the-key"


def test_a_refused_connection_reached_nobody() -> None:
    with pytest.raises(NotReached, match=r"^The PMS could not be reached\.$") as caught:
        send(unused_address())
    assert caught.value.may_have_happened is False


def test_a_connection_that_does_not_come_about_in_time_reached_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        address = server.getsockname()
        waiting = [socket.create_connection(address)]  # fills the queue: nobody accepts
        try:
            with pytest.raises(NotReached):
                send(f"http://127.0.0.1:{address[1]}", timeout=(0.1, 2))
        finally:
            waiting[0].close()


def test_a_name_that_nobody_has_reached_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotReached):
        send("http://api.invalid")


def drop(peer: Peer) -> None:
    peer.read()
    peer.close()


def break_off(peer: Peer) -> None:
    peer.read()
    peer.reset()


def stay_silent(peer: Peer) -> None:
    peer.read()
    peer.hold()


def stop_in_the_body(peer: Peer) -> None:
    peer.read()
    peer.send(b'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{"long_mess')


def stall_in_the_body(peer: Peer) -> None:
    stop_in_the_body(peer)
    peer.hold()


def says(raw: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(raw)

    return script


WITHOUT_ANSWER = {
    "dropped after it was read": drop,
    "reset after it was read": break_off,
    "silent": stay_silent,
    "dropped in the body": stop_in_the_body,
    "stalled in the body": stall_in_the_body,
    "dropped between two chunks": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"
    ),
    "not a number of bytes in a chunk": says(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n{}"
    ),
    "not HTTP": says(b"220 mail.example ESMTP\r\n"),
    "not the compression it claims": says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n{}"
    ),
    "endless header": says(b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 70_000 + b"\r\n\r\n"),
}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("script", WITHOUT_ANSWER.values(), ids=WITHOUT_ANSWER.keys())
def test_what_left_without_a_whole_answer_may_have_happened_and_is_sent_once(
    script: Script, method: str
) -> None:
    with (
        serving(script) as server,
        pytest.raises(NoAnswer, match=r"^The PMS did not answer \(\w+\)\.$") as caught,
    ):
        send(server.address, method, timeout=(2, 0.2))

    assert caught.value.may_have_happened is True
    assert server.connections == 1, "one attempt: each would cost a call"


@pytest.mark.parametrize("script", [drop, stay_silent, stop_in_the_body])
def test_neither_the_message_nor_the_trace_tells_what_was_asked(script: Script) -> None:
    with serving(script) as server, pytest.raises(NoAnswer) as caught:
        send(server.address, timeout=(2, 0.1))
    with pytest.raises(NotReached) as refused:
        send(unused_address())

    told = "".join(
        text
        for error in (caught.value, refused.value)
        for text in (str(error), repr(error), *traceback.format_exception(error))
    )
    assert [secret for secret in (PATIENT, NOTE, "the-key", server.address) if secret in told] == []


@pytest.mark.parametrize("location", ["{address}/elsewhere", "http://[", "\xff", ""])
@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_an_answer_and_is_not_followed(status: str, location: str) -> None:
    def redirect(peer: Peer) -> None:
        peer.read()
        target = location.format(address=server.address)
        head = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: {target}\r\n\r\n"
        peer.send(head.encode("latin-1"))

    with serving(redirect, read_and_answer) as server:
        answer = send(server.address)

    assert answer.status == int(status[:3])
    assert [heard.line for heard in server.requests] == [f"POST /appointment?id={PATIENT} HTTP/1.1"]


def test_a_kept_connection_is_used_again() -> None:
    def answer_twice(peer: Peer) -> None:
        read_and_answer(peer)
        read_and_answer(peer)

    with serving(answer_twice) as server:
        send(server.address)
        send(server.address)
        assert (server.connections, len(server.requests)) == (1, 2)


def wait_for_good_bye(address: str) -> None:
    """Return when the server's end of the kept connection has arrived, without taking it."""
    request = requests.Request("GET", address).prepare()
    pool = (
        transport._session(True).get_adapter(address).get_connection_with_tls_context(request, True)
    )
    kept = pool.pool.queue[-1]
    kept.sock.settimeout(2)
    assert kept.sock.recv(1, socket.MSG_PEEK) == b""


def test_a_kept_connection_that_the_server_closed_meanwhile_is_replaced_and_posts_once() -> None:
    def answer_and_leave(peer: Peer) -> None:
        read_and_answer(peer)
        peer.close()

    def answer(peer: Peer) -> None:
        peer.read()
        peer.answer(b'{"created": 1}', status="201 Created")

    with serving(answer_and_leave, answer) as server:
        send(server.address, "GET")
        wait_for_good_bye(server.address)
        posted = send(server.address)

    assert posted.status == 201
    assert [heard.line.split()[0] for heard in server.requests] == ["GET", "POST"]
    assert server.connections == 2


@pytest.mark.parametrize("leave", [Peer.close, Peer.reset])
def test_a_server_that_leaves_in_the_very_moment_of_a_post_gives_one_no_answer(
    monkeypatch: pytest.MonkeyPatch, leave: Any
) -> None:
    def answer_and_leave(peer: Peer) -> None:
        read_and_answer(peer)
        leave(peer)

    # What the client sees when the good-bye comes right after it has checked the connection.
    monkeypatch.setattr(HTTPConnection, "is_connected", property(lambda kept: True))
    with serving(answer_and_leave, read_and_answer) as server:
        send(server.address, "GET")
        with pytest.raises(NoAnswer) as caught:
            send(server.address)

    assert caught.value.may_have_happened is True
    assert server.connections == 1, "the post was not tried on another connection"
    assert [heard.line.split()[0] for heard in server.requests] == ["GET"]


def test_a_post_read_on_a_kept_connection_that_then_drops_is_not_sent_again() -> None:
    def answer_one_and_drop_the_next(peer: Peer) -> None:
        read_and_answer(peer)
        drop(peer)

    with serving(answer_one_and_drop_the_next, read_and_answer) as server:
        send(server.address, "GET")
        with pytest.raises(NoAnswer):
            send(server.address)

    assert [heard.line.split()[0] for heard in server.requests] == ["GET", "POST"]
    assert server.connections == 1


def test_a_cookie_of_one_answer_does_not_go_out_with_the_next_request() -> None:
    def set_cookies(peer: Peer) -> None:
        peer.read()
        peer.answer(Set_Cookie="office=D1; Path=/")
        read_and_answer(peer)

    with serving(set_cookies) as server:
        send(server.address)
        send(server.address)

    assert [heard.headers.get("Cookie") for heard in server.requests] == [None, None]


def test_no_proxy_and_no_netrc_of_this_machine_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", unused_address())
    with serving(read_and_answer) as server:
        assert send(server.address).status == 200
    assert "Authorization" not in server.requests[0].headers
