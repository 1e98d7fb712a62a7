"""What a writeback asks for, as a person reads it: names for ids, and the site's own clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.urls import reverse

from clinics.models import (
    Appointment,
    AppointmentType,
    Location,
    Operatory,
    Patient,
    Practitioner,
)
from clinics.templatetags.durations import duration
from writebacks.models import Writeback
from writebacks.operations import NewStatus

#: What a request names by id, in the order in which a person reads it.
NAMED: Final[dict[str, type[Model]]] = {
    "appointment": Appointment,
    "patient": Patient,
    "practitioner": Practitioner,
    "location": Location,
    "operatory": Operatory,
}
#: The rest of what a request may hold (writebacks/requests.py), likewise.
FIELDS: Final = {
    "first_name": "First name",
    "last_name": "Last name",
    "birth_date": "Birth date",
    "email": "E-mail",
    "phone": "Phone",
    "status": "New status",
    "type": "Type",
    "description": "Description",
    "text": "Text",
    "written_on": "Written on",
    "amount": "Amount",
    "paid_on": "Paid on",
    "allow_overlap": "Overlaps",
}


class Fact(NamedTuple):
    """One line of what is asked for; `url` leads to the record that it names, where it has one."""

    label: str
    value: str
    url: str = ""


def facts(writeback: Writeback) -> list[Fact]:
    """Return what is asked for. It holds a patient's data: note who reads it."""
    command = writeback.command
    records = {
        name: _record(writeback, name)
        for name in NAMED
        # A PMS may have no operatories.
        if name in command and (command[name] or name != "operatory")
    }
    site = records.get("location")
    zone = site.zone if isinstance(site, Location) else writeback.clinic.zone
    named = [_named(writeback, name, record) for name, record in records.items()]
    return [*named, *_kind(writeback), *_when(command, zone), *_values(command)]


def record_fact(record: Model) -> Fact:
    """Return a record of a clinic by its kind and name, with its page."""
    kind = record._meta.model_name
    return Fact(
        str(kind).capitalize(),
        str(record),
        reverse(f"admin:clinics_{kind}_change", args=[record.pk]),
    )


def _record(writeback: Writeback, name: str) -> Model | None:
    known = NAMED[name]._default_manager.filter(clinic=writeback.clinic)
    return known.filter(pk=writeback.command[name]).first()


def _named(writeback: Writeback, name: str, record: Model | None) -> Fact:
    if record is not None:
        return record_fact(record)
    awaited = name == "patient" and writeback.after_id
    return Fact(name.capitalize(), "whom the earlier writeback creates" if awaited else "–")


def _kind(writeback: Writeback) -> Iterator[Fact]:
    if pk := writeback.command.get("appointment_type"):
        kinds = AppointmentType.objects.filter(clinic=writeback.clinic, pk=pk)
        yield Fact("Appointment type", next((kind.name for kind in kinds), "–"))


def _when(command: dict[str, Any], zone: ZoneInfo) -> Iterator[Fact]:
    if "starts_at" in command:
        start, end = (datetime.fromisoformat(command[key]) for key in ("starts_at", "ends_at"))
        local = start.astimezone(zone)
        text = f"{local:%a %d %b %Y, %H:%M} ({zone.key}), {duration(end - start)}"
        yield Fact("When", text)


def _values(command: dict[str, Any]) -> Iterator[Fact]:
    """Yield what is left of a request; what is not asked for has no line."""
    for name, label in FIELDS.items():
        value = command.get(name)
        if value in (None, "", False):
            continue
        match name:
            case "status":
                value = NewStatus(value).label
            case "amount":
                value = f"{value} {command.get('currency', '')}".strip()
            case "birth_date" | "written_on" | "paid_on":
                value = f"{date.fromisoformat(value):%d %b %Y}"
            case "allow_overlap":
                value = "allowed"
        yield Fact(label, str(value))
