"""How runs of the sync look over REST, and how they are asked for."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Sum
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sync.models import Checkpoint, Cursor, SyncRun
from sync.states import DEPRECATED, Mode, Status, Trigger

#: What may be asked for; the others are made by the scheduler alone.
MODES: Final = (Mode.INCREMENTAL, Mode.COMPREHENSIVE, Mode.BASIC, Mode.PATIENTS_ONLY)


class RunCountsSerializer(serializers.ModelSerializer):
    """What a run has done so far."""

    class Meta:
        model = Checkpoint
        fields = [
            *("calls", "pages", "records", "created", "updated", "unchanged", "removed"),
            *("set_aside", "vanished"),
        ]


class RunSerializer(serializers.ModelSerializer):
    """One sync of one clinic."""

    pms = serializers.CharField(source="integration.pms", read_only=True)
    deprecated = serializers.SerializerMethodField(
        help_text="Of a mode that is kept for older programs: what to use instead. Else null."
    )
    requested_by = serializers.CharField(
        source="requested_by.username",
        default=None,
        read_only=True,
        help_text="The person who asked; null where a key did, or nobody.",
    )
    counts = RunCountsSerializer(source="checkpoint", read_only=True)

    class Meta:
        model = SyncRun
        fields = [
            *("id", "clinic", "integration", "pms", "mode", "trigger", "status", "is_full"),
            *("only", "deprecated", "requested_by", "requested_by_key", "created_at"),
            *("started_at", "finished_at", "due_at", "waiting_for", "error_message", "counts"),
        ]

    def get_deprecated(self, run: SyncRun) -> str | None:
        instead = DEPRECATED.get(Mode(run.mode))
        return f"Use the mode {instead.value} instead of {run.mode}." if instead else None


class StepSerializer(serializers.Serializer):
    """One reading of one list."""

    resource = serializers.CharField()
    kind = serializers.CharField(help_text="full, changes, or window: the days around today.")


class ProgressSerializer(serializers.Serializer):
    """How far a run has come."""

    steps = StepSerializer(many=True, help_text="In their order; none before the run has begun.")
    done = serializers.IntegerField(help_text="How many of the steps.")
    current = StepSerializer(allow_null=True)
    pages = serializers.IntegerField(help_text="Of the current step, stored.")
    records = serializers.IntegerField(help_text="Of the current step.")
    total = serializers.IntegerField(
        allow_null=True, help_text="Records of the current step, as the PMS says; it may be wrong."
    )
    calls = serializers.IntegerField(help_text="Made by the whole run.")
    full_sync_pages = serializers.IntegerField(
        help_text="Pages that the last full reading of each list took: what another would cost."
    )


class RunDetailSerializer(RunSerializer):
    """One sync with its progress."""

    progress = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "progress"]

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, run: SyncRun) -> Any:
        checkpoint = run.checkpoint
        cursors = Cursor.objects.filter(integration=run.integration_id)
        return ProgressSerializer(
            {
                "steps": checkpoint.steps,
                "done": checkpoint.step,
                "current": checkpoint.current,
                "pages": checkpoint.step_pages,
                "records": checkpoint.step_records,
                "total": checkpoint.step_total,
                "calls": checkpoint.calls,
                "full_sync_pages": cursors.aggregate(pages=Sum("full_pages"))["pages"] or 0,
            }
        ).data


class SkippedSerializer(serializers.Serializer):
    """A clinic for which no run was made, and the run that stands for it."""

    reason = serializers.ChoiceField(
        ["running", "too_soon"],
        help_text="`too_soon`: `run` ended well within the last 30 minutes; `force` asks anyway.",
    )
    run = RunSerializer()


class AskedSerializer(serializers.Serializer):
    """What came of asking for runs."""

    runs = RunSerializer(many=True, help_text="Those that were made.")
    skipped = SkippedSerializer(many=True)


class AskSerializer(serializers.Serializer):
    """Of which clinics runs are asked for."""

    clinic = serializers.UUIDField(required=False, help_text="Of this one only.")


class PmsAskSerializer(AskSerializer):
    """Which runs are asked for."""

    mode = serializers.ChoiceField(
        [each.value for each in MODES],
        required=False,
        default=Mode.INCREMENTAL.value,
        help_text="`basic` and `patients-only` are deprecated.",
        error_messages={
            "invalid_choice": f"“{{input}}” is no mode; use one of {', '.join(MODES)}."
        },
    )
    force_full = serializers.BooleanField(
        required=False, default=False, help_text="Read all of each list, now."
    )
    force = serializers.BooleanField(
        required=False, default=False, help_text="Now, however recently there was one."
    )


class OwnAskSerializer(AskSerializer):
    """Of which clinics runs are asked for, by logins of one organization or several."""

    organization = serializers.UUIDField(required=False, help_text="Of this one's clinics only.")


class RunFilters(serializers.Serializer):
    """What a list of runs can be narrowed to; each `source` is a lookup."""

    clinic = serializers.UUIDField(required=False, source="clinic_id")
    status = serializers.ChoiceField(Status.choices, required=False)
    trigger = serializers.ChoiceField(Trigger.choices, required=False)
