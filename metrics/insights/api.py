"""REST: how likely each coming appointment is to be missed, and what that is made of."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from audit.reads import AuditedReads
from clinics.api import OfClinic
from clinics.models import Appointment, AppointmentStatus
from clinics.permissions import Action
from metrics.insights import no_show_risk
from metrics.insights.context import Context
from metrics.insights.definitions import COMING_DAYS
from metrics.insights.risk_model import HISTORIES, LEADS, WEEKDAYS
from metrics.models import Insight

#: What has not begun is one of these, unless it was called off.
COMING = (AppointmentStatus.PENDING, AppointmentStatus.BOOKED)
Page = list[Any]


class InputsSerializer(serializers.Serializer[Any]):
    """The group of each input."""

    leadTime = serializers.ChoiceField(choices=LEADS, source="lead_time")
    history = serializers.ChoiceField(choices=HISTORIES)
    weekday = serializers.ChoiceField(choices=WEEKDAYS)


class PointsSerializer(serializers.Serializer[Any]):
    """What each input adds to the clinic's own log-odds."""

    leadTime = serializers.FloatField()
    history = serializers.FloatField()
    weekday = serializers.FloatField()


class RiskSerializer(serializers.Serializer[Any]):
    """A coming appointment. Without enough data to judge it, risk, inputs and points are null.

    For reminding patients and planning only; never to refuse anybody an appointment.
    """

    appointment = serializers.UUIDField(source="pk")
    startsAt = serializers.DateTimeField(source="starts_at")
    patient = serializers.UUIDField(source="patient_id")
    practitioner = serializers.UUIDField(source="practitioner_id", allow_null=True)
    risk = serializers.FloatField(
        source="judged.risk",
        allow_null=True,
        min_value=0,
        max_value=1,
        default=None,
        help_text="How likely it is to be missed, from 0 to 1.",
    )
    inputs = InputsSerializer(source="judged.inputs", allow_null=True, default=None)
    points = PointsSerializer(source="judged.points", allow_null=True, default=None)


class NoShowRiskViewSet(AuditedReads, OfClinic, mixins.ListModelMixin):
    """The appointments of the coming 14 days of the clinic's calendar, by when they start."""

    needs = Action.VIEW_PATIENTS
    queryset = Appointment.objects.none()
    serializer_class = RiskSerializer
    page_order = ("starts_at", "pk")

    @extend_schema(operation_id="no_show_risk")
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List coming appointments with their risk of being missed, and what it is made of."""
        self.context = Context.of(self.get_clinic(), timezone.now())
        return super().list(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Appointment]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return Appointment.objects.present().filter(
            clinic=self.context.clinic,
            patient__isnull=False,
            status__in=COMING,
            starts_at__gt=self.context.now,
            starts_at__lt=self.context.midnight(COMING_DAYS),
        )

    def paginate_queryset(self, queryset: Any) -> Page | None:
        """Return a page of appointments, each with its risk."""
        rows = super().paginate_queryset(queryset) or []
        insight = Insight.objects.filter(clinic=self.context.clinic).first()
        model = no_show_risk.model_of(insight)
        judged = {}
        if rows and model:
            ids = [row.pk for row in rows]
            judged = no_show_risk.of_appointments(self.context, model, ids)
        for row in rows:
            row.judged = judged.get(row.pk)
        return rows
