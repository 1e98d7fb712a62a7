"""How calls look over REST."""

from __future__ import annotations

from datetime import date

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from outreach.models import CallTask, Status
from outreach.outcomes import Outcome
from outreach.scoring import LEAST, Code, Engagement, Risk
from outreach.wording import words


class ReasonSerializer(serializers.Serializer):
    """Why somebody is to be called."""

    code = serializers.ChoiceField(choices=[each.value for each in Code])
    text = serializers.CharField(help_text="The same for people.")


class CallSerializer(serializers.ModelSerializer):
    """Where a call stands, with nothing of the patient but the id."""

    not_before = serializers.DateField(
        read_only=True,
        allow_null=True,
        help_text="The clinic's date before which it is not on the list: it was put off.",
    )
    again_on = serializers.DateField(
        read_only=True,
        allow_null=True,
        help_text="The clinic's date from which the patient may be listed again; null of an "
        "outcome: never, or as long as the number is the wrong one.",
    )

    class Meta:
        model = CallTask
        fields = [
            *("id", "patient", "status", "priority", "engagement", "risk", "made_at"),
            *("not_before", "outcome", "closed_at", "again_on"),
        ]
        read_only_fields = fields


class CallDetailSerializer(CallSerializer):
    """A call with its patient; showing.shown has put `facts` and `last` beside it."""

    first_name = serializers.CharField(source="patient.first_name")
    last_name = serializers.CharField(source="patient.last_name")
    phone = serializers.CharField(source="patient.phone")
    other_phone = serializers.CharField(source="patient.other_phone")
    reasons = serializers.SerializerMethodField()
    next_step = serializers.CharField(help_text="What to try.")
    last_visit_at = serializers.DateTimeField(
        source="facts.last_visit_at", allow_null=True, help_text="The last visit that they kept."
    )
    next_visit_at = serializers.DateTimeField(
        source="facts.next_visit_at", allow_null=True, help_text="The next visit that stands."
    )
    last_outcome = serializers.CharField(
        source="last.outcome",
        allow_null=True,
        default=None,
        help_text="What came of the call before; null without one.",
    )
    last_called_at = serializers.DateTimeField(
        source="last.closed_at", allow_null=True, default=None
    )

    class Meta(CallSerializer.Meta):
        fields = [
            *CallSerializer.Meta.fields,
            *("first_name", "last_name", "phone", "other_phone", "reasons", "next_step"),
            *("last_visit_at", "next_visit_at", "note", "last_outcome", "last_called_at"),
        ]
        read_only_fields = fields

    @extend_schema_field(ReasonSerializer(many=True))
    def get_reasons(self, task: CallTask) -> list[dict[str, str]]:
        return [{"code": each.code.value, "text": words(each)} for each in task.why]


class CallFilters(serializers.Serializer):
    """What the list can be narrowed to; each `source` is a lookup."""

    priority = serializers.IntegerField(required=False, min_value=1, max_value=LEAST)
    engagement = serializers.ChoiceField(
        required=False, choices=[each.value for each in Engagement]
    )
    risk = serializers.ChoiceField(required=False, choices=[each.value for each in Risk])
    status = serializers.ChoiceField(
        required=False,
        choices=Status.choices,
        help_text="Without it, those to be called: open, and not put off.",
    )


class OutcomeSerializer(serializers.Serializer):
    """What came of a call."""

    outcome = serializers.ChoiceField(choices=Outcome.choices)
    note = serializers.CharField(required=False, allow_blank=True, max_length=500)
    call_again_on = serializers.DateField(
        required=False,
        allow_null=True,
        help_text="A date of the clinic's, for `reached_will_think`, `no_answer` and "
        "`left_message`; without it the clinic's usual number of days.",
    )


class SnoozeSerializer(serializers.Serializer):
    """Until when a call is put off."""

    until = serializers.DateField(help_text="A date of the clinic's, from tomorrow to a year on.")


class ConversionFilters(serializers.Serializer):
    """The dates of calls to count: the last 90 days, unless both are given."""

    start_date = serializers.DateField(required=False)
    end_date = serializers.DateField(required=False)

    def validate(self, attrs: dict[str, date]) -> dict[str, date]:
        if len(attrs) == 1:
            raise serializers.ValidationError("Give both start_date and end_date, or neither.")
        return attrs


class ConversionSerializer(serializers.Serializer):
    """Of the patients who were reached, how many have a new appointment within 14 days."""

    start_date = serializers.DateField()
    end_date = serializers.DateField()
    reached = serializers.IntegerField(
        help_text="Patients who were reached, each once, by their first call of the period."
    )
    decided = serializers.IntegerField(help_text="Of those: whose 14 days are over.")
    converted = serializers.IntegerField(help_text="Of the decided: who has a new appointment.")
    booked = serializers.IntegerField(
        help_text="Of all who were reached: who has a new appointment by now."
    )
    percentage = serializers.FloatField(
        allow_null=True, help_text="Converted of decided; null where they are too few."
    )
    is_enough = serializers.BooleanField(help_text="Whether they are enough for a percentage.")
    minimum = serializers.IntegerField(help_text="How many decided are enough.")
