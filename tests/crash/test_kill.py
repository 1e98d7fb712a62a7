"""Kill -9 in the middle of a booking: it still reaches its end, and exists once in the PMS.

These start the whole product with `manage.py up --demo` and take minutes; `make crash` runs them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import requests

from config.embedded import erase, urls
from tests.config.conftest import execute
from writebacks.models import LEASE

PROJECT = Path(__file__).resolve().parents[2]
#: Seconds for a start with migrations, on a machine with other work to do.
START = 90
pytestmark = pytest.mark.crash


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
    """`manage.py up --demo` on a var folder and ports of its own."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.web, self.sandbox = free_port(), free_port()
        self.output = var.parent / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        outside = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
        environment = {name: value for name, value in os.environ.items() if name not in outside}
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--demo", "--port", str(self.web),
                 "--sandbox-port", str(self.sandbox)],
                cwd=PROJECT,
                env=environment | {"FRONTDESK_VAR": str(self.var)},
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


@pytest.fixture
def frontdesk(tmp_path: Path) -> Iterator[Frontdesk]:
    running = Frontdesk(tmp_path / "var")
    yield running
    running.stop()
    for process in running.family():
        process.kill()
    erase(running.var)


def test_after_kill_9_of_the_supervisor_nothing_is_left_and_the_next_start_finishes_the_booking(
    frontdesk: Frontdesk,
) -> None:
    frontdesk.start()
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "pending"], START, "a booking")
    assert frontdesk.process
    frontdesk.process.kill()
    frontdesk.process.wait()
    until(lambda: not frontdesk.family(), 20, "every process to end with the supervisor")

    frontdesk.start()  # it books once more, as every run does
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"] * 2,
        START + 60,
        "both bookings to be confirmed",
    )
    frontdesk.assert_each_booking_exists_once(2)


def test_after_kill_9_of_the_worker_in_the_middle_of_sending_the_write_is_found_and_not_resent(
    frontdesk: Frontdesk,
) -> None:
    frontdesk.start()
    slow = {"on": "POST /appointment", "fault": "slow", "count": 1, "seconds": 8}
    until(lambda: frontdesk.control("POST", "faults", slow) is not None, START, "the sandbox")
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "submitting"], START, "sending")
    frontdesk.kill("celery", "worker")
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        LEASE.total_seconds() + 120,
        "the booking to be found and confirmed",
    )
    frontdesk.assert_each_booking_exists_once(1)
    assert frontdesk.writebacks()[0][3] == 1, "one attempt: it was looked for, not sent again"


def test_after_kill_9_of_postgresql_the_booking_is_confirmed(frontdesk: Frontdesk) -> None:
    frontdesk.start()
    until(lambda: [r for r in frontdesk.writebacks() if r[0] == "pending"], START, "a booking")
    frontdesk.kill("bin/postgres", "-D")
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        180,
        "the booking to be confirmed",
    )
    frontdesk.assert_each_booking_exists_once(1)
