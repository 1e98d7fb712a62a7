"""Requests made from the API's own schema: none may end in an error of ours or in an answer that is
not documented. The PMS is away, and that is said: 503."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import AppointmentType, Role
from sync.requesting import Wanted, request
from tests import make
from tests.writebacks.rest import desk
from writebacks import waiting

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance"
)


#: What a PMS does is no error of ours.
CONFIG = """
[checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 502, 503]
"""


def fuzz(url: str, token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run schemathesis with a login; what it found stands in its output."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    return subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"),
            "run",
            f"{url}/api/schema/",
            f"--header=Authorization: {token}",
            f"--checks={CHECKS}",
            "--phases=examples,coverage,fuzzing",
            "--max-examples=3",
            "--seed=1",
            "--no-color",
            "--generation-database=none",
            "--suppress-health-check=all",
        ],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"},
        capture_output=True,
        text=True,
        timeout=900,
    )


def test_no_request_that_the_schema_allows_or_forbids_breaks_a_promise(
    live_server: Any,
    api: Callable[..., APIClient],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # No worker runs here: who waits for an outcome would wait for nothing.
    monkeypatch.setattr(waiting, "seats", threading.Semaphore(0))
    clinic = make.clinic()
    integration = make.integration(clinic)
    make.writeback(integration)
    make.writeback(integration, status="unconfirmed")
    client = api(make.member(clinic.organization, Role.CLINIC_ADMIN))
    front = desk(client, integration)
    front.profile(default_practitioner_id=front.practitioner.pk)
    front.appointment()
    make.record(AppointmentType, clinic, name="Check-up")
    request(integration, Wanted(), timezone.now())
    make.call_task(clinic)
    run = fuzz(live_server.url, client._credentials["HTTP_AUTHORIZATION"], tmp_path)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
