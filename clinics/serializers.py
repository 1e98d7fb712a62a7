"""How clinics and their records look over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model
from rest_framework import serializers

from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Patient,
    Practitioner,
)

RECORD_FIELDS = [
    *("id", "external_id", "made_at", "removed_at", "updated_at", "last_synced_at"),
]
#: Rows are stamped as their transaction begins and seen when it ends, which is no later than a
#: task's time limit: who has seen one may still lack an earlier one.
STAMPED_BEFORE_SEEN = timedelta(seconds=60)


class ClinicSerializer(serializers.ModelSerializer):
    """A clinic and the organization that owns it."""

    organization = serializers.CharField(source="organization.name", read_only=True)

    class Meta:
        model = Clinic
        fields = ["id", "organization", "name", "timezone"]


class LocationSerializer(serializers.ModelSerializer):
    """One site of a clinic."""

    class Meta:
        model = Location
        fields = [*RECORD_FIELDS, "name", "timezone"]


class PractitionerSerializer(serializers.ModelSerializer):
    """A clinician."""

    class Meta:
        model = Practitioner
        fields = [*RECORD_FIELDS, "first_name", "last_name", "is_active"]


class OperatorySerializer(serializers.ModelSerializer):
    """A chair or room."""

    class Meta:
        model = Operatory
        fields = [*RECORD_FIELDS, "name"]


class AppointmentTypeSerializer(serializers.ModelSerializer):
    """A kind of visit."""

    class Meta:
        model = AppointmentType
        fields = [*RECORD_FIELDS, "name", "minutes", "is_active"]


class PatientSerializer(serializers.ModelSerializer):
    """A patient."""

    merged_into = serializers.CharField(
        source="merged_into_id",
        read_only=True,
        help_text="The PMS's id of the patient into whom this one was merged; empty for none.",
    )

    class Meta:
        model = Patient
        fields = [
            *RECORD_FIELDS,
            "first_name",
            "last_name",
            "birth_date",
            "email",
            "phone",
            "other_phone",
            "is_active",
            "merged_into",
        ]


class AppointmentSerializer(serializers.ModelSerializer):
    """A visit; times are UTC, people and places are ids."""

    class Meta:
        model = Appointment
        fields = [
            *RECORD_FIELDS,
            "patient",
            "practitioner",
            "location",
            "operatory",
            "appointment_type",
            "starts_at",
            "ends_at",
            "cancelled_at",
            "status",
            "pms_status",
            "description",
        ]


class OffsetDateTimeField(serializers.DateTimeField):
    """A moment with its offset: a time without one could mean any zone's."""

    default_error_messages = {
        "no_offset": "Give the time with its offset, as 2030-01-31T09:30:00-05:00."
    }

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_offset")
        moment: datetime = super().enforce_timezone(value)
        return moment


class ClinicRecordField(serializers.UUIDField):
    """The id of one of this clinic's records; another clinic's is unknown here."""

    default_error_messages = {"unknown": "This clinic has no {kind} with this id."}

    def __init__(self, model: type[Model], **kwargs: Any) -> None:
        self.model = model
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> Any:
        pk = super().to_internal_value(data)
        clinic: Clinic = self.context["clinic"]
        records = self.model._default_manager.filter(clinic=clinic, pk=pk)
        # What the PMS has no more cannot be asked or written about.
        found = records.filter(removed_at=None).first()
        if found is None:
            self.fail("unknown", kind=self.model._meta.verbose_name)
        return found


class SinceField(OffsetDateTimeField):
    """A moment from which on changes are wanted, and a little before it."""

    def to_internal_value(self, value: Any) -> datetime:
        moment: datetime = super().to_internal_value(value)
        try:
            return moment - STAMPED_BEFORE_SEEN
        except OverflowError:
            return moment


class RecordFilters(serializers.Serializer):
    """What a list of records can be narrowed to; each `source` is a lookup."""

    updated_since = SinceField(
        required=False,
        source="updated_at__gte",
        help_text="Those that are other than at this moment, in the order of their last change; "
        "also removed ones, with their `removed_at`. With its offset, a + as %2B. Ask next from "
        "the last row's `updated_at` on: what changed within a minute before is told once more.",
    )


class PatientFilters(RecordFilters):
    """What a list of patients can be narrowed to; each `source` is a lookup."""

    external_id = serializers.CharField(
        required=False, max_length=200, help_text="The PMS's own id of the patient, exactly."
    )


class AppointmentFilters(RecordFilters):
    """What a list of appointments can be narrowed to; each `source` is a lookup."""

    starts_from = OffsetDateTimeField(
        required=False,
        source="starts_at__gte",
        help_text="Those that start at this moment or later; with its offset, a + as %2B.",
    )
    starts_before = OffsetDateTimeField(
        required=False,
        source="starts_at__lt",
        help_text="Those that start before this moment; with its offset, a + as %2B.",
    )
