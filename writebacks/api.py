"""REST: what became of the changes that were asked for, and what can be done about them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import Program
from audit.reads import AuditedReads
from clinics import access
from clinics.api import NarrowedList
from clinics.authorization import needed, require
from clinics.models import User
from clinics.permissions import Action
from writebacks import asking, refusals, requests, steering, waiting
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.serializers import (
    DecisionSerializer,
    WritebackDetailSerializer,
    WritebackFilters,
    WritebackSerializer,
    in_detail,
)

ANSWER = {202: WritebackDetailSerializer}


@extend_schema_view(
    list=extend_schema(parameters=[WritebackFilters]),
    retrieve=extend_schema(parameters=[waiting.PARAMETER]),
)
class WritebackViewSet(AuditedReads, NarrowedList, mixins.RetrieveModelMixin):
    """Changes asked for at the clinics that this login may see."""

    needs = {
        "list": Action.VIEW_WRITEBACKS,
        "retrieve": Action.VIEW_WRITEBACKS,
        "cancel": Action.BOOK,
        "retry": Action.BOOK,
        "reconcile": Action.BOOK,
        "decide": Action.BOOK,
    }
    error_answers = {
        "cancel": (refusals.CANNOT_WITHDRAW, refusals.MOVED_ON),
        "retry": (
            *refusals.ALWAYS,
            refusals.SlotTaken,
            refusals.NOT_FAILED,
            refusals.RETRIED_ALREADY,
            refusals.TIME_PASSED,
            refusals.EARLIER_FAILED,
            refusals.APPOINTMENT_VOID,
            refusals.APPOINTMENT_OVER,
            refusals.APPOINTMENT_PAST,
            refusals.BEING_CHANGED,
        ),
        "reconcile": (refusals.NOT_OPEN,),
        "decide": (refusals.NOT_UNCONFIRMED, refusals.MOVED_ON),
    }
    filters = WritebackFilters
    lookup_value_converter = "uuid"
    queryset = Writeback.objects.none()

    def get_queryset(self) -> QuerySet[Writeback]:
        found = access.of(self.request)
        writebacks = found.visible(Writeback.objects.all(), Action.VIEW_WRITEBACKS)
        if needed(self) is not Action.VIEW_WRITEBACKS:
            # A program that may only ask sees what it has asked for itself.
            asked = found.visible(Writeback.objects.all(), needed(self))
            if isinstance(self.request.user, Program):
                asked = asked.filter(requested_by_key=self.request.user.key)
            writebacks |= asked
        return in_detail(writebacks) if self.detail else writebacks

    def get_serializer_class(self) -> type[WritebackSerializer]:
        return WritebackDetailSerializer if self.detail else WritebackSerializer

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Show one with its timeline; with `wait`, as soon as its outcome is known."""
        seconds = waiting.seconds_asked(request)
        writeback: Writeback = self.get_object()
        if seconds:
            # Checks are the practice's calls: who may only look does not hurry them.
            if access.of(request).may(Action.BOOK, writeback):
                waiting.tell(writeback, waiting.until(timezone.now(), seconds))
            waiting.wait_for(writeback, seconds)
            writeback = in_detail(Writeback.objects).get(pk=writeback.pk)
        return Response(self.get_serializer(writeback).data)

    @extend_schema(operation_id="cancel_writeback", request=None, responses=ANSWER)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> Response:
        """Withdraw one: at once where it was not sent yet, else as soon as the PMS agrees.

        Not to be confused with the cancellation of an appointment.
        """
        writeback = self._steered()
        with refusals.over_rest():
            steering.withdraw(writeback, timezone.now(), _person(request))
        return asking.accepted(request, writeback)

    @asking.documented("retry_writeback")
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Ask for a failed or cancelled one again, as a new one that names the old as
        `retry_of`."""
        writeback = self._steered()

        def carry_out(ask: asking.Ask) -> tuple[Writeback, bool]:
            asked = requests.read(writeback.operation, writeback.clinic, writeback.command)
            with ask.offering_others(asked):
                again, is_new = steering.retry(writeback, ask.asker, ask.now)
            waiting.tell(again, ask.awaited_until)
            return again, is_new

        operation = Operation(writeback.operation)
        return asking.ask(request, writeback.clinic, operation, carry_out, retry_of=pk)

    @extend_schema(operation_id="reconcile_writeback", request=None, responses=ANSWER)
    @action(detail=True, methods=["post"])
    def reconcile(self, request: Request, pk: str) -> Response:
        """Have the PMS asked about a pending or unconfirmed one now, not when it is due."""
        writeback = self._steered()
        with refusals.over_rest():
            steering.look_again(writeback, timezone.now())
        return asking.accepted(request, writeback)

    @extend_schema(operation_id="decide_writeback", request=DecisionSerializer, responses=ANSWER)
    @action(detail=True, methods=["post"])
    def decide(self, request: Request, pk: str) -> Response:
        """Say what you found in the PMS of an unconfirmed one. For people, not for programs."""
        writeback = self._steered()
        person = _person(request)
        if person is None:
            raise PermissionDenied("No API key may decide: a person has to look.", "not_for_keys")
        form = DecisionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        said = form.validated_data
        with refusals.over_rest():
            steering.decide(writeback, said["decision"], said["reason"], timezone.now(), person)
        return asking.accepted(request, writeback)

    def _steered(self) -> Writeback:
        writeback: Writeback = self.get_object()
        require(self.request, needed(self), writeback)
        return writeback


def _person(request: Request) -> User | None:
    return request.user if isinstance(request.user, User) else None
