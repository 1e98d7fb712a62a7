"""The web as its own process, and questions to it: at a steady rate, or as fast as it can.

A steady question counts from when it was due, so that a slow answer does not hide the wait of the
next one.
"""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

AT_ONCE: Final = 8


@contextmanager
def web() -> Iterator[int]:
    """Run the product's web as the Procfile does, on a free port; the log goes nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    # Without an address of its own it finds the database as the application's role.
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"ALLOWED_HOSTS": "127.0.0.1"}
    program = (
        *(sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", str(port)),
        *("--no-access-log", "--log-level", "error"),
    )
    # Its log has the product's own settings, whatever uvicorn is told.
    process = subprocess.Popen(
        program, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the web did not start")
            time.sleep(0.2)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def steady(
    port: int, rate: float, seconds: float, address: Callable[[], str], headers: Mapping[str, str]
) -> tuple[list[float], int]:
    """Ask so often a second; returns the seconds since each was due, and how many failed."""
    caller = Caller(port, headers)
    began = time.perf_counter()

    def ask(place: int) -> float | None:
        due = began + place / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        return time.perf_counter() - due if caller.get(address()) == 200 else None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(ask, range(int(rate * seconds))))
    took = [each for each in answers if each is not None]
    return took, len(answers) - len(took)


def saturated(
    port: int, seconds: float, address: Callable[[], str], headers: Mapping[str, str]
) -> float:
    """Ask without a pause from several threads; returns answers a second."""
    caller = Caller(port, headers)
    began = time.perf_counter()
    until = began + seconds

    def ask(_: int) -> int:
        count = 0
        while time.perf_counter() < until:
            count += caller.get(address()) == 200
        return count

    with ThreadPoolExecutor(AT_ONCE) as threads:
        counts = list(threads.map(ask, range(AT_ONCE)))
    return sum(counts) / (time.perf_counter() - began)


class Caller(threading.local):
    """One connection for each thread, kept open."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self.http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = dict(headers)

    def get(self, address: str) -> int:
        """Read an answer whole; returns its status."""
        self.http.request("GET", address, headers=self.headers)
        answer = self.http.getresponse()
        answer.read()
        return answer.status


def _answers(port: int) -> bool:
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=1).connect()
    except OSError:
        return False
    return True
