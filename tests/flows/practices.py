"""A practice of a simulated PMS as a story needs it, connected and freshly imported."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Min
from rest_framework.test import APIClient

from clinics.models import Appointment, AppointmentStatus, Role
from integrations.models import Integration, IntegrationStatus
from integrations.sandbox import RunningSandbox
from sync import by_hand
from sync.models import SyncRun
from sync.requesting import Wanted
from sync.states import Status
from tests import make
from tests.conftest import Clock
from tests.integrations.contract.practices import WAYS
from writebacks import services
from writebacks.models import Writeback
from writebacks.requests import Request
from writebacks.tasks import dispatch

#: The dispatcher's period in the beat schedule, seconds.
TICK = 5


@dataclass
class Practice:
    """One clinic of the sandbox as a story needs it: an API client, beat's ticks, both books."""

    integration: Integration
    sandbox: RunningSandbox
    client: APIClient
    clock: Clock
    spent_before: int

    @property
    def office(self) -> str:
        return self.integration.account

    @property
    def path(self) -> str:
        return f"/api/v1/clinics/{self.integration.clinic_id}"

    def booking(
        self, hour: int = 9, patient: int = 0, days: int = 1, **fields: Any
    ) -> dict[str, Any]:
        """The body of a request for tomorrow, or later, at this hour of the clinic's clock."""
        clinic = self.integration.clinic
        start = datetime(2030, 3, 5, hour, 0, tzinfo=clinic.zone) + timedelta(days)
        return {
            "patient": str(clinic.patients.order_by("external_id")[patient].pk),
            "practitioner": str(clinic.practitioners.filter(is_active=True)[0].pk),
            "operatory": str(clinic.operatories.order_by("external_id")[0].pk),
            "location": str(clinic.locations.order_by("external_id")[0].pk),
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
            "description": "Check-up",
            **fields,
        }

    def another(self, hour: int = 10, patient: int = 0, **fields: Any) -> dict[str, Any]:
        """The body of a request for a visit like one to come, whose people, place and type go
        together in this PMS, weeks later at this hour of the site's clock."""
        like = self.like()
        assert like.location
        start = datetime(2030, 4, 24, hour, 0, tzinfo=like.location.zone)
        people = self.integration.clinic.patients.filter(is_active=True).order_by("external_id")
        names = ("practitioner", "operatory", "location", "appointment_type")
        return {
            "patient": str(people[patient].pk),
            **{name: str(pk) for name in names if (pk := getattr(like, f"{name}_id"))},
            "starts_at": start.isoformat(),
            "ends_at": (start + (like.ends_at - like.starts_at)).isoformat(),
            "description": "Check-up",
            **fields,
        }

    def like(self) -> Appointment:
        """The first visit to come, by our copy."""
        ahead = Appointment.objects.filter(
            clinic=self.integration.clinic,
            status=AppointmentStatus.BOOKED,
            starts_at__gt=self.clock.now,
        )
        return ahead.select_related("location").order_by("starts_at", "external_id")[0]

    def post(self, path: str, body: Any, key: str = "first", method: str = "post") -> Any:
        """Ask the clinic's API for a change."""
        address = f"{self.path}/{path}"
        return getattr(self.client, method)(address, body, headers={"Idempotency-Key": key})

    def asked(self, path: str, body: Any, key: str = "first", method: str = "post") -> Writeback:
        """Ask for a change that is written down; the worker sends it at once."""
        answer = self.post(path, body, key, method)
        assert answer.status_code == 202, answer.content
        return Writeback.objects.get(pk=answer.json()["id"])

    def book(self, key: str = "first", **which: Any) -> Writeback:
        """Ask for an appointment over REST; the worker sends it at once."""
        return self.asked("appointments", self.booking(**which), key)

    def ask(self, asked: Request, **options: Any) -> Writeback:
        """Ask for anything past the API, as the services take it; the worker sends it at once."""
        writeback, is_new = services.request(
            self.integration.clinic, asked, services.Asker(), self.clock.now, **options
        )
        assert is_new
        return writeback

    def pass_time(self, seconds: int) -> None:
        """Let time pass with a tick of the dispatcher every few seconds, as beat does."""
        for _ in range(0, seconds, TICK):
            self.clock.advance(TICK)
            dispatch()

    def pass_until(self, moment: datetime) -> None:
        """Let time pass as `pass_time` does, but skip the ticks at which nothing is due."""
        while self.clock.now < moment:
            due_at = Writeback.objects.aggregate(first=Min("due_at"))["first"] or moment
            wait = (min(due_at, moment) - self.clock.now).total_seconds()
            self.clock.advance(max(TICK, math.ceil(wait / TICK) * TICK))
            dispatch()

    def see(self, writeback: Writeback) -> dict[str, Any]:
        """The writeback as the API shows it."""
        answer = self.client.get(f"/api/v1/writebacks/{writeback.pk}")
        assert answer.status_code == 200
        return answer.json()

    def events(self, writeback: Writeback) -> list[str]:
        return [event["event"] for event in self.see(writeback)["events"]]

    def sync(self) -> SyncRun:
        """Have a worker read what the practice's PMS tells now."""
        run = by_hand.carry_out(self.integration, Wanted(is_forced=True), lambda: self.clock.now)
        assert run.status == Status.COMPLETED, run.error_message
        return run

    def in_pms(self) -> list[dict[str, Any]]:
        """The appointments that writes have made, by the sandbox's own books."""
        return self.sandbox.control.books()["offices"][self.office]["appointments"]

    def truth(self, kind: str = "appointments") -> dict[str, Any]:
        """What is true at the practice: id → record."""
        return self.sandbox.control.truth(self.office)[kind]

    def calls(self) -> list[str]:
        """What was asked of the sandbox since the story began, as "METHOD /path"."""
        made = self.sandbox.control.calls(limit=100_000)[self.spent_before :]
        prefix = urlsplit(self.integration.base_url).path
        return [f"{call['method']} {call['path'].removeprefix(prefix)}" for call in made]


def open_practice(
    pms: str, sandbox: RunningSandbox, clock: Clock, office: int = 0, **fields: Any
) -> Practice:
    """Connect a clinic to an office of a simulated PMS and read all that it has."""
    system = sandbox.systems[pms]
    offer = system["offices"][office]
    integration = make.integration(
        make.clinic(zone=offer["timezone"]),
        pms=pms,
        base_url=system["url"],
        account=offer["office_id"],
        credential=WAYS[pms].credential(system, offer),
        options=WAYS[pms].options(offer),
        status=IntegrationStatus.SETUP_REQUIRED,
        access_key="",
        refresh_key="",
        key_expires_at=None,
        **fields,
    )
    first = by_hand.carry_out(integration, Wanted(), lambda: clock.now)
    assert first.status == Status.COMPLETED, first.error_message
    integration.refresh_from_db()
    client = APIClient()
    # No token, which would end within minutes of a story that takes a day.
    client.force_authenticate(make.member(integration.organization, Role.STAFF))
    calls = len(sandbox.control.calls(limit=100_000))
    return Practice(integration, sandbox, client, clock, calls)
