"""People and programs that log in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from limits.storage import RedisStorage
from rest_framework.test import APIClient

from accounts import keys, rates
from accounts.keys import Issued
from clinics.access import Access, Holding
from clinics.models import Organization, Role, User
from clinics.permissions import Action
from tests import make


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test meet what another one has learnt about Redis."""
    monkeypatch.setattr(rates, "counter", rates.Counter())


@pytest.fixture
def rate_store() -> RedisStorage:
    return rates.storage()


@pytest.fixture
def manager(organization: Organization) -> User:
    """A clinic admin of the whole organization."""
    return make.member(organization, Role.CLINIC_ADMIN, is_staff=True)


@pytest.fixture
def operator(db: None) -> User:
    return User.objects.create_superuser("operator", password=make.PASSWORD)


def anything_in(organization: Organization) -> Access:
    """An access that may give every scope."""
    holding = Holding(organization_id=organization.pk, actions=frozenset(Action))
    return Access(holdings=(holding,))


def issue(organization: Organization, *scopes: str, **fields: Any) -> Issued:
    values = {"name": "Booking page", "scopes": scopes or ("read",), "now": timezone.now()}
    return keys.issue(anything_in(organization), organization, **(values | fields))


def client_of(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def key(organization: Organization) -> Callable[..., APIClient]:
    """Return a client with a new key of these scopes."""

    def made(*scopes: str, **fields: Any) -> APIClient:
        return client_of(issue(organization, *scopes, **fields).text)

    return made
