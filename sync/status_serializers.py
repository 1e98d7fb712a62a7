"""How current each clinic's copy is, as REST tells it."""

from __future__ import annotations

from rest_framework import serializers

from sync.serializers import RunSerializer
from sync.standing import ListStanding


class ListStandingSerializer(serializers.Serializer):
    """How current our copy of one list is; nulls: it was never read whole."""

    resource = serializers.CharField()
    read_until = serializers.DateTimeField(
        allow_null=True, help_text="All that the PMS changed before this moment is here."
    )
    age_seconds = serializers.SerializerMethodField(help_text="How long ago that is.")
    looked_at = serializers.DateTimeField(allow_null=True)
    full_at = serializers.DateTimeField(
        allow_null=True, help_text="When all of it was read last; what vanished was seen then."
    )
    changes_refused_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the PMS refused to tell what changed: by day, all of the list is read "
        "instead, of appointments 7 days back and 30 ahead, and the rest at night.",
    )
    full_pages = serializers.IntegerField(allow_null=True, help_text="Pages that that took.")

    def get_age_seconds(self, standing: ListStanding) -> int | None:
        return None if standing.age is None else int(standing.age.total_seconds())


class JobSerializer(serializers.Serializer):
    """A sync that is made without anybody asking."""

    name = serializers.CharField(help_text="A list's, or `full`: the night's reading of all.")
    every_minutes = serializers.SerializerMethodField(help_text="Null for once a night.")
    next_at = serializers.DateTimeField(
        allow_null=True, help_text="At the earliest; null: not at all, as things stand."
    )

    def get_every_minutes(self, job: object) -> int | None:
        every = getattr(job, "every", None)
        return None if every is None else int(every.total_seconds()) // 60


class CountsSerializer(serializers.Serializer):
    """Records that the PMS still has."""

    patients = serializers.IntegerField()
    appointments = serializers.IntegerField()


class StandingSerializer(serializers.Serializer):
    """How one clinic's copy stands."""

    clinic = serializers.UUIDField(source="integration.clinic_id")
    clinic_name = serializers.CharField(source="integration.clinic.name")
    organization = serializers.UUIDField(source="integration.organization_id")
    integration = serializers.UUIDField(source="integration.pk")
    pms = serializers.CharField(source="integration.pms")
    status = serializers.CharField(
        source="integration.status", help_text="Of the link: setup_required, active or error."
    )
    imported_at = serializers.DateTimeField(
        source="integration.imported_at",
        allow_null=True,
        help_text="When all of the PMS's records were first here.",
    )
    running = RunSerializer(allow_null=True)
    last_run = RunSerializer(allow_null=True)
    last_successful_run = RunSerializer(allow_null=True)
    held = RunSerializer(
        allow_null=True, help_text="One after which a person has to say whether records are gone."
    )
    next_due_at = serializers.DateTimeField(allow_null=True)
    lists = ListStandingSerializer(many=True)
    scheduled_jobs = JobSerializer(source="jobs", many=True)
    counts = CountsSerializer(
        allow_null=True, help_text="Null for who may not see this organization's records."
    )
    set_aside = serializers.IntegerField(help_text="Records that cannot be kept.")


class StatusSerializer(serializers.Serializer):
    """A page of clinics, each with how its copy stands."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    scheduler_enabled = serializers.BooleanField(
        help_text="Whether runs are made without anybody asking at all."
    )
    results = StandingSerializer(many=True)


class PmsStatusSerializer(StatusSerializer):
    """The same for one PMS of one organization."""

    logs = RunSerializer(
        many=True, required=False, help_text="With `include_logs`: the newest 50 runs."
    )


class PmsStatusQuestion(serializers.Serializer):
    """What of the status is wanted."""

    include_logs = serializers.BooleanField(
        required=False, default=False, help_text="The newest 50 runs too."
    )
