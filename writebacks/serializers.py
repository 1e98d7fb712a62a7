"""How a booking is asked for, and how a writeback looks, over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner
from clinics.serializers import OffsetDateTimeField
from writebacks.models import Writeback, WritebackEvent
from writebacks.requests import Booking
from writebacks.states import Status

LONGEST = timedelta(hours=12)
#: How far ahead a booking may lie: our own choice, that a mistyped year is noticed.
FURTHEST = timedelta(days=731)


class MomentField(OffsetDateTimeField):
    """A moment with its offset, in whole minutes, as appointments have it."""

    default_error_messages = {"seconds": "Give the time in whole minutes."}

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if moment.second or moment.microsecond:
            self.fail("seconds")
        return moment


class ClinicRecordField(serializers.UUIDField):
    """The id of one of this clinic's records; another clinic's is unknown here."""

    default_error_messages = {"unknown": "This clinic has no {kind} with this id."}

    def __init__(self, model: type[models.Model], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        pk = super().to_internal_value(data)
        clinic: Clinic = self.context["clinic"]
        found = self.model._default_manager.filter(clinic=clinic, pk=pk).first()
        if found is None:
            self.fail("unknown", kind=self.model._meta.verbose_name)
        return found


class BookingSerializer(serializers.Serializer):
    """An appointment to be booked. All ids are Frontdesk's, from the lists of this clinic."""

    patient = ClinicRecordField(Patient)
    practitioner = ClinicRecordField(Practitioner)
    operatory = ClinicRecordField(Operatory)
    location = ClinicRecordField(
        Location, required=False, help_text="May be left out where the clinic has only one."
    )
    starts_at = MomentField(help_text="With its offset, in whole minutes.")
    ends_at = MomentField(help_text="With its offset, in whole minutes.")
    description = serializers.CharField(max_length=200, required=False, default="Appointment")
    allow_overlap = serializers.BooleanField(
        default=False, help_text="Book although the practitioner or the operatory is taken then."
    )

    def validate_practitioner(self, practitioner: Practitioner) -> Practitioner:
        if not practitioner.is_active:
            raise serializers.ValidationError("This practitioner takes no appointments any more.")
        return practitioner

    def validate_starts_at(self, moment: datetime) -> datetime:
        if moment <= timezone.now():
            raise serializers.ValidationError("This time has passed; choose one that lies ahead.")
        if moment > timezone.now() + FURTHEST:
            raise serializers.ValidationError("At most two years ahead are possible.")
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        length = attrs["ends_at"] - attrs["starts_at"]
        if length <= timedelta(0):
            raise serializers.ValidationError({"ends_at": "The end must come after the start."})
        if length > LONGEST:
            hours = LONGEST // timedelta(hours=1)
            raise serializers.ValidationError({"ends_at": f"At most {hours} hours are possible."})
        if "location" not in attrs:
            attrs["location"] = self._only_location()
        return attrs

    def _only_location(self) -> Location:
        locations = list(Location.objects.filter(clinic=self.context["clinic"])[:2])
        if len(locations) != 1:
            message = "Name the location: this clinic has none or several."
            raise serializers.ValidationError({"location": message})
        return locations[0]

    def create(self, validated_data: dict[str, Any]) -> Booking:
        return Booking(**validated_data)


class WritebackFilters(serializers.Serializer):
    """What a list of writebacks can be narrowed to; each `source` is a lookup."""

    clinic = serializers.UUIDField(required=False, source="clinic_id")
    status = serializers.ChoiceField(choices=Status.choices, required=False)


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
            "operation",
            "status",
            "result",
            "waiting_for",
            "failure_code",
            "error_message",
            "request",
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
    """A writeback with its timeline and, once it is confirmed, our record of the appointment."""

    appointment = serializers.SerializerMethodField()
    events = EventSerializer(many=True, read_only=True)

    class Meta(WritebackSerializer.Meta):
        fields = [*WritebackSerializer.Meta.fields, "appointment", "events"]
        read_only_fields = fields

    @extend_schema_field(serializers.UUIDField(allow_null=True))
    def get_appointment(self, writeback: Writeback) -> str | None:
        if not writeback.created_external_id:
            return None
        found = Appointment.objects.filter(
            clinic_id=writeback.clinic_id, external_id=writeback.created_external_id
        ).first()
        return str(found.pk) if found else None
