"""A practice of each simulated PMS, over real HTTP, and our copy of it side by side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from clinics.models import Appointment, Patient
from integrations.models import Integration
from integrations.sandbox import ControlRefused, RunningSandbox
from sync import running as engine
from sync.models import SyncRun
from sync.requesting import Running, Wanted, request
from tests.conftest import Clock

PMSS = ("sikka", "cliniko", "nookal", "rest")


@dataclass
class Practice:
    """One practice of a simulated PMS, and our copy of it."""

    integration: Integration
    office: str
    sandbox: RunningSandbox
    clock: Clock
    #: Called between two pages with the number of pages so far.
    between: Callable[[int], None] = field(default=lambda pages: None)

    def now(self) -> datetime:
        return self.clock.now

    def change(self, what: tuple[str, str], number: int) -> None:
        kind, action = what
        truth = self.sandbox.control.truth(self.office)
        ids = sorted(truth[f"{kind}s"])
        chosen = "" if action == "create" else ids[number % len(ids)]
        patients = sorted(truth["patients"])
        other = patients[(number + 1) % len(patients)]
        values: dict[str, Any] = {}
        if kind == "patient" and action in {"create", "update"}:
            values = {"first_name": "Ada", "last_name": f"Changed{number}"}
        elif action in {"create", "update"}:
            start = self.clock.now + timedelta(days=1 + number % 20, minutes=15 * (number % 30))
            values = {"starts_at": start.replace(minute=0, second=0, microsecond=0).isoformat()}
        if action == "create" and kind == "appointment":
            values["patient_id"] = other
        into = other if action == "merge" else ""
        if action == "merge" and other == chosen:
            return
        # This PMS may know no such thing, or this record be past it.
        with suppress(ControlRefused):
            self.sandbox.control.change(self.office, kind, action, chosen, into=into, **values)

    def sync(self, is_full: bool = False, may_remove: bool = False) -> SyncRun:
        try:
            wanted = Wanted(is_full=is_full, is_forced=True, may_remove=may_remove)
            run = request(self.integration, wanted, self.clock.now)
        except Running as there:
            run = there.run
        return self.carry_on(run)

    def carry_on(self, run: SyncRun) -> SyncRun:
        """Let workers do their work until the run has ended, whatever it has to wait for."""
        for _ in range(50):
            run.refresh_from_db()
            if not run.is_open:
                return run
            if run.due_at > self.clock.now:
                self.clock.advance((run.due_at - self.clock.now).total_seconds())
            engine.carry_on(run.pk, self.now, shift=None)
        raise AssertionError(f"still {run.status}: {run.error_message}")

    def ours(self) -> dict[str, Any]:
        clinic = self.integration.clinic
        patients = {
            each.external_id: {
                "first_name": each.first_name,
                "last_name": each.last_name,
                "birth_date": each.birth_date.isoformat() if each.birth_date else "",
                "email": each.email,
                "phone": each.phone,
                "is_active": each.is_active,
            }
            for each in Patient.objects.present().filter(clinic=clinic)
        }
        appointments = {
            each.external_id: {
                "patient_id": each.patient.external_id if each.patient else "",
                "practitioner_id": each.practitioner.external_id if each.practitioner else "",
                "location_id": each.location.external_id if each.location else "",
                "starts_at": each.starts_at,
                "ends_at": each.ends_at,
                "status": each.status,
            }
            for each in Appointment.objects.present()
            .filter(clinic=clinic)
            .select_related("patient", "practitioner", "location")
        }
        return {"patients": patients, "appointments": appointments}

    def theirs(self) -> dict[str, Any]:
        truth = self.sandbox.control.truth(self.office)
        patients = {
            key: {**one, "birth_date": one["birth_date"] or ""}
            for key, one in truth["patients"].items()
        }
        appointments = {
            key: {
                **{name: one[name] for name in ("patient_id", "practitioner_id", "location_id")},
                "starts_at": datetime.fromisoformat(one["starts_at"]),
                "ends_at": datetime.fromisoformat(one["ends_at"]),
                "status": one["status"],
            }
            for key, one in truth["appointments"].items()
        }
        return {"patients": patients, "appointments": appointments}

    def differences(self) -> dict[str, Any]:
        """What is not as it is there: id → ours and theirs."""
        ours, theirs = self.ours(), self.theirs()
        return {
            f"{kind} {key}": (ours[kind].get(key), theirs[kind].get(key))
            for kind in theirs
            for key in {*ours[kind], *theirs[kind]}
            if ours[kind].get(key) != theirs[kind].get(key)
        }

    @property
    def tells_all(self) -> bool:
        """Whether this PMS's changes tell all that happened."""
        moving = [
            told
            for resource, told in self.integration.manifest.lists.items()
            if resource in {"patients", "appointments"}
        ]
        return all(each.told and each.removals and not each.needs_window for each in moving)
