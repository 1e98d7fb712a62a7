"""A clinic whose PMS is the toy of toy.py, and a hand that turns the sync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as conf
from django.db.models import CharField
from django.db.models.functions import Cast
from rest_framework.test import APIClient

from clinics.models import Clinic, User
from integrations import registry
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Page, Resource
from integrations.sandbox import RunningSandbox
from integrations.sandbox import running as run_sandbox
from sync import running
from sync.models import SyncRun
from sync.requesting import Wanted, request
from tests import make
from tests.conftest import Clock
from tests.integrations.contract.practices import WAYS
from tests.sync import toy
from tests.sync.practices import PMSS, Practice


@dataclass
class Desk:
    """One integration with the toy, and its clock."""

    integration: Integration
    pms: toy.Pms
    clock: Clock

    @property
    def clinic(self) -> Clinic:
        return self.integration.clinic

    def ask(self, **wanted: Any) -> SyncRun:
        return request(self.integration, Wanted(**{"is_forced": True, **wanted}), self.clock.now)

    def work(self, run: SyncRun, **how: Any) -> SyncRun:
        running.carry_on(run.pk, lambda: self.clock.now, **{"shift": None, **how})
        run.refresh_from_db()
        return run

    def sync(self, **wanted: Any) -> SyncRun:
        return self.work(self.ask(**wanted))

    def later(self, **span: float) -> None:
        self.clock.advance(timedelta(**span).total_seconds())


def logged_in(user: User) -> APIClient:
    """Return a client of the API whose login does not end as the clock goes on."""
    client = APIClient()
    client.force_authenticate(user)
    return client


@pytest.fixture
def pms(monkeypatch: pytest.MonkeyPatch) -> toy.Pms:
    """A PMS with one site, one practitioner and no patients."""
    monkeypatch.setitem(registry.ADAPTERS, "toy", "tests.sync.toy")
    fresh = toy.Pms()
    monkeypatch.setattr(toy, "current", fresh)
    fresh.put(Resource.LOCATIONS, toy.location())
    fresh.put(Resource.PRACTITIONERS, toy.practitioner())
    return fresh


@pytest.fixture
def connect(pms: toy.Pms, clock: Clock) -> Callable[[Clinic], Desk]:
    def connected(clinic: Clinic) -> Desk:
        linked = make.integration(clinic, pms="toy", imported_at=None)
        return Desk(linked, pms, clock)

    return connected


@pytest.fixture
def desk(transactional_db: None, connect: Callable[[Clinic], Desk]) -> Desk:
    return connect(make.clinic())


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    with run_sandbox(wide_events=0.0, rate_limit=100_000) as sandbox:
        yield sandbox


@pytest.fixture
def open_practice(
    transactional_db: None,
    sandbox: RunningSandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Practice]:
    """Return what begins anew with a PMS: a fresh world there, an empty clinic here."""
    monkeypatch.setattr(conf, "PMS_USER_AGENT", "Frontdesk (ops@clinic.example)")
    rates = {f"{pms}_rate_limit": 100_000 for pms in PMSS if pms != "sikka"}
    real = running.pages

    def begin(pms: str) -> Practice:
        sandbox.control.reset()
        sandbox.control.set_now(clock.now)
        sandbox.control.knobs(**rates)
        # The account is free for the next clinic, and the one before is left alone.
        Integration.objects.update(
            account=Cast("id", CharField()), status=IntegrationStatus.SETUP_REQUIRED
        )
        system = sandbox.control.credentials()[pms]
        office = system["offices"][-1]  # the one with two sites
        integration = make.integration(
            make.clinic(zone=office["timezone"]),
            pms=pms,
            base_url=system["url"],
            account=office["office_id"],
            credential=WAYS[pms].credential(system, office),
            options=WAYS[pms].options(office),
            access_key="",
            refresh_key="",
            key_expires_at=None,
            imported_at=None,
            budget_calls=100_000,
            budget_reserve=0,
        )
        practice = Practice(integration, office["office_id"], sandbox, clock)

        def watched(*args: Any) -> Iterator[tuple[Page, datetime]]:
            for number, page in enumerate(real(*args)):
                practice.between(number)
                yield page

        monkeypatch.setattr(running, "pages", watched)
        return practice

    return begin
