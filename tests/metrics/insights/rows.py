"""Rows for the tests of insights: visits, writebacks and hours at a clinic in New York."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from integrations.models import Integration
from integrations.profiles import start_profile
from integrations.timetable import WEEKDAYS
from metrics import insights
from metrics.insights.figure import Figure
from metrics.models import Preferences
from tests import make
from writebacks.models import Writeback
from writebacks.states import Status

#: Tuesday, 10:00 in New York.
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
MON_TO_FRI = {day: [["08:00", "17:00"]] for day in WEEKDAYS[:5]}


def at(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2030) -> datetime:
    """A moment by New York's clock."""
    return datetime(year, month, day, hour, minute, tzinfo=NEW_YORK).astimezone(UTC)


def visit(
    clinic: Clinic, patient: Patient | None, start: datetime, minutes: int = 30, **fields: Any
) -> Appointment:
    values = {
        "patient": patient,
        "starts_at": start,
        "ends_at": start + timedelta(minutes=minutes),
        "status": AppointmentStatus.BOOKED,
    }
    return make.record(Appointment, clinic, **(values | fields))


def confirmed(
    integration: Integration, asked: datetime, seconds: float, **fields: Any
) -> Writeback:
    """A writeback that the PMS confirmed so long after it was asked for."""
    values = {
        "status": Status.COMPLETED,
        "created_at": asked,
        "completed_at": asked + timedelta(seconds=seconds),
        "due_at": None,
    }
    return make.writeback(integration, **(values | fields))


def hours(integration: Integration, **fields: Any) -> None:
    """Set when the clinic and its practitioners work."""
    profile = start_profile(integration)
    for name, value in fields.items():
        setattr(profile, name, value)
    profile.save()


def prefers(clinic: Clinic, **fields: Any) -> None:
    Preferences.objects.create(organization=clinic.organization, clinic=clinic, **fields)


def figure(clinic: Clinic, name: str, now: datetime = NOW) -> Figure:
    """What is worked out for a clinic; fails where it could not be."""
    found: Figure = insights.work_out(clinic, now).figures[name]
    assert "failed" not in found, name
    return found
