"""Appointments to be counted, when they were read, and how numbers are asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from integrations.models import Integration
from integrations.queries import Resource
from sync.models import Cursor
from tests import make
from tests.conftest import START


def book(clinic: Clinic, **fields: Any) -> Appointment:
    values = {
        "patient": make.record(Patient, clinic),
        "starts_at": START,
        "ends_at": START + timedelta(minutes=30),
        "status": AppointmentStatus.BOOKED,
    }
    return make.record(Appointment, clinic, **(values | fields))


def looked_at(integration: Integration, **fields: Any) -> Cursor:
    """Have the clinic's appointments read just now."""
    values = {"read_until": START, "looked_at": START, "full_at": START}
    return Cursor.objects.create(
        integration=integration,
        organization_id=integration.organization_id,
        resource=Resource.APPOINTMENTS,
        **(values | fields),
    )


def address(clinic: Clinic, **asked: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"/api/v1/clinics/{clinic.pk}/metrics" + (f"?{query}" if query else "")
