"""REST: a clinic's numbers."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response, patch_vary_headers
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from clinics.api import OfClinic
from clinics.models import Clinic
from clinics.permissions import Action
from metrics import refusals, tasks
from metrics.questions import MetricsQuestion
from metrics.reading import Reading
from metrics.serializers import MetricsAnswerSerializer


class MetricsViewSet(OfClinic):
    """The numbers of one clinic."""

    needs = Action.VIEW_METRICS
    error_answers = {"retrieve": (refusals.NotCountedYet,)}
    clinics = Clinic.objects.select_related("metrics_standing", "metrics_preferences")
    queryset = Clinic.objects.none()
    serializer_class = MetricsAnswerSerializer

    @extend_schema(
        operation_id="clinic_metrics",
        parameters=[MetricsQuestion],
        responses={200: MetricsAnswerSerializer},
    )
    def retrieve(self, request: Request, clinic_pk: str) -> HttpResponse:
        """Tell a clinic's numbers in a period, and how current they are."""
        form = MetricsQuestion(data=request.query_params.dict())
        clinic = self.get_clinic()
        form.is_valid(raise_exception=True)
        now = timezone.now()
        reading = Reading.of(clinic, form.validated_data, now)
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
