"""Folders and processes for the tests of the services and the supervisor."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
import redis
from environ import Env

from config.embedded import EmbeddedServices, erase, urls

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _no_configured_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests, and what they start, use servers of their own."""
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "FRONTDESK_ROOT_MODE"):
        monkeypatch.delenv(name, raising=False)


def _memory() -> Path | None:
    """A folder in memory, several times faster with a data folder's thousand files; if large."""
    folder = Path("/dev/shm")  # noqa: S108
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > 1e9 else None


@contextlib.contextmanager
def new_var() -> Iterator[Path]:
    """A var folder with a short path, which everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="fd-", dir=_memory()))
    folder.chmod(0o755)
    yield folder
    assert erase(folder)


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty var folder."""
    with new_var() as folder:
        yield folder


@pytest.fixture(scope="session")
def data() -> Iterator[Path]:
    """The data of a PostgreSQL that was started once: copying it is faster than making it."""
    with new_var() as folder:
        with EmbeddedServices(folder, durable=False, valkey=False):
            pass
        yield folder / "postgres"


@pytest.fixture
def used_var(var: Path, data: Path) -> Path:
    """A var folder in which PostgreSQL has run before."""
    shutil.copytree(data, var / "postgres", symlinks=True)
    return var


@pytest.fixture(scope="module")
def services() -> Iterator[EmbeddedServices]:
    """Running services, for tests that leave them as they were."""
    with new_var() as folder, EmbeddedServices(folder, durable=False) as running:
        yield running


@pytest.fixture
def run_python() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python script with the project on its path; it is killed when the test ends."""
    started = []

    def start(
        script: str, *arguments: object, first: Callable[[], None] = lambda: None, **options: Any
    ) -> subprocess.Popen[str]:
        def prepare() -> None:
            # Also where the tests run under nohup, whose deafness programs inherit.
            signal.signal(signal.SIGHUP, signal.SIG_DFL)
            first()

        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)],
            cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=prepare,
            **options,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def connect(url: str, **changes: object) -> psycopg.Connection:
    """Connect as Django would: by what django-environ reads from the URL."""
    config = Env.db_url_config(url)
    keys = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    parameters = {name: config[key] for key, name in keys.items()}
    return psycopg.connect(
        **{**parameters, "dbname": config["NAME"], "autocommit": True, **changes}
    )


def execute(url: str, query: str, *parameters: object, **changes: object) -> list[tuple]:
    """Run one statement in a connection of its own and return its rows."""
    with connect(url, **changes) as connection:
        cursor = connection.execute(query, parameters or None)
        return cursor.fetchall() if cursor.description else []


def store(var: Path, key: str, value: str) -> None:
    with redis.Redis.from_url(urls(var).redis) as client:
        client.set(key, value)


def stored(var: Path, key: str) -> str:
    with redis.Redis.from_url(urls(var).redis, decode_responses=True) as client:
        return client.get(key)


def wait_until(condition: Callable[[], Any], seconds: float = 10) -> Any:
    """Return what the condition gives once that is true; fail the test if it is not in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not so after {seconds} s"
        time.sleep(0.02)
    return found


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these processes runs; a zombie does not."""
    return not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes)
