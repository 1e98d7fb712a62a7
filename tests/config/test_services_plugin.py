"""The plugin behind all other tests: servers to throw away, and none left over."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.config.conftest import PROJECT, family, gone, wait_until

TEST = """
import os, psycopg, redis, sys
from environ import Env
def test_the_services_are_there():
    config = Env.db_url_config(os.environ["DATABASE_URL"])
    keys = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    with psycopg.connect(dbname="postgres", **{n: config[k] for k, n in keys.items()}) as c:
        assert c.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user")
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        assert client.ping()
    assert os.environ["CELERY_BROKER_URL"].startswith("redis+socket://")
"""
Pytest = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start_pytest(var: Path, tmp_path: Path) -> Pytest:
    """Start pytest, as the project configures it, on a test that uses the services."""
    (tmp_path / "test_it.py").write_text(TEST)

    def start(*arguments: str, **env: str) -> subprocess.Popen[str]:
        options = ("-p", "tests.services", "-c", os.devnull, "--rootdir", str(tmp_path), "-q")
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *options, "-p", "no:django", *arguments, tmp_path],
            cwd=PROJECT,
            env={**os.environ, "FRONTDESK_VAR": str(var), **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def runs(var: Path) -> list[Path]:
    return list((var / "test").glob("run-*"))


def test_workers_share_the_services_and_a_killed_run_is_swept_away_by_the_next(
    start_pytest: Pytest, var: Path
) -> None:
    killed = start_pytest()
    wait_until(lambda: [f for f in runs(var) if (f / "run" / "valkey.sock").exists()])
    processes = family(killed.pid)
    killed.kill()
    killed.communicate()
    left = runs(var)
    output = start_pytest("-n", "2").communicate(timeout=60)[0]
    assert "1 passed" in output
    assert len(left) == 1
    assert runs(var) == []
    wait_until(lambda: gone(processes))


def test_configured_servers_are_used_instead(start_pytest: Pytest, var: Path) -> None:
    urls = {
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1",
    }
    output = start_pytest(**urls).communicate(timeout=60)[0]
    assert "1 failed" in output
    assert not (var / "test").exists()


def test_help_starts_nothing(start_pytest: Pytest, var: Path) -> None:
    process = start_pytest("--help")
    assert "usage:" in process.communicate(timeout=60)[0]
    assert not (var / "test").exists()
