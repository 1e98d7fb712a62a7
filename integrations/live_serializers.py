"""What a PMS can be asked over REST, and how its answers look."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

from rest_framework import serializers

from clinics.models import AppointmentType, Clinic, Location, Practitioner
from clinics.serializers import ClinicRecordField, PatientSerializer
from integrations.patient_search import Source
from integrations.queries import FreeTimes

#: Local dates of one question: each week of them costs a call at some PMSs.
MOST_DAYS: Final = 14
#: Dates that are looked at where nobody says until when.
USUAL_DAYS: Final = 7
#: Minutes of a visit where neither the asker nor its type says.
USUAL_MINUTES: Final = 30


class AvailabilityQuestion(serializers.Serializer):
    """Whose free times are asked for; its context has `clinic` and `now`."""

    practitioner = ClinicRecordField(Practitioner, help_text="Whose.")
    location = ClinicRecordField(
        Location,
        required=False,
        help_text="Where. May be left out where the clinic has only one.",
    )
    appointment_type = ClinicRecordField(
        AppointmentType,
        required=False,
        help_text="For what kind of visit; some PMSs tell nothing without it.",
    )
    minutes = serializers.IntegerField(
        required=False,
        min_value=5,
        max_value=480,
        help_text=f"For how long a visit; as the kind of visit usually takes, else "
        f"{USUAL_MINUTES}. Some PMSs know the length by the kind alone.",
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        """Return the fields; `from` is a word of Python's own."""
        first = serializers.DateField(
            required=False, source="first", help_text="The first date, at the site. Usually today."
        )
        last = serializers.DateField(
            required=False,
            source="last",
            help_text=f"The last date, included; at most {MOST_DAYS} in all, usually {USUAL_DAYS}.",
        )
        return super().get_fields() | {"from": first, "to": last}

    def validate_practitioner(self, practitioner: Practitioner) -> Practitioner:
        if not practitioner.is_active:
            raise serializers.ValidationError("This practitioner takes no appointments any more.")
        return practitioner

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        location = attrs.setdefault("location", None) or self._only_location()
        now: datetime = self.context["now"]
        today = now.astimezone(location.zone).date()
        first: date = max(attrs.get("first", today), today)
        try:
            last: date = attrs.get("last", first + timedelta(days=USUAL_DAYS - 1))
        except OverflowError:
            raise serializers.ValidationError({"from": "There is no such week."}) from None
        if last < first:
            raise serializers.ValidationError({"to": "This date has passed, or is before `from`."})
        if (last - first).days >= MOST_DAYS:
            message = f"Ask for {MOST_DAYS} dates at most, and for the next ones after that."
            raise serializers.ValidationError({"to": message})
        return attrs | {"location": location, "first": first, "last": last}

    def _only_location(self) -> Location:
        clinic: Clinic = self.context["clinic"]
        locations = list(Location.objects.present().filter(clinic=clinic)[:2])
        if len(locations) != 1:
            message = "Name the location: this clinic has none or several."
            raise serializers.ValidationError({"location": message})
        return locations[0]

    def question(self) -> FreeTimes:
        """Return it as a question to a PMS."""
        asked = self.validated_data
        kind: AppointmentType | None = asked.get("appointment_type")
        usual = (kind.minutes if kind else None) or USUAL_MINUTES
        return FreeTimes(
            practitioner_id=asked["practitioner"].external_id,
            location_id=asked["location"].external_id,
            appointment_type=kind.external_id if kind else "",
            first=asked["first"],
            last=asked["last"],
            timezone=asked["location"].timezone,
            minutes=asked.get("minutes") or usual,
        )


class FreeTimeSerializer(serializers.Serializer):
    """A time that the PMS offers."""

    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()


class AvailabilitySerializer(serializers.Serializer):
    """What a PMS says is free."""

    source = serializers.ChoiceField(  # type: ignore[assignment]  # not the option of a field
        ["pms", "not_told"],
        help_text="`not_told`: this PMS does not say what is free, which may be much or nothing.",
    )
    asked_at = serializers.DateTimeField(help_text="When the PMS was asked; some seconds ago.")
    practitioner = serializers.UUIDField()
    location = serializers.UUIDField()
    appointment_type = serializers.UUIDField(allow_null=True)
    free_times = FreeTimeSerializer(
        many=True, allow_null=True, help_text="In order; null where the PMS does not tell them."
    )


class PatientQuestion(serializers.Serializer):
    """Whom to look for: `phone`, or `email`, or `name` with `birth_date`."""

    phone = serializers.CharField(
        required=False,
        max_length=40,
        help_text="A telephone number; without its country's code one of the clinic's country. "
        "A + as %2B.",
    )
    email = serializers.EmailField(required=False, max_length=254)
    name = serializers.CharField(
        required=False, max_length=200, help_text="First and last name in full."
    )
    birth_date = serializers.DateField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs.keys() & {"phone", "email", "name"}) != 1:
            raise serializers.ValidationError("Give either phone, or email, or name.")
        if ("name" in attrs) != ("birth_date" in attrs):
            message = "Give a name and a birth date together."
            raise serializers.ValidationError({"birth_date": message})
        return attrs


class FoundPatientsSerializer(serializers.Serializer):
    """Who was found, and by whom."""

    source = serializers.ChoiceField(  # type: ignore[assignment]  # not the option of a field
        [each.value for each in Source],
        help_text="`own_copy`: of what the last sync brought; where nobody was found there, the "
        "PMS cannot be asked by that. `pms`: of the PMS itself, now.",
    )
    results = PatientSerializer(many=True)


class LiveSerializer(serializers.Serializer):
    """What a PMS has just told of one patient."""

    asked_at = serializers.DateTimeField(help_text="When the PMS was asked.")


class MoneySerializer(LiveSerializer):
    """What a PMS has just told of one patient's money."""

    currency = serializers.CharField(
        help_text="By the integration's profile, as ISO 4217; empty where that does not say."
    )


class AmountField(serializers.DecimalField):
    """A sum of money as a text, with as many digits as the PMS told."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=None, decimal_places=None, **kwargs)


class BalanceSerializer(MoneySerializer):
    """What a patient owes."""

    amount = AmountField(
        allow_null=True, help_text="Above 0: owed. Below: to their credit. Null: not told."
    )
    as_of = serializers.DateField(allow_null=True)


class PaymentSerializer(serializers.Serializer):
    """Money that a patient has paid."""

    id = serializers.CharField(help_text="The PMS's own.")
    amount = AmountField()
    paid_on = serializers.DateField(allow_null=True)
    type = serializers.CharField(help_text="The PMS's own word.")
    description = serializers.CharField()


class PaymentsSerializer(MoneySerializer):
    """What a patient has paid."""

    results = PaymentSerializer(many=True)


class CoverageSerializer(serializers.Serializer):
    """An insurance of a patient, as far as the PMS tells."""

    company = serializers.CharField()
    plan = serializers.CharField()
    member_id = serializers.CharField()
    rank = serializers.CharField(help_text="The PMS's own word: primary, secondary.")


class CoveragesSerializer(LiveSerializer):
    """A patient's insurances."""

    results = CoverageSerializer(many=True)
