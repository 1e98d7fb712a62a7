"""REST: a clinic's numbers, and having them made newer."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from clinics import access
from clinics.api import OfClinic
from clinics.models import Clinic
from clinics.permissions import Action
from integrations.refusals import ClinicNotConnected
from metrics import refusals, tasks
from metrics.freshness import Freshness
from metrics.questions import MetricsQuestion
from metrics.reading import Reading, age_of
from metrics.refreshing import refresh
from metrics.serializers import MetricsAnswerSerializer, RefreshSerializer
from sync.api import asker


class MetricsViewSet(OfClinic):
    """The numbers of one clinic."""

    needs = {"retrieve": Action.VIEW_METRICS, "refresh": Action.SYNC}
    error_answers = {
        "retrieve": (refusals.NotCountedYet,),
        "refresh": (ClinicNotConnected, refusals.RefreshedJustNow, refusals.ApiUnavailable),
    }
    clinics = Clinic.objects.select_related("metrics_standing", "metrics_preferences")
    queryset = Clinic.objects.none()
    serializer_class = MetricsAnswerSerializer

    @extend_schema(
        operation_id="clinic_metrics",
        parameters=[MetricsQuestion],
        responses={200: MetricsAnswerSerializer},
    )
    def retrieve(self, request: Request, clinic_pk: str) -> HttpResponse:
        """Tell a clinic's numbers in a period, and how current they are.

        With `If-None-Match` a 304 where nothing but `dataAgeSeconds` would be different.
        """
        clinic, asked = self._asked(request)
        now = timezone.now()
        reading = Reading.of(clinic, asked, now)
        if reading is None or reading.standing.is_outdated:
            tasks.ask(clinic.pk)
        if reading is None:
            raise refusals.NotCountedYet
        tag = reading.etag
        unchanged = get_conditional_response(request._request, etag=tag)
        answer: HttpResponse = unchanged or Response(reading.as_json(now))
        answer["ETag"] = tag
        answer["Cache-Control"] = "private, no-cache"
        patch_vary_headers(answer, ("Authorization", "Cookie"))
        return answer

    @extend_schema(
        operation_id="refresh_clinic_metrics",
        request=None,
        parameters=[MetricsQuestion],
        responses={202: RefreshSerializer},
    )
    def refresh(self, request: Request, clinic_pk: str) -> Response:
        """Have the clinic's appointments read from its PMS now, with calls kept for people.

        The numbers follow by themselves. Where a sync is under way already, it is that one which
        is answered. The parameters choose the numbers of `fallback_data`.
        """
        clinic, asked = self._asked(request)
        now = timezone.now()

        def fallback(found: Freshness) -> dict[str, Any]:
            age = found.age_seconds(now)
            reading = None
            if access.of(request).may(Action.VIEW_METRICS, clinic):
                reading = Reading.of(clinic, asked, now)
            told = reading.as_json(now) if reading else {}
            return {
                "last_updated": found.last_updated.isoformat() if found.last_updated else None,
                "data_age_minutes": None if age is None else age // 60,
                "period": told.get("period"),
                "metrics": told.get("metrics"),
            }

        with refusals.over_rest(now, fallback):
            done = refresh(clinic, asker(request), now)
        url = reverse("sync-run-detail", [done.run.pk], request=request)
        told = {
            "clinicId": str(clinic.pk),
            "runId": str(done.run.pk),
            "runStatus": done.run.status,
            "statusUrl": url,
            "isNew": done.is_new,
            **age_of(done.freshness, now),
        }
        return Response(told, status=status.HTTP_202_ACCEPTED, headers={"Location": url})

    def _asked(self, request: Request) -> tuple[Clinic, dict[str, Any]]:
        """Return the clinic and a valid question, or refuse the request."""
        form = MetricsQuestion(data=request.query_params.dict())
        clinic = self.get_clinic()
        form.is_valid(raise_exception=True)
        return clinic, form.validated_data
