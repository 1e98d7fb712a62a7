"""REST: asking for a change, and seeing what became of it."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from audit.reads import AuditedReads
from clinics import access
from clinics.api import AppointmentViewSet as AppointmentReadViewSet
from clinics.api import NarrowedList
from clinics.models import Clinic
from clinics.permissions import Action
from writebacks import services
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.serializers import (
    BookingSerializer,
    WritebackDetailSerializer,
    WritebackFilters,
    WritebackSerializer,
)

LONGEST_KEY = 255


class IdempotencyKeyRequired(APIException):
    status_code = status.HTTP_400_BAD_REQUEST
    default_code = "idempotency_key_required"
    default_detail = (
        "Send an Idempotency-Key header: a value of your own, 1 to 255 characters, new for "
        "each booking and the same when you repeat one."
    )


class IdempotencyKeyReused(APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_code = "idempotency_key_reused"
    default_detail = "This Idempotency-Key was used for another request. Send a new one."


class ClinicNotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "clinic_not_connected"
    default_detail = "This clinic is not connected to a PMS yet; nothing can be booked."


class OperationNotSupported(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "operation_not_supported"
    default_detail = "This clinic's PMS cannot do that."


def idempotency_key(request: Request) -> str:
    """Return the request's Idempotency-Key, or refuse the request."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > LONGEST_KEY or not key.isprintable():
        raise IdempotencyKeyRequired
    return key


class AppointmentViewSet(AppointmentReadViewSet):
    """The clinic's appointments; a new one is asked for and becomes true once the PMS says so."""

    needs = {
        "list": Action.VIEW_PATIENTS,
        "retrieve": Action.VIEW_PATIENTS,
        "create": Action.BOOK,
    }
    error_answers = {"create": (ClinicNotConnected, OperationNotSupported, IdempotencyKeyReused)}

    @extend_schema(
        operation_id="book_appointment",
        request=BookingSerializer,
        responses={202: WritebackDetailSerializer},
        parameters=[
            OpenApiParameter(
                "Idempotency-Key",
                location=OpenApiParameter.HEADER,
                required=True,
                description="The same key and body give the same writeback, however often sent.",
            )
        ],
    )
    def create(self, request: Request, clinic_pk: str) -> Response:
        """Ask for an appointment.

        Answers at once with a writeback; follow its `Location` until `status` is `completed`:
        only then the appointment stands in the PMS.
        """
        clinic = self.get_clinic()
        asker = services.Asker(
            user=request.user,
            idempotency_key=idempotency_key(request),
            request_hash=services.request_hash(Operation.BOOK, clinic, request.data),
        )
        try:
            writeback, is_new = self._book(request, clinic, asker)
        except services.KeyReused:
            raise IdempotencyKeyReused from None
        except services.NotConnected:
            raise ClinicNotConnected from None
        except services.NotSupported as error:
            raise OperationNotSupported(str(error)) from None
        location = reverse("writeback-detail", [writeback.pk], request=request)
        return Response(
            WritebackDetailSerializer(writeback).data,
            status=status.HTTP_202_ACCEPTED,
            headers={"Location": location} | ({} if is_new else {"Idempotent-Replayed": "true"}),
        )

    def _book(
        self, request: Request, clinic: Clinic, asker: services.Asker
    ) -> tuple[Writeback, bool]:
        """Return the writeback that the key made before, or make one of a valid request."""
        if earlier := services.made_before(clinic, asker):
            return earlier, False
        form = BookingSerializer(data=request.data, context={"clinic": clinic})
        form.is_valid(raise_exception=True)
        return services.request(clinic, form.save(), asker, timezone.now())


@extend_schema_view(list=extend_schema(parameters=[WritebackFilters]))
class WritebackViewSet(AuditedReads, NarrowedList, mixins.RetrieveModelMixin):
    """Changes asked for at the clinics that this login may see."""

    needs = Action.VIEW_WRITEBACKS
    filters = WritebackFilters
    lookup_value_converter = "uuid"
    queryset = Writeback.objects.none()

    def get_queryset(self) -> QuerySet[Writeback]:
        writebacks = access.of(self.request).visible(Writeback.objects.all(), self.needs)
        if self.action == "retrieve":
            return writebacks.prefetch_related("events")
        return writebacks

    def get_serializer_class(self) -> type[WritebackSerializer]:
        return WritebackDetailSerializer if self.action == "retrieve" else WritebackSerializer
