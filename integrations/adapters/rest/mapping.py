"""Turn a service's JSON into our records, by its description. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Removed,
    Unreadable,
)
from integrations.adapters.rest.description import Description, Listing
from integrations.adapters.rest.fields import Field, Kind, UnreadableField, ZoneUnknown
from integrations.queries import Resource


@dataclass(frozen=True, slots=True)
class Zones:
    """Whose clock a time without a zone is: the one that all go by, else its site's."""

    usual: ZoneInfo | None = None
    by_site: Mapping[str, str] = field(default_factory=dict)

    def of(self, site_id: str) -> ZoneInfo | None:
        """Return the zone of a site; "" is no site, whose zone is known where all share one."""
        if self.usual:
            return self.usual
        names = set(self.by_site.values())
        name = self.by_site.get(site_id) or (names.pop() if len(names) == 1 and not site_id else "")
        try:
            return ZoneInfo(name) if name else None
        except (ValueError, OSError, KeyError):
            return None


@dataclass(frozen=True, slots=True)
class Item:
    """One record as it came, read field by field; a field that is not described is empty."""

    data: Any
    fields: Mapping[str, Field]
    zone: ZoneInfo | None = None
    #: Whether a stamp whose zone is not known is a reason to find that out, or is left out.
    is_strict: bool = False

    def within(self, zone: ZoneInfo | None) -> Item:
        """Return the same record, whose wall clocks are of this zone."""
        return self if zone is self.zone else replace(self, zone=zone)

    def text(self, name: str) -> str:
        """Return a text; "" where there is none."""
        return self.fields[name].text(self.data) if name in self.fields else ""

    def id(self, name: str) -> str:
        """Return an id; "" where there is none."""
        return self.fields[name].id(self.data) if name in self.fields else ""

    def flag(self, name: str, default: bool) -> bool:
        """Return whether it is so; the default where nothing says."""
        found = self.fields[name].flag(self.data) if name in self.fields else None
        return default if found is None else found

    def moment(self, name: str) -> datetime | None:
        """Return a moment in UTC; None where there is none."""
        return self.fields[name].moment(self.data, self.zone) if name in self.fields else None

    def about(self, name: str) -> datetime | None:
        """Return a moment that only says when the record came about: no reason to lose it."""
        try:
            return self.moment(name)
        except ZoneUnknown:
            if self.is_strict:
                raise
            return None
        except UnreadableField:
            return None

    def count(self, name: str) -> int | None:
        """Return a number of at least 1; None where there is none."""
        return self.fields[name].count(self.data) if name in self.fields else None

    def stamps(self) -> dict[str, Any]:
        """Return what every record has: its id, and when it came about and was changed."""
        return {
            "external_id": self.id("id"),
            "made_at": self.about("made_at"),
            "changed_at": self.about("changed_at"),
        }


def record(
    description: Description,
    listing: Listing,
    data: Any,
    zones: Zones,
    *,
    is_strict: bool = False,
) -> PmsRecord | Removed | Unreadable:
    """Return one item of a list as our record, or say why it cannot be one.

    Strictly, it raises ZoneUnknown for a wall clock whose zone is not among these: whoever asks
    can find it out and come again.
    """
    if not isinstance(data, dict):
        return Unreadable("is not an object")
    item = Item(data, listing.fields, zones.usual, is_strict)
    external_id = ""
    try:
        external_id = item.id("id")
        if not external_id:
            return Unreadable("has no usable id")
        merged_into = item.id("merged_into")
        if item.flag("deleted", False) or merged_into:
            return Removed(external_id=external_id, merged_into=merged_into)
        return _READERS[listing.resource](description, item, zones)
    except UnreadableField as error:
        if is_strict and isinstance(error, ZoneUnknown):
            raise
        return Unreadable(str(error), external_id)


def _location(description: Description, item: Item, zones: Zones) -> LocationRecord:
    name = item.text("timezone") or (str(zones.usual) if zones.usual else "")
    try:
        zone = ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise UnreadableField("is in a time zone that is not a known IANA name") from None
    return LocationRecord(**item.stamps(), name=item.text("name"), timezone=str(zone))


def _practitioner(description: Description, item: Item, zones: Zones) -> PractitionerRecord:
    return PractitionerRecord(
        **item.stamps(),
        first_name=item.text("first_name"),
        last_name=item.text("last_name"),
        is_active=item.flag("is_active", True),
    )


def _operatory(description: Description, item: Item, zones: Zones) -> OperatoryRecord:
    return OperatoryRecord(**item.stamps(), name=item.text("name"))


def _appointment_type(description: Description, item: Item, zones: Zones) -> AppointmentTypeRecord:
    return AppointmentTypeRecord(
        **item.stamps(),
        name=item.text("name"),
        minutes=item.count("minutes"),
        is_active=item.flag("is_active", True),
    )


def _patient(description: Description, item: Item, zones: Zones) -> PatientRecord:
    # Patients are at no site; where all sites share a zone, their stamps are its wall clock.
    item = item.within(zones.of(""))
    birth_date = item.fields["birth_date"].date(item.data) if "birth_date" in item.fields else None
    return PatientRecord(
        **item.stamps(),
        first_name=item.text("first_name"),
        last_name=item.text("last_name"),
        birth_date=birth_date,
        email=item.text("email"),
        phone=item.text("phone"),
        other_phone=item.text("other_phone"),
        is_active=item.flag("is_active", True),
        guarantor_id=item.id("guarantor_id"),
    )


def _appointment(description: Description, item: Item, zones: Zones) -> AppointmentRecord:
    location_id = item.id("location_id")
    item = item.within(zones.of(location_id))
    starts_at = item.moment("starts_at")
    if starts_at is None:
        raise UnreadableField("has no starts_at")
    word = item.text("status")
    return AppointmentRecord(
        **item.stamps(),
        patient_id=item.id("patient_id"),
        practitioner_id=item.id("practitioner_id"),
        location_id=location_id,
        operatory_id=item.id("operatory_id"),
        appointment_type_id=item.id("appointment_type_id"),
        starts_at=starts_at,
        ends_at=_end(item, starts_at),
        status=_status(description, item, word),
        pms_status=word,
        description=item.text("description"),
        cancelled_at=item.about("cancelled_at"),
    )


def _end(item: Item, starts_at: datetime) -> datetime:
    """Return when it ends, by its length where that is told: a wall clock's end is wrong over a
    change of the clocks."""
    minutes = item.count("minutes")
    try:
        found = starts_at + timedelta(minutes=minutes) if minutes else item.moment("ends_at")
    except OverflowError:
        found = None
    if found is None:
        raise UnreadableField("has neither a length nor an end")
    if found <= starts_at:
        raise UnreadableField("ends before it starts")
    return found.astimezone(UTC)


def _status(description: Description, item: Item, word: str) -> str:
    cancelled_at = item.fields.get("cancelled_at")
    if item.flag("is_noshow", False):
        return "noshow"
    if item.flag("is_cancelled", False) or (cancelled_at and _stands(cancelled_at, item.data)):
        return "cancelled"
    return description.status(word)


def _stands(where: Field, data: Any) -> bool:
    """Return whether anything stands there, readable or not."""
    return (
        Field(name=where.name, kind=Kind.FLAG, paths=where.paths, format="set").flag(data) is True
    )


_Reader = Callable[[Description, Item, Zones], PmsRecord]
_READERS: Final[Mapping[Resource, _Reader]] = {
    Resource.LOCATIONS: _location,
    Resource.PRACTITIONERS: _practitioner,
    Resource.OPERATORIES: _operatory,
    Resource.APPOINTMENT_TYPES: _appointment_type,
    Resource.PATIENTS: _patient,
    Resource.APPOINTMENTS: _appointment,
}
