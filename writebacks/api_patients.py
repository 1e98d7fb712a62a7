"""REST: asking for patients, and for changes of their records."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.models import Clinic, Patient
from clinics.permissions import Action
from integrations.live_api import PatientViewSet as PatientReadViewSet
from writebacks import refusals
from writebacks.asking import Ask, ask, documented
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.patient_serializers import (
    NewPatientSerializer,
    NoteSerializer,
    PatientChangeSerializer,
    PaymentSerializer,
)


class PatientViewSet(PatientReadViewSet):
    """The clinic's patients; a change is asked for and becomes true once the PMS says so."""

    needs = {
        **PatientReadViewSet.needs,
        "create": Action.BOOK,
        "partial_update": Action.BOOK,
        "add_note": Action.BOOK,
        "record_payment": Action.BOOK,
    }
    error_answers = {
        **PatientReadViewSet.error_answers,
        "create": refusals.ALWAYS,
        "partial_update": refusals.ALWAYS,
        "add_note": refusals.ALWAYS,
        "record_payment": refusals.ALWAYS,
    }

    @documented("create_patient", NewPatientSerializer)
    def create(self, request: Request, clinic_pk: str) -> Response:
        """Ask for a patient to be registered.

        A first appointment can be asked for at once: with `after`, the id of this writeback.
        """

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            return ask.request(ask.read(NewPatientSerializer, request.data).new_patient())

        return ask(request, self.get_clinic(), Operation.CREATE_PATIENT, carry_out)

    @documented("update_patient", PatientChangeSerializer)
    def partial_update(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for a change of who somebody is, or of how to reach them."""
        clinic = self.get_clinic()
        patient = _patient(clinic, pk)

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            form = ask.read(PatientChangeSerializer, request.data)
            return ask.request(form.patient_change(patient))

        return ask(request, clinic, Operation.UPDATE_PATIENT, carry_out, patient=pk)

    @documented("add_note", NoteSerializer)
    @action(detail=True, methods=["post"], url_path="notes", url_name="note")
    def add_note(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for a note to be put into a patient's record."""
        clinic = self.get_clinic()
        patient = _patient(clinic, pk)

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            return ask.request(ask.read(NoteSerializer, request.data).note(patient))

        return ask(request, clinic, Operation.ADD_NOTE, carry_out, patient=pk)

    @documented("record_payment", PaymentSerializer)
    @PatientReadViewSet.payments.mapping.post  # of the same address as the payments to be read
    def record_payment(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask for money that a patient has paid to be recorded. Moves no money."""
        clinic = self.get_clinic()
        patient = _patient(clinic, pk)

        def carry_out(ask: Ask) -> tuple[Writeback, bool]:
            return ask.request(ask.read(PaymentSerializer, request.data).payment(patient))

        return ask(request, clinic, Operation.RECORD_PAYMENT, carry_out, patient=pk)


def _patient(clinic: Clinic, pk: str) -> Patient:
    return get_object_or_404(Patient.objects.present(), clinic=clinic, pk=pk)
