"""Numbers follow the appointments: what is recounted, when, and who is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from clinics.models import Appointment, AppointmentStatus, Clinic, Patient
from metrics.models import Told, Touched
from metrics.recounting import recount
from tests import make

pytestmark = pytest.mark.django_db

#: Tuesday, 10:00 in New York.
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


def visit(clinic: Clinic, patient: Patient | None, at: datetime, **fields: Any) -> Appointment:
    values = {
        "patient": patient,
        "starts_at": at,
        "ends_at": at + timedelta(minutes=30),
        "status": AppointmentStatus.BOOKED,
    }
    return make.record(Appointment, clinic, **(values | fields))


def week(clinic: Clinic) -> dict[str, Any]:
    return Told.objects.filter(clinic=clinic).latest("version").numbers["week"]


def test_a_booking_is_counted_on_the_clinics_own_date_and_hour(clinic: Clinic) -> None:
    # 23:30 on Tuesday in New York is Wednesday in UTC.
    visit(clinic, make.record(Patient, clinic), datetime(2030, 3, 6, 4, 30, tzinfo=UTC))
    recount(clinic, NOW)
    assert week(clinic)["totalBookings"] == 1
    assert week(clinic)["newPatients"] == 1
    assert week(clinic)["peakHours"] == [{"dayOfWeek": 1, "hour": 23, "bookings": 1}]
    assert [each["date"] for each in week(clinic)["bookingTrends"]] == ["2030-03-05"]


def test_who_watches_is_told_once_and_not_again_where_nothing_is_different(clinic: Clinic) -> None:
    visit(clinic, None, NOW)
    assert recount(clinic, NOW).version == 1
    assert recount(clinic, NOW).version == 1
    assert Told.objects.filter(clinic=clinic).count() == 1


def test_a_change_is_worked_off_once_and_moves_the_dates_that_it_touched(clinic: Clinic) -> None:
    patient = make.record(Patient, clinic)
    one = visit(clinic, patient, NOW)
    recount(clinic, NOW)
    one.starts_at, one.ends_at = NOW + timedelta(days=1), NOW + timedelta(days=1, minutes=30)
    one.save()
    assert set(Touched.objects.values_list("starts_at", flat=True)) == {
        NOW,
        NOW + timedelta(days=1),
    }
    assert recount(clinic, NOW).version == 2
    assert not Touched.objects.exists()
    assert [each["date"] for each in week(clinic)["bookingTrends"]] == ["2030-03-06"]


def test_an_update_that_moves_no_number_touches_nothing(clinic: Clinic) -> None:
    one = visit(clinic, None, NOW)
    recount(clinic, NOW)
    one.description = "bring the X-ray"
    one.save()
    assert not Touched.objects.exists()
