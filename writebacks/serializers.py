"""How a writeback looks over REST, what a list of them is narrowed by, and what is decided."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from clinics.models import Appointment
from clinics.serializers import OffsetDateTimeField
from writebacks.models import Writeback, WritebackEvent
from writebacks.operations import Operation
from writebacks.states import Status
from writebacks.steering import DECISIONS


def in_detail(writebacks: Any) -> QuerySet[Writeback]:
    """Return the same writebacks, read with what `WritebackDetailSerializer` shows of each."""
    ids_only = Writeback.objects.only("id", "after")
    found: QuerySet[Writeback] = writebacks.select_related(
        "clinic", "integration", "retried_as"
    ).prefetch_related("events", Prefetch("dependents", ids_only))
    return found


def about(appointment_id: UUID) -> QuerySet[Writeback]:
    """Return the writebacks that change an appointment, and the one that made it."""
    made = Appointment.objects.filter(pk=appointment_id).values("external_id")
    clinic = Appointment.objects.filter(pk=appointment_id).values("clinic")
    booked = Q(operation=Operation.BOOK, clinic__in=clinic, created_external_id__in=made)
    return Writeback.objects.filter(Q(appointment=appointment_id) | booked)


class WritebackFilters(serializers.Serializer):
    """What a list of writebacks can be narrowed to; each `source` is a lookup."""

    clinic = serializers.UUIDField(required=False, source="clinic_id")
    status = serializers.ChoiceField(choices=Status.choices, required=False)
    operation = serializers.ChoiceField(choices=Operation.choices, required=False)
    appointment = serializers.UUIDField(
        required=False, help_text="Those that change this appointment, and the one that made it."
    )
    patient = serializers.UUIDField(required=False, source="patient_id")
    created_from = OffsetDateTimeField(
        required=False,
        source="created_at__gte",
        help_text="Those asked for at this moment or later; with its offset, a + as %2B.",
    )
    created_before = OffsetDateTimeField(
        required=False,
        source="created_at__lt",
        help_text="Those asked for before this moment; with its offset, a + as %2B.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if appointment := attrs.pop("appointment", None):
            attrs["pk__in"] = about(appointment).values("pk")
        return attrs


class DecisionSerializer(serializers.Serializer):
    """What a person found in the PMS of a writeback that nobody can vouch for."""

    decision = serializers.ChoiceField(
        choices=sorted(DECISIONS),
        help_text="`completed` or `failed` as it stands in the PMS; `again`: it is surely not "
        "there and is to be sent once more.",
    )
    reason = serializers.CharField(
        max_length=300, help_text="How you know. No patient data: it stays in the timeline."
    )


class EventSerializer(serializers.ModelSerializer):
    """One step in a writeback's life."""

    class Meta:
        model = WritebackEvent
        fields = ["at", "event", "from_status", "to_status", "note", "calls"]


class WritebackSerializer(serializers.ModelSerializer):
    """One asked-for change and where it stands."""

    result = serializers.ChoiceField(
        choices=["pending", "completed", "failed"],
        read_only=True,
        help_text="The outcome in three words; `status` tells more.",
    )
    failure_code = serializers.SerializerMethodField(
        help_text="Why it failed, for programs; `unconfirmed` while nobody knows yet."
    )
    next_check_at = serializers.DateTimeField(
        source="due_at", read_only=True, allow_null=True, help_text="When we act or ask next."
    )
    request = serializers.JSONField(source="command", read_only=True)

    class Meta:
        model = Writeback
        fields = [
            "id",
            "clinic",
            "patient",
            "operation",
            "status",
            "result",
            "waiting_for",
            "failure_code",
            "error_message",
            "remark",
            "request",
            "after",
            "retry_of",
            "external_id",
            "created_external_id",
            "attempts",
            "check_count",
            "api_calls",
            "created_at",
            "submitted_at",
            "last_checked_at",
            "next_check_at",
            "completed_at",
        ]
        read_only_fields = fields

    def get_failure_code(self, writeback: Writeback) -> str:
        if writeback.status == "unconfirmed":
            return "unconfirmed"
        return writeback.failure_code


class WritebackDetailSerializer(WritebackSerializer):
    """A writeback with its timeline and with what belongs to it."""

    appointment = serializers.SerializerMethodField(
        help_text="Ours: the one that it changes, or that it made, once that is known."
    )
    retried_as = serializers.SerializerMethodField(help_text="The one that repeats it.")
    dependents: Any = serializers.PrimaryKeyRelatedField(
        many=True, read_only=True, help_text="Those that wait for it, or have."
    )
    events = EventSerializer(many=True, read_only=True)

    class Meta(WritebackSerializer.Meta):
        fields = [
            *WritebackSerializer.Meta.fields,
            "appointment",
            "retried_as",
            "dependents",
            "events",
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_appointment(self, writeback: Writeback) -> str | None:
        if writeback.appointment_id:
            return str(writeback.appointment_id)
        if writeback.operation != Operation.BOOK or not writeback.created_external_id:
            return None
        made = Appointment.objects.filter(
            clinic_id=writeback.clinic_id, external_id=writeback.created_external_id
        )
        found = made.values_list("pk", flat=True).first()
        return str(found) if found else None

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_retried_as(self, writeback: Writeback) -> str | None:
        again = getattr(writeback, "retried_as", None)
        return str(again.pk) if again else None
