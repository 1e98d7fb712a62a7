"""The fields of what can be asked for over REST, and what every such form knows of its clinic."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import Any

from rest_framework import serializers

from clinics.models import AppointmentType, Clinic, Location, Operatory, Practitioner
from clinics.serializers import OffsetDateTimeField
from integrations.profile_model import NAMED, Profile
from integrations.profiles import default_operatory, default_practitioner, has_operatories
from integrations.system import System
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.requests import NotConfigured


class MomentField(OffsetDateTimeField):
    """A moment with its offset, in whole minutes, as appointments have it."""

    default_error_messages = {"seconds": "Give the time in whole minutes."}

    def to_internal_value(self, value: Any) -> datetime:
        moment = super().to_internal_value(value)
        if moment.second or moment.microsecond:
            self.fail("seconds")
        return moment


class LineField(serializers.CharField):
    """A text on one line, as a PMS keeps names and numbers."""

    default_error_messages = {"control": "This must be one line, without control characters."}

    def to_internal_value(self, data: Any) -> str:
        text: str = super().to_internal_value(data)
        if any(unicodedata.category(character) == "Cc" for character in text):
            self.fail("control")
        return text


class NewPatientWriteField(serializers.UUIDField):
    """The id of a writeback of this clinic that registers a patient."""

    default_error_messages = {"unknown": "This clinic has no create_patient writeback of this id."}

    def to_internal_value(self, data: Any) -> Any:
        pk = super().to_internal_value(data)
        found = Writeback.objects.filter(
            clinic=self.context["clinic"], operation=Operation.CREATE_PATIENT, pk=pk
        ).first()
        if found is None:
            self.fail("unknown")
        return found


class ClinicForm(serializers.Serializer):
    """A form for one clinic; its context has `clinic`, the integration's `profile`, the `system`
    that it is connected to, and `now`."""

    @property
    def clinic(self) -> Clinic:
        """Whose PMS is to be changed."""
        clinic: Clinic = self.context["clinic"]
        return clinic

    @property
    def profile(self) -> Profile:
        """What its PMS needs beside the asker's words."""
        profile: Profile = self.context["profile"]
        return profile

    @property
    def system(self) -> System:
        """What its PMS has and can do."""
        system: System = self.context["system"]
        return system

    @property
    def now(self) -> datetime:
        """When it is asked for."""
        now: datetime = self.context["now"]
        return now

    def today(self, location: Location) -> date:
        """Return the date at a site."""
        return self.now.astimezone(location.zone).date()

    def location_of(self, attrs: dict[str, Any]) -> Location:
        """Return the site that was named, or the clinic's only one."""
        if named := attrs.get("location"):
            return named
        locations = list(Location.objects.present().filter(clinic=self.clinic)[:2])
        if len(locations) != 1:
            message = "Name the location: this clinic has none or several."
            raise serializers.ValidationError({"location": message})
        return locations[0]

    def practitioner_of(self, attrs: dict[str, Any]) -> Practitioner:
        """Return who was named, or whom the profile names for those who name nobody."""
        found = attrs.get("practitioner") or default_practitioner(self.profile)
        if found is None:
            message = "Name the practitioner: this clinic's profile has no usual one."
            raise serializers.ValidationError({"practitioner": message})
        return found

    def operatory_of(self, attrs: dict[str, Any]) -> Operatory | None:
        """Return the chair that was named, or the profile's usual one; None where the PMS has
        none."""
        found: Operatory | None = attrs.get("operatory")
        if found is None and has_operatories(self.system):
            found = default_operatory(self.profile)
            if found is None:
                message = "Name the operatory: this clinic's profile has no usual one."
                raise serializers.ValidationError({"operatory": message})
        return found

    def offered(self, name: str, value: str) -> str:
        """Return a value of one of the PMS's lists, or say what that list offers.

        Raises NotConfigured where nobody has read the list yet.
        """
        if self.profile.takes(name, value):
            return value
        terms = self.profile.offers(name)
        if terms is None:
            raise NotConfigured(
                "The PMS's lists have not been read yet; a clinic admin can have them read on the "
                "page of the integration's profile."
            )
        raise serializers.ValidationError(not_one_of(value, [term.value for term in terms]))


def not_one_of(value: str, offered: list[str]) -> str:
    """Return the sentence for a word that is not on a list."""
    if not offered:
        return f"“{value}” is not known here, and there is nothing else to choose from."
    named = ", ".join(offered[:NAMED])
    more = f" and {len(offered) - NAMED} more" if len(offered) > NAMED else ""
    return f"“{value}” is not known here. Choose one of: {named}{more}."


def active(practitioner: Practitioner) -> Practitioner:
    """Return somebody who still works here."""
    if not practitioner.is_active:
        raise serializers.ValidationError("This practitioner takes no appointments any more.")
    return practitioner


def bookable(kind: AppointmentType) -> AppointmentType:
    """Return a type of appointment that is still booked."""
    if not kind.is_active:
        raise serializers.ValidationError("Nothing of this type is booked any more.")
    return kind
