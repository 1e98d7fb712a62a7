"""REST: what a clinic's PMS is asked at once, since somebody waits for the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from audit import reads
from audit.models import Action as Read
from clinics.api import OfClinic
from clinics.api import PatientViewSet as PatientReadViewSet
from clinics.models import Patient
from clinics.permissions import Action
from integrations import free_times, live, patient_search, refusals
from integrations.contract import Adapter
from integrations.live_serializers import (
    AvailabilityQuestion,
    AvailabilitySerializer,
    BalanceSerializer,
    CoveragesSerializer,
    FoundPatientsSerializer,
    PatientQuestion,
    PaymentsSerializer,
)
from integrations.patient_search import Source, Whom
from integrations.profiles import profile_of
from integrations.queries import Ability


class AvailabilityViewSet(OfClinic):
    """When a clinic's practitioners are free, by its PMS's own list."""

    needs = Action.VIEW_CLINICS
    error_answers = {"list": (refusals.ClinicNotConnected, *refusals.OF_A_CALL)}
    serializer_class = AvailabilitySerializer

    @extend_schema(
        operation_id="availability",
        parameters=[AvailabilityQuestion],
        responses={200: AvailabilitySerializer},
    )
    def list(self, request: Request, clinic_pk: str) -> Response:
        """Ask the PMS when a practitioner is free; what it told is told again for some seconds.

        A booking that is still on its way to the PMS is not in its list yet.
        """
        clinic, now = self.get_clinic(), timezone.now()
        form = AvailabilityQuestion(
            data=request.query_params.dict(), context={"clinic": clinic, "now": now}
        )
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        with refusals.over_rest(timezone.now):
            integration = live.integration_of(clinic)
            told = free_times.told(integration, form.question(), timezone.now)
        kind = asked.get("appointment_type")
        answer = {
            "source": "not_told" if told.times is None else "pms",
            "asked_at": told.asked_at,
            "practitioner": asked["practitioner"].pk,
            "location": asked["location"].pk,
            "appointment_type": kind.pk if kind else None,
            "free_times": told.times and [each for each in told.times if each.starts_at > now],
        }
        return Response(AvailabilitySerializer(answer).data)


class PatientViewSet(PatientReadViewSet):
    """The clinic's patients, and what its PMS itself says of one now."""

    needs: Any = {
        "list": Action.VIEW_PATIENTS,
        "retrieve": Action.VIEW_PATIENTS,
        "search": Action.VIEW_PATIENTS,
        "balance": Action.VIEW_PATIENTS,
        "payments": Action.VIEW_PATIENTS,
        "coverages": Action.VIEW_PATIENTS,
    }
    error_answers: dict[str, Iterable[Any]] = {
        "search": refusals.OF_A_CALL,
        **dict.fromkeys(
            ("balance", "payments", "coverages"),
            (refusals.NotOffered, refusals.ClinicNotConnected, *refusals.OF_A_CALL),
        ),
    }

    @extend_schema(
        operation_id="search_patients",
        parameters=[PatientQuestion],
        responses={200: FoundPatientsSerializer},
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def search(self, request: Request, clinic_pk: str) -> Response:
        """Find who has this number or address, or this name and birth date.

        In our own copy first; where it has nobody, in the PMS itself, if that can be asked. An
        answer that cannot be had from the PMS now is an error: nobody found would be a guess.
        """
        clinic = self.get_clinic()
        form = PatientQuestion(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        try:
            with refusals.over_rest(timezone.now):
                found = patient_search.find(clinic, Whom(**form.validated_data), timezone.now)
        except ValueError:
            named = next(iter(form.validated_data))
            message = "This is nothing that anybody could be found by."
            raise ValidationError({named: [message]}) from None
        except APIException:
            # The PMS did not answer, yet somebody was looked for.
            self._note(form, [], Source.PMS)
            raise
        self._note(form, found.patients, found.source)
        return Response(
            FoundPatientsSerializer({"source": found.source, "results": found.patients}).data
        )

    @extend_schema(operation_id="patient_balance", responses={200: BalanceSerializer})
    @action(detail=True, methods=["get"])
    def balance(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask the PMS what the patient owes now."""

        def answer(adapter: Adapter, patient_id: str) -> dict[str, Any]:
            told = adapter.balance(patient_id)
            return {
                "amount": told.amount if told else None,
                "as_of": told.as_of if told else None,
            }

        found = self._ask(Ability.BALANCE, "what a patient owes", answer, has_money=True)
        return Response(BalanceSerializer(found).data)

    @extend_schema(operation_id="patient_payments", responses={200: PaymentsSerializer})
    @action(detail=True, methods=["get"], url_path="payments", url_name="payment")
    def payments(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask the PMS what the patient has paid."""
        found = self._ask(
            Ability.PAYMENTS,
            "what a patient has paid",
            lambda adapter, patient_id: {"results": adapter.payments(patient_id)},
            has_money=True,
        )
        return Response(PaymentsSerializer(found).data)

    @extend_schema(operation_id="patient_coverages", responses={200: CoveragesSerializer})
    @action(detail=True, methods=["get"])
    def coverages(self, request: Request, clinic_pk: str, pk: str) -> Response:
        """Ask the PMS by whom the patient is insured."""
        found = self._ask(
            Ability.COVERAGES,
            "how a patient is insured",
            lambda adapter, patient_id: {"results": adapter.coverages(patient_id)},
        )
        return Response(CoveragesSerializer(found).data)

    def _ask(
        self,
        ability: Ability,
        what: str,
        answer: Callable[[Adapter, str], dict[str, Any]],
        *,
        has_money: bool = False,
    ) -> dict[str, Any]:
        patient: Patient = self.get_object()
        with refusals.over_rest(timezone.now, what):
            integration = live.integration_of(self.get_clinic())
            adapter = live.adapter_for(integration, ability, timezone.now)
            asked_at = timezone.now()
            found = answer(adapter, patient.external_id)
        money = {"currency": profile_of(integration).currency} if has_money else {}
        return {"asked_at": asked_at, **money, **found}

    def _note(self, form: PatientQuestion, rows: list[Patient], source: Source) -> None:
        """Note the search: by which parameters, never their values."""
        asked = sorted(form.validated_data)
        reads.record(
            Read.SEARCH, Patient, rows, patient="pk", narrowed_by=asked, source=str(source)
        )
