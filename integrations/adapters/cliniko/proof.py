"""What shows that a write was carried out: the record itself, as Cliniko has it. Pure functions.

A reference names the record and what was done to it: "book:7", or for a change "reschedule:7:" and
when the record was changed by it, since one may be changed many times.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from integrations.adapters.cliniko import phones
from integrations.adapters.cliniko.fields import (
    Item,
    UnreadableRecord,
    linked,
    moment_if_told,
    text,
    written,
)
from integrations.contract import Lookup, PreparedWrite, SentWrite

#: How much Cliniko's clock may be before ours when a new record is looked for. What was made then
#: and is the same in all is hardly another.
CLOCK_SKEW: Final = timedelta(minutes=5)
#: The same where any change counts, also one by somebody else: two clocks that are kept.
SMALL_SKEW: Final = timedelta(seconds=10)
#: A request whose answer was lost is carried out within this time, or never.
LATEST: Final = timedelta(minutes=15)
REFERENCE: Final = re.compile(r"([a-z_]+):([0-9]{1,20})(?::.*)?")


class Kind(enum.StrEnum):
    """What a write does."""

    BOOK = "book"
    RESCHEDULE = "reschedule"
    CANCEL = "cancel"
    CREATE_PATIENT = "create_patient"
    UPDATE_PATIENT = "update_patient"

    @property
    def creates(self) -> bool:
        """Whether it makes a new record."""
        return self in {Kind.BOOK, Kind.CREATE_PATIENT}


def kind_of(prepared: PreparedWrite) -> Kind:
    """Return what a prepared write does, by its address."""
    resource, *rest = prepared.endpoint.strip("/").split("/")
    if resource == "patients":
        return Kind.UPDATE_PATIENT if rest else Kind.CREATE_PATIENT
    if not rest:
        return Kind.BOOK
    return Kind.CANCEL if rest[1:] == ["cancel"] else Kind.RESCHEDULE


def target(prepared: PreparedWrite) -> str:
    """Return the id of the record that a write changes; "" for one that creates."""
    return (*prepared.endpoint.strip("/").split("/"), "")[1]


def record_id(reference: str) -> str:
    """Return the id of the record that a reference names; "" for what is no reference."""
    found = REFERENCE.fullmatch(reference)
    return found[2] if found else ""


def reference(kind: Kind, id: str, item: Item, around: datetime) -> str:
    """Return the reference of a write, from its record as it is after it.

    A record that was as asked before does not show the write: its moment is an old one. Then the
    time around which the write was sent stands there, too, since more than one may be like that.
    """
    if kind.creates:
        return f"{kind}:{id}"
    changed_at = moment_if_told(item, "cancelled_at" if kind is Kind.CANCEL else "updated_at")
    if changed_at is None:
        return f"{kind}:{id}:{around.timestamp():.0f}"
    if changed_at < around - SMALL_SKEW:
        return f"{kind}:{id}:{written(changed_at)}:{around.timestamp():.0f}"
    return f"{kind}:{id}:{written(changed_at)}"


def shows(kind: Kind, body: Mapping[str, Any], item: Item) -> bool:
    """Return whether a record is what a write asks for."""
    match kind:
        case Kind.CANCEL:
            return bool(item.get("cancelled_at"))
        case Kind.BOOK:
            return _shows_appointment(body, item)
        case Kind.RESCHEDULE:
            gone = any(item.get(name) for name in ("cancelled_at", "archived_at", "deleted_at"))
            return not gone and _shows_appointment(body, item)
    return all(_shows_field(name, value, item) for name, value in body.items())


def lookup(write: SentWrite, items: Iterable[Item], covered: bool) -> Lookup:
    """Return what records tell of a write whose answer was lost.

    Of a new record these are the ones that were made since; of a change the record itself, where
    there is one. `covered` says whether they are all that there are.
    """
    kind, body = kind_of(write.prepared), write.prepared.body
    same, similar = [], []
    for item in items:
        if kind.creates and _was_there(write, item):
            continue
        name = reference(kind, str(item["id"]), item, write.sent_at)
        if shows(kind, body, item):
            same.append((str(item.get("created_at")), len(name), name))
        elif _could_be(kind, write, item):
            similar.append(name)
    return Lookup(
        same=tuple(name for *_, name in sorted(same)), similar=tuple(similar), covered=covered
    )


def _was_there(write: SentWrite, item: Item) -> bool:
    """Return whether a record was made before the write was sent."""
    made_at = moment_if_told(item, "created_at")
    return made_at is not None and made_at < write.sent_at - CLOCK_SKEW


def _could_be(kind: Kind, write: SentWrite, item: Item) -> bool:
    """Return whether a record may have been written by it, and changed by somebody since.

    Of another patient than the one that was to be made, it was not.
    """
    if kind is Kind.CANCEL:
        return False  # it is not cancelled: to ask for it again is what is wanted
    if not kind.creates:
        changed_at = moment_if_told(item, "updated_at")
        return changed_at is None or changed_at >= write.sent_at - SMALL_SKEW
    made_at = moment_if_told(item, "created_at")
    if made_at is not None and made_at > write.sent_at + LATEST:
        return False
    body = write.prepared.body
    if kind is Kind.BOOK:
        return _is_linked(item, "patient", body.get("patient_id"))
    return any(
        body.get(name) and _shows_field(name, body[name], item)
        for name in ("last_name", "email", "date_of_birth", phones.FIELD)
    )


def _shows_appointment(body: Mapping[str, Any], item: Item) -> bool:
    ids = ("patient", "practitioner", "business", "appointment_type")
    if not all(
        _is_linked(item, name, body[f"{name}_id"]) for name in ids if body.get(f"{name}_id")
    ):
        return False
    return all(
        moment_if_told(item, name) == moment_if_told(body, name)
        for name in ("starts_at", "ends_at")
    )


def _is_linked(item: Item, name: str, wanted: object) -> bool:
    try:
        return linked(item, name) == str(wanted)
    except UnreadableRecord:
        return False


def _shows_field(name: str, value: Any, item: Item) -> bool:
    if name == phones.FIELD:
        return phones.same(item.get(name), value)
    try:
        told = text(item, name)
    except UnreadableRecord:
        return False
    wanted = value.isoformat() if isinstance(value, date) else str(value or "")
    return told.strip().casefold() == wanted.strip().casefold()
