"""A clinic connected to a running sandbox, with Celery's tasks run on the spot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db.models import Min
from rest_framework.test import APIClient

from clinics.models import Role
from config.celery import app as celery_app
from integrations.models import Integration, IntegrationStatus
from integrations.sandbox import RunningSandbox, running
from sync import by_hand
from sync.requesting import Wanted
from sync.states import Status
from tests import make
from tests.conftest import Clock
from writebacks import services
from writebacks.models import Writeback
from writebacks.requests import Request
from writebacks.tasks import dispatch

#: The dispatcher's period in the beat schedule, seconds.
TICK = 5


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    """A sandbox whose agent takes exactly 20 seconds for a write; it lives in the test's clock."""
    with running(seed=7, delay="20-20") as sandbox:
        yield sandbox


@pytest.fixture
def _tasks_at_once() -> Iterator[None]:
    celery_app.conf.update(task_always_eager=True, task_eager_propagates=True)
    yield
    celery_app.conf.update(task_always_eager=False, task_eager_propagates=False)


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

    def book(self, key: str = "first", **which: Any) -> Writeback:
        """Ask for an appointment over REST; the worker sends it at once."""
        answer = self.client.post(
            f"/api/v1/clinics/{self.integration.clinic_id}/appointments",
            self.booking(**which),
            headers={"Idempotency-Key": key},
        )
        assert answer.status_code == 202, answer.content
        return Writeback.objects.get(pk=answer.json()["id"])

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

    def in_pms(self) -> list[dict[str, Any]]:
        """The appointments that writes have made, by the sandbox's own books."""
        return self.sandbox.control.books()["offices"][self.office]["appointments"]

    def calls(self) -> list[str]:
        """What was asked of the sandbox since the story began, as "METHOD /path"."""
        made = self.sandbox.control.calls()[self.spent_before :]
        return [f"{call['method']} {call['path'].removeprefix('/sikka/v4')}" for call in made]


@pytest.fixture
def practice(
    transactional_db: None,
    _tasks_at_once: None,
    sandbox: RunningSandbox,
    clock: Clock,
) -> Practice:
    """Maple Street Dental in New York, 10:00 on a Tuesday, freshly imported."""
    offer = sandbox.credentials
    office = offer["offices"][0]
    clinic = make.clinic(zone=office["timezone"])
    integration = make.integration(
        clinic,
        base_url=sandbox.url,
        account=office["office_id"],
        credential={
            "app_id": offer["app_id"],
            "app_key": offer["app_key"],
            "secret_key": office["secret_key"],
        },
        status=IntegrationStatus.SETUP_REQUIRED,
        access_key="",
        refresh_key="",
        key_expires_at=None,
    )
    first = by_hand.carry_out(integration, Wanted(), lambda: clock.now)
    assert first.status == Status.COMPLETED, first.error_message
    integration.refresh_from_db()
    client = APIClient()
    # No token, which would end within minutes of a story that takes a day.
    client.force_authenticate(make.member(clinic.organization, Role.STAFF))
    return Practice(integration, sandbox, client, clock, len(sandbox.control.calls()))
