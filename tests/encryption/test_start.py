"""No process starts with keys that are missing, malformed or wrong: one line says what to do."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from encryption import keyfile, keys
from encryption.models import KeyCheck
from tests.config.conftest import PROJECT
from tests.encryption.conftest import put_first
from tests.encryption.database import environment

REFUSED = "Frontdesk is not set up right: "
MANAGE = ("manage.py", "check")
WEB = ("-c", "import asyncio, importlib; asyncio.run(asyncio.to_thread(importlib.import_module, "
       "'config.asgi'))")  # fmt: skip
WORKER = ("-m", "celery", "-A", "config", "worker", "--pool", "solo")


def start(*arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def refusal(run: subprocess.CompletedProcess[str]) -> str:
    """The one line that a process has ended with."""
    assert run.returncode == 1
    lines = [line for line in run.stderr.splitlines() if line.startswith(REFUSED)]
    assert len(lines) == 1, run.stderr
    return lines[0].removeprefix(REFUSED)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda path: path.chmod(0o644), "can be read by other users: make it private with"),
        (lambda path: path.unlink(), "is missing: put it back from your backup of the keys"),
        (lambda path: path.write_text("one:\n"), "is not written as id:base64"),
        (lambda path: path.write_bytes(b"\xff"), "is no text: put it back from your backup"),
    ],
    ids=["readable", "missing", "malformed", "binary"],
)
def test_a_key_file_that_cannot_be_used(tmp_path: Path, change: object, told: str) -> None:
    path = tmp_path / "keys"
    keyfile.make_once(path, lambda: keys.new_text("one"))
    assert callable(change)
    change(path)
    run = subprocess.run(
        [sys.executable, *MANAGE],
        cwd=PROJECT,
        env={"PATH": "", "FRONTDESK_VAR": str(tmp_path), "ENCRYPTION_KEYS_FILE": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.stdout == ""
    assert told in refusal(run)
    assert len(run.stderr.splitlines()) == 1


def test_keys_in_the_environment_that_cannot_be_used(tmp_path: Path) -> None:
    secret = keys.new_entry("one")
    run = subprocess.run(
        [sys.executable, *MANAGE],
        cwd=PROJECT,
        env={"PATH": "", "FRONTDESK_VAR": str(tmp_path), "ENCRYPTION_KEYS": secret},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ENCRYPTION_KEYS has no entry index:…: write one entry id:base64" in refusal(run)
    assert secret.split(":")[1] not in run.stderr
    assert not (tmp_path / "secrets" / "encryption_keys").exists()


def test_an_empty_var_folder_gets_one_private_key_file_even_from_several_at_once(
    tmp_path: Path,
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", "import django; django.setup(); "
             "from encryption.keys import keyring; print(keyring().keys.index.hex())"],
            cwd=PROJECT,
            env={"PATH": "", "FRONTDESK_VAR": str(tmp_path),
                 "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    assert len({process.communicate(timeout=60)[0] for process in processes}) == 1
    path = tmp_path / "secrets" / "encryption_keys"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.glob(".*")] == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("program", [MANAGE, WEB, WORKER], ids=["command", "web", "worker"])
def test_keys_that_are_not_those_of_the_database(tmp_path: Path, program: tuple[str]) -> None:
    KeyCheck.objects.all().delete()
    path = tmp_path / "keys"
    keyfile.make_once(path, lambda: keys.new_text("one"))
    use = {"ENCRYPTION_KEYS_FILE": str(path), "FRONTDESK_VAR": str(tmp_path)}
    assert start(*MANAGE, **use).returncode == 0
    assert {*KeyCheck.objects.values_list("key_id", flat=True)} == {"one", "index"}
    right = keyfile.read(path)

    keyfile.change(path, lambda text: keys.new_text("two"))
    assert refusal(start(*program, **use)) == (
        f"the database was written with the key 'one', which the key file {path} does not have: "
        "put it back from your backup of the keys."
    )
    keyfile.change(path, lambda text: f"{keys.new_entry('one')}\n{right.splitlines()[1]}")
    assert refusal(start(*program, **use)) == (
        f"the key 'one' in the key file {path} is not the one that the database was written with: "
        "put back the right one from your backup of the keys."
    )
    keyfile.change(path, lambda text: f"{right.splitlines()[0]}\n{keys.new_entry('index')}")
    assert "the key 'index' in the key file" in refusal(start(*program, **use))

    keyfile.change(path, lambda text: right)
    put_first(path, "two")
    assert start(*MANAGE, **use).returncode == 0
    assert {*KeyCheck.objects.values_list("key_id", flat=True)} == {"one", "two", "index"}


@pytest.mark.django_db(transaction=True)
def test_migrate_refuses_them_too(tmp_path: Path) -> None:
    KeyCheck.objects.all().delete()
    KeyCheck.objects.create(key_id="another", proof="0" * 64)
    use = {"FRONTDESK_VAR": str(tmp_path)}
    told = refusal(start("manage.py", "migrate", **use))
    assert told.startswith("the database was written with the key 'another', which the key file")


def test_a_database_that_is_away_is_not_the_fault_of_the_keys(tmp_path: Path) -> None:
    away = "postgres://nobody:none@127.0.0.1:9/none"
    run = subprocess.run(
        [sys.executable, *WEB],
        cwd=PROJECT,
        env={"PATH": "", "FRONTDESK_VAR": str(tmp_path), "DATABASE_URL": away},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")
