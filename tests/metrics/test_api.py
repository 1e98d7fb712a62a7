"""A clinic's numbers over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient, User
from metrics.recounting import recount
from tests import make
from tests.conftest import START, Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(staff: User, clock: Clock) -> APIClient:
    client = APIClient()
    client.force_authenticate(staff)
    return client


def book(clinic: Clinic, at: datetime = START, **fields: Any) -> Appointment:
    values = {
        "patient": make.record(Patient, clinic),
        "starts_at": at,
        "ends_at": at + timedelta(minutes=30),
        "status": AppointmentStatus.BOOKED,
    }
    return make.record(Appointment, clinic, **(values | fields))


def address(clinic: Clinic, **asked: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"/api/v1/clinics/{clinic.pk}/metrics" + (f"?{query}" if query else "")


def test_a_clinics_week_is_told(client: APIClient, clinic: Clinic) -> None:
    book(clinic)
    recount(clinic, START)
    answer = client.get(address(clinic))
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["metrics"]["totalBookings"] == 1
    assert told["period"] == {"name": "week", "startDate": "2030-03-04", "endDate": "2030-03-10"}
    again = client.get(address(clinic), headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
