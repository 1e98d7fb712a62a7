"""How numbers look over REST. For the schema alone: answers are made without them, in one step."""

from __future__ import annotations

from typing import Final

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from metrics.freshness import State
from metrics.questions import PERIODS
from sync.states import Status

STATUSES: Final = [each.value for each in State]
_AGE: Final = {
    "lastUpdated": "2026-03-05T15:00:00+00:00",
    "dataAgeSeconds": 90,
    "status": "live",
    "staleAt": "2026-03-05T19:30:00+00:00",
}
_CLINIC: Final = "6f0a1e52-6a43-4c0a-9d0e-0d9f5d1c2b3a"
_RUN: Final = "0b8f3c1e-93a5-4f4e-8a55-7d2a0a6f1c99"
_SUMS: Final = {
    "totalBookings": 132,
    "totalBookingsChange": 4.8,
    "dailyAverage": 26.4,
    "missedAppointments": 6,
    "missedAppointmentsPercentage": 5.2,
    "activePatients": 1840,
    "newPatients": 9,
}
_ANSWER: Final = {
    "clinicId": _CLINIC,
    "clinicName": "Main Street Dental",
    "period": {"name": "week", "startDate": "2026-03-02", "endDate": "2026-03-08"},
    "metrics": _SUMS
    | {
        "bookingTrends": [
            {"date": "2026-03-02", "bookings": 25, "missed": 1, "cancelled": 2, "newPatients": 3}
        ],
        "peakHours": [{"dayOfWeek": 0, "hour": 9, "bookings": 7}],
    },
    **_AGE,
    "problem": None,
    "version": 417,
    "isBeingRecounted": False,
}


class PeriodSerializer(serializers.Serializer):
    """The dates that the numbers are of, on the clinic's own calendar."""

    name = serializers.ChoiceField(
        PERIODS, allow_null=True, help_text="Null where dates were asked for."
    )
    startDate = serializers.DateField()
    endDate = serializers.DateField(help_text="Included.")


class TrendSerializer(serializers.Serializer):
    """One date that has bookings, or had some that were cancelled."""

    date = serializers.DateField()
    bookings = serializers.IntegerField()
    missed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    newPatients = serializers.IntegerField()


class PeakHourSerializer(serializers.Serializer):
    """The bookings of one hour of the week."""

    dayOfWeek = serializers.IntegerField(help_text="0 is Monday.")
    hour = serializers.IntegerField(help_text="0 to 23, on the clinic's own clock.")
    bookings = serializers.IntegerField()


class InsightsSerializer(serializers.Serializer):
    """What the PMS does not track, worked out from time to time and not for the period."""

    computedAt = serializers.DateTimeField(allow_null=True, help_text="Null: not yet.")
    figures = serializers.DictField(
        child=serializers.DictField(), help_text="Name → its value, definition's version and more."
    )


class NumbersSerializer(serializers.Serializer):
    """The numbers that were asked for; docs/metrics.md defines each. Null: too little to say."""

    totalBookings = serializers.IntegerField(required=False)
    totalBookingsChange = serializers.FloatField(
        required=False, allow_null=True, help_text="Percent, against the period before."
    )
    dailyAverage = serializers.FloatField(
        required=False, allow_null=True, help_text="Bookings of a date that has some."
    )
    missedAppointments = serializers.IntegerField(required=False)
    missedAppointmentsPercentage = serializers.FloatField(required=False, allow_null=True)
    activePatients = serializers.IntegerField(required=False)
    newPatients = serializers.IntegerField(required=False)
    bookingTrends = TrendSerializer(many=True, required=False, help_text="By date.")
    peakHours = PeakHourSerializer(many=True, required=False, help_text="The busiest first.")
    insights = InsightsSerializer(required=False, help_text="Only where they are asked for.")


class AgeSerializer(serializers.Serializer):
    """How current a clinic's numbers are."""

    lastUpdated = serializers.DateTimeField(
        allow_null=True,
        help_text="When the clinic's appointments were last read from its PMS; null: never.",
    )
    dataAgeSeconds = serializers.IntegerField(
        allow_null=True,
        help_text="How long ago that is. It grows by itself, so it alone changes no ETag: add the "
        "time since the answer.",
    )
    status = serializers.ChoiceField(
        STATUSES,
        help_text="`live`: as in the PMS when it was last due to be read; `stale`: that is "
        "overdue; `away`: the PMS does not answer, or refuses us; `unconnected`: nothing was read "
        "from one yet.",
    )
    staleAt = serializers.DateTimeField(
        allow_null=True, help_text="When they become stale unless they are read anew."
    )


class ProblemSerializer(serializers.Serializer):
    """What keeps the PMS from answering, as a refused refresh says it."""

    code = serializers.CharField(help_text="CLINIKO_API_UNAVAILABLE; likewise of the other PMSs.")
    message = serializers.CharField()
    details = serializers.CharField()


class ClinicNumbersSerializer(AgeSerializer):
    """A clinic's numbers in a period, and how current they are."""

    clinicId = serializers.UUIDField()
    clinicName = serializers.CharField()
    period = PeriodSerializer()
    metrics = NumbersSerializer()
    problem = ProblemSerializer(allow_null=True)
    version = serializers.IntegerField(
        help_text="Rises with each change of the week's or month's numbers or of their freshness."
    )
    isBeingRecounted = serializers.BooleanField(
        help_text="They are being added up anew: what they count, or the clinic's time zone, was "
        "changed. Until then these are the last ones."
    )


@extend_schema_serializer(examples=[OpenApiExample("A week", value=_ANSWER, response_only=True)])
class MetricsAnswerSerializer(ClinicNumbersSerializer):
    """A clinic's numbers in a period, and how current they are."""


class OverviewEntrySerializer(ClinicNumbersSerializer):
    """One clinic of an overview."""

    metrics = NumbersSerializer(
        allow_null=True, help_text="Null where nothing was added up yet; `isBeingRecounted` then."
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Bookings and patients",
            value={
                "organizationId": "c7c1d1ce-5a5a-4b0c-a1f5-1f2f3f4f5f6f",
                "next": None,
                "previous": None,
                "results": [_ANSWER | {"metrics": _SUMS}],
            },
            response_only=True,
        )
    ]
)
class OverviewSerializer(serializers.Serializer):
    """The numbers of an organization's clinics, by pages."""

    organizationId = serializers.UUIDField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = OverviewEntrySerializer(many=True)


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "Asked for",
            value={
                "clinicId": _CLINIC,
                "runId": _RUN,
                "runStatus": "queued",
                "statusUrl": f"https://frontdesk.example/api/v1/sync/runs/{_RUN}",
                "isNew": True,
                **_AGE,
            },
            response_only=True,
        )
    ]
)
class RefreshSerializer(AgeSerializer):
    """The sync that brings what is new, and how current the numbers are until then."""

    clinicId = serializers.UUIDField()
    runId = serializers.UUIDField()
    runStatus = serializers.ChoiceField(Status.choices)
    statusUrl = serializers.URLField(help_text="Where to follow it.")
    isNew = serializers.BooleanField(help_text="False: it was under way when this was asked.")
