"""How changes of patients' records are asked for over REST."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from clinics.models import Location, Patient, Practitioner
from clinics.serializers import ClinicRecordField
from writebacks.fields import ClinicForm, LineField, active
from writebacks.requests import NewPatient, NotConfigured, Note, PatientChange, Payment

#: Longer ago than anybody living was born: a mistyped century.
OLDEST = timedelta(days=130 * 365)
#: Of a note where the profile knows no limit of the PMS: our own.
LONGEST_NOTE = 10_000
#: Days that a note or payment may lie back: our own choice, that a mistyped year is noticed.
LATEST_ENTRY = timedelta(days=366)


class PersonSerializer(ClinicForm):
    """Who somebody is, and how to reach them."""

    first_name = LineField(max_length=100)
    last_name = LineField(max_length=100)
    birth_date = serializers.DateField(required=False)
    email = serializers.EmailField(max_length=254, required=False, allow_blank=True)
    phone = LineField(max_length=40, required=False, allow_blank=True)

    def validate_birth_date(self, born: date) -> date:
        today = self.now.astimezone(self.clinic.zone).date()
        if born > today:
            raise serializers.ValidationError("This date lies in the future.")
        if born < today - OLDEST:
            raise serializers.ValidationError("Nobody living was born so long ago.")
        return born


def _location() -> ClinicRecordField:
    return ClinicRecordField(
        Location, required=False, help_text="May be left out where the clinic has only one."
    )


def _practitioner() -> ClinicRecordField:
    return ClinicRecordField(
        Practitioner,
        required=False,
        help_text="May be left out where the clinic's profile names a usual one.",
    )


class NewPatientSerializer(PersonSerializer):
    """A patient to be registered, with the practitioner who is to be theirs."""

    practitioner = _practitioner()
    location = _location()

    def validate_practitioner(self, practitioner: Practitioner) -> Practitioner:
        return active(practitioner)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs | {
            "practitioner": self.practitioner_of(attrs),
            "location": self.location_of(attrs),
        }

    def new_patient(self) -> NewPatient:
        """Return what is asked for."""
        return NewPatient(**self.validated_data)


class PatientChangeSerializer(PersonSerializer):
    """What is to change of a patient; what is left out stays as it is."""

    first_name = LineField(max_length=100, required=False)
    last_name = LineField(max_length=100, required=False)
    location = _location()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not set(attrs) - {"location"}:
            raise serializers.ValidationError(
                "Name at least one thing that is to change: first_name, last_name, birth_date, "
                "email or phone."
            )
        return attrs | {"location": self.location_of(attrs)}

    def patient_change(self, patient: Patient) -> PatientChange:
        """Return what is asked for of this patient."""
        return PatientChange(patient=patient, **self.validated_data)


class EntrySerializer(ClinicForm):
    """What notes and payments have in common."""

    practitioner = _practitioner()
    location = _location()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return attrs | {
            "practitioner": self.practitioner_of(attrs),
            "location": self.location_of(attrs),
        }

    def dated(self, attrs: dict[str, Any], name: str) -> date:
        """Return the date of this name, today's where there is none."""
        today = self.today(attrs["location"])
        day: date = attrs.get(name, today)
        if day > today:
            raise serializers.ValidationError({name: "This date lies in the future."})
        if day < today - LATEST_ENTRY:
            raise serializers.ValidationError({name: "At most a year back is possible."})
        return day


class NoteSerializer(EntrySerializer):
    """A note for a patient's record."""

    text = serializers.CharField(
        max_length=LONGEST_NOTE, help_text="The clinic's PMS may keep less; then longer is a 400."
    )
    type = LineField(
        max_length=100,
        required=False,
        help_text="One of the PMS's types of note; left out, the profile's usual one.",
    )
    written_on = serializers.DateField(required=False, help_text="Left out, today.")

    def validate_text(self, text: str) -> str:
        longest = self.profile.longest_note
        if longest and len(text) > longest:
            raise serializers.ValidationError(
                f"This clinic's PMS keeps {longest} characters of a note; this one has {len(text)}."
            )
        return text

    def validate_type(self, value: str) -> str:
        return self.offered("note_types", value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        return attrs | {"written_on": self.dated(attrs, "written_on")}

    def note(self, patient: Patient) -> Note:
        """Return what is asked for of this patient."""
        return Note(patient=patient, **self.validated_data)


class PaymentSerializer(EntrySerializer):
    """Money that was received from a patient."""

    amount = serializers.DecimalField(max_digits=9, decimal_places=2, min_value=Decimal("0.01"))
    currency = LineField(
        max_length=3, help_text="The currency that the practice keeps its accounts in: USD."
    )
    type = LineField(
        max_length=100,
        required=False,
        help_text="One of the PMS's types of payment; left out, the profile's usual one.",
    )
    description = LineField(max_length=200, required=False)
    paid_on = serializers.DateField(required=False, help_text="Left out, today.")

    def validate_currency(self, currency: str) -> str:
        kept = self.profile.currency
        if not kept:
            raise NotConfigured(
                "The integration's profile does not say in which currency payments are; a clinic "
                "admin can set it there."
            )
        if currency != kept:
            raise serializers.ValidationError(f"This clinic's payments are in {kept}.")
        return currency

    def validate_type(self, value: str) -> str:
        return self.offered("payment_types", value)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        return attrs | {"paid_on": self.dated(attrs, "paid_on")}

    def payment(self, patient: Patient) -> Payment:
        """Return what is asked for of this patient."""
        return Payment(patient=patient, **self.validated_data)
