"""The profile of an integration: what a PMS needs beside the caller's words."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact
from django.utils import timezone

from clinics.models import Clinic, Operatory, Organization, Practitioner
from integrations import timetable
from integrations.contract import Term
from integrations.currencies import CURRENCIES

#: Each of our words for the PMS → the PMS's list that it must stand in.
WORD_LISTS: Final[Mapping[str, str]] = {
    "cancel_word": "statuses",
    "no_show_word": "statuses",
    "confirmed_word": "statuses",
    "arrived_word": "statuses",
    "appointment_type": "appointment_types",
    "note_type": "note_types",
    "payment_type": "payment_types",
}
#: The lists in words.
LIST_NAMES: Final[Mapping[str, str]] = {
    "statuses": "statuses of an appointment",
    "appointment_types": "types of appointment",
    "note_types": "types of note",
    "payment_types": "types of payment",
}
#: Offers that an error names.
NAMED: Final = 20
LONGEST_WORD: Final = 100
LONGEST_OWN_WORD: Final = 60
NO_WORDS: Final = Q(**dict.fromkeys(WORD_LISTS, ""), appointment_types={})


def _is(column: str, kind: str) -> Exact:
    """Return the condition that a column of JSON holds an object, or an array."""
    found = Func(F(column), function="jsonb_typeof", output_field=models.TextField())
    return Exact(found, Value(kind))


def _word(words: str) -> Any:
    return models.CharField(max_length=LONGEST_WORD, blank=True, help_text=words)


class Profile(models.Model):
    """What one practice's PMS needs for a write, chosen by people from the PMS's own lists.

    Whatever is not set stays not set: what needs it is refused, and nothing is guessed. `clean`
    holds each word against the lists as they were last read; integrations/profiles.py reads them
    and answers what the rest of Frontdesk asks.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    integration = models.OneToOneField(
        "integrations.Integration", on_delete=models.CASCADE, related_name="profile"
    )

    default_practitioner = models.ForeignKey(
        Practitioner,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose a booking is when the asker names nobody. Empty: they have to.",
    )
    default_operatory = models.ForeignKey(
        Operatory,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Where a booking is when the asker names no chair. Empty: they have to.",
    )

    cancel_word = _word("What an appointment's status becomes when it is called off.")
    no_show_word = _word("What it becomes when the patient stayed away.")
    confirmed_word = _word("What it becomes when the patient says that they will come.")
    arrived_word = _word("What it becomes when the patient is there.")
    appointment_type = _word("What type an appointment is when the asker names none.")
    appointment_types = models.JSONField(
        default=dict, blank=True, help_text="Our word for a type of appointment → the PMS's value."
    )
    note_type = _word("What kind a note is when the asker names none.")
    payment_type = _word("What kind a payment is when the asker names none.")
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of every payment here, by ISO 4217: USD."
    )
    longest_note = models.PositiveIntegerField(
        "longest note",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Characters that the PMS keeps of a note. Empty: unknown.",
    )

    hours = models.JSONField(
        "working time",
        default=dict,
        blank=True,
        help_text="The clinic's by weekday. Nothing: unknown.",
    )
    practitioner_hours = models.JSONField(
        "working time of practitioners",
        default=dict,
        blank=True,
        help_text="By practitioner, instead of the clinic's.",
    )
    closures = models.JSONField(default=list, blank=True)
    checks_slots = models.BooleanField(
        "PMS tells free slots",
        default=False,
        help_text="Whether this PMS has a list of available slots worth asking.",
    )

    can_update_patients = models.BooleanField(
        "patients can be changed",
        default=False,
        help_text="Whether the practice's own system takes changes of patients from outside.",
    )

    vocabulary = models.JSONField(default=dict, editable=False)
    vocabulary_read_at = models.DateTimeField("lists read", null=True, editable=False)
    checked_at = models.DateTimeField(
        "checked", null=True, editable=False, help_text="When a person last said that this is so."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "pms_profiles"
        constraints = [
            models.CheckConstraint(
                condition=NO_WORDS | Q(vocabulary_read_at__isnull=False),
                name="profile_words_after_lists",
                violation_error_message="Read the PMS's lists before you choose from them.",
            ),
            models.CheckConstraint(
                condition=Q(payment_type="") | ~Q(currency=""),
                name="profile_payment_has_currency",
                violation_error_message="Say in which currency payments are.",
            ),
            models.CheckConstraint(
                condition=Q(currency="") | Q(currency__regex="^[A-Z]{3}$"),
                name="profile_currency_is_a_code",
                violation_error_message="A currency is three letters, such as USD.",
            ),
            models.CheckConstraint(
                condition=Q(longest_note=None) | Q(longest_note__gte=1),
                name="profile_notes_have_length",
                violation_error_message="A note needs at least one character.",
            ),
            models.CheckConstraint(
                condition=Q(
                    _is("appointment_types", "object"),
                    _is("hours", "object"),
                    _is("practitioner_hours", "object"),
                    _is("closures", "array"),
                    _is("vocabulary", "object"),
                ),
                name="profile_json_has_form",
            ),
        ]

    def __str__(self) -> str:
        return f"Profile of {self.clinic}"

    @property
    def clinic(self) -> Clinic:
        """The clinic that it is for."""
        return self.integration.clinic

    def offers(self, name: str) -> tuple[Term, ...] | None:
        """Return what one of the PMS's lists offers; None where nobody could read it."""
        if self.vocabulary_read_at is None or name in self.vocabulary.get("unread", {}):
            return None
        return tuple(Term(*each) for each in self.vocabulary.get(name, []))

    def refuses_list(self, name: str) -> str:
        """Return why the PMS would not show one of its lists; empty where it did."""
        return str(self.vocabulary.get("unread", {}).get(name, ""))

    def takes(self, name: str, value: str) -> bool:
        """Return whether a list has the value, as last read; one that a person took from elsewhere
        counts where the PMS shows no list."""
        offered = self.offers(name)
        if offered is None:
            return bool(self.refuses_list(name))
        return any(term.value == value for term in offered)

    # --- What may stand in it --------------------------------------------------------------------

    def clean(self) -> None:
        """Hold everything against the PMS's lists and the clinic's own people and places."""
        wrong: dict[str, str] = {}
        for field, check in (
            ("default_practitioner", self._check_practitioner),
            ("default_operatory", self._check_operatory),
            ("appointment_types", self._check_types),
            ("currency", self._check_currency),
            ("hours", self._check_hours),
            ("practitioner_hours", self._check_practitioner_hours),
            ("closures", self._check_closures),
            *((field, self._check_word(field)) for field in WORD_LISTS),
        ):
            try:
                check()
            except ValueError as error:
                wrong[field] = str(error)
        if wrong:
            raise ValidationError(dict(wrong))

    def _check_practitioner(self) -> None:
        chosen = self.default_practitioner
        if chosen is None:
            return
        if chosen.clinic_id != self.integration.clinic_id:
            raise ValueError("Choose a practitioner of this clinic.")
        if not chosen.is_active:
            raise ValueError(f"{chosen} is not active any more; choose somebody who is.")

    def _check_operatory(self) -> None:
        chosen = self.default_operatory
        if chosen is not None and chosen.clinic_id != self.integration.clinic_id:
            raise ValueError("Choose an operatory of this clinic.")

    def _check_currency(self) -> None:
        if self.currency and self.currency not in CURRENCIES:
            raise ValueError(f"{self.currency} is no currency of ISO 4217; USD and EUR are.")

    def _check_word(self, field: str) -> Callable[[], None]:
        return lambda: self._check_offered(WORD_LISTS[field], getattr(self, field))

    def _check_offered(self, name: str, value: str) -> None:
        if not value or self.takes(name, value):
            return
        offered = self.offers(name)
        if offered is None:
            raise ValueError("Read the PMS's lists before you choose from them.")
        if not offered:
            raise ValueError(f"“{value}” cannot be: the PMS offers no {LIST_NAMES[name]}.")
        named = ", ".join(term.value for term in offered[:NAMED])
        more = f" and {len(offered) - NAMED} more" if len(offered) > NAMED else ""
        raise ValueError(
            f"“{value}” is none of the PMS's {LIST_NAMES[name]}. It offers {named}{more}."
        )

    def _check_types(self) -> None:
        if not isinstance(self.appointment_types, dict):
            raise ValueError("Types of appointment are pairs: our word and the PMS's value.")
        seen: set[str] = set()
        for word, value in self.appointment_types.items():
            if not (word.strip() == word != "") or not word.isprintable():
                raise ValueError("A word of ours must be on one line, without spaces around it.")
            if len(word) > LONGEST_OWN_WORD:
                raise ValueError(f"A word of ours has at most {LONGEST_OWN_WORD} characters.")
            if word.casefold() in seen:
                raise ValueError(f"“{word}” is there twice.")
            seen.add(word.casefold())
            if not (isinstance(value, str) and value and len(value) <= LONGEST_WORD):
                raise ValueError(f"“{word}” needs one of the PMS's values.")
            self._check_offered("appointment_types", value)

    def _check_hours(self) -> None:
        self.hours = timetable.check_hours(self.hours)

    def _check_practitioner_hours(self) -> None:
        if not isinstance(self.practitioner_hours, dict):
            raise ValueError("Hours of practitioners are hours for each of them.")
        self._check_own(self.practitioner_hours)
        checked = {
            practitioner: timetable.check_hours(hours)
            for practitioner, hours in self.practitioner_hours.items()
        }
        self.practitioner_hours = {key: hours for key, hours in checked.items() if hours}

    def _check_closures(self) -> None:
        self.closures = timetable.check_closures(self.closures)
        self._check_own({each["practitioner"] for each in self.closures if "practitioner" in each})

    def _check_own(self, practitioners: Collection[str]) -> None:
        """Refuse ids of practitioners that this clinic has not."""
        if not practitioners:
            return
        own = Practitioner.objects.filter(clinic_id=self.integration.clinic_id)
        if not set(practitioners) <= {str(pk) for pk in own.values_list("pk", flat=True)}:
            raise ValueError("Choose practitioners of this clinic, by their ids.")
