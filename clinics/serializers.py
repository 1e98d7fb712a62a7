"""How clinics and their records look over REST."""

from __future__ import annotations

from datetime import datetime

from rest_framework import serializers

from clinics.models import Appointment, Clinic, Location, Operatory, Patient, Practitioner

RECORD_FIELDS = ["id", "external_id", "updated_at", "last_synced_at"]


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


class PatientSerializer(serializers.ModelSerializer):
    """A patient."""

    class Meta:
        model = Patient
        fields = [
            *RECORD_FIELDS,
            "first_name",
            "last_name",
            "birth_date",
            "email",
            "phone",
            "is_active",
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
            "starts_at",
            "ends_at",
            "status",
            "pms_status",
            "description",
        ]


class PatientFilters(serializers.Serializer):
    """What a list of patients can be narrowed to; each `source` is a lookup."""

    external_id = serializers.CharField(
        required=False, max_length=200, help_text="The PMS's own id of the patient, exactly."
    )


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


class AppointmentFilters(serializers.Serializer):
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
