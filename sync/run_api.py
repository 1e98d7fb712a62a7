"""REST: the runs of the sync, and what can be done about them."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from clinics import access
from clinics.api import NarrowedList
from clinics.authorization import needed, require
from clinics.models import User
from clinics.permissions import Action
from sync import holding, refusals, requesting
from sync.api import with_all
from sync.models import SyncRun
from sync.serializers import RunDetailSerializer, RunFilters, RunSerializer


@extend_schema_view(list=extend_schema(parameters=[RunFilters]))
class RunViewSet(NarrowedList, mixins.RetrieveModelMixin):
    """Syncs of the clinics that this login may see, newest first."""

    needs = {
        "list": Action.VIEW_CLINICS,
        "retrieve": Action.VIEW_CLINICS,
        "cancel": Action.SYNC,
        "accept": Action.MANAGE_CONNECTIONS,
    }
    error_answers = {
        "cancel": (refusals.SyncEnded,),
        "accept": (refusals.NotHeld, refusals.NotNewest, refusals.SyncRunning),
    }
    filters = RunFilters
    lookup_value_converter = "uuid"
    queryset = SyncRun.objects.none()

    def get_queryset(self) -> QuerySet[SyncRun]:
        runs = with_all(SyncRun.objects.all())
        return access.of(self.request).visible(runs, Action.VIEW_CLINICS)

    def get_serializer_class(self) -> type[RunSerializer]:
        return RunDetailSerializer if self.detail else RunSerializer

    @extend_schema(operation_id="cancel_sync", request=None, responses={200: RunDetailSerializer})
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """End a sync that has not ended. What it has stored stays."""
        run = self._steered()
        if not requesting.cancel(run, timezone.now()):
            raise refusals.SyncEnded
        return Response(self.get_serializer(self.get_queryset().get(pk=run.pk)).data)

    @extend_schema(
        operation_id="accept_held_sync", request=None, responses={202: RunDetailSerializer}
    )
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: str) -> Response:
        """Say that what a held sync did not find really is gone from the PMS.

        For clinic admins, who have looked there, and not for programs. Answers with a new full
        sync, which marks as removed what it does not find either.
        """
        run = self._steered()
        require(request, Action.SYNC, run)
        if not isinstance(request.user, User):
            raise PermissionDenied("No API key may accept: a person has to look.", "not_for_keys")
        try:
            made = holding.accept(run, timezone.now(), user=request.user)
        except requesting.Running as error:
            raise refusals.SyncRunning([error.run]) from None
        except holding.CannotAccept as error:
            raise refusals.InTheWay(error.message, error.code) from None
        return Response(
            self.get_serializer(self.get_queryset().get(pk=made.pk)).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": reverse("sync-run-detail", [made.pk], request=request)},
        )

    def _steered(self) -> SyncRun:
        run: SyncRun = self.get_object()
        require(self.request, needed(self), run)
        return run
