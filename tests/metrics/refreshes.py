"""A clinic that was read and counted an hour ago, and who has its numbers made newer."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic, Role
from integrations.queries import Feed, Resource
from metrics.recounting import recount
from sync.states import Status
from tests import make
from tests.conftest import START
from tests.sync import conftest as syncs
from tests.sync import toy
from tests.sync.conftest import Desk, logged_in

pms, connect, desk = syncs.pms, syncs.connect, syncs.desk


@pytest.fixture
def client(desk: Desk) -> APIClient:
    return logged_in(make.member(desk.clinic.organization, Role.STAFF))


@pytest.fixture
def read(desk: Desk) -> Desk:
    """A clinic whose one booking was read and counted an hour ago."""
    desk.pms.put(Resource.PATIENTS, toy.patient(1))
    desk.pms.put(Resource.APPOINTMENTS, toy.appointment(1))
    assert desk.sync().status == Status.COMPLETED
    recount(desk.clinic, START)
    desk.later(hours=1)
    return desk


def address(clinic: Clinic, query: str = "") -> str:
    return f"/api/v1/clinics/{clinic.pk}/metrics/refresh{query}"


def accepted(answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.content
    told: dict[str, Any] = answer.json()
    return told


def error(answer: Any, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.content
    found: dict[str, Any] = answer.json()["error"]
    return found


def failing(desk: Desk, what: Exception) -> None:
    def fail(feed: Feed, position: str) -> None:
        raise what

    desk.pms.before = fail


def answering(desk: Desk) -> None:
    desk.pms.before = lambda feed, position: None
