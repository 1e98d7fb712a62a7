"""What the programs are started with: each setting from where the installation keeps it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config import startup
from config.embedded import EmbeddedServices
from config.env import env as settings_env
from tests.config.conftest import PROJECT

OWNER = "postgres://owner:secret@db.example.org/frontdesk"
WEB = "postgres://web:secret@db.example.org/frontdesk"
SHOW = "from config.env import database_config as c; print(c()['USER'])"


@pytest.fixture
def migrates_as(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Ask which role the migrations would use, with servers of one's own and these settings."""
    real, seen = subprocess.run, []

    def run(argv: Any, *, env: dict[str, str], **options: Any) -> Any:
        show = [sys.executable, "-c", SHOW]
        seen.append(real(show, env=env, cwd=PROJECT, capture_output=True, text=True, check=True))
        return seen[-1]

    def role(**environment: str) -> str:
        for name, value in environment.items():
            if name.endswith("_FILE"):
                file = tmp_path / name
                file.write_text(f"{value}\n")
                value = str(file)
            monkeypatch.setenv(name, value)
        servers = EmbeddedServices(tmp_path, postgres=False, valkey=False)
        startup.migrate(tmp_path, servers, startup.environment(tmp_path, servers))
        return str(seen[-1].stdout).strip()

    # The mapping keeps what it has read from files.
    monkeypatch.setattr(settings_env.ENVIRON, "files_cache", {})
    for name in [*os.environ]:
        if name.startswith("DATABASE_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(startup.subprocess, "run", run)
    return role


@pytest.mark.parametrize("owner", ["DATABASE_OWNER_URL", "DATABASE_OWNER_URL_FILE"])
@pytest.mark.parametrize("web", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_migrations_run_as_the_owner_wherever_the_two_addresses_stand(
    migrates_as: Any, owner: str, web: str
) -> None:
    assert migrates_as(**{owner: OWNER, web: WEB}) == "owner"


@pytest.mark.parametrize("web", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_without_an_owner_they_run_as_the_web(migrates_as: Any, web: str) -> None:
    assert migrates_as(**{web: WEB}) == "web"


def test_an_embedded_database_is_migrated_by_its_owner_whatever_is_configured(
    migrates_as: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, str]] = []

    def run(argv: Any, *, env: dict[str, str], **options: Any) -> Any:
        seen.append(env)
        return subprocess.CompletedProcess(argv, 0, stdout="")

    monkeypatch.setattr(startup.subprocess, "run", run)
    (tmp_path / "file").write_text(OWNER)
    monkeypatch.setenv("DATABASE_OWNER_URL_FILE", str(tmp_path / "file"))
    servers = EmbeddedServices(tmp_path, valkey=False)
    startup.migrate(tmp_path, servers, startup.environment(tmp_path, servers))
    assert seen[0]["DATABASE_URL"].startswith("postgresql://frontdesk_owner:")


def test_programs_find_embedded_services_by_the_folder_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"):
        for each in (name, f"{name}_FILE"):
            monkeypatch.setenv(each, "elsewhere")
    env = startup.environment(tmp_path, EmbeddedServices(tmp_path))
    assert env["FRONTDESK_VAR"] == str(tmp_path)
    assert "elsewhere" not in env.values()
