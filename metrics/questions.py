"""What is asked about numbers: a period, its dates, and which of the numbers."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar, Final
from uuid import UUID

from rest_framework import serializers

from clinics.models import Clinic
from metrics.calendar import Name, Period, WrongPeriod, between, named
from metrics.definitions import GROUPS
from metrics.models import Preferences

#: What is worked out besides the rollups, and only shown to who asks for it.
INSIGHTS: Final = "insights"
#: The words of `metrics=`.
NAMES: Final = (*GROUPS, INSIGHTS)
PERIODS: Final = [each.value for each in Name]
#: As many as a page shows at most.
MOST_IDS: Final = 200
DATE_ERRORS: Final[dict[str, Any]] = {
    "invalid": "This is no date; write it as YYYY-MM-DD, such as 2026-03-01.",
    "datetime": "This is a moment; write a date as YYYY-MM-DD.",
}


class NamesField(serializers.CharField):
    """Some of a few words, with commas between; each once, in their usual order."""

    default_error_messages = {
        "unknown": "“{word}” is no metric; ask for some of {names}, with commas between.",
        "blank": f"Name some of {', '.join(NAMES)}, with commas between, or leave this out.",
    }

    def to_internal_value(self, data: Any) -> Any:
        words = [each.strip() for each in super().to_internal_value(data).split(",")]
        for word in words:
            if word not in NAMES:
                self.fail("unknown", word=word[:40], names=", ".join(NAMES))
        return tuple(each for each in NAMES if each in words)


class IdsField(serializers.CharField):
    """Ids with commas between, each once."""

    default_error_messages = {
        "invalid": "“{word}” is no id; write ids as a clinic's `id` has it, with commas between.",
        "many": f"Name {MOST_IDS} clinics at most.",
        "blank": "Name some clinics, with commas between, or leave this out.",
    }

    def to_internal_value(self, data: Any) -> Any:
        found = []
        for word in super().to_internal_value(data).split(","):
            try:
                found.append(UUID(word.strip()))
            except ValueError:
                self.fail("invalid", word=word[:40])
        if len(found) > MOST_IDS:
            self.fail("many")
        return tuple(dict.fromkeys(found))


class MetricsQuestion(serializers.Serializer):
    """A named period, or dates; and which numbers."""

    #: Those that are told where nothing is said.
    usual: ClassVar[tuple[str, ...]] = tuple(GROUPS)

    period = serializers.ChoiceField(
        PERIODS,
        required=False,
        help_text="The week or calendar month that has the clinic's own today in it. `week` where "
        "neither this nor dates are given.",
        error_messages={
            "invalid_choice": "“{input}” is no period; ask for week or month, or for startDate and "
            "endDate."
        },
    )
    startDate = serializers.DateField(
        required=False,
        error_messages=DATE_ERRORS,
        help_text="The first date, on the clinic's own calendar; with endDate, without period.",
    )
    endDate = serializers.DateField(
        required=False,
        error_messages=DATE_ERRORS,
        help_text="The last date, included; at most 731 dates.",
    )
    metrics = NamesField(
        required=False,
        help_text="Some of `bookings`, `patients`, `trends` and `insights`, with commas between; "
        "all but `insights` where it is left out.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        unknown = sorted(set(data) - set(self.fields))
        if unknown:
            known = ", ".join(self.fields)
            message = f"There is no such parameter; there are {known}."
            raise serializers.ValidationError({each[:40]: [message] for each in unknown[:5]})
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("metrics", self.usual)
        dates = [each for each in ("startDate", "endDate") if each in attrs]
        if "period" in attrs and dates:
            message = "Ask for a period or for dates, not for both."
            raise serializers.ValidationError({"period": [message]})
        if len(dates) == 1:
            other = "endDate" if dates == ["startDate"] else "startDate"
            raise serializers.ValidationError({other: [f"It goes with {dates[0]}: give both."]})
        if dates:
            try:
                attrs["dates"] = between(attrs["startDate"], attrs["endDate"])
            except WrongPeriod as error:
                raise serializers.ValidationError({"endDate": [str(error)]}) from None
        return attrs


class OverviewQuestion(MetricsQuestion):
    """The same of an organization's clinics. Days and hours only where they are asked for."""

    usual = ("bookings", "patients")

    clinics = IdsField(
        required=False,
        help_text=f"Of these clinics only: up to {MOST_IDS} ids, with commas between.",
    )
    metrics = NamesField(
        required=False,
        help_text="As of one clinic; `bookings` and `patients` where it is left out.",
    )
    cursor = serializers.CharField(required=False, help_text="As `next` and `previous` have it.")
    page_size = serializers.IntegerField(
        required=False, min_value=1, help_text=f"Clinics of a page, up to {MOST_IDS}; usually 50."
    )


def period_of(asked: dict[str, Any], wishes: Preferences, today: date) -> Period:
    """Return the dates that a valid question means to a clinic on this date of its own."""
    dates: Period | None = asked.get("dates")
    return dates or named(name_of(asked) or Name.WEEK, today, wishes.week_starts_on)


def name_of(asked: dict[str, Any]) -> Name | None:
    """Return the period's name; None where dates were asked for."""
    return None if "dates" in asked else Name(asked.get("period", Name.WEEK))


def wishes_of(clinic: Clinic) -> Preferences:
    """Return how a clinic wants to be counted, of one that was read with its preferences."""
    known: Preferences | None = getattr(clinic, "metrics_preferences", None)
    return known or Preferences(clinic=clinic)
