"""`manage.py sandbox` as a process: what it prints, how it ends, and what a kill leaves."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from django.core.management import CommandError, call_command

from integrations.management.commands.sandbox import Command
from integrations.sandbox import ControlClient
from integrations.sandbox.application import Sandbox

from .gateway import BOOKING

ROOT = Path(__file__).resolve().parents[3]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start_one(*options: str) -> subprocess.Popen[str]:
        command = [sys.executable, "manage.py", "sandbox", *options]
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            # No database is there, and none is needed.
            env={**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.communicate()


def announced(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout
    return json.loads(process.stdout.readline())


def test_it_prints_one_json_object_and_ends_cleanly_on_sigterm(start: Start) -> None:
    process = start("--json", "--port", "0", "--seed", "5", "--slow", "0.0:1")
    found = announced(process)
    sikka = found["sikka"]
    headers = {"App-Id": sikka["app_id"], "App-Key": sikka["app_key"]}
    answer = requests.get(f"{sikka['url']}/authorized_practices", headers=headers, timeout=5)
    assert [item["secret_key"] for item in answer.json()["items"]] == [
        office["secret_key"] for office in sikka["offices"]
    ]
    assert ControlClient(found["control"]).knobs()["slow"] == [0.0, 1.0]

    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out, err) == (0, "", "")


def test_it_tells_a_person_where_it_is_and_what_to_try(start: Start) -> None:
    process = start("--port", "0", "--agent-offline")
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(12)]
    assert lines[0].startswith("Sikka    http://127.0.0.1:")
    assert "Maple Street Dental (America/New_York)" in lines[6]
    assert lines[10].startswith("  curl -H 'App-Id: ")
    others = "".join(iter(process.stdout.readline, "Everyone in it is invented. Ctrl-C ends it.\n"))
    assert "Account  rest-1  token rst_" in others
    control = ControlClient(lines[1].split()[1])
    assert control.knobs()["agent_offline"] is True

    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=5) == 0


def test_a_taken_port_is_one_clear_line_and_exit_code_1(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        out, err = start("--port", str(port)).communicate(timeout=10)
    assert out == ""
    assert err.splitlines() == [
        f"CommandError: cannot listen on 127.0.0.1:{port}: Address already in use. Stop the program"
        f" that listens there, or choose another port: manage.py sandbox --port {port + 1}"
    ]


def test_a_kill_loses_nothing_that_was_answered(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    first = start("--json", "--port", "0", "--state", str(file), "--agent-offline")
    found = announced(first)
    sikka, office = found["sikka"], found["sikka"]["offices"][0]
    body = {
        "grant_type": "request_key",
        "office_id": office["office_id"],
        "secret_key": office["secret_key"],
        "app_id": sikka["app_id"],
        "app_key": sikka["app_key"],
    }
    issued = requests.post(f"{sikka['url']}/request_key", json=body, timeout=5).json()
    headers = {"Request-Key": issued["request_key"]}
    receipts = [
        requests.post(f"{sikka['url']}/appointment", json=BOOKING, headers=headers, timeout=5)
        for _ in range(3)
    ]
    first.kill()
    first.wait()

    port = sikka["url"].split(":")[2].split("/")[0]
    second = announced(start("--json", "--port", port, "--state", str(file)))
    control = ControlClient(second["control"])
    control.advance(60)

    assert [receipt.status_code for receipt in receipts] == [201, 201, 201]
    assert second["sikka"] == sikka
    books = control.books("D10001")["offices"]["D10001"]
    assert [write["state"] for write in books["writebacks"]] == ["completed"] * 3
    assert len(books["appointments"]) == 3
    answer = requests.get(f"{sikka['url']}/practices", headers=headers, timeout=5)
    assert answer.status_code == 200


def test_what_it_cannot_start_with_is_a_command_error(tmp_path: Path) -> None:
    file = tmp_path / "books.sqlite3"
    Sandbox(state=file, seed=7).close()
    with pytest.raises(CommandError, match="start with --seed 7 or choose another file"):
        call_command(Command(), port=0, state=str(file), seed=8)
    with pytest.raises(CommandError, match="failures must be a share from 0 to 1, not '7'"):
        call_command(Command(), port=0, failures="7")
    with pytest.raises(CommandError, match="Choose another --host or --port"):
        call_command(Command(), port=0, host="192.0.2.1")
