"""Fixtures for everybody: a clinic with its people, logins, and a clock that only tests move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from rest_framework.test import APIClient

from clinics.models import Clinic, Organization, Role, User
from integrations.models import Integration
from tests import make

#: A Tuesday, 10:00 in New York, so that demo clinics are open and no hour boundary is near.
START = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Let tests that commit empty the audit's tables, which nobody else can."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for table in ("audit_entries", "audit_subjects", "audit_seals"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER never_emptied")


@pytest.fixture(autouse=True)
def _fast_passwords(settings: Any) -> None:
    """Hash passwords cheaply: the real hasher takes half a second for each login."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@dataclass
class Clock:
    """The time of the whole process: product, logins and the sandbox in its thread."""

    traveller: time_machine.Traveller

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def advance(self, seconds: float) -> None:
        self.traveller.shift(timedelta(seconds=seconds))


@pytest.fixture
def clock() -> Iterator[Clock]:
    """Stand at START until a test advances it."""
    with time_machine.travel(START, tick=False) as traveller:
        yield Clock(traveller)


@pytest.fixture
def organization(db: None) -> Organization:
    return make.organization()


@pytest.fixture
def clinic(organization: Organization) -> Clinic:
    return make.clinic(organization)


@pytest.fixture
def integration(clinic: Clinic) -> Integration:
    return make.integration(clinic)


@pytest.fixture
def staff(organization: Organization) -> User:
    """A member who may book."""
    return make.member(organization, Role.STAFF)


@pytest.fixture
def api() -> Callable[[User], APIClient]:
    """Return a client that is logged in as the given user, by a token."""

    def login(user: User) -> APIClient:
        client = APIClient()
        answer = client.post(
            "/api/v1/auth/login", {"username": user.username, "password": make.PASSWORD}
        )
        assert answer.status_code == 200, answer.content
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
        return client

    return login
