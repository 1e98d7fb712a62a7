"""What only the product itself can tell or set, by its own commands: each runs a small script in
`manage.py shell`, which prints one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tests.crash.product import PROJECT, Frontdesk

#: Set up each practice beyond the demo's choices: its patients can be changed, and its budget is
#: large enough for the run and has an end. Makes a key for the callers.
SET_UP = """
import json
from django.utils import timezone
from accounts import keys
from clinics import access
from clinics.models import User
from integrations.models import Integration, Profile
from tenancy import scope
with scope.acting("fault run"):
    with scope.all_tenants():
        integrations = [(each.pk, each.organization) for each in Integration.objects.all()]
    clinics = []
    for pk, organization in integrations:
        with scope.tenant_of(Integration, pk):
            Profile.objects.filter(integration=pk).update(can_update_patients=True)
            integration = Integration.objects.get(pk=pk)
            integration.budget_calls, integration.budget_reserve = CALLS, RESERVE
            integration.save(update_fields=["budget_calls", "budget_reserve"])
            clinics.append({"id": str(integration.clinic_id), "office": integration.account})
    manager = User.objects.get(username="manager")
    with scope.organizations(organization.pk):
        issued = keys.issue(access.of_person(manager), organization, name="fault run",
                            scopes=["read", "book"], now=timezone.now(), rate_limit=6000)
print(json.dumps({"key": issued.text, "clinics": clinics}))
"""

#: Everything that a verdict is found by.
TELL = """
import json
from integrations.contract import Scope
from integrations.models import BudgetWindow, Integration
from tenancy import scope
from writebacks.models import SlotHold, Writeback
with scope.all_tenants():
    accounts = dict(Integration.objects.values_list("pk", "account"))
    told = {
        "writebacks": [{
            "id": str(w.pk), "key": w.idempotency_key, "office": accounts[w.integration_id],
            "after": str(w.after_id or ""), "operation": w.operation, "status": w.status,
            "external_id": w.external_id, "created_id": w.created_external_id,
            "method": w.method, "endpoint": w.endpoint, "body": w.request_body,
            "failure_code": w.failure_code, "error_message": w.error_message,
            "waiting_for": w.waiting_for, "attempts": w.attempts, "checks": w.check_count,
            "due_at": w.due_at.isoformat() if w.due_at else "",
            "created_at": w.created_at.isoformat(),
            "completed_at": w.completed_at.isoformat() if w.completed_at else "",
            "events": [[e.at.isoformat(), e.event, e.to_status, e.note]
                       for e in w.events.all()],
        } for w in Writeback.objects.prefetch_related("events").order_by("created_at")],
        "holds": SlotHold.objects.count(),
        "limits": [{"key": counter.key, "office": integration.account,
                    "scope": counter.limit.scope, "calls": counter.limit.calls,
                    "seconds": counter.limit.seconds, "moving": counter.limit.moving}
                   for integration in Integration.objects.all()
                   for counter in integration.counters(list(Scope))],
        "windows": [{"key": w.key, "seconds": w.seconds, "starts_at": w.starts_at.isoformat(),
                     "used": w.used} for w in BudgetWindow.objects.all()],
    }
print(json.dumps(told))
"""


class Failed(Exception):
    """A command of the product did not do what it should; the text is its own."""


def manage(frontdesk: Frontdesk, *arguments: str) -> str:
    """Return what one of the product's commands prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=frontdesk.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"manage.py {arguments[0]}: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def script(frontdesk: Frontdesk, text: str, attempts: int = 3) -> Any:
    """Run a script in the product and return the object that it prints."""
    while True:
        attempts -= 1
        try:
            return json.loads(manage(frontdesk, "shell", "-v0", "-c", text))
        except Failed:
            if not attempts:
                raise
            time.sleep(5)


def set_up(frontdesk: Frontdesk, calls: int, reserve: int) -> Any:
    """Make the demo's practices ready; return the callers' key, and the clinics' offices."""
    return script(frontdesk, SET_UP.replace("CALLS", str(calls)).replace("RESERVE", str(reserve)))


def tell(frontdesk: Frontdesk) -> Any:
    """Return what the product knows at the end."""
    return script(frontdesk, TELL)
