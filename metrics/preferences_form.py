"""The form of a clinic's preferences: whole numbers, money with its currency, minutes by kind."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms

from integrations.currencies import CURRENCIES
from metrics.models import Preferences
from writebacks.operations import Operation

#: A writeback that is said to save more than two hours is a slip of the keyboard.
MOST_MINUTES: Final = 120
_LINE: Final = re.compile(r"(\w+)\s*=\s*(\d{1,3}(?:\.\d)?)")


class MinutesField(forms.CharField):
    """Minutes by kind of writeback, as lines of text; a kind without a line is not counted."""

    def __init__(self, **kwargs: Any) -> None:
        rows = len(Operation) + 1
        widget = forms.Textarea(attrs={"rows": rows, "cols": 30, "spellcheck": "false"})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, str):  # as it was typed, when it is shown again
            return value
        said = (value or {}).items()
        return "\n".join(f"{name} = {minutes:g}" for name, minutes in sorted(said))

    def to_python(self, value: Any) -> Any:
        minutes: dict[str, float] = {}
        for line in filter(None, map(str.strip, (value or "").splitlines())):
            found = _LINE.fullmatch(line)
            if found is None:
                raise forms.ValidationError(f"“{line[:40]}” is no line such as book = 4.")
            name, number = found[1], float(found[2])
            if name not in Operation.values:
                kinds = ", ".join(Operation.values)
                raise forms.ValidationError(f"“{name[:40]}” is no kind of writeback: {kinds}.")
            if name in minutes:
                raise forms.ValidationError(f"“{name}” is there twice.")
            if number > MOST_MINUTES:
                raise forms.ValidationError(f"“{line}”: {MOST_MINUTES} minutes at most.")
            minutes[name] = int(number) if number.is_integer() else number
        return minutes

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare what is said, not how it is written."""
        try:
            return bool(self.to_python(data) != (initial or {}))
        except forms.ValidationError:
            return True


class PreferencesForm(forms.ModelForm):
    """How a clinic wants its numbers counted."""

    minutes_saved = MinutesField(
        help_text="Minutes of the front desk's time that one confirmed writeback saves, one line "
        f"for a kind: book = 4. Kinds: {', '.join(Operation.values)}. From 0 to {MOST_MINUTES}."
    )

    class Meta:
        model = Preferences
        fields = [
            *("clinic", "week_starts_on", "active_days"),
            *("value_per_hour", "currency", "minutes_saved"),
        ]

    def clean_currency(self) -> str:
        """Return the code as ISO 4217 writes it."""
        code: str = self.cleaned_data["currency"].strip().upper()
        if code and code not in CURRENCIES:
            raise forms.ValidationError("This is no currency of ISO 4217, such as AUD.")
        return code

    def clean(self) -> dict[str, Any]:
        found = super().clean() or self.cleaned_data
        # A currency that was refused has an error of its own.
        if (
            found.get("value_per_hour") is not None
            and not found.get("currency")
            and "currency" not in self.errors
        ):
            self.add_error("currency", "Say in which currency the value of an hour is.")
        return found
