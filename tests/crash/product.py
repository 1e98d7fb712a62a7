"""The whole product, started as `manage.py up --demo` starts it, to be killed or looked into."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import requests

from config.embedded import urls
from tests.config.conftest import execute

PROJECT = Path(__file__).resolve().parents[2]
#: Seconds for a start with migrations, on a machine with other work to do.
START = 90


def until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Return the condition's first true value, looking a few times a second."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.2)
    pytest.fail(f"not within {seconds} s: {what}")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Frontdesk:
    """`manage.py up --demo` on a var folder and ports of its own, with these settings."""

    def __init__(self, var: Path, **settings: str) -> None:
        self.var, self.settings = var, settings
        self.web, self.sandbox = free_port(), free_port()
        self.output = var.parent / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its programs, and other commands of the product beside them, are started with."""
        outside = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
        inherited = {name: value for name, value in os.environ.items() if name not in outside}
        return inherited | self.settings | {"FRONTDESK_VAR": str(self.var)}

    def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--demo", "--port", str(self.web),
                 "--sandbox-port", str(self.sandbox)],
                cwd=PROJECT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )  # fmt: skip

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)

    def family(self) -> list[psutil.Process]:
        """Every process that works on this var folder."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("FRONTDESK_VAR") == str(self.var)
                if mine or str(self.var) in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return [each for each in found if each.status() != psutil.STATUS_ZOMBIE]

    def kill(self, *words: str) -> None:
        """Kill -9 the eldest process whose command line has all these words."""
        (victim, *_) = sorted(
            (p for p in self.family() if all(word in " ".join(p.cmdline()) for word in words)),
            key=lambda process: process.create_time(),
        )
        victim.kill()

    def writebacks(self) -> list[tuple[str, str, str, int]]:
        """(status, id in the PMS, created id, attempts) of each, or none while the database is
        away."""
        query = "SELECT status, external_id, created_external_id, attempts FROM pms_writebacks"
        try:
            return execute(urls(self.var).owner_database, f"{query} ORDER BY created_at")
        except psycopg.Error:
            return []

    def control(self, method: str, path: str, body: object = None) -> Any:
        address = f"http://127.0.0.1:{self.sandbox}/control/{path}"
        try:
            answer = requests.request(method, address, data=json.dumps(body), timeout=5)
        except requests.ConnectionError:
            return None
        return answer.json() if answer.ok else None

    def made_in_pms(self) -> list[str]:
        """The numbers of all appointments that writes have made, by the sandbox's own books."""
        offices = self.control("GET", "books")["offices"].values()
        return [row["appointment_sr_no"] for office in offices for row in office["appointments"]]

    def assert_each_booking_exists_once(self, count: int) -> None:
        rows = self.writebacks()
        assert [status for status, *_ in rows] == ["completed"] * count
        created = [created_id for _, _, created_id, _ in rows]
        assert sorted(created) == sorted(self.made_in_pms())
        assert len(set(created)) == count
