"""REST: a clinic's numbers, and having them made newer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseNotModified
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status, viewsets
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from clinics import access
from clinics.api import OfClinic
from clinics.authorization import require
from clinics.models import Clinic
from clinics.permissions import Action
from integrations.refusals import ClinicNotConnected
from metrics import refusals, tasks
from metrics.freshness import Freshness
from metrics.questions import MetricsQuestion, OverviewQuestion
from metrics.reading import age_of, look_up
from metrics.refreshing import refresh
from metrics.serializers import MetricsAnswerSerializer, OverviewSerializer, RefreshSerializer
from sync.api import asker, organization

SINCE = OpenApiParameter(
    "If-None-Match",
    location=OpenApiParameter.HEADER,
    description="The `ETag` of an answer that is at hand: 304 while it holds.",
)
UNCHANGED = OpenApiResponse(description="Nothing but `dataAgeSeconds` would be different.")
#: Clinics with what their numbers depend on, in one query.
CLINICS = Clinic.objects.select_related("metrics_standing", "metrics_preferences")


class MetricsViewSet(OfClinic):
    """The numbers of one clinic."""

    needs = {"retrieve": Action.VIEW_METRICS, "refresh": Action.SYNC}
    error_answers = {
        "retrieve": (refusals.NotCountedYet,),
        "refresh": (ClinicNotConnected, refusals.RefreshedJustNow, refusals.ApiUnavailable),
    }
    clinics = CLINICS
    queryset = Clinic.objects.none()
    serializer_class = MetricsAnswerSerializer

    @extend_schema(
        operation_id="clinic_metrics",
        parameters=[MetricsQuestion, SINCE],
        responses={200: MetricsAnswerSerializer, 304: UNCHANGED},
    )
    def retrieve(self, request: Request, clinic_pk: str) -> HttpResponse:
        """Tell a clinic's numbers in a period, and how current they are.

        They are as current as `status` says. 503 before they were first added up.
        """
        clinic, asked = self._asked(request)
        answer = look_up([clinic], asked, timezone.now())
        (reading,) = answer.readings
        if reading.is_outdated:
            tasks.ask(clinic.pk)
        if reading.standing is None:
            raise refusals.NotCountedYet
        return _unless_unchanged(request, answer.tag(), lambda: answer.told()[0])

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
            numbers = {}
            if access.of(request).may(Action.VIEW_METRICS, clinic):
                (numbers,) = look_up([clinic], asked, now).told()
            return {
                "last_updated": found.last_updated.isoformat() if found.last_updated else None,
                "data_age_minutes": None if age is None else age // 60,
                "period": numbers.get("period"),
                "metrics": numbers.get("metrics"),
            }

        with refusals.over_rest(now, fallback):
            done = refresh(clinic, asker(request), now)
        url = reverse("sync-run-detail", [done.run.pk], request=request)
        answer = {
            "clinicId": str(clinic.pk),
            "runId": str(done.run.pk),
            "runStatus": done.run.status,
            "statusUrl": url,
            "isNew": done.is_new,
            **age_of(done.freshness, now),
        }
        return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": url})

    def _asked(self, request: Request) -> tuple[Clinic, dict[str, Any]]:
        """Return the clinic and a valid question, or refuse the request."""
        form = MetricsQuestion(data=request.query_params.dict())
        clinic = self.get_clinic()
        form.is_valid(raise_exception=True)
        return clinic, form.validated_data


class OverviewViewSet(viewsets.GenericViewSet[Clinic]):
    """The numbers of an organization's clinics."""

    needs = Action.VIEW_METRICS
    queryset = Clinic.objects.none()
    serializer_class = OverviewSerializer
    page_order = ("pk",)

    @extend_schema(
        operation_id="organization_metrics",
        parameters=[OverviewQuestion, SINCE],
        responses={200: OverviewSerializer, 304: UNCHANGED},
    )
    def retrieve(self, request: Request, organization_pk: str) -> HttpResponse:
        """Tell the numbers of all clinics of an organization that this login may see, by pages.

        Each in the period of its own calendar.
        """
        form = OverviewQuestion(data=request.query_params.dict())
        clinics = self._clinics(request, organization_pk)
        form.is_valid(raise_exception=True)
        asked = form.validated_data
        if "clinics" in asked:
            clinics = _chosen(clinics, asked["clinics"])
        answer = look_up(self.paginate_queryset(clinics) or (), asked, timezone.now())
        paginator: Any = self.paginator
        links = {"next": paginator.get_next_link(), "previous": paginator.get_previous_link()}
        return _unless_unchanged(
            request,
            answer.tag(*links.values()),
            lambda: {"organizationId": str(organization_pk), **links, "results": answer.told()},
        )

    def _clinics(self, request: Request, organization_pk: str) -> QuerySet[Clinic]:
        """Return those that the login may see the numbers of; none at all is a refusal."""
        owner, found = organization(request, organization_pk), access.of(request)
        if not any(
            each.organization_id == owner.pk and self.needs in each.actions
            for each in found.holdings
        ):
            require(request, self.needs, owner)
        return found.visible(CLINICS.filter(organization=owner), self.needs)


def _chosen(clinics: QuerySet[Clinic], ids: tuple[UUID, ...]) -> QuerySet[Clinic]:
    """Return these of the clinics, or refuse the request for one that is not among them."""
    chosen = clinics.filter(pk__in=ids)
    unknown = set(ids) - set(chosen.values_list("pk", flat=True))
    if unknown:
        words = ", ".join(sorted(map(str, unknown))[:5])
        raise NotFound(f"There is no such clinic in this organization: {words}.")
    return chosen


def _unless_unchanged(
    request: Request, tag: str, answer: Callable[[], dict[str, Any]]
) -> HttpResponse:
    """Answer 304 to who has it already; only else is the answer made."""
    held = parse_etags(request.headers.get("If-None-Match", ""))
    unchanged = held == ["*"] or any(each.removeprefix("W/") == tag[2:] for each in held)
    response: HttpResponse = HttpResponseNotModified() if unchanged else Response(answer())
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Authorization", "Cookie"))
    return response
