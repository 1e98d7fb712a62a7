"""How changes of appointments are asked for over REST."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rest_framework import serializers

from clinics.models import (
    Appointment,
    AppointmentType,
    Location,
    Operatory,
    Patient,
    Practitioner,
)
from clinics.serializers import ClinicRecordField
from integrations.profiles import appointment_type, word
from writebacks.fields import (
    ClinicForm,
    LineField,
    MomentField,
    NewPatientWriteField,
    active,
    bookable,
    not_one_of,
)
from writebacks.operations import NewStatus
from writebacks.patient_serializers import PersonSerializer
from writebacks.requests import Booking, NewPatient, Rescheduling, StatusChange

LONGEST = timedelta(hours=12)
#: How far ahead a booking may lie: our own choice, that a mistyped year is noticed.
FURTHEST = timedelta(days=731)


class SlotSerializer(ClinicForm):
    """A time with somebody and somewhere."""

    practitioner = ClinicRecordField(
        Practitioner,
        required=False,
        help_text="May be left out where the clinic's profile names a usual one.",
    )
    operatory = ClinicRecordField(
        Operatory,
        required=False,
        allow_null=True,
        help_text="May be left out where the clinic's profile names a usual one, and where its PMS "
        "has none.",
    )
    location = ClinicRecordField(
        Location, required=False, help_text="May be left out where the clinic has only one."
    )
    starts_at = MomentField(help_text="With its offset, in whole minutes.")
    ends_at = MomentField(required=False, help_text="With its offset, in whole minutes.")
    allow_overlap = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Whether it may lie beside other visits of the practitioner or in the operatory.",
    )
    outside_hours = serializers.BooleanField(
        required=False,
        default=False,
        help_text="Whether it may lie outside the opening hours that the clinic's profile has.",
    )

    def validate_practitioner(self, practitioner: Practitioner) -> Practitioner:
        return active(practitioner)

    def validate_starts_at(self, moment: datetime) -> datetime:
        if moment <= self.now:
            raise serializers.ValidationError("This time has passed; choose one that lies ahead.")
        if moment > self.now + FURTHEST:
            raise serializers.ValidationError("At most two years ahead are possible.")
        return moment

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "ends_at" not in attrs:
            return attrs
        length = attrs["ends_at"] - attrs["starts_at"]
        if length <= timedelta(0):
            raise serializers.ValidationError({"ends_at": "The end must come after the start."})
        if length > LONGEST:
            hours = LONGEST // timedelta(hours=1)
            raise serializers.ValidationError({"ends_at": f"At most {hours} hours are possible."})
        return attrs


class BookingSerializer(SlotSerializer):
    """An appointment to be booked. All ids are Frontdesk's, from the lists of this clinic.

    Who it is for is said in one of three ways: `patient`, `new_patient`, or `after`.
    """

    patient = ClinicRecordField(Patient, required=False, help_text="Somebody who is registered.")
    new_patient = PersonSerializer(
        required=False, help_text="Somebody to be registered first, by a writeback of its own."
    )
    after = NewPatientWriteField(
        required=False,
        help_text="A writeback that registers a patient: it is for that one, once registered.",
    )
    ends_at = MomentField(
        required=False,
        help_text="With its offset, in whole minutes. May be left out where the type's usual "
        "length is known.",
    )
    description = serializers.CharField(max_length=200, required=False, default="Appointment")
    appointment_type = ClinicRecordField(
        AppointmentType,
        required=False,
        allow_null=True,
        help_text="May be left out where the clinic's profile names a usual one, and where its PMS "
        "books without.",
    )
    type = LineField(
        max_length=60,
        required=False,
        allow_blank=True,
        default="",
        help_text="Instead of `appointment_type`, one of the words that the clinic's profile has.",
    )

    def validate_appointment_type(self, kind: AppointmentType | None) -> AppointmentType | None:
        return bookable(kind) if kind else None

    def validate_type(self, word: str) -> str:
        """Return the word as the profile writes it."""
        if not word:
            return word
        types = self.profile.appointment_types
        if appointment_type(self.profile, word) is None:
            usable = [each for each in types if appointment_type(self.profile, each)]
            raise serializers.ValidationError(not_one_of(word, usable))
        return next(each for each in types if each.casefold() == word.casefold())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        kind = self._kind(attrs)
        if "ends_at" not in attrs:
            attrs["ends_at"] = attrs["starts_at"] + self._usual_length(kind)
        attrs = super().validate(attrs)
        if len({"patient", "new_patient", "after"} & set(attrs)) != 1:
            message = "Say whom it is for, in one of three ways: patient, new_patient or after."
            raise serializers.ValidationError({"patient": message})
        return attrs | {
            "practitioner": self.practitioner_of(attrs),
            "operatory": self.operatory_of(attrs),
            "location": self.location_of(attrs),
            "appointment_type": kind,
        }

    def _kind(self, attrs: dict[str, Any]) -> AppointmentType | None:
        """Return the type that was named in either way, or the profile's usual one, as our copy
        has it; None where it has none of this value."""
        named: AppointmentType | None = attrs.get("appointment_type")
        if named and attrs["type"]:
            message = "Name the type once: by its id here, or by a word in `type`."
            raise serializers.ValidationError({"appointment_type": message})
        if named:
            return named
        value = (
            appointment_type(self.profile, attrs["type"])
            if attrs["type"]
            else word(self.profile, "appointment_type")
        )
        if value:
            known = AppointmentType.objects.present().filter(clinic=self.clinic)
            return known.filter(external_id=value).first()
        if self.profile.integration.manifest.books_by_type:
            message = (
                "Name one of the clinic's appointment types: its PMS books nothing without, and "
                "the clinic's profile has no usual one."
            )
            raise serializers.ValidationError({"appointment_type": message})
        return None

    def _usual_length(self, kind: AppointmentType | None) -> timedelta:
        if kind is None or not kind.minutes:
            message = "Say when it ends: no usual length of its type is known."
            raise serializers.ValidationError({"ends_at": message})
        return timedelta(minutes=kind.minutes)

    def booking(self) -> Booking:
        """Return what is asked for; its patient is None where one is still to be registered."""
        names = (
            "practitioner",
            "operatory",
            "location",
            "starts_at",
            "ends_at",
            "description",
            "type",
            "appointment_type",
            "allow_overlap",
        )
        after = self.validated_data.get("after")
        return Booking(
            patient=self.validated_data.get("patient") or (after.patient if after else None),
            **{name: self.validated_data[name] for name in names},
        )

    def registration(self) -> NewPatient | None:
        """Return who is to be registered first, if anybody."""
        person = self.validated_data.get("new_patient")
        if person is None:
            return None
        return NewPatient(
            location=self.validated_data["location"],
            practitioner=self.validated_data["practitioner"],
            **person,
        )


class ReschedulingSerializer(SlotSerializer):
    """Another time for an appointment. What is left out stays as it is."""

    practitioner = ClinicRecordField(Practitioner, required=False)
    operatory = ClinicRecordField(Operatory, required=False)
    location = ClinicRecordField(Location, required=False)

    def rescheduling(self, appointment: Appointment) -> Rescheduling:
        """Return what is asked for of this appointment."""
        stays = {
            name: getattr(appointment, name)
            for name in ("practitioner", "operatory", "location")
            if getattr(appointment, name) is not None
        }
        attrs = stays | self.validated_data
        practitioner = self.practitioner_of(attrs)
        if not practitioner.is_active:
            message = "The appointment's practitioner takes no appointments any more: name another."
            raise serializers.ValidationError({"practitioner": message})
        lasts = appointment.ends_at - appointment.starts_at
        return Rescheduling(
            appointment=appointment,
            practitioner=practitioner,
            operatory=self.operatory_of(attrs),
            location=self.location_of(attrs),
            starts_at=attrs["starts_at"],
            ends_at=attrs.get("ends_at") or attrs["starts_at"] + lasts,
            allow_overlap=attrs["allow_overlap"],
        )


#: A cancellation is asked for by DELETE.
STATUSES = [each for each in NewStatus.choices if each[0] != NewStatus.CANCELLED]


class StatusSerializer(ClinicForm):
    """An appointment's new status."""

    status = serializers.ChoiceField(choices=STATUSES)

    def status_change(self, appointment: Appointment) -> StatusChange:
        """Return what is asked for of this appointment."""
        return StatusChange(
            appointment=appointment, status=NewStatus(self.validated_data["status"])
        )
