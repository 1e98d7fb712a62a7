"""Patients and appointments: how they are kept, and how Nookal shows them.

Field names are from Nookal's PHP SDK and the records of its users. Everything is a string. A record
is kept as it is shown, but for three things: the times at which it was made and changed are kept in
UTC and shown in a zone that a knob says, since nobody knows Nookal's; what is shown as null is kept
empty; and `gone` marks what nobody sees any more.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.sandbox.books import Books

from .accounts import AppointmentType, Location

Record = dict[str, str]

PATIENT = "patient"
APPOINTMENT = "appointment"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PATIENT_FIELDS = _words(
    """
    ID Title FirstName MiddleName LastName Nickname DOB Gender Email Mobile Home Work Fax Addr1
    Addr2 Addr3 City State Country Postcode Postal_Addr1 Postal_Addr2 Postal_Addr3 Postal_City
    Postal_State Postal_Country Postal_Postcode Notes Alerts Occupation Employer category LocationID
    consent allowOnlineBookings active deceased allergies onlineQuickCode DateCreated DateModified
    """
)
APPOINTMENT_FIELDS = _words(
    """
    ID patientID practitionerID locationID appointmentType appointmentTypeID appointmentDate
    appointmentStartTime appointmentEndTime TimeZone appointmentStartDateTimeUTC
    appointmentEndDateTimeUTC status arrived DNA cancelled cancellationDate invoiceGenerated
    emailReminderSent Notes dateCreated lastModified
    """
)
# Shown as null where there is nothing to show.
NULLABLE = ("Notes", "cancellationDate")


def patient(values: Mapping[str, str]) -> Record:
    usual = {"consent": "1", "allowOnlineBookings": "1", "active": "1", "deceased": "0"}
    return {**dict.fromkeys(PATIENT_FIELDS, ""), **usual, **values}


def appointment(values: Mapping[str, str]) -> Record:
    flags = ("arrived", "DNA", "cancelled", "invoiceGenerated", "emailReminderSent")
    usual = {"status": "Pending", **dict.fromkeys(flags, "0")}
    return {**dict.fromkeys(APPOINTMENT_FIELDS, ""), **usual, **values}


def type_fields(kind: AppointmentType) -> Record:
    return {"appointmentType": kind.name, "appointmentTypeID": kind.id}


def when(location: Location, starts_at: datetime, minutes: int) -> Record:
    """Return the fields that tell the place and the time: on its wall clock, and in UTC."""
    ends_at = starts_at + timedelta(minutes=minutes)
    start, end = starts_at.astimezone(location.zone), ends_at.astimezone(location.zone)
    return {
        "locationID": location.id,
        "appointmentDate": start.date().isoformat(),
        "appointmentStartTime": f"{start:%H:%M:%S}",
        "appointmentEndTime": f"{end:%H:%M:%S}",
        "TimeZone": location.timezone,
        "appointmentStartDateTimeUTC": written(starts_at),
        "appointmentEndDateTimeUTC": written(ends_at),
    }


def span(record: Record) -> tuple[datetime, datetime]:
    """Return when an appointment begins and ends, in UTC."""
    start, end = record["appointmentStartDateTimeUTC"], record["appointmentEndDateTimeUTC"]
    return read(start), read(end)


def length(record: Record) -> int:
    """Return how many minutes an appointment takes."""
    starts_at, ends_at = span(record)
    return int((ends_at - starts_at).total_seconds() // 60)


def cancelled(record: Record, now: datetime, location: Location, *, moves: bool) -> Record:
    """Return an appointment as cancelled; `moves` says whether that counts as a change of it.

    Unverified: that `status` stays what it was, and that `cancellationDate` is a wall-clock time.
    """
    local = now.astimezone(location.zone).strftime(TIME_FORMAT)
    values = {"cancelled": "1", "DNA": "0", "cancellationDate": local}
    return {**record, **values, **({"lastModified": written(now)} if moves else {})}


def with_status(record: Record, status: str) -> Record:
    """Return an appointment as pending, completed or not attended, and so not cancelled.

    That somebody who did not attend is told by the flag alone is unverified.
    """
    return {
        **record,
        "status": "Completed" if status == "Completed" else "Pending",
        "arrived": "1" if status == "Completed" else "0",
        "DNA": "1" if status == "DNA" else "0",
        "cancelled": "0",
        "cancellationDate": "",
    }


def standing(books: Books, office_id: str, kind: str) -> Iterator[Record]:
    """Return all records of a kind that were not deleted or merged into another."""
    return (item for item in books.truths(office_id, kind) if "gone" not in item)


def existing(books: Books, office_id: str, kind: str, id: str) -> Record | None:
    record = books.truth(office_id, kind, id)
    return None if record is None or "gone" in record else record


def shown_patient(record: Record, zone: ZoneInfo) -> dict[str, Any]:
    times = {name: _in(zone, record[name]) for name in ("DateCreated", "DateModified")}
    return {**record, **times, "extras": []}


def shown_appointment(record: Record, zone: ZoneInfo) -> dict[str, Any]:
    times = {name: _in(zone, record[name]) for name in ("dateCreated", "lastModified")}
    return {**record, **times, **{name: record[name] or None for name in NULLABLE}}


def written(at: datetime) -> str:
    """Write a moment in UTC; Nookal's times name no zone."""
    return at.astimezone(UTC).strftime(TIME_FORMAT)


def read(text: str) -> datetime:
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)


def _in(zone: ZoneInfo, text: str) -> str:
    return text if zone.key == "UTC" else read(text).astimezone(zone).strftime(TIME_FORMAT)
