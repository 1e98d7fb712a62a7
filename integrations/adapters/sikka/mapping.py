"""Translate between Sikka's fields and ours. Pure functions; every vendor value is a string."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Unreadable,
)
from integrations.queries import Resource

Item = dict[str, Any]

LONGEST_ID: Final = 200
#: Where a record's id stands.
ID_FIELDS: Final[Mapping[Resource, str]] = {
    Resource.LOCATIONS: "practice_id",
    Resource.PRACTITIONERS: "provider_id",
    Resource.OPERATORIES: "operatory",
    Resource.APPOINTMENT_TYPES: "item",
    Resource.PATIENTS: "patient_id",
    Resource.APPOINTMENTS: "appointment_sr_no",
}
#: A patient's telephone numbers, the one to call first.
PHONES: Final = ("cell", "homephone", "workphone", "other_phone")

#: The vendor's words of an appointment's status → FHIR's, by what they contain. Each PMS behind
#: Sikka has its own vocabulary; a word that is not listed counts as booked.
STATUS_WORDS = (
    ("no show", "noshow"),
    ("noshow", "noshow"),
    ("broken", "cancelled"),
    ("cancel", "cancelled"),
    ("complete", "fulfilled"),
    ("checked out", "fulfilled"),
    ("arrived", "arrived"),
    ("checked", "checked-in"),
)
TRUE_WORDS = frozenset({"true", "t", "1", "yes", "y"})


class UnreadableRecord(ValueError):
    """A record lacks what it cannot be kept without; the message names the field only."""


def is_true(value: object) -> bool:
    """Return whether one of Sikka's several ways to say yes was used."""
    return str(value or "").strip().lower() in TRUE_WORDS


def usable_id(value: object) -> str:
    """Return an id as text, "" for what cannot be one. It is never cut: two might become one."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.strip() and text.isprintable() and len(text) <= LONGEST_ID else ""


def record(
    resource: Resource, item: object, timezones: Mapping[str, str]
) -> PmsRecord | Unreadable:
    """Read an item of a list; one that cannot be read is told as such, by its id if it has one."""
    if not isinstance(item, dict):
        return Unreadable("is no record")
    name = ID_FIELDS[resource]
    if name not in item:
        return Unreadable(f"has no {name}")
    external_id = usable_id(item[name])
    if not external_id:
        return Unreadable("has no usable id")
    try:
        return _READERS[resource](item, external_id, timezones)
    except KeyError as missing:
        return Unreadable(f"has no {missing.args[0]}", external_id)
    except UnreadableRecord as error:
        return Unreadable(str(error), external_id)
    except (ValueError, OverflowError):
        return Unreadable("has a date, time or number that cannot be read", external_id)


def _location(item: Item, external_id: str, _: Mapping[str, str]) -> LocationRecord:
    """Map a row of authorized_practices, whose zone is a Windows name ("Eastern Standard Time")."""
    windows_zone = str(item.get("practice_management_system_refresh_date_time_zone") or "")
    zone = win_tz.get(windows_zone)
    if zone is None:
        raise UnreadableRecord("is in a time zone that is not a known Windows zone")
    return LocationRecord(
        external_id=external_id,
        name=storable(item.get("practice_name")),
        timezone=zone,
    )


def timezones(sites: Iterable[PmsRecord | Unreadable]) -> dict[str, str]:
    """Return location id → IANA zone, of the sites whose zone is known."""
    return {site.external_id: site.timezone for site in sites if isinstance(site, LocationRecord)}


def _practitioner(item: Item, external_id: str, _: Mapping[str, str]) -> PractitionerRecord:
    return PractitionerRecord(
        external_id=external_id,
        first_name=storable(item.get("firstname")),
        last_name=storable(item.get("lastname")),
        is_active=_is_active(item),
    )


def _operatory(item: Item, external_id: str, _: Mapping[str, str]) -> OperatoryRecord:
    """Map an operatory; writes want its `operatory` value, not the abbreviation."""
    return OperatoryRecord(
        external_id=external_id, name=storable(item.get("abbreviation")) or external_id
    )


def _appointment_type(item: Item, external_id: str, _: Mapping[str, str]) -> AppointmentTypeRecord:
    """Map a legal value of a new appointment's type: the value is all the id that it has."""
    name = storable(item.get("description")) or external_id
    return AppointmentTypeRecord(external_id=external_id, name=name, minutes=None, is_active=True)


def _patient(item: Item, external_id: str, _: Mapping[str, str]) -> PatientRecord:
    """Map a patient read with all fields."""
    birth = str(item.get("birthdate") or "")[:10]
    numbers = [number for name in PHONES if (number := storable(item.get(name)))]
    phone = numbers[0] if numbers else ""
    return PatientRecord(
        external_id=external_id,
        made_at=noon(item.get("created_date")),
        first_name=storable(item.get("firstname")),
        last_name=storable(item.get("lastname")),
        birth_date=date.fromisoformat(birth) if birth else None,
        email=storable(item.get("email")),
        phone=phone,
        other_phone=next((number for number in numbers if number != phone), ""),
        is_active=_is_active(item),
        guarantor_id=storable(item.get("guarantor_id")),
    )


def _appointment(item: Item, external_id: str, timezones: Mapping[str, str]) -> AppointmentRecord:
    """Map an appointment read with all fields; its times are the site's wall clock."""
    location_id = str(item.get("practice_id") or "")
    if location_id not in timezones:
        raise UnreadableRecord("is at a practice that is not one of this office")
    zone = ZoneInfo(timezones[location_id])
    clock = datetime.fromisoformat(f"{str(item['date'])[:10]}T{item['time']}")
    if clock.tzinfo:
        raise UnreadableRecord("has a time with a zone, and Sikka's have none")
    # An hour that comes twice is the first of the two; one that is skipped counts on from before.
    starts_at = clock.replace(tzinfo=zone)
    minutes = int(str(item.get("length") or 0))
    if minutes <= 0:
        raise UnreadableRecord("has a length that is not a number of minutes")
    # Elapsed minutes: wall-clock arithmetic is an hour wrong over a change of the clocks.
    ends_at = starts_at.astimezone(UTC) + timedelta(minutes=minutes)
    word = storable(item.get("status"))
    status = "cancelled" if is_true(item.get("cancelled")) else appointment_status(word)
    return AppointmentRecord(
        external_id=external_id,
        made_at=moment(item.get("appointment_made_date"), zone),
        changed_at=moment(item.get("last_changed_date"), zone),
        cancelled_at=moment(item.get("cancelled_date"), zone) if status == "cancelled" else None,
        patient_id=storable(item.get("patient_id")),
        practitioner_id=storable(item.get("provider_id")),
        location_id=location_id,
        operatory_id=storable(item.get("operatory")),
        appointment_type_id=storable(item.get("type")),
        starts_at=starts_at,
        ends_at=ends_at.astimezone(zone),
        status=status,
        pms_status=word,
        description=storable(item.get("description")),
    )


_READERS: Final[Mapping[Resource, Callable[[Item, str, Mapping[str, str]], PmsRecord]]] = {
    Resource.LOCATIONS: _location,
    Resource.PRACTITIONERS: _practitioner,
    Resource.OPERATORIES: _operatory,
    Resource.APPOINTMENT_TYPES: _appointment_type,
    Resource.PATIENTS: _patient,
    Resource.APPOINTMENTS: _appointment,
}


def moment(value: object, zone: ZoneInfo) -> datetime | None:
    """Return a site's wall clock as UTC; None where it is not told, or not to be told.

    An hour that comes twice has no order: what says when a record changed must not be an hour off.
    """
    clock = _clock(value)
    if clock is None:
        return None
    first, second = (clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return first if second <= first else None


def noon(value: object) -> datetime | None:
    """Return the noon in UTC of a day that is told without a site: it is that day nearly
    everywhere."""
    clock = _clock(value)
    return datetime.combine(clock.date(), time(12), UTC) if clock else None


def _clock(value: object) -> datetime | None:
    """Return a wall clock that says more about a record; None for one that says nothing.

    Some systems write a day of long ago for "never" (unverified).
    """
    try:
        clock = datetime.fromisoformat(str(value or "").strip())
    except ValueError:
        return None
    return clock if clock.tzinfo is None and 1900 < clock.year < 9999 else None


def _is_active(item: Item) -> bool:
    return str(item.get("status") or "").strip().lower() != "inactive"


def appointment_status(word: str) -> str:
    """Return FHIR's code for a PMS's status word."""
    lowered = word.lower()
    return next((code for part, code in STATUS_WORDS if part in lowered), "booked")


def storable(value: object) -> str:
    """Return a vendor's text as a database can keep it: no NUL, no half of a surrogate pair."""
    text = str(value or "").replace("\x00", "").strip()
    return text.encode("utf-8", "ignore").decode()
