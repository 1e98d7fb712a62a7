"""How numbers look over REST. For the schema alone: answers are made without them, in one step."""

from __future__ import annotations

from rest_framework import serializers

from metrics.calendar import Name
from metrics.freshness import State


class PeriodSerializer(serializers.Serializer):
    """The dates that the numbers are of, on the clinic's own calendar."""

    name = serializers.ChoiceField(
        [each.value for each in Name], allow_null=True, help_text="Null where dates were asked for."
    )
    startDate = serializers.DateField()
    endDate = serializers.DateField(help_text="Included.")


class MetricsAnswerSerializer(serializers.Serializer):
    """A clinic's numbers in a period, and how current they are."""

    clinicId = serializers.UUIDField()
    period = PeriodSerializer()
    metrics = serializers.JSONField()
    lastUpdated = serializers.DateTimeField(allow_null=True)
    dataAgeSeconds = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField([each.value for each in State])
    staleAt = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()
    isBeingRecounted = serializers.BooleanField()


class RefreshSerializer(serializers.Serializer):
    """The sync that brings what is new."""

    clinicId = serializers.UUIDField()
    runId = serializers.UUIDField()
    runStatus = serializers.CharField()
    statusUrl = serializers.URLField()
    isNew = serializers.BooleanField()
