"""A clinic whose PMS is the toy of toy.py, and a hand that turns the sync."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from clinics.models import Clinic
from integrations import registry
from integrations.models import Integration
from integrations.queries import Resource
from sync import running
from sync.models import SyncRun
from sync.requesting import Wanted, request
from tests import make
from tests.conftest import Clock
from tests.sync import toy


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
