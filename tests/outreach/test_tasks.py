"""Tasks and their dispatcher: each night's lists, and bookings that close calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as RedisAway

from clinics.changes import announce
from clinics.models import Appointment, Clinic, Patient
from clinics.records import AppointmentRecord
from clinics.services import store
from outreach import refreshing, tasks
from outreach.models import CallList, CallTask
from tenancy import scope
from tests import make
from tests.conftest import Clock
from tests.outreach.conftest import NOW, listed, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clinics whose tasks were put into the queue."""
    found: list[str] = []
    for task in (tasks.close_booked, tasks.refresh):
        monkeypatch.setattr(
            task, "apply_async", lambda args, **_: found.append(args[0]), raising=True
        )
    return found


@pytest.fixture(autouse=True)
def _nothing_asked_yet(clinic: Clinic) -> None:
    cache.delete(f"outreach.asked.{clinic.pk}")


def test_changes_of_a_clinic_make_one_look_together(clinic: Clinic, asked: list[str]) -> None:
    for _ in range(5):
        tasks.ask(clinic.pk)
    assert asked == [str(clinic.pk)]
    tasks.close_booked(str(clinic.pk))
    tasks.ask(clinic.pk)
    assert asked == [str(clinic.pk)] * 2


def test_a_stored_booking_closes_the_call(
    clinic: Clinic, lost: Patient, call: CallTask, clock: Clock, asked: list[str], on_commit: Any
) -> None:
    told = AppointmentRecord(
        external_id="b-1",
        patient_id=lost.external_id,
        practitioner_id="",
        location_id="",
        operatory_id="",
        starts_at=NOW + timedelta(days=3),
        ends_at=NOW + timedelta(days=3, minutes=30),
        status="booked",
        pms_status="Booked",
        description="",
        cancelled_at=None,
    )
    with on_commit(execute=True):
        store(clinic, [told], now=NOW)
    assert Appointment.objects.filter(external_id="b-1").exists()
    assert asked == [str(clinic.pk)]
    with scope.acting("outreach.tasks.close_booked"):
        tasks.close_booked(*asked)
    call.refresh_from_db()
    assert call.status == "booked"


def test_a_redis_that_is_away_stops_no_change(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, on_commit: Any
) -> None:
    def away(*_: Any) -> None:
        raise RedisAway

    monkeypatch.setattr(cache, "add", away)
    tasks.ask(clinic.pk)


def test_the_dispatcher_finds_the_lists_whose_night_has_come(
    clinic: Clinic, lost: Patient, clock: Clock, asked: list[str]
) -> None:
    listed(clinic)
    other = make.clinic(zone="Europe/Berlin")
    refreshing.look(other, NOW)
    nobody = make.clinic()
    # Midnight in New York: it is past 2 AM in Berlin alone.
    clock.advance(14 * 3600)
    tasks.dispatch()
    assert asked == [str(other.pk)]
    clock.advance(3 * 3600)
    tasks.dispatch()
    assert sorted(asked[1:]) == sorted([str(clinic.pk), str(other.pk)])
    assert str(nobody.pk) not in asked
    with scope.acting("outreach.tasks.refresh"):
        tasks.refresh(str(clinic.pk))
        tasks.refresh(str(other.pk))
    asked.clear()
    tasks.dispatch()
    assert asked == []
    assert CallList.objects.get(clinic=clinic).refreshed_at == clock.now


def test_a_task_sees_its_own_tenant_alone(clinic: Clinic, lost: Patient, clock: Clock) -> None:
    foreign = make.clinic()
    theirs = make.call_task(foreign)
    visit(theirs.patient, 3)
    refreshing.look(clinic, NOW - timedelta(days=1))
    with scope.acting("outreach.tasks.refresh"):
        tasks.refresh(str(clinic.pk))
        tasks.close_booked(str(clinic.pk))
    theirs.refresh_from_db()
    assert theirs.status == "open"


def test_announcing_a_change_reaches_this_app(
    clinic: Clinic, asked: list[str], on_commit: Any
) -> None:
    with on_commit(execute=True):
        announce(clinic.pk)
    assert asked == [str(clinic.pk)]
