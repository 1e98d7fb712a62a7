"""Cliniko's records in Frontdesk's words. Pure functions over single records."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from clinics.records import (
    AppointmentRecord,
    AppointmentTypeRecord,
    LocationRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Removed,
    Unreadable,
)
from integrations.adapters.cliniko import phones
from integrations.adapters.cliniko.fields import (
    Item,
    UnreadableRecord,
    day,
    identifier,
    is_true,
    linked,
    moment,
    moment_if_told,
    text,
)
from integrations.adapters.cliniko.zones import zone_of
from integrations.contract import Term

Told = PmsRecord | Removed | Unreadable

#: Documented codes of a cancellation's reason: those that can be written.
REASONS: Final = (
    Term("10", "Cancelled: feeling better"),
    Term("20", "Cancelled: condition worse"),
    Term("30", "Cancelled: sick"),
    Term("40", "Cancelled: away"),
    Term("50", "Cancelled: other reason"),
    Term("60", "Cancelled: work"),
)
_REASON_LABELS: Final = {term.value: term.label for term in REASONS}


def read(item: object, as_record: Callable[[Item], PmsRecord | Removed]) -> Told:
    """Return what a list tells of one record; one that cannot be kept with the reason why."""
    if not isinstance(item, dict):
        return Unreadable("is no record")
    external_id = ""
    try:
        external_id = identifier(item)
        return as_record(item)
    except UnreadableRecord as error:
        return Unreadable(str(error), external_id)


def location(item: Item) -> LocationRecord | Removed:
    """Map a business; one that is archived is no place to go to any more."""
    if _is_set(item, "archived_at", "deleted_at"):
        return Removed(external_id=identifier(item))
    return LocationRecord(
        **_common(item),
        name=text(item, "business_name") or text(item, "display_name"),
        timezone=zone_of(item),
    )


def practitioner(item: Item) -> PractitionerRecord:
    """Map a practitioner; one of whom nothing else is said is active."""
    return PractitionerRecord(
        **_common(item),
        first_name=text(item, "first_name"),
        last_name=text(item, "last_name"),
        is_active=item.get("active") is None or is_true(item, "active"),
    )


def appointment_type(item: Item) -> AppointmentTypeRecord:
    """Map an appointment type; a length outside of a day (documented bounds) is not told."""
    minutes = item.get("duration_in_minutes")
    told = isinstance(minutes, int) and not isinstance(minutes, bool) and 0 < minutes <= 1440
    return AppointmentTypeRecord(
        **_common(item),
        name=text(item, "name"),
        minutes=minutes if told else None,
        is_active=not _is_set(item, "archived_at"),
    )


def patient(item: Item) -> PatientRecord | Removed:
    """Map a patient. One who was merged into another names that one, and is no more."""
    merged_into = linked(item, "merged_with_patient")
    if merged_into or _is_set(item, "merged_at", "deleted_at"):
        return Removed(external_id=identifier(item), merged_into=merged_into)
    phone, other_phone = phones.first_two(item)
    return PatientRecord(
        **_common(item),
        first_name=text(item, "first_name"),
        last_name=text(item, "last_name"),
        birth_date=day(item, "date_of_birth"),
        email=text(item, "email"),
        phone=phone,
        other_phone=other_phone,
        is_active=not _is_set(item, "archived_at"),
    )


def appointment(item: Item) -> AppointmentRecord | Removed:
    """Map an individual appointment. What Cliniko calls archived was deleted by somebody."""
    if _is_set(item, "archived_at", "deleted_at"):
        return Removed(external_id=identifier(item))
    starts_at, ends_at = moment(item, "starts_at"), moment(item, "ends_at")
    if ends_at <= starts_at:
        raise UnreadableRecord("does not end after it starts")
    status, pms_status = _status(item)
    return AppointmentRecord(
        **_common(item),
        patient_id=linked(item, "patient"),
        practitioner_id=linked(item, "practitioner"),
        location_id=linked(item, "business"),
        operatory_id="",
        appointment_type_id=linked(item, "appointment_type"),
        starts_at=starts_at,
        ends_at=ends_at,
        status=status,
        pms_status=pms_status,
        description=text(item, "notes"),
        cancelled_at=moment_if_told(item, "cancelled_at"),
    )


def _common(item: Item) -> dict[str, Any]:
    return {
        "external_id": identifier(item),
        "made_at": moment_if_told(item, "created_at"),
        "changed_at": moment_if_told(item, "updated_at"),
    }


def _is_set(item: Item, *names: str) -> bool:
    """Return whether one of these times is there, readable or not."""
    return any(item.get(name) for name in names)


def _status(item: Item) -> tuple[str, str]:
    """Return FHIR's code, and Cliniko's own way to say it.

    Cliniko knows no visit that is done: one that has passed stays booked, and is not guessed.
    """
    if _is_set(item, "cancelled_at"):
        reason = str(item.get("cancellation_reason"))
        return "cancelled", _REASON_LABELS.get(reason, "Cancelled")
    if is_true(item, "did_not_arrive"):
        return "noshow", "Did not arrive"
    if is_true(item, "patient_arrived"):
        return "arrived", "Arrived"
    return "booked", ""
