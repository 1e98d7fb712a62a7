"""Who is talked to: over verified TLS at public addresses, unless it is a sandbox."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
import urllib3.connection
import urllib3.util.connection

from integrations.http import transport
from integrations.http.errors import NoAnswer, NotReached
from integrations.http.transport import Answer
from tests.integrations.wire import Peer, Script, answer_all, read_and_answer, serving

#: An authority that nobody trusts but who is told to, and its certificate for pms.example.
AUTHORITY = trustme.CA()
CERTIFICATE = AUTHORITY.issue_cert("pms.example")


def send(url: str, **changes: Any) -> Answer:
    values: dict[str, Any] = {
        "headers": {"Request-Key": "the-key"},
        "params": {},
        "json": {"note": "x"},
        "is_sandbox": False,
        "timeout": (2, 2),
    }
    return transport.send("POST", url, **(values | changes))


@pytest.fixture
def knocks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that somebody tried to connect to. Nobody gets through."""
    found: list[str] = []

    def connect(address: tuple[str, int], *rest: object, **more: object) -> socket.socket:
        found.append(address[0])
        raise ConnectionRefusedError("nobody is there")

    monkeypatch.setattr(urllib3.util.connection, "create_connection", connect)
    return found


@pytest.fixture(autouse=True)
def _closed_session() -> Iterator[None]:
    yield
    transport._session(False).close()


Names = Callable[..., None]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """Let the name pms.example lead to these addresses; the last answer is repeated."""
    real = socket.getaddrinfo

    def lead_to(*answers: list[str]) -> None:
        waiting = list(answers)

        def look_up(host: str, port: int, *rest: Any, **more: Any) -> Any:
            if host != "pms.example":
                return real(host, port, *rest, **more)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            return [entry for ip in found for entry in real(ip, port, *rest, **more)]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)

    return lead_to


# --- TLS -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://pms.example", "HTTP://pms.example", "ftp://pms.example"])
def test_a_pms_is_never_asked_without_tls(knocks: list[str], names: Names, url: str) -> None:
    names(["93.184.216.34"])
    with pytest.raises(NotReached, match=r"^Only a sandbox may be asked without TLS"):
        send(url)
    assert knocks == []


@pytest.mark.parametrize("url", ["https://", "https:///x", "https://[::1", "https://pms example"])
def test_an_address_that_is_none_reached_nobody(knocks: list[str], url: str) -> None:
    with pytest.raises(NotReached):
        send(url)
    assert knocks == []


def over_tls(script: Script, certificate: trustme.LeafCert = CERTIFICATE) -> Script:
    """Let the server's end of the connection speak TLS with the test's own certificate."""

    def wrapped(peer: Peer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        peer._stream.close()
        peer._socket = peer._wire.current = context.wrap_socket(peer._socket, server_side=True)
        peer._stream = peer._socket.makefile("rb")
        script(peer)

    return wrapped


@pytest.fixture
def trusted(tmp_path: Path) -> str:
    """A file that makes the authority one to be trusted."""
    AUTHORITY.cert_pem.write_to_path(tmp_path / "authority.pem")
    return str(tmp_path / "authority.pem")


@pytest.fixture
def no_address_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "is_public", lambda address: True)


def port(address: str) -> str:
    return address.rpartition(":")[2]


@pytest.mark.usefixtures("no_address_check")
@pytest.mark.parametrize("is_sandbox", [False, True])
def test_a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent(
    names: Names, is_sandbox: bool
) -> None:
    names(["127.0.0.1"])
    with serving(over_tls(answer_all)) as server, pytest.raises(NotReached) as caught:
        send(f"https://pms.example:{port(server.address)}", is_sandbox=is_sandbox)
    assert caught.value.may_have_happened is False
    assert (server.connections, server.requests) == (1, [])


@pytest.mark.usefixtures("no_address_check")
def test_a_certificate_of_another_name_is_refused_before_anything_is_sent(trusted: str) -> None:
    transport._session(False).verify = trusted
    with serving(over_tls(answer_all)) as server, pytest.raises(NotReached):
        send(f"https://127.0.0.1:{port(server.address)}")
    assert server.requests == []


def hang_up(peer: Peer) -> None:
    peer.close()


def speak_no_tls(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.usefixtures("no_address_check")
@pytest.mark.parametrize("script", [hang_up, Peer.hold, speak_no_tls])
def test_a_handshake_that_comes_to_nothing_reached_nobody(names: Names, script: Script) -> None:
    names(["127.0.0.1"])
    with serving(script) as server, pytest.raises(NotReached) as caught:
        send(f"https://pms.example:{port(server.address)}", timeout=(0.1, 2))
    assert caught.value.may_have_happened is False


@pytest.mark.usefixtures("no_address_check")
def test_a_trusted_connection_is_kept_and_used_again(names: Names, trusted: str) -> None:
    names(["127.0.0.1"])
    transport._session(False).verify = trusted
    with serving(over_tls(answer_all)) as server:
        for _ in range(3):
            assert send(f"https://pms.example:{port(server.address)}/v4").status == 200
        assert (server.connections, len(server.requests)) == (1, 3)
    assert server.requests[0].headers["Request-Key"] == "the-key"


@pytest.mark.usefixtures("no_address_check")
@pytest.mark.parametrize("leave", [Peer.close, Peer.reset])
def test_a_connection_that_ends_after_the_request_may_have_done_it(
    names: Names, trusted: str, leave: Script
) -> None:
    def read_and_leave(peer: Peer) -> None:
        peer.read()
        leave(peer)

    names(["127.0.0.1"])
    transport._session(False).verify = trusted
    with serving(over_tls(read_and_leave)) as server, pytest.raises(NoAnswer) as caught:
        send(f"https://pms.example:{port(server.address)}")
    assert caught.value.may_have_happened is True
    assert len(server.requests) == 1


@pytest.mark.usefixtures("no_address_check")
def test_a_connection_that_has_lost_its_peer_again_reached_nobody(
    names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = socket.socket()
    monkeypatch.setattr(urllib3.util.connection, "create_connection", lambda *_, **__: alone)
    names(["93.184.216.34"])
    with pytest.raises(NotReached):
        send("https://pms.example")
    assert alone.fileno() == -1, "and it is not left open"


# --- Addresses -----------------------------------------------------------------------------------

OURS = {
    "loopback": "127.0.0.1",
    "all of loopback": "127.255.1.2",
    "unspecified": "0.0.0.0",  # noqa: S104
    "private 10": "10.1.2.3",
    "private 172": "172.16.0.1",
    "private 192": "192.168.1.1",
    "link-local, with the cloud's keys": "169.254.169.254",
    "carrier's NAT": "100.64.0.1",
    "benchmarks": "198.18.0.1",
    "multicast": "224.0.0.1",
    "broadcast": "255.255.255.255",
    "IPv6 loopback": "::1",
    "IPv6 unspecified": "::",
    "IPv6 link-local": "fe80::1",
    "IPv6 unique local": "fd12:3456:789a::1",
    "IPv6 site-local": "fec0::1",
    "IPv6 multicast": "ff02::1",
    "IPv6 documentation": "2001:db8::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped private": "::ffff:10.0.0.1",
    "mapped carrier's NAT": "::ffff:100.64.0.1",
    "compatible loopback": "::127.0.0.1",
    "translated loopback": "64:ff9b::127.0.0.1",
    "translated private": "64:ff9b::10.0.0.1",
    "6to4 of a private one": "2002:a00:1::1",
}
PUBLIC = ["93.184.216.34", "2606:2800:21f::1", "::ffff:93.184.216.34", "64:ff9b::93.184.216.34"]


@pytest.mark.parametrize("address", OURS.values(), ids=OURS.keys())
def test_an_address_of_our_own_network_is_not_even_knocked_at(
    knocks: list[str], names: Names, address: str
) -> None:
    names([address])
    with pytest.raises(NotReached):
        send("https://pms.example")
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(NotReached):
        send(f"https://{literal}")
    assert knocks == []


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is(knocks: list[str], names: Names, address: str) -> None:
    names([address])
    with pytest.raises(NotReached):
        send("https://pms.example")
    assert knocks == ["pms.example"]


@pytest.mark.parametrize("first", [0, 1])
def test_one_address_of_ours_among_public_ones_is_enough(
    knocks: list[str], names: Names, first: int
) -> None:
    both = ["93.184.216.34", "10.0.0.1"]
    names([both[first], both[1 - first]])
    with pytest.raises(NotReached):
        send("https://pms.example")
    assert knocks == []


def test_a_name_that_changes_after_the_look_gains_nothing(names: Names) -> None:
    heard: list[bytes] = []

    def listen(peer: Peer) -> None:
        heard.append(peer._socket.recv(1000))

    names(["93.184.216.34"], ["127.0.0.1"])
    with serving(listen) as server:
        with pytest.raises(NotReached):
            send(f"https://pms.example:{port(server.address)}")
        with contextlib.suppress(TimeoutError):
            server.over.wait(0.05)
    assert server.connections == 1
    assert heard in ([], [b""]), "not one byte, not even of a handshake"


@pytest.mark.parametrize("host", ["127.0.0.1", "pms.example"])
def test_a_sandbox_may_be_anywhere(names: Names, host: str) -> None:
    names(["127.0.0.1"])
    with serving(read_and_answer) as server:
        answer = send(f"http://{host}:{port(server.address)}", is_sandbox=True)
    assert answer.status == 200
