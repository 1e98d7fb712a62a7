"""A WebSocket tells a clinic's numbers as they change, to whom may see them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Appointment, AppointmentStatus, Clinic, User
from metrics.models import Told
from metrics.recounting import recount
from tests import make
from tests.metrics.web import Web, token_of

pytestmark = pytest.mark.django_db(transaction=True)

NINE = {
    "totalBookings", "totalBookingsChange", "activePatients", "newPatients", "dailyAverage",
    "missedAppointments", "missedAppointmentsPercentage", "bookingTrends", "peakHours",
}  # fmt: skip


def visit(clinic: Clinic, **fields: Any) -> Appointment:
    """An appointment of today, in the clinic's calendar."""
    at = timezone.now().astimezone(clinic.zone).replace(hour=12, minute=0)
    values = {"starts_at": at, "ends_at": at + timedelta(minutes=30)}
    values |= {"status": AppointmentStatus.BOOKED}
    return make.record(Appointment, clinic, **(values | fields))


def told(clinic: Clinic) -> int:
    """Have a clinic recounted; returns the newest version."""
    return recount(clinic, timezone.now()).version


def test_a_socket_is_told_all_numbers_first_and_then_what_has_changed(
    web: Web, clinic: Clinic, staff: User
) -> None:
    visit(clinic)
    told(clinic)
    with web.socket(clinic, token=token_of(staff)) as socket:
        first = socket.next()
        assert first["type"] == "snapshot"
        assert first["id"] == 1
        assert first["clinicId"] == str(clinic.pk)
        assert first["period"] == "week"
        assert set(first["metrics"]) == NINE
        assert first["metrics"]["totalBookings"] == 1
        assert (first["status"], first["lastUpdated"]) == ("unconnected", None)
        visit(clinic)
        told(clinic)
        then = socket.next()
        assert then["type"] == "update"
        assert then["id"] == 2
        assert then["changed"]["totalBookings"] == 2
        assert "missedAppointments" not in then["changed"]
        assert Told.objects.count() == 2
