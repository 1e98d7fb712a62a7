"""Patients with visits, and a clinic whose list is made at the tests' own time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from outreach import refreshing
from outreach.models import CallTask
from tests import make

#: Tuesday, 10:00 in New York.
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


def visit(patient: Patient, days: float, **fields: Any) -> Appointment:
    """A visit so many days from now; kept, where that is before today."""
    start = fields.pop("now", NOW) + timedelta(days=days)
    values = {
        "patient": patient,
        "starts_at": start,
        "ends_at": start + timedelta(minutes=30),
        "status": AppointmentStatus.BOOKED,
        "made_at": start - timedelta(days=400),
    }
    return make.record(Appointment, patient.clinic, **(values | fields))


def patient(clinic: Clinic, *days: float, **fields: Any) -> Patient:
    """A patient with a visit on each of these days."""
    values = {"first_name": "Ada", "last_name": "Invented", "phone": "212-555-0100"}
    someone: Patient = make.record(Patient, clinic, **(values | fields))
    for each in days:
        visit(someone, each)
    return someone


def listed(clinic: Clinic, now: datetime = NOW) -> list[CallTask]:
    """The open calls of a clinic once its list was looked at."""
    refreshing.look(clinic, now)
    return list(CallTask.objects.filter(clinic=clinic, status="open").order_by("place", "pk"))


@pytest.fixture
def lost(clinic: Clinic) -> Patient:
    """Somebody who was here 120 days ago, and has nothing booked: dormant, at high risk."""
    return patient(clinic, -120)


@pytest.fixture
def call(clinic: Clinic, lost: Patient) -> CallTask:
    """The call that this patient is to get."""
    (task,) = listed(clinic)
    return task


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks: Callable[..., Any]) -> Callable[..., Any]:
    """Carry out what waits for the end of the transaction."""
    return django_capture_on_commit_callbacks
