"""The product's own programs, as the Procfile starts them, for as long as they are measured."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from config import startup
from config.embedded import urls
from config.processes import die_with_parent

#: So that one address may open all sockets, and one person several.
_SETTINGS = {"LIVE_CONNECTS_PER_MINUTE": "100000", "DATABASE_URL_FILE": ""}
_PATIENCE = 60.0


class Programs:
    """Where the web listens, and its process."""

    def __init__(self, address: str, web: subprocess.Popen[bytes]) -> None:
        self.address, self.web = address, web


@contextmanager
def running(**settings: str) -> Iterator[Programs]:
    """Run a web, and workers for all queues; what they print goes to a file in the var folder."""
    var = Path(os.environ["FRONTDESK_VAR"])
    environment = {
        **os.environ,
        **_SETTINGS,
        "DATABASE_URL": urls(var).database,  # as the role that policies bind
        **settings,
    }
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
    celery = ("celery", "-A", "config", "worker", "-l", "warning", "--concurrency", "1")
    web = (
        *("uvicorn", "config.asgi:application", "--port", port, "--no-access-log"),
        *("--timeout-graceful-shutdown", "1", "--ws-max-size", "4096"),
        *("--ws-per-message-deflate", "false", "--log-level", "warning"),
    )
    commands = (
        web,
        (*celery, "-Q", "live", "-n", "live@%h"),
        (*celery, "-Q", "sync", "-n", "sync@%h"),
        (*celery, "-Q", "dispatch,celery"),
    )
    with (var / "programs.log").open("ab") as log:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", *each],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=partial(die_with_parent, signal.SIGTERM, os.getpid()),
            )
            for each in commands
        ]
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz")
            yield Programs(f"127.0.0.1:{port}", started[0])
        finally:
            for each in started:
                each.terminate()
            for each in started:
                try:
                    each.wait(15)
                except subprocess.TimeoutExpired:
                    each.kill()
                    each.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not startup.answers(url):
        if time.monotonic() > deadline:
            raise RuntimeError(f"no answer from {url}")
        time.sleep(0.1)
