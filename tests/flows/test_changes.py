"""An appointment that there is: moved, marked, called off. Our copy follows what is confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from clinics.models import Appointment
from integrations.profiles import read_vocabulary, start_profile
from tests.flows.practices import Practice
from tests.integrations.threads import at_once
from writebacks import services
from writebacks.models import SlotHold, Writeback
from writebacks.operations import NewStatus
from writebacks.requests import Cancellation, Rescheduling, StatusChange

HOUR = timedelta(hours=1)


@pytest.fixture
def visit(practice: Practice) -> Appointment:
    """A confirmed booking, at a practice whose words somebody has chosen."""
    read_vocabulary(practice.integration, lambda: practice.clock.now)
    profile = start_profile(practice.integration)
    profile.cancel_word, profile.arrived_word = "cancelled", "arrived"
    profile.save()
    practice.book(days=60)
    practice.pass_time(30)
    (made,) = practice.in_pms()
    return Appointment.objects.get(external_id=made["appointment_sr_no"])


def moved(visit: Appointment) -> Rescheduling:
    return Rescheduling(
        appointment=visit,
        practitioner=visit.practitioner,
        operatory=visit.operatory,
        location=visit.location,
        starts_at=visit.starts_at + HOUR,
        ends_at=visit.ends_at + HOUR,
    )


def test_a_visit_is_moved_here_once_it_is_moved_there(
    practice: Practice, visit: Appointment
) -> None:
    before, asked = visit.starts_at, moved(visit)
    writeback = practice.ask(asked)
    visit.refresh_from_db()
    assert visit.starts_at == before, "asked for is not done"
    practice.pass_time(30)
    assert practice.see(writeback)["status"] == "completed"
    visit.refresh_from_db()
    assert visit.starts_at == asked.starts_at
    (there,) = practice.in_pms()
    assert there["time"] == "10:00"
    assert not SlotHold.objects.exists()
    assert f"PUT /appointments/{visit.external_id}" in practice.calls()


def test_a_move_that_the_practice_refuses_leaves_the_visit_where_it_is(
    practice: Practice, visit: Appointment
) -> None:
    practice.sandbox.control.knobs(failures=1.0)
    before = visit.starts_at
    writeback = practice.ask(moved(visit))
    practice.pass_time(30)
    assert practice.see(writeback)["failure_code"] == "pms_failed"
    visit.refresh_from_db()
    assert visit.starts_at == before
    assert not SlotHold.objects.exists()


def test_a_patient_who_has_come_is_marked(practice: Practice, visit: Appointment) -> None:
    practice.ask(StatusChange(appointment=visit, status=NewStatus.ARRIVED))
    practice.pass_time(30)
    visit.refresh_from_db()
    assert (visit.status, visit.pms_status) == ("arrived", "arrived")


def test_a_visit_that_is_called_off_frees_its_time_and_is_not_called_off_again(
    practice: Practice, visit: Appointment
) -> None:
    writeback = practice.ask(Cancellation(appointment=visit))
    assert practice.calls()[-1] == f"PATCH /appointments/{visit.external_id}"
    practice.pass_time(30)
    assert practice.see(writeback)["status"] == "completed"
    visit.refresh_from_db()
    assert visit.status == "cancelled"
    assert practice.in_pms()[0]["status"] == "Cancelled"

    heard = len(practice.calls())
    for asked in (Cancellation(appointment=visit), moved(visit)):
        with pytest.raises(services.Conflict) as refused:
            practice.ask(asked)
        assert refused.value.code == "appointment_cancelled"
    assert len(practice.calls()) == heard

    second = practice.book("second", days=60, patient=1)
    practice.pass_time(30)
    assert practice.see(second)["status"] == "completed"


def test_of_four_who_call_it_off_at_once_one_does(practice: Practice, visit: Appointment) -> None:
    practice.sandbox.control.knobs(delay="600-600")

    def call_off(number: int) -> str:
        try:
            asked = Cancellation(appointment=Appointment.objects.get(pk=visit.pk))
            return practice.ask(asked).status
        except services.Conflict as conflict:
            return conflict.code
        finally:
            connection.close()

    assert sorted(at_once(4, call_off)) == ["being_changed"] * 3 + ["queued"]
    assert Writeback.objects.filter(operation="cancel").count() == 1
    assert practice.calls().count(f"PATCH /appointments/{visit.external_id}") == 1
