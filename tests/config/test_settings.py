"""What is set up wrong is told in one line that says what to do, with an exit code."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SECRET_KEY"}
    }
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://u:p@localhost/db",
        "postgres://u:p@localhost",
        "postgres://u:p@h:port/db",
    ],
)
def test_a_database_url_that_is_none_is_one_line_and_shows_no_password(
    tmp_path: Path, url: str
) -> None:
    run = manage("check", DATABASE_URL=url, FRONTDESK_VAR=str(tmp_path))
    assert run.returncode == 1
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert "DATABASE_URL is not the address of a PostgreSQL database" in line
    assert "u:p" not in line


def test_a_var_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    run = manage("check", FRONTDESK_VAR=str(tmp_path / "file" / "var"))
    assert run.returncode == 1
    (line,) = run.stderr.splitlines()
    assert "FRONTDESK_VAR" in line


def test_the_secret_key_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    show = "from django.conf import settings; print(settings.SECRET_KEY)"
    runs = [manage("shell", "-v0", "-c", show, FRONTDESK_VAR=str(tmp_path)) for _ in range(2)]
    first, second = (run.stdout.strip() for run in runs)
    assert first == second
    assert len(first) >= 40
    path = tmp_path / "secrets" / "django_secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_debug_is_off_unless_asked_for(tmp_path: Path) -> None:
    show = "from django.conf import settings; print(settings.DEBUG)"
    assert manage("shell", "-v0", "-c", show, FRONTDESK_VAR=str(tmp_path)).stdout == "False\n"


def test_behind_tls_the_deployment_checks_find_nothing(tmp_path: Path) -> None:
    arguments = ("check", "--deploy", "--fail-level", "WARNING")
    run = manage(*arguments, FRONTDESK_VAR=str(tmp_path), HTTPS="true")
    assert run.returncode == 0, run.stderr
    # Without TLS they do: so this test can fail.
    assert manage(*arguments, FRONTDESK_VAR=str(tmp_path)).returncode == 1
