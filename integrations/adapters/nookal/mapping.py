"""Translate Nookal's records into ours. Pure functions; nearly every vendor value is a string.

Times without a zone are the site's wall clock, where Nookal does not tell them in UTC as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Unreadable,
)
from integrations.adapters.nookal.envelope import whole
from integrations.queries import Resource

DAY: Final = "%Y-%m-%d"
MOMENT: Final = "%Y-%m-%d %H:%M:%S"
#: An id is never cut: two might become one.
LONGEST_ID: Final = 200
#: A type of appointment that lasts longer than a day is a mistake.
MINUTES_OF_A_DAY: Final = 24 * 60
YES: Final = frozenset({"1", "true", "yes"})
#: What says of a practitioner, patient or type that it is not in use; "0" is documented.
INACTIVE: Final = frozenset({"0", "false", "no", "inactive"})
#: Words of `status` that say what a flag should say as well (unverified whether they are read).
CANCELLED_WORDS: Final = frozenset({"cancelled", "canceled"})
NO_SHOW_WORDS: Final = frozenset({"dna", "did not arrive"})


class UnreadableRecord(ValueError):
    """A record lacks what it cannot be kept without; the message names the field only."""


def record(resource: Resource, row: Any, zones: Mapping[str, str]) -> PmsRecord | Unreadable:
    """Map a row of a list. One that cannot be read is told with its id, where it has one.

    `zones`: location id → IANA zone, for appointments that do not name their own.
    """
    if not isinstance(row, dict):
        return Unreadable("is not a record")
    external_id = usable_id(row.get("ID"))
    if not external_id:
        return Unreadable("has no usable id")
    try:
        if resource is Resource.APPOINTMENTS:
            return _appointment(external_id, row, zones)
        return READERS[resource](external_id, row)
    except UnreadableRecord as error:
        return Unreadable(str(error), external_id)
    except (ValueError, OverflowError):
        return Unreadable("has a date or time that cannot be read", external_id)


def usable_id(value: object) -> str:
    """Return an id as text; "" for one that cannot be kept or told apart from others."""
    written = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    usable = written.strip() and written.isprintable() and len(written) <= LONGEST_ID
    return written if usable else ""


def text(value: object) -> str:
    """Return a text as a database can keep it: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return ""
    return str(value).replace("\x00", "").encode("utf-8", "ignore").decode().strip()


def is_yes(value: object) -> bool:
    """Return whether a flag is set: "1" is documented."""
    return str(value).strip().lower() in YES


def status(row: Mapping[str, Any]) -> str:
    """Return FHIR's code for where an appointment is; flags come before Nookal's own word."""
    word = text(row.get("status")).lower()
    if is_yes(row.get("cancelled")) or word in CANCELLED_WORDS:
        return "cancelled"
    if is_yes(row.get("DNA")) or word in NO_SHOW_WORDS:
        return "noshow"
    if word == "completed":
        return "fulfilled"
    return "arrived" if is_yes(row.get("arrived")) else "booked"


def told_at(value: object, zone: str = "UTC") -> datetime | None:
    """Return when something was made or changed; None where that cannot be read.

    Nookal names no zone for it. It is taken for UTC, which is unverified and may be half a day
    wrong: good for telling old from new, not for the minute.
    """
    try:
        clock = datetime.strptime(text(value), MOMENT)  # noqa: DTZ007 (the zone follows)
        return clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def birth_date(value: object) -> date | None:
    """Return a date of birth; None where there is none. Raises ValueError for one that no
    calendar has."""
    written = text(value)[:10]
    if not written or written == "0000-00-00":  # how its database writes that there is none
        return None
    return datetime.strptime(written, DAY).date()  # noqa: DTZ007 (a date has no zone)


def _location(external_id: str, row: dict[str, Any]) -> LocationRecord:
    zone = text(row.get("Timezone"))
    if zone not in _zones():
        raise UnreadableRecord("is in a time zone that is not an IANA zone")
    return LocationRecord(external_id=external_id, name=text(row.get("Name")), timezone=zone)


def _practitioner(external_id: str, row: dict[str, Any]) -> PractitionerRecord:
    return PractitionerRecord(
        external_id=external_id,
        first_name=text(row.get("FirstName")),
        last_name=text(row.get("LastName")),
        is_active=_is_active(row.get("status")),
    )


def _appointment_type(external_id: str, row: dict[str, Any]) -> AppointmentTypeRecord:
    minutes = whole(text(row.get("Duration")))
    return AppointmentTypeRecord(
        external_id=external_id,
        name=text(row.get("Name")),
        minutes=minutes if minutes and minutes <= MINUTES_OF_A_DAY else None,
        is_active=_is_active(row.get("active")),
    )


def _patient(external_id: str, row: dict[str, Any]) -> PatientRecord:
    phones = [text(row.get(name)) for name in ("Mobile", "Home", "Work")]
    first, second, *_ = [*filter(None, phones), "", ""]
    return PatientRecord(
        external_id=external_id,
        made_at=told_at(row.get("DateCreated")),
        changed_at=told_at(row.get("DateModified")),
        first_name=text(row.get("FirstName")),
        last_name=text(row.get("LastName")),
        birth_date=birth_date(row.get("DOB")),
        email=text(row.get("Email")),
        phone=first,
        other_phone=second,
        is_active=_is_active(row.get("active")) and not is_yes(row.get("deceased")),
    )


def _appointment(
    external_id: str, row: dict[str, Any], zones: Mapping[str, str]
) -> AppointmentRecord:
    starts_at, ends_at = _in_utc(row) or _by_the_wall_clock(row, zones)
    if ends_at <= starts_at:
        raise UnreadableRecord("ends before it starts")
    where = status(row)
    return AppointmentRecord(
        external_id=external_id,
        made_at=told_at(row.get("dateCreated")),
        changed_at=told_at(row.get("lastModified")),
        patient_id=_named(row.get("patientID")),
        practitioner_id=_named(row.get("practitionerID")),
        location_id=_named(row.get("locationID")),
        operatory_id="",
        starts_at=starts_at,
        ends_at=ends_at,
        status=where,
        pms_status=text(row.get("status")),
        description=text(row.get("Notes")),
        appointment_type_id=_named(row.get("appointmentTypeID")),
        # A wall clock like the appointment's own, by who has seen one.
        cancelled_at=(
            told_at(row.get("cancellationDate"), _zone(row, zones) or "UTC")
            if where == "cancelled"
            else None
        ),
    )


READERS: Final[Mapping[Resource, Callable[[str, dict[str, Any]], PmsRecord]]] = {
    Resource.LOCATIONS: _location,
    Resource.PRACTITIONERS: _practitioner,
    Resource.APPOINTMENT_TYPES: _appointment_type,
    Resource.PATIENTS: _patient,
}


def _in_utc(row: Mapping[str, Any]) -> tuple[datetime, datetime] | None:
    starts_at = told_at(row.get("appointmentStartDateTimeUTC"))
    ends_at = told_at(row.get("appointmentEndDateTimeUTC"))
    return (starts_at, ends_at) if starts_at and ends_at else None


def _by_the_wall_clock(
    row: Mapping[str, Any], zones: Mapping[str, str]
) -> tuple[datetime, datetime]:
    """Return start and end from the site's clock.

    A time that the clocks skip counts from before the change, and one that comes twice is the
    first one; the length is what the two times differ by, as in a diary on paper.
    """
    zone = _zone(row, zones)
    if not zone:
        raise UnreadableRecord("is at a location whose time zone is not known")
    day = text(row.get("appointmentDate"))
    start, end = (
        datetime.strptime(f"{day} {text(row.get(name))}", MOMENT)  # noqa: DTZ007 (zone follows)
        for name in ("appointmentStartTime", "appointmentEndTime")
    )
    starts_at = start.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return starts_at, starts_at + (end - start)


def _zone(row: Mapping[str, Any], zones: Mapping[str, str]) -> str:
    """Return the IANA zone of an appointment's site; "" where neither it nor we know it."""
    told = (text(row.get("TimeZone")), zones.get(usable_id(row.get("locationID")), ""))
    return next((zone for zone in told if zone in _zones()), "")


def _named(value: object) -> str:
    """Return the id of another record; "" where none is named (0 is how databases write that)."""
    found = usable_id(value)
    return "" if found == "0" else found


def _is_active(value: object) -> bool:
    return str(value).strip().lower() not in INACTIVE


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
