"""Translate between Sikka's fields and ours. Pure functions; every vendor value is a string."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PractitionerRecord,
)
from integrations.contract import Outcome, SentWrite, State

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
FALSE_WORDS = frozenset({"", "false", "f", "0", "no", "n"})
#: Words of writeback_status' `status` that go with a completed write; "Success" is documented,
#: the others, and those of a failed one, are not.
GOOD_STATUS = frozenset({"", "success", "completed"})
BAD_STATUS = frozenset({"failed", "failure", "error"})


class UnreadableRecord(ValueError):
    """A record lacks what it cannot be kept without; the message names the field only."""


def is_true(value: object) -> bool:
    """Return whether one of Sikka's several ways to say yes was used."""
    return str(value or "").strip().lower() in TRUE_WORDS


def location(item: dict[str, Any]) -> LocationRecord:
    """Map a row of authorized_practices, whose zone is a Windows name ("Eastern Standard Time")."""
    windows_zone = str(item.get("practice_management_system_refresh_date_time_zone") or "")
    zone = win_tz.get(windows_zone)
    if zone is None:
        raise UnreadableRecord("is in a time zone that is not a known Windows zone")
    return LocationRecord(
        external_id=str(item["practice_id"]),
        name=str(item.get("practice_name") or ""),
        timezone=zone,
    )


def practitioner(item: dict[str, Any]) -> PractitionerRecord:
    """Map a provider."""
    return PractitionerRecord(
        external_id=str(item["provider_id"]),
        first_name=str(item.get("firstname") or ""),
        last_name=str(item.get("lastname") or ""),
        is_active=str(item.get("status") or "").lower() != "inactive",
    )


def operatory(item: dict[str, Any]) -> OperatoryRecord:
    """Map an operatory; writes want its `operatory` value, not the abbreviation."""
    return OperatoryRecord(
        external_id=str(item["operatory"]),
        name=str(item.get("abbreviation") or item["operatory"]),
    )


def patient(item: dict[str, Any]) -> PatientRecord:
    """Map a patient read with all fields."""
    birth = str(item.get("birthdate") or "")[:10]
    phones = (item.get("cell"), item.get("homephone"), item.get("workphone"))
    return PatientRecord(
        external_id=str(item["patient_id"]),
        first_name=str(item.get("firstname") or ""),
        last_name=str(item.get("lastname") or ""),
        birth_date=date.fromisoformat(birth) if birth else None,
        email=str(item.get("email") or ""),
        phone=next((str(phone) for phone in phones if phone), ""),
        is_active=str(item.get("status") or "").lower() != "inactive",
        guarantor_id=storable(item.get("guarantor_id")),
    )


def appointment(item: dict[str, Any], timezones: dict[str, str]) -> AppointmentRecord:
    """Map an appointment read with all fields; its date and time are the site's wall clock."""
    location_id = str(item.get("practice_id") or "")
    if location_id not in timezones:
        raise UnreadableRecord("is at a practice that is not one of this office")
    clock = datetime.fromisoformat(f"{str(item['date'])[:10]}T{item['time']}")
    starts_at = clock.replace(tzinfo=ZoneInfo(timezones[location_id]))
    minutes = int(item.get("length") or 0)
    if minutes <= 0:
        raise UnreadableRecord("has a length that is not a number of minutes")
    # Elapsed minutes: wall-clock arithmetic is an hour wrong over a change of the clocks.
    ends_at = starts_at.astimezone(UTC) + timedelta(minutes=minutes)
    word = str(item.get("status") or "")
    return AppointmentRecord(
        external_id=str(item["appointment_sr_no"]),
        patient_id=str(item.get("patient_id") or ""),
        practitioner_id=str(item.get("provider_id") or ""),
        location_id=location_id,
        operatory_id=str(item.get("operatory") or ""),
        starts_at=starts_at,
        ends_at=ends_at.astimezone(starts_at.tzinfo),
        status="cancelled" if is_true(item.get("cancelled")) else appointment_status(word),
        pms_status=word,
        description=str(item.get("description") or ""),
    )


def appointment_status(word: str) -> str:
    """Return FHIR's code for a PMS's status word."""
    lowered = word.lower()
    return next((code for part, code in STATUS_WORDS if part in lowered), "booked")


def listed_state(item: dict[str, Any]) -> State | None:
    """Read a row of the list of writes; None when its closing word is not one that we know.

    "pending" is recorded from the vendor; the closing words are unverified.
    """
    word = str(item.get("result") or "").strip().lower()
    if word in {"completed", "success"}:
        return State.COMPLETED
    if word in {"failed", "failure"}:
        return State.FAILED
    closed = bool(str(item.get("completed_time") or "").strip())
    return None if closed else State.PENDING


def made_by(bookings: Sequence[SentWrite], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return reference → appointment id where just one booking and one appointment fit.

    A row fits that has the same patient, provider, practice, operatory, day and time.
    """
    ids: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if not is_true(row.get("cancelled")):
            ids.setdefault(_slot(row), []).append(storable(row.get("appointment_sr_no")))
    asked = Counter(_slot(write.prepared.body) for write in bookings)
    found = {}
    for write in bookings:
        slot = _slot(write.prepared.body)
        fitting = ids.get(slot, [])
        if asked[slot] == len(fitting) == 1 and fitting[0]:
            found[write.reference] = fitting[0]
    return found


def _slot(item: Mapping[str, Any]) -> tuple[str, ...]:
    names = ("patient_id", "provider_id", "practice_id", "operatory")
    when = (str(item.get("date") or "")[:10], str(item.get("time") or "")[:5])
    return (*(str(item.get(name) or "") for name in names), *when)


def status_outcome(item: dict[str, Any]) -> Outcome:
    """Read writeback_status: only what is unanimous in words that we know ends a write."""
    if not is_true(item.get("is_completed")) and not is_true(item.get("has_error")):
        return Outcome(state=State.PENDING)
    status = str(item.get("status") or "").strip().lower()
    if is_true(item.get("has_error")) or status in BAD_STATUS:
        return Outcome(
            state=State.FAILED, message=storable(item.get("result")) or "no reason given"
        )
    if str(item.get("has_error") or "").strip().lower() in FALSE_WORDS and status in GOOD_STATUS:
        return Outcome(state=State.COMPLETED, created_id=storable(item.get("created_id")))
    return Outcome(state=State.PENDING)


def storable(value: object) -> str:
    """Return a vendor's text as a database can keep it: no NUL, no half of a surrogate pair."""
    text = str(value or "").replace("\x00", "").strip()
    return text.encode("utf-8", "ignore").decode()
