"""REST: asking for appointments, and for changes of those that there are."""

from __future__ import annotations

from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.api import AppointmentViewSet as AppointmentReadViewSet
from clinics.models import Appointment, Clinic
from clinics.permissions import Action
from writebacks import refusals
from writebacks.appointment_serializers import (
    BookingSerializer,
    ReschedulingSerializer,
    StatusSerializer,
)
from writebacks.asking import Ask, ask, documented
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.requests import Booking, Cancellation, NewPatient
from writebacks.services import Conflict
from writebacks.states import Status


class AppointmentViewSet(AppointmentReadViewSet):
    """The clinic's appointments; a change is asked for and becomes true once the PMS says so."""

    needs = {
        "list": Action.VIEW_PATIENTS,
        "retrieve": Action.VIEW_PATIENTS,
        "create": Action.BOOK,
        "update": Action.BOOK,
        "destroy": Action.BOOK,
        "set_status": Action.BOOK,
    }
    error_answers = {
        "create": (*refusals.ALWAYS, *refusals.TIME, refusals.EARLIER_FAILED),
        "update": (
            *refusals.ALWAYS,
            *refusals.TIME,
            refusals.APPOINTMENT_VOID,
            refusals.APPOINTMENT_OVER,
            refusals.APPOINTMENT_PAST,
        ),
        "destroy": (
            *refusals.ALWAYS,
            refusals.APPOINTMENT_VOID,
            refusals.APPOINTMENT_OVER,
            refusals.APPOINTMENT_PAST,
            refusals.BEING_CHANGED,
        ),
        "set_status": (*refusals.ALWAYS, refusals.APPOINTMENT_VOID),
    }

    @documented("book_appointment", BookingSerializer)
    def create(self, request: Request, clinic_pk: str) -> Response:
        """Ask for an appointment.

        Answers at once with a writeback; follow its `Location` until `status` is `completed`:
        only then the appointment stands in the PMS. With `new_patient` there are two writebacks:
        the answer is the booking's, and its `after` is the one that registers the patient.
        """

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            form = ask.read(BookingSerializer, request.data)
            booking = form.booking()
            if not form.validated_data["outside_hours"]:
                ask.keep_to_hours(booking)
            if person := form.registration():
                return _both(ask, person, booking)
            after = form.validated_data.get("after")
            if after and after.status in (Status.FAILED, Status.CANCELLED):
                raise Conflict("earlier_failed", f"The patient's writeback is {after.status}.")
            return ask.request(booking, after=after)

        return ask(request, self.get_clinic(), Operation.BOOK, carry_out)

    @documented("reschedule_appointment", ReschedulingSerializer)
    def update(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for another time of an appointment; what is left out stays as it is."""
        clinic = self.get_clinic()
        appointment = _appointment(clinic, pk)

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            form = ask.read(ReschedulingSerializer, request.data)
            asked = form.rescheduling(appointment)
            if not form.validated_data["outside_hours"]:
                ask.keep_to_hours(asked)
            return ask.request(asked)

        return ask(request, clinic, Operation.RESCHEDULE, carry_out, appointment=pk)

    @documented("cancel_appointment")
    def destroy(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for an appointment to be cancelled. It stays on record, as cancelled."""
        clinic = self.get_clinic()
        asked = Cancellation(appointment=_appointment(clinic, pk))
        return ask(
            request, clinic, Operation.CANCEL, lambda ask: ask.request(asked), appointment=pk
        )

    @documented("set_appointment_status", StatusSerializer)
    @action(detail=True, methods=["post"], url_path="status", url_name="status")
    def set_status(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for an appointment to be marked: the patient has confirmed it, is there, or did
        not come."""
        clinic = self.get_clinic()
        appointment = _appointment(clinic, pk)

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            return ask.request(ask.read(StatusSerializer, request.data).status_change(appointment))

        return ask(request, clinic, Operation.SET_STATUS, carry_out, appointment=pk)


def _appointment(clinic: Clinic, pk: str) -> Appointment:
    appointments = Appointment.objects.present().select_related(
        "patient", "practitioner", "operatory", "location"
    )
    return get_object_or_404(appointments, clinic=clinic, pk=pk)


def _both(ask: Ask, person: NewPatient, booking: Booking) -> tuple[Writeback, bool]:
    """Write down that a patient is to be registered, and their booking after that; or neither."""
    with transaction.atomic():
        registration, _ = ask.request(person, by_us=True)
        writeback, is_new = ask.request(booking, after=registration)
        if not is_new:
            # The same key was quicker by an instant, and has its own patient.
            transaction.set_rollback(True)
    return writeback, is_new
