"""What a whole demo leaves in logs and in the broker: no key, no patient."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.crash.product import PROJECT, START, Frontdesk, until

pytestmark = pytest.mark.crash

#: Only the product itself can read them.
SECRETS = """
import json
from clinics.models import Patient
from integrations.models import Integration
from tenancy import scope
with scope.all_tenants():
    names = [(f"{p.first_name} {p.last_name}", f"{p.last_name}, {p.first_name}", p.email, p.phone)
             for p in Patient.objects.all()]
    keys = [(i.access_key, i.refresh_key, i.credential["app_key"], i.credential["secret_key"])
            for i in Integration.objects.all()]
print(json.dumps(names + keys))
"""


def manage(frontdesk: Frontdesk, *arguments: str) -> str:
    """What one of the product's commands prints while it runs."""
    outside = {"DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"}
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=environment | {"FRONTDESK_VAR": str(frontdesk.var)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def test_logs_and_task_messages_of_a_demo_hold_no_key_and_no_patient(frontdesk: Frontdesk) -> None:
    frontdesk.start()
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        START + 60,
        "the booking to be confirmed",
    )
    rows = json.loads(manage(frontdesk, "shell", "-v0", "-c", SECRETS))
    forbidden = {value for row in rows for value in row if value and len(value) > 5}
    frontdesk.stop()
    assert len(forbidden) > 3 * 650
    # The broker's file holds every message that went through it.
    files = [*(frontdesk.var / "log").glob("*.log*"), *(frontdesk.var / "valkey").rglob("*aof*")]
    written = {
        path: path.read_bytes().decode(errors="replace")
        for path in files
        # The simulated PMS is no part of the product, and prints the keys that it takes.
        if path.is_file() and not path.name.startswith("sandbox.log")
    }
    assert any("celery" in text for text in written.values())
    assert any("writebacks.tasks.submit" in text for text in written.values())
    for path, text in written.items():
        found = sorted(value for value in forbidden if value in text)
        assert not found, f"{path.name} holds {len(found)} of them"
