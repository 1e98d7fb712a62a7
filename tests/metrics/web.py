"""A real web server in a thread of the test, and sockets to it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
import uvicorn
from django.utils import timezone
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from accounts import tokens
from clinics.models import Appointment, AppointmentStatus, Clinic, User
from metrics.recounting import recount
from tests import make


class Web:
    """Where it is reached."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"

    @contextmanager
    def socket(
        self, clinic: Clinic | Any, *, token: str = "", query: str = "", **options: Any
    ) -> Iterator[Socket]:
        """Open a socket to a clinic's numbers."""
        headers = dict(options.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        address = f"ws://{self.host}/ws/clinics/{getattr(clinic, 'pk', clinic)}/metrics{query}"
        with connect(address, additional_headers=headers, compression=None, **options) as opened:
            yield Socket(opened)

    @contextmanager
    def sockets(self, clinic: Clinic, count: int, **options: Any) -> Iterator[list[Socket]]:
        """Open several."""
        with ExitStack() as stack:
            yield [stack.enter_context(self.socket(clinic, **options)) for _ in range(count)]

    @contextmanager
    def stream(
        self, clinic: Clinic | Any, *, token: str = "", query: str = "", **headers: str
    ) -> Iterator[Stream]:
        """Open a stream of server-sent events, as a browser's EventSource does."""
        sent = {"Accept": "text/event-stream"} | headers
        if token:
            sent["Authorization"] = f"Bearer {token}"
        path = f"/api/v1/clinics/{getattr(clinic, 'pk', clinic)}/metrics/stream{query}"
        http = HTTPConnection(self.host, timeout=10)
        try:
            http.request("GET", path, headers=sent)
            yield Stream(http.getresponse())
        finally:
            http.close()

    def refusal(self, path: str, **options: Any) -> int:
        """Return the status with which a handshake is refused."""
        with pytest.raises(InvalidStatus) as refused, connect(f"ws://{self.host}{path}", **options):
            pass
        return refused.value.response.status_code


class Socket:
    """One socket, of which each message is read as what it is."""

    def __init__(self, opened: ClientConnection) -> None:
        self.opened = opened

    def next(self, seconds: float = 5) -> dict[str, Any]:
        return json.loads(self.opened.recv(timeout=seconds))

    def silent(self, seconds: float) -> bool:
        """Return whether nothing comes within this time."""
        try:
            self.opened.recv(timeout=seconds)
        except TimeoutError:
            return True
        return False

    def farewell(self, seconds: float = 5) -> tuple[str, int]:
        """Return the error that comes next, and the code with which it closes."""
        error = self.next(seconds)
        assert error["type"] == "error", error
        with pytest.raises(ConnectionClosed) as closed:
            self.opened.recv(timeout=seconds)
        assert closed.value.rcvd is not None
        return error["code"], closed.value.rcvd.code


class Stream:
    """A stream, read event by event."""

    def __init__(self, answer: HTTPResponse) -> None:
        self.answer = answer

    def next(self) -> dict[str, str]:
        """Return the fields of the next event; none at the end of the stream."""
        fields = {}
        while line := self.answer.readline().decode().rstrip("\n"):
            name, _, value = line.partition(": ")
            fields[name] = value
        return fields

    def message(self) -> dict[str, Any]:
        """Return the data of the next event."""
        return json.loads(self.next()["data"])


def visit(clinic: Clinic, **fields: Any) -> Appointment:
    """Make an appointment of today, in the clinic's calendar."""
    at = timezone.now().astimezone(clinic.zone).replace(hour=12, minute=0)
    values = {"starts_at": at, "ends_at": at + timedelta(minutes=30)}
    values |= {"status": AppointmentStatus.BOOKED}
    return make.record(Appointment, clinic, **(values | fields))


def told(clinic: Clinic) -> int:
    """Have a clinic recounted; returns the newest version."""
    return recount(clinic, timezone.now()).version


def token_of(user: User) -> str:
    """Return an access token of a person who has just logged in."""
    return tokens.log_in(user, timezone.now()).access


@contextmanager
def serving() -> Iterator[Web]:
    """Serve the product from a thread of this process, with the settings that Procfile has."""
    from config.asgi import application

    config = uvicorn.Config(
        application, port=0, log_config=None, ws_max_size=4096, ws_per_message_deflate=False,
        access_log=False, timeout_graceful_shutdown=1, loop="asyncio",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Web(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()
