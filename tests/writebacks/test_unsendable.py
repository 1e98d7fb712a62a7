"""What a PMS would surely not take is refused before anything is written down or sent."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Appointment, AppointmentStatus, Clinic, Location, Patient, Practitioner
from integrations.models import Call, Integration
from integrations.profiles import profile_of
from tests import make
from tests.conftest import START, Clock
from writebacks import services
from writebacks.models import Writeback
from writebacks.requests import Cancellation, Incomplete, NewPatient, Request
from writebacks.states import Event

pytestmark = pytest.mark.django_db


@pytest.fixture
def nookal(clinic: Clinic, clock: Clock) -> Integration:
    """A clinic on a PMS that has rules of its own for what can be written."""
    return make.integration(clinic, pms="nookal", credential={"api_key": "the-api-key"})


def ask(of: Integration, asked: Request, **options: Any) -> Writeback:
    writeback, _ = services.request(of.clinic, asked, services.Asker(), timezone.now(), **options)
    return writeback


def newcomer(of: Integration, **fields: Any) -> NewPatient:
    clinic = of.clinic
    return NewPatient(
        location=make.record(Location, clinic, name="Main street", timezone=clinic.timezone),
        practitioner=make.record(Practitioner, clinic, first_name="Mara"),
        first_name="Ada",
        last_name="Invented",
        **fields,
    )


def visit(of: Integration, **fields: Any) -> Appointment:
    values = {
        "location": make.record(Location, of.clinic, name="Main", timezone=of.clinic.timezone),
        "starts_at": START.replace(day=6),
        "ends_at": START.replace(day=6, hour=16),
        "status": AppointmentStatus.BOOKED,
        "external_id": "10",
    }
    appointment: Appointment = make.record(Appointment, of.clinic, **(values | fields))
    return appointment


def test_a_patient_who_lacks_what_the_pms_needs_is_not_written_down(nookal: Integration) -> None:
    with pytest.raises(Incomplete, match="date of birth"):
        ask(nookal, newcomer(nookal))
    assert Writeback.objects.count() == 0
    assert Call.objects.count() == 0


def test_one_who_lacks_nothing_is(nookal: Integration) -> None:
    writeback = ask(nookal, newcomer(nookal, birth_date=date(1980, 1, 31)))
    assert (writeback.status, writeback.endpoint) == ("queued", "/addPatient")
    assert writeback.request_body["date_of_birth"] == "1980-01-31"


def cancellation(of: Integration, appointment: Appointment) -> Cancellation:
    """Calling an appointment off, in the word that the practice's profile has for it."""
    profile = profile_of(of)
    profile.vocabulary = {"statuses": [["Cancelled", "Cancelled"]]}
    profile.cancel_word, profile.vocabulary_read_at = "Cancelled", timezone.now()
    profile.save()
    return Cancellation(appointment=appointment)


def test_calling_off_names_whose_appointment_it_is(nookal: Integration) -> None:
    patient = make.record(Patient, nookal.clinic, first_name="Ada", external_id="5")
    writeback = ask(nookal, cancellation(nookal, visit(nookal, patient=patient)))
    assert writeback.endpoint == "/cancelAppointment"
    assert writeback.request_body == {"appointment_id": "10", "patient_id": "5"}


def test_nobodys_appointment_cannot_be_called_off_where_the_pms_asks_whose_it_is(
    nookal: Integration,
) -> None:
    with pytest.raises(Incomplete, match="Whose appointment"):
        ask(nookal, cancellation(nookal, visit(nookal)))
    assert Writeback.objects.count() == 0


def test_a_booking_that_waited_fails_where_it_turns_out_that_the_pms_would_not_take_it(
    nookal: Integration,
) -> None:
    first = ask(nookal, newcomer(nookal, birth_date=date(1980, 1, 31)))
    # Of no type, and this PMS books nothing without.
    second = ask(nookal, make.booking(nookal.clinic, patient=None), after=first)
    assert (second.status, second.endpoint) == ("queued", "")

    first.advance(Event.CLAIMED, timezone.now())
    first.advance(Event.DONE, timezone.now(), created_external_id="5")
    second.refresh_from_db()
    assert (second.status, second.failure_code) == ("failed", "earlier_failed")
    assert second.error_message == (
        "It was not sent. Name the appointment's type, or choose a usual one in the integration's "
        "profile: this PMS books nothing without."
    )
    assert Patient.objects.get(external_id="5").first_name == "Ada"
