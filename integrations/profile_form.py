"""The form of a profile: drop-downs of what the PMS offers, and timetables as lines of text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import Q

from clinics.models import Operatory, Practitioner
from integrations import timetable, timetable_text
from integrations.profile_model import LIST_NAMES, WORD_LISTS, Profile
from integrations.profile_report import suggestions

NOT_SET = "not set"


class LinesField(forms.CharField):
    """What a profile keeps as JSON, as lines of text. `read` raises ValueError in words."""

    write: Callable[[Any], str]
    read: Callable[[str], Any]

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 7, "cols": 60, "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else self.write(value)

    def to_python(self, value: Any) -> Any:
        try:
            return self.read(value or "")
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def validate(self, value: Any) -> None:
        """Any text that could be read will do; the profile itself says what it must hold."""

    def run_validators(self, value: Any) -> None:
        """See validate."""


def write_types(types: dict[str, str]) -> str:
    """Return the words for types of appointment, a line for each."""
    return "\n".join(f"{ours} = {theirs}" for ours, theirs in sorted(types.items()))


def read_types(text: str) -> dict[str, str]:
    """Return the words that lines say. Raises ValueError for a line that says none."""
    types: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        ours, equals, theirs = (part.strip() for part in line.partition("="))
        if not (ours and equals and theirs):
            raise ValueError(f"“{line}” is no line such as cleaning = 12.")
        if ours in types:
            raise ValueError(f"“{ours}” is there twice.")
        types[ours] = theirs
    return types


class ProfileForm(forms.ModelForm):
    """A profile, to be filled from what its PMS offered last. Nothing is chosen beforehand."""

    appointment_types = LinesField(help_text="One line each: our word = the PMS's value.")
    hours = LinesField(
        help_text="In the clinic's local time, one line for a weekday: mon 08:00-12:00, "
        "13:00-17:00. A weekday without a line is closed; no line at all: unknown."
    )
    practitioner_hours = LinesField(
        help_text="For whoever keeps other hours than the clinic: DMD1 mon 08:00-12:00, by the "
        "PMS's id. Weekdays without a line they are not there."
    )
    closures = LinesField(
        help_text="One line each: 2030-12-24..2030-12-26 Christmas, or for one practitioner "
        "2030-07-01 [DMD1] On leave."
    )

    class Meta:
        model = Profile
        fields = [
            "default_practitioner",
            "default_operatory",
            *WORD_LISTS,
            "appointment_types",
            "currency",
            "longest_note",
            "hours",
            "practitioner_hours",
            "closures",
            "checks_slots",
            "can_update_patients",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        profile: Profile = self.instance
        people = Practitioner.objects.present().filter(clinic_id=profile.integration.clinic_id)
        self._set_up_lines({str(each.pk): each.external_id for each in people})
        own: Any = self.fields
        if "default_practitioner" in own:
            # With the one who was chosen and has left: to drop them unseen would be a change.
            stays = Q(is_active=True) | Q(pk=profile.default_practitioner_id)
            own["default_practitioner"].queryset = people.filter(stays)
        if "default_operatory" in own:
            own["default_operatory"].queryset = (
                Operatory.objects.present()
                .filter(clinic_id=profile.integration.clinic_id)
                .order_by("name")
            )
        hints = suggestions(profile)
        for name, list_name in WORD_LISTS.items():
            if name in own:
                hint = f" Looks like it: {hints[name].value}." if name in hints else ""
                own[name] = self._word(profile, name, list_name, own[name], hint)
        if offered := profile.offers("appointment_types"):
            named = ", ".join(map(str, offered[:40]))
            own["appointment_types"].help_text += f" It offers {named}."

    def _set_up_lines(self, names: dict[str, str]) -> None:
        ids = {external: pk for pk, external in names.items()}
        text = timetable_text
        ways: dict[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
            "appointment_types": (write_types, read_types),
            "hours": (
                text.write_hours,
                lambda typed: timetable.check_hours(text.read_hours(typed)),
            ),
            "practitioner_hours": (
                lambda hours: text.write_practitioner_hours(hours, names),
                lambda typed: {
                    who: timetable.check_hours(hours)
                    for who, hours in text.read_practitioner_hours(typed, ids).items()
                },
            ),
            "closures": (
                lambda closures: text.write_closures(closures, names),
                lambda typed: timetable.check_closures(text.read_closures(typed, ids)),
            ),
        }
        for name, (write, read) in ways.items():
            field: Any = self.fields[name]
            field.write, field.read = write, read

    def _word(
        self, profile: Profile, name: str, list_name: str, field: Any, hint: str
    ) -> forms.Field:
        """Return the field to choose a word with: a drop-down, where the PMS shows its list."""
        more: dict[str, Any] = {"required": False, "label": field.label}
        offered = profile.offers(list_name)
        if offered is None:
            reason = profile.refuses_list(list_name)
            what = (
                f"The PMS does not show its {LIST_NAMES[list_name]} ({reason}): type it exactly "
                "as the PMS has it."
                if reason
                else "Read the PMS's lists first."
            )
            return forms.CharField(
                **more,
                max_length=field.max_length,
                strip=False,
                disabled=not reason,
                help_text=f"{field.help_text} {what}",
            )
        choices = [("", NOT_SET)] + [(term.value, str(term)) for term in offered]
        chosen = getattr(profile, name)
        if chosen and not profile.takes(list_name, chosen):
            choices.append((chosen, f"{chosen} (not offered any more)"))
        return forms.ChoiceField(**more, choices=choices, help_text=f"{field.help_text}{hint}")
