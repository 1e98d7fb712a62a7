"""A clinic whose numbers are added up, who asks for them, and a web server for what is live."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic, User
from metrics.recounting import recount
from tests.conftest import START, Clock
from tests.metrics.numbers import book
from tests.metrics.web import Web, serving


@pytest.fixture
def web(transactional_db: None) -> Iterator[Web]:
    with serving() as running:
        yield running


@pytest.fixture
def reader(staff: User, clock: Clock) -> APIClient:
    """Somebody of the clinic."""
    client = APIClient()
    client.force_authenticate(staff)
    return client


@pytest.fixture
def counted(clinic: Clinic, clock: Clock) -> Clinic:
    """A clinic with one booking today, added up."""
    book(clinic)
    recount(clinic, START)
    return clinic
