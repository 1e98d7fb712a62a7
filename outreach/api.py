"""REST: whom to call today, what came of it, and whether it worked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import Program
from audit.reads import AuditedReads
from clinics.api import NarrowedList, OfClinic
from clinics.models import User
from clinics.permissions import Action
from metrics.calendar import WrongPeriod, between
from outreach import calling, conversion, refreshing, refusals
from outreach.models import CallTask
from outreach.outcomes import Outcome
from outreach.serializers import (
    CallDetailSerializer,
    CallFilters,
    CallSerializer,
    ConversionFilters,
    ConversionSerializer,
    OutcomeSerializer,
    SnoozeSerializer,
)
from outreach.showing import of_clinic, on_list, shown

#: Days whose calls are counted where no dates are given, today included.
USUAL_DAYS = 90


@extend_schema_view(
    list=extend_schema(operation_id="list_calls", parameters=[CallFilters]),
    retrieve=extend_schema(operation_id="show_call"),
)
class CallViewSet(AuditedReads, OfClinic, NarrowedList, mixins.RetrieveModelMixin):
    """Whom a clinic is to call today, the most urgent first.

    The list is made anew each night at the clinic's 2 AM, or when somebody first looks at it on a
    day; who books meanwhile leaves it.
    """

    needs: Any = {
        "list": Action.VIEW_PATIENTS,
        "retrieve": Action.VIEW_PATIENTS,
        "outcome": Action.CALL_PATIENTS,
        "undo": Action.CALL_PATIENTS,
        "snooze": Action.CALL_PATIENTS,
        "conversion": Action.VIEW_METRICS,
    }
    error_answers = {
        "outcome": (refusals.CallHasOutcome, refusals.CallNotListed),
        "undo": (refusals.CallNotCalled,),
        "snooze": (refusals.CallHasOutcome, refusals.CallNotListed),
    }
    filters = CallFilters
    lookup_value_converter = "uuid"
    page_order = ("place", "pk")
    queryset = CallTask.objects.none()
    serializer_class = CallDetailSerializer

    def get_queryset(self) -> QuerySet[CallTask]:
        if getattr(self, "swagger_fake_view", False):
            return CallTask.objects.none()
        return of_clinic(self.get_clinic())

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        queryset = super().filter_queryset(queryset)
        if self.action != "list":
            return queryset
        clinic, now = self.get_clinic(), timezone.now()
        refreshing.look(clinic, now)
        if "status" in self.request.query_params:
            return queryset
        return queryset.filter(on_list(now.astimezone(clinic.zone).date()))

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Return the page's calls with what is known of their patients."""
        tasks = super().paginate_queryset(queryset) or []
        return shown(self.get_clinic(), tasks, timezone.now())

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one call, also one with an outcome."""
        (task,) = shown(self.get_clinic(), [self.get_object()], timezone.now())
        return Response(self.get_serializer(task).data)

    @extend_schema(
        operation_id="record_outcome",
        request=OutcomeSerializer,
        responses={200: CallSerializer},
    )
    @action(detail=True, methods=["post"])
    def outcome(self, request: Request, **kwargs: Any) -> Response:
        """Say what came of a call.

        Of two who say something at once, the second is refused with 409. The same said again by
        the same caller changes nothing.
        """
        task = self._task()
        said = _valid(OutcomeSerializer, request)
        with _refusing("call_again_on"):
            done = calling.record(
                task,
                Outcome(said["outcome"]),
                caller_of(request),
                timezone.now(),
                note=said.get("note", ""),
                again=said.get("call_again_on"),
            )
        return Response(CallSerializer(done).data)

    @extend_schema(operation_id="undo_outcome", request=None, responses={200: CallSerializer})
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, **kwargs: Any) -> Response:
        """Take an outcome back: the call is open again."""
        task = self._task()
        with _refusing():
            undone = calling.undo(task, timezone.now())
        return Response(CallSerializer(undone).data)

    @extend_schema(
        operation_id="snooze_call", request=SnoozeSerializer, responses={200: CallSerializer}
    )
    @action(detail=True, methods=["post"])
    def snooze(self, request: Request, **kwargs: Any) -> Response:
        """Keep a call off the list until a date, without a call having been made."""
        task = self._task()
        said = _valid(SnoozeSerializer, request)
        with _refusing("until"):
            snoozed = calling.snooze(task, said["until"], timezone.now())
        return Response(CallSerializer(snoozed).data)

    @extend_schema(
        operation_id="show_conversion",
        parameters=[ConversionFilters],
        responses={200: ConversionSerializer},
    )
    @action(detail=False, methods=["get"], pagination_class=None)
    def conversion(self, request: Request, **kwargs: Any) -> Response:
        """Return how many of the patients reached have a new appointment within 14 days."""
        clinic, now = self.get_clinic(), timezone.now()
        asked = ConversionFilters(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        today = now.astimezone(clinic.zone).date()
        first = asked.validated_data.get("start_date", today - timedelta(days=USUAL_DAYS - 1))
        last = asked.validated_data.get("end_date", today)
        try:
            period = between(first, last)
        except WrongPeriod as error:
            raise ValidationError({"end_date": [str(error)]}) from None
        found = conversion.of(clinic, period, now)
        counted = {
            "start_date": first,
            "end_date": last,
            "reached": found.reached,
            "decided": found.decided,
            "converted": found.converted,
            "booked": found.booked,
            "percentage": found.percentage,
            "is_enough": found.is_enough,
            "minimum": conversion.MINIMUM,
        }
        return Response(ConversionSerializer(counted).data)

    def _task(self) -> CallTask:
        """Return the call of the address; nothing of its patient is shown."""
        tasks = CallTask.objects.filter(clinic=self.get_clinic())
        return get_object_or_404(tasks.select_related("clinic", "patient"), pk=self.kwargs["pk"])


def caller_of(request: Any) -> calling.Caller:
    """Return who asks: a person, or a program by its key."""
    if isinstance(request.user, Program):
        return calling.Caller(key=request.user.key)
    return calling.Caller(user=request.user if isinstance(request.user, User) else None)


def _valid(serializer: type[Any], request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return asked.validated_data


@contextmanager
def _refusing(date_field: str = "") -> Iterator[None]:
    """Answer what cannot be done: 400 for a date that cannot be, 409 for what is in the way."""
    try:
        yield
    except calling.WrongDate as error:
        raise ValidationError({date_field: [error.message]}) from None
    except calling.Refused as error:
        raise refusals.InTheWay(error.message, error.code) from None
