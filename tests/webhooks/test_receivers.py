"""Addresses that are never told anything, at saving and at sending."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3.util.connection
from django.core.exceptions import ValidationError

from integrations.http import transport
from integrations.http.transport import NotDelivered
from tests.integrations.http.test_public_addresses import (
    AUTHORITY,
    OURS,
    PUBLIC,
    over_tls,
    port,
)
from tests.integrations.wire import Peer, Script, answer_all, serving
from tests.webhooks.conftest import Tell, attempts, only_delivery, receiving, send
from webhooks import addresses
from webhooks.models import Endpoint

Names = Callable[..., None]


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that somebody tried to connect to. Nobody gets through."""
    found: list[str] = []

    def connect(address: tuple[str, int], *rest: object, **more: object) -> socket.socket:
        found.append(address[0])
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    return found


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Let receiver.example lead to these addresses, one look-up after the other."""
    real = socket.getaddrinfo

    def lead_to(*answers: str) -> None:
        waiting = list(answers)

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
            if host != "receiver.example":
                return real(host, port, *rest, **more)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            return real(found, port, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return lead_to


@pytest.mark.django_db
@pytest.mark.parametrize("address", OURS.values(), ids=OURS.keys())
def test_a_name_of_a_private_address_is_not_even_knocked_at(
    endpoint: Endpoint, tell: Tell, names: Names, knocks: list[str], address: str
) -> None:
    names(address)
    tell()
    send(endpoint)
    assert knocks == []
    assert attempts(only_delivery()) == [(None, "private_address")]


@pytest.mark.django_db
def test_a_name_that_changes_its_address_after_the_look_hears_nothing(
    endpoint: Endpoint, tell: Tell, names: Names
) -> None:
    heard: list[bytes] = []

    def listen(peer: Peer) -> None:
        heard.append(peer._socket.recv(1000))

    names("93.184.216.34", "127.0.0.1")
    tell()
    with serving(listen) as server:
        port = server.address.rpartition(":")[2]
        endpoint.url = f"https://receiver.example:{port}/hook"
        endpoint.save()
        send(endpoint)
        with contextlib.suppress(TimeoutError):
            server.over.wait(0.05)
    assert server.connections == 1
    assert heard in ([], [b""]), "not one byte, not even of a handshake"
    assert attempts(only_delivery()) == [(None, "private_address")]


@pytest.mark.django_db
def test_an_endpoint_without_tls_hears_nothing_once_it_is_not_allowed_any_more(
    endpoint: Endpoint, tell: Tell
) -> None:
    tell()
    with receiving(endpoint) as server:
        send(endpoint)
    assert server.connections == 0
    assert attempts(only_delivery()) == [(None, "not_https")]


@pytest.mark.django_db
def test_a_public_address_is_connected_to(
    endpoint: Endpoint, tell: Tell, names: Names, knocks: list[str]
) -> None:
    names(PUBLIC[0])
    tell()
    send(endpoint)
    assert knocks == ["receiver.example"]
    assert attempts(only_delivery()) == [(None, "not_reached")]


def push(url: str, **changes: Any) -> Any:
    values: dict[str, Any] = {"headers": {}, "seconds": 2.0, "allow_private": False}
    return transport.push(url, b"{}", **(values | changes))


def test_a_name_that_nobody_has_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotDelivered) as caught:
        push("https://receiver.example")
    assert caught.value.code == "unknown_host"


def test_a_server_without_tls_is_told_so() -> None:
    def speak_no_tls(peer: Peer) -> None:
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with serving(speak_no_tls) as server, pytest.raises(NotDelivered) as caught:
        push(server.address.replace("http:", "https:"), allow_private=True)
    assert caught.value.code == "no_tls"
    assert server.requests == []


@pytest.fixture
def over_trusted_tls(names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let receiver.example be this machine and have a certificate that counts."""
    names("127.0.0.1")
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    session = transport._session(False, hurried=True)
    monkeypatch.setattr(session, "verify", str(tmp_path / "authority.pem"))
    monkeypatch.setattr(transport, "is_public", lambda address: True)


def tls_for_receiver(script: Script) -> Script:
    return over_tls(script, AUTHORITY.issue_cert("receiver.example"))


@pytest.mark.usefixtures("over_trusted_tls")
def test_over_tls_a_receiver_is_told_and_its_connection_is_not_kept() -> None:
    with serving(tls_for_receiver(answer_all)) as server:
        url = f"https://receiver.example:{port(server.address)}/hook"
        assert [push(url).status for _ in range(2)] == [200, 200]
    assert server.connections == 2
    assert [heard.body for heard in server.requests] == [b"{}", b"{}"]


@pytest.mark.usefixtures("over_trusted_tls")
def test_over_tls_a_certificate_of_another_name_is_refused_before_anything_is_sent() -> None:
    with serving(over_tls(answer_all)) as server, pytest.raises(NotDelivered) as caught:
        push(f"https://receiver.example:{port(server.address)}/hook")
    assert caught.value.code == "no_tls"
    assert server.requests == []


def dribble(peer: Peer) -> None:
    peer.read()
    peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not peer._wire.over.wait(0.02):
        peer.send(b"x")


@pytest.mark.usefixtures("over_trusted_tls")
def test_over_tls_an_answer_that_comes_byte_by_byte_is_cut_off() -> None:
    begun = time.perf_counter()
    with serving(tls_for_receiver(dribble)) as server:
        with pytest.raises(NotDelivered) as caught:
            push(f"https://receiver.example:{port(server.address)}/hook", seconds=0.3)
        assert time.perf_counter() - begun < 2
    assert caught.value.code == "timeout"


@pytest.mark.parametrize("url", ["https://", "https://[::1", "https://receiver example"])
def test_an_address_that_is_none_is_told_so(url: str) -> None:
    with pytest.raises(NotDelivered) as caught:
        push(url)
    assert caught.value.code == "bad_url"


@pytest.mark.parametrize("address", OURS.values(), ids=OURS.keys())
def test_a_private_address_is_refused_when_it_is_saved(address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(ValidationError, match="public internet"):
        addresses.validate(f"https://{literal}/hook")


WRONG = [
    "http://receiver.example/hook",
    "ftp://receiver.example/hook",
    "HTTPS://receiver.example/hook",
    "receiver.example/hook",
    "https://",
    "https:///hook",
    "https://[::1/hook",
    "https://receiver.example:port/hook",
    "https://receiver.example:99999/hook",
    "https://name:password@receiver.example/hook",
    "https://receiver.example/hook#part",
    "https://receiver.example/a hook",
    "https://receiver.example/hook\r\nX-Other: 1",
    "https://empfänger.example/hook",
    "https://localhost/hook",
    "https://LOCALHOST./hook",
    "https://printer.local/hook",
    "https://metadata.google.internal/hook",
    "https://127.1/hook",
    "https://2130706433/hook",
    "https://0x7f.0.0.1/hook",
    f"https://receiver.example/{'x' * 500}",
]


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_address_of_the_public_web_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        addresses.validate(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://receiver.example/hook?token=a%20b",
        "https://receiver.example:8443",
        "https://93.184.216.34/hook",
        "https://[2606:2800:21f::1]/hook",
        "https://Receiver.Example/hook",
    ],
)
def test_other_addresses_are_taken(url: str) -> None:
    addresses.validate(url)


def test_for_development_private_addresses_are_taken_and_others_stay_refused(settings: Any) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE = True
    for url in ("http://127.0.0.1:9000/hook", "http://localhost/hook", "https://10.0.0.1"):
        addresses.validate(url)
    for url in ("ftp://127.0.0.1/hook", "http://", "http://a:b@127.0.0.1"):
        with pytest.raises(ValidationError):
            addresses.validate(url)
