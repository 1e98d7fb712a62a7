"""What a whole demo leaves in logs and in the broker: no key, no patient."""

from __future__ import annotations

import pytest

from config.embedded import urls
from tests.config.conftest import execute
from tests.crash.product import START, Frontdesk, until

pytestmark = pytest.mark.crash

PATIENTS = """
    SELECT first_name || ' ' || last_name, last_name || ', ' || first_name, email, phone
    FROM clinics_patient
"""
SECRETS = """
    SELECT access_key, refresh_key, credential->>'app_key', credential->>'secret_key'
    FROM pms_integrations
"""


def test_logs_and_task_messages_of_a_demo_hold_no_key_and_no_patient(frontdesk: Frontdesk) -> None:
    frontdesk.start()
    until(
        lambda: [row[0] for row in frontdesk.writebacks()] == ["completed"],
        START + 60,
        "the booking to be confirmed",
    )
    owner = urls(frontdesk.var).owner_database
    forbidden = {
        value
        for row in execute(owner, PATIENTS) + execute(owner, SECRETS)
        for value in row
        if value and len(value) > 5
    }
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
