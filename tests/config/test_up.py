"""`manage.py up` as a person at a terminal meets it."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from config.startup import answers
from tests.config.conftest import PROJECT, family, gone, wait_until

Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def port() -> int:
    """A port that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def up(var: Path, port: int) -> Iterator[Up]:
    started = []

    def start(*arguments: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", *arguments],
            cwd=PROJECT,
            env={**os.environ, "FRONTDESK_VAR": str(var), "WEB_PORT": str(port), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def refused(process: subprocess.Popen[str]) -> str:
    """What the person is told, when it cannot start."""
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 1
    assert "Traceback" not in output
    return output.strip()


def wait_for_start(process: subprocess.Popen[str]) -> str:
    lines = []
    while not lines or "Ctrl-C" not in lines[-1]:
        lines.append(process.stdout.readline())
        assert lines[-1], "".join(lines)
    return "".join(lines)


def test_a_taken_port_is_named_with_the_ways_to_choose_another(up: Up, port: int) -> None:
    with socket.create_server(("127.0.0.1", port)):
        assert refused(up()) == (
            f"port {port} is in use; stop what uses it or choose another with --port / WEB_PORT"
        )


def test_a_database_out_of_reach_is_named_without_its_password(up: Up, port: int) -> None:
    told = refused(up(DATABASE_URL=f"postgres://clinic:s3cret@127.0.0.1:{port}/records"))
    assert told.startswith(f"cannot use the database records at 127.0.0.1:{port} (DATABASE_URL): ")
    assert "refused" in told
    assert "s3cret" not in told
    assert len(told.splitlines()) == 1


def test_a_broker_out_of_reach_is_named_without_its_password(up: Up, port: int) -> None:
    told = refused(up(REDIS_URL=f"redis://:s3cret@127.0.0.1:{port}/0"))
    assert told.startswith(f"cannot use Redis at 127.0.0.1:{port} (REDIS_URL): ")
    assert "refused" in told
    assert "s3cret" not in told
    assert len(told.splitlines()) == 1


def test_it_serves_until_ctrl_c_and_then_leaves_nothing(up: Up, var: Path, port: int) -> None:
    process = up()
    told = wait_for_start(process)
    assert re.search(r"database is up to date \(\d+ migrations applied\)", told)
    assert f"http://127.0.0.1:{port}/admin/" in told
    processes = family(process.pid)
    assert answers(f"http://127.0.0.1:{port}/readyz")
    assert refused(up()).startswith(f"Frontdesk already runs here, as process {process.pid} (")
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert gone(processes)


@pytest.mark.crash
def test_everything_comes_back_after_it_was_killed(up: Up, var: Path, port: int) -> None:
    process = up()
    wait_for_start(process)
    for name in ("postgres", "valkey", "uvicorn", "worker", "beat"):
        # What lost its database with the one before may itself be coming back just now.
        victim = wait_until(lambda n=name: _find(process.pid, n), seconds=30)
        victim.kill()
        wait_until(lambda old=victim, n=name: _find(process.pid, n, but=old), seconds=30)
    wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"), seconds=30)


@pytest.mark.crash
def test_nothing_is_left_after_it_was_killed_and_it_starts_again(up: Up) -> None:
    process = up()
    wait_for_start(process)
    processes = family(process.pid)
    process.kill()
    wait_for_start(up())
    wait_until(lambda: gone(processes), seconds=15)


def _find(pid: int, name: str, but: psutil.Process | None = None) -> psutil.Process | None:
    """The direct child whose command has that word, leaving one out."""
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess):  # or a zombie, which has no command any more
            if child != but and name in " ".join(child.cmdline()):
                return child
    return None
