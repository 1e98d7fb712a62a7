"""A server on loopback that speaks raw bytes: a test decides what each connection goes through."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Heard:
    """One request as it came off the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return json.loads(self.body)


@dataclass
class Wire:
    """What a test knows of its server: where it is, and what it was asked."""

    address: str
    requests: list[Heard] = field(default_factory=list)
    connections: int = 0
    #: Set when the test is over; a script that keeps its client waiting waits for this.
    over: threading.Event = field(default_factory=threading.Event)
    #: The connection that is being served.
    current: socket.socket | None = None


class Peer:
    """One connection, from the server's side."""

    def __init__(self, wire: Wire, connection: socket.socket) -> None:
        self._wire, self._socket = wire, connection
        self._stream = connection.makefile("rb")

    def read(self) -> None:
        """Read one whole request and note it; end of the connection ends the script."""
        line = self._stream.readline().decode().strip()
        if not line:
            raise EOFError
        headers = {}
        while (header := self._stream.readline().decode().strip()) != "":
            name, _, value = header.partition(": ")
            headers[name] = value
        body = self._stream.read(int(headers.get("Content-Length", 0)))
        self._wire.requests.append(Heard(line, headers, body))

    def send(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def answer(self, body: bytes = b"{}", status: str = "200 OK", **headers: str) -> None:
        """Answer and keep the connection; header names are written with underscores."""
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{''.join(lines)}\r\n"
        self.send(head.encode() + body)

    def hold(self) -> None:
        """Say nothing until the test is over."""
        self._wire.over.wait(10)

    def close(self) -> None:
        """End the connection in an orderly way (FIN)."""
        self._stream.close()
        self._socket.close()

    def reset(self) -> None:
        """Break the connection off (RST)."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


Script = Callable[[Peer], None]


def read_and_answer(peer: Peer) -> None:
    peer.read()
    peer.answer()


def answer_all(peer: Peer) -> None:
    """Answer until the client ends the connection."""
    while True:
        read_and_answer(peer)


@contextmanager
def serving(*scripts: Script) -> Iterator[Wire]:
    """Serve one connection after another: each follows its script, later ones the last script."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    wire = Wire(f"http://127.0.0.1:{port}")
    thread = threading.Thread(target=_serve, args=(listener, wire, scripts))
    thread.start()
    try:
        yield wire
    finally:
        wire.over.set()
        with contextlib.suppress(OSError, AttributeError):
            wire.current.shutdown(socket.SHUT_RDWR)  # wakes the one that reads
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port)).close()  # wakes the one that accepts
        thread.join(10)
        listener.close()


def _serve(listener: socket.socket, wire: Wire, scripts: tuple[Script, ...]) -> None:
    while True:
        connection, _ = listener.accept()
        if wire.over.is_set():
            connection.close()
            return
        script = scripts[min(wire.connections, len(scripts) - 1)]
        wire.connections += 1
        wire.current, peer = connection, Peer(wire, connection)
        with contextlib.suppress(OSError, EOFError):
            script(peer)
        peer.close()
