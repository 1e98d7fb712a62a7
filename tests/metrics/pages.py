"""What tests of a clinic's live page need: a clinic with numbers, a login, and the page's words."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.test import Client

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient, Role
from integrations.models import Integration
from integrations.queries import Resource
from sync.models import Cursor
from tests import make
from tests.conftest import START


def logged_in(clinic: Clinic, role: Role = Role.STAFF) -> Client:
    client = Client()
    client.force_login(make.member(clinic.organization, role, is_staff=True))
    return client


def visit(clinic: Clinic, days: int = 0, **fields: Any) -> Appointment:
    at = START + timedelta(days=days)
    values = {
        "patient": make.record(Patient, clinic),
        "starts_at": at,
        "ends_at": at + timedelta(minutes=30),
        "status": AppointmentStatus.BOOKED,
    }
    return make.record(Appointment, clinic, **(values | fields))


def looked_at(integration: Integration, at: datetime = START) -> None:
    Cursor.objects.create(
        organization_id=integration.organization_id,
        integration=integration,
        resource=Resource.APPOINTMENTS,
        read_until=at,
        looked_at=at,
        full_at=at,
    )


def page(browser: Client, clinic: Clinic, query: str = "") -> str:
    answer = browser.get(f"/admin/clinics/clinic/{clinic.pk}/metrics/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def part(text: str, name: str) -> str:
    """The words of one part of the page."""
    found = re.search(rf'data-(?:part|show)="{name}"[^>]*>(.*?)</(?:p|span|strong)>', text, re.S)
    assert found, name
    return re.sub(r"<[^>]+>", "", found[1]).strip()
