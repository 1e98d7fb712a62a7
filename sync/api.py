"""REST: asking for syncs, and how current each clinic's copy is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from accounts.authentication import Program
from clinics import access
from clinics.authorization import require
from clinics.models import Clinic, Organization, User
from clinics.permissions import Action
from integrations import registry
from integrations.models import Integration
from integrations.queries import Resource
from integrations.refusals import ClinicNotConnected
from sync import refusals
from sync.asking import ask
from sync.models import SyncRun
from sync.requesting import Wanted
from sync.serializers import (
    AskedSerializer,
    AskSerializer,
    OwnAskSerializer,
    PmsAskSerializer,
)
from sync.standing import standings
from sync.states import DEPRECATED, Mode
from sync.status_serializers import PmsStatusQuestion, PmsStatusSerializer, StatusSerializer

#: What can be asked for of all of one's clinics.
OWN: Final[dict[str, dict[str, Any]]] = {
    "clients": {"only": (Resource.PATIENTS,)},
    "appointments": {"only": (Resource.APPOINTMENTS,)},
    "all": {},
    "force": {"is_forced": True},
}
#: Since when the deprecated modes are, as RFC 9745 has it told.
DEPRECATED_SINCE: Final = datetime(2026, 11, 22, tzinfo=UTC)
#: Runs that `include_logs` tells.
LOGS: Final = 50

ANSWERS = {
    200: AskedSerializer,
    202: AskedSerializer,
}
WHAT = OpenApiParameter(
    "what",
    location=OpenApiParameter.PATH,
    enum=list(OWN),
    description="`clients`: changed patients. `appointments`: changed appointments. `all`: both. "
    "`force`: both, however recently they were read.",
)


PAGING = [
    OpenApiParameter("cursor", description="As `next` and `previous` have it."),
    OpenApiParameter("page_size", type=int, description="Clinics of a page, up to 200."),
]


def connected(request: Request, action: Action) -> QuerySet[Integration]:
    """Return the integrations with which the login may do this."""
    return access.of(request).visible(Integration.objects.select_related("clinic"), action)


class SyncViewSet(viewsets.GenericViewSet[Integration]):
    """Asking for syncs. Answers at once; follow the runs until they have ended."""

    needs = Action.SYNC
    error_answers = {
        "of_pms": (refusals.UnknownPms, ClinicNotConnected, refusals.SyncRunning),
        "of_own": (ClinicNotConnected, refusals.SyncRunning),
    }
    queryset = Integration.objects.none()
    serializer_class = AskedSerializer

    @extend_schema(
        operation_id="sync_pms", request=None, parameters=[PmsAskSerializer], responses=ANSWERS
    )
    def of_pms(self, request: Request, pms: str, organization_pk: str) -> Response:
        """Ask for a sync of an organization's clinics that have this PMS.

        202 with the runs that were made; 200 where each clinic was read too recently to be read
        again without force; 409 where a sync of each is under way.
        """
        known(pms)
        rows = Integration.objects.filter(organization=organization(request, organization_pk))
        form = PmsAskSerializer(data=request.query_params.dict())
        chosen = _chosen(request, rows.filter(pms=pms))
        form.is_valid(raise_exception=True)
        said = form.validated_data
        mode = Mode(said["mode"])
        wanted = Wanted(
            mode=mode,
            is_full=said["force_full"],
            is_forced=said["force"] or said["force_full"],
            only=(Resource.PATIENTS,) if mode is Mode.PATIENTS_ONLY else (),
            **asker(request),
        )
        answer = _answer(request, chosen, wanted)
        if mode in DEPRECATED:
            answer["Deprecation"] = f"@{int(DEPRECATED_SINCE.timestamp())}"
        return answer

    @extend_schema(
        operation_id="sync_own",
        request=None,
        parameters=[WHAT, OwnAskSerializer],
        responses=ANSWERS,
    )
    def of_own(self, request: Request, what: str) -> Response:
        """Ask for a sync of all clinics of one's own organization, whatever their PMS.

        Answers as the sync of one PMS does.
        """
        form = OwnAskSerializer(data=request.query_params.dict())
        form.is_valid(raise_exception=True)
        rows = Integration.objects.all()
        if asked := form.validated_data.get("organization"):
            rows = rows.filter(organization=organization(request, str(asked)))
        return _answer(request, _chosen(request, rows), Wanted(**OWN[what], **asker(request)))


class StatusViewSet(viewsets.GenericViewSet[Integration]):
    """How current each clinic's copy is, when it will be read again, and how its runs fared."""

    needs = Action.VIEW_CLINICS
    error_answers = {"of_pms": (refusals.UnknownPms,)}
    queryset = Integration.objects.none()
    serializer_class = StatusSerializer
    page_order = ("pk",)

    @extend_schema(
        operation_id="sync_status_of_pms",
        parameters=[PmsStatusQuestion, *PAGING],
        responses={200: PmsStatusSerializer},
    )
    def of_pms(self, request: Request, pms: str, organization_pk: str) -> Response:
        """Tell how current the copies of an organization's clinics with this PMS are."""
        known(pms)
        form = PmsStatusQuestion(data=request.query_params.dict())
        owner = organization(request, organization_pk)
        form.is_valid(raise_exception=True)
        rows = connected(request, self.needs).filter(organization=owner, pms=pms)
        told = self._told(rows)
        if form.validated_data["include_logs"]:
            runs = SyncRun.objects.filter(integration__in=rows)
            told["logs"] = with_all(runs).order_by("-created_at", "-pk")[:LOGS]
        return Response(PmsStatusSerializer(told).data)

    @extend_schema(operation_id="sync_status", parameters=PAGING, responses={200: StatusSerializer})
    def of_own(self, request: Request) -> Response:
        """Tell how current the copies of all clinics are that this login may see."""
        return Response(StatusSerializer(self._told(connected(request, self.needs))).data)

    def _told(self, rows: QuerySet[Integration]) -> dict[str, Any]:
        page = self.paginate_queryset(rows)
        paginator: Any = self.paginator
        seen = access.of(self.request).scope.organizations
        return {
            "next": paginator.get_next_link(),
            "previous": paginator.get_previous_link(),
            "scheduler_enabled": settings.ENABLE_SYNC_SCHEDULER,
            "results": standings(page or (), timezone.now(), seen),
        }


def known(pms: str) -> None:
    """Refuse a PMS that is not in the registry."""
    if pms not in registry.ADAPTERS:
        raise refusals.UnknownPms


def organization(request: Request, pk: str) -> Organization:
    """Return an organization that this login has to do with, or refuse the request."""
    found = access.of(request)
    organizations = Organization.objects.all()
    if not found.is_operator:
        organizations = organizations.filter(pk__in=found.scope.organizations)
    return get_object_or_404(organizations, pk=pk)


def with_all(runs: QuerySet[SyncRun]) -> QuerySet[SyncRun]:
    """Return runs with all that is told of them."""
    return runs.select_related("checkpoint", "integration", "clinic", "requested_by")


def _chosen(request: Request, rows: QuerySet[Integration]) -> list[Integration]:
    """Return those of the integrations that a sync is asked for, or refuse the request."""
    found = access.of(request)
    if asked := _clinic(request):
        clinics = found.visible(Clinic.objects.all(), Action.VIEW_CLINICS)
        clinic = get_object_or_404(clinics, pk=asked)
        require(request, Action.SYNC, clinic)
        rows = rows.filter(clinic=clinic)
    rows = rows.select_related("clinic").order_by("pk")
    if able := list(found.visible(rows, Action.SYNC)):
        return able
    if seen := found.visible(rows, Action.VIEW_CLINICS).first():
        require(request, Action.SYNC, seen)
    raise ClinicNotConnected("None of these clinics is connected to such a PMS yet.")


def _clinic(request: Request) -> str | None:
    form = AskSerializer(data=request.query_params.dict())
    form.is_valid(raise_exception=True)
    return form.validated_data.get("clinic")


def asker(request: Request) -> dict[str, Any]:
    """Return who asks, as a wanted run has it: a person or a program's key."""
    user = request.user
    return {
        "user": user if isinstance(user, User) else None,
        "key": user.key if isinstance(user, Program) else None,
    }


def _answer(request: Request, rows: list[Integration], wanted: Wanted) -> Response:
    asked = ask(rows, wanted, timezone.now())
    if asked.running and not asked.made:
        raise refusals.SyncRunning(asked.running)
    told = {
        "runs": _fresh(asked.made),
        "skipped": [
            {"reason": reason, "run": run}
            for reason, runs in (("running", asked.running), ("too_soon", asked.too_soon))
            for run in _fresh(runs)
        ],
    }
    headers = {}
    if len(asked.made) == 1:
        headers["Location"] = reverse("sync-run-detail", [asked.made[0].pk], request=request)
    return Response(
        AskedSerializer(told).data,
        status=status.HTTP_202_ACCEPTED if asked.made else status.HTTP_200_OK,
        headers=headers,
    )


def _fresh(runs: list[SyncRun]) -> list[SyncRun]:
    """Return the runs as they stand now, with all that is told of them."""
    rows = with_all(SyncRun.objects.all()).in_bulk([run.pk for run in runs])
    return [rows[run.pk] for run in runs if run.pk in rows]
