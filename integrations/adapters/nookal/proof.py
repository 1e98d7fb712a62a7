"""Read back what was written: a success says that a call was taken, the record what it did.

Nookal ignores parameters that it does not know, and says success all the same. It keeps no list of
writes either, so what became of one whose answer was lost is read from the records, too. Pure
functions: which list to read, and what its rows say.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from integrations.adapters.nookal import mapping, writing
from integrations.adapters.nookal.reading import SEARCH, SOURCES, Question, folded
from integrations.contract import Lookup, Outcome, PreparedWrite, SentWrite, State
from integrations.queries import Resource

Row = Mapping[str, Any]

#: What is written → where it is read.
APPOINTMENT_FIELDS: Final[Mapping[str, str]] = {
    "patient_id": "patientID",
    "practitioner_id": "practitionerID",
    "location_id": "locationID",
    "appointment_date": "appointmentDate",
    "start_time": "appointmentStartTime",
    "appointment_type_id": "appointmentTypeID",
}
PATIENT_FIELDS: Final[Mapping[str, str]] = {
    "first_name": "FirstName",
    "last_name": "LastName",
    "date_of_birth": "DOB",
    "email": "Email",
    "mobile": "Mobile",
}
#: What tells a new patient from others. The rest may be missing and they are registered.
IDENTITY: Final = ("first_name", "last_name", "date_of_birth")
#: The status that is written → what the record then says, in FHIR's codes.
SHOWN_AS: Final[Mapping[str, tuple[str, ...]]] = {
    "DNA": ("noshow",),
    "Completed": ("fulfilled",),
    # Whether it takes back that the patient arrived is not documented.
    "Pending": ("booked", "arrived"),
}
#: How long a change may take to show before it counts as not made. Nothing is known of a delay.
SETTLED: Final = timedelta(minutes=10)
#: Times of records name no zone, and zones reach from UTC-12 on; clocks may differ as well.
ANY_ZONE: Final = timedelta(hours=12, minutes=5)
#: Digits that two ways to write a telephone number have in common at least.
SAME_DIGITS: Final = 6
#: An id that is longer stands in a reference as its hash.
LONGEST_IN_REFERENCE: Final = 60


def question(prepared: PreparedWrite, created_id: str = "") -> Question:
    """Return the list that shows what a write did."""
    body = prepared.body
    match prepared.endpoint:
        case writing.ADD_PATIENT if not created_id:
            return SEARCH.asked({name: str(body[name]) for name in IDENTITY})
        case writing.ADD_PATIENT:
            return SEARCH.asked({"patient_id": created_id})
        case writing.EDIT_PATIENT:
            return SEARCH.asked({"patient_id": str(body["patient_id"])})
        case writing.CHANGE if "appointment_date" in body:
            return day(prepared)
    whose = body.get("patient_id") or body.get(f"{writing.EXPECTED}patient_id")
    return SOURCES[Resource.APPOINTMENTS].asked({"patient_id": str(whose)})


def day(prepared: PreparedWrite) -> Question:
    """Return the list of the practitioner's appointments on the day of a booking or a move: it
    shows what that overlaps as well."""
    on = str(prepared.body["appointment_date"])
    return SOURCES[Resource.APPOINTMENTS].asked(
        {
            "practitioner_id": str(prepared.body["practitioner_id"]),
            "date_from": on,
            "date_to": on,
        }
    )


def takes_time(prepared: PreparedWrite) -> bool:
    """Return whether a write puts an appointment at a time."""
    return "appointment_date" in prepared.body


# --- References ----------------------------------------------------------------------------------


def created(prepared: PreparedWrite, created_id: str) -> str:
    """Return the reference of a write that created something: one record, one reference."""
    kind = "appointment" if prepared.endpoint == writing.BOOK else "patient"
    return f"{kind}:{created_id}"


def changed(prepared: PreparedWrite, sent_at: datetime) -> str:
    """Return the reference of a write that changed something.

    The moment is part of it, since the same can be asked for again later. Two writes need not be
    told apart in the PMS: whichever made the change, it is made.
    """
    body = prepared.body
    target = str(body.get("appointment_id") or body.get("patient_id"))
    if len(target) > LONGEST_IN_REFERENCE:
        target = hashlib.sha256(target.encode()).hexdigest()[:32]
    function = prepared.endpoint.strip("/")
    return f"{function}:{target}:{int(sent_at.timestamp() * 1_000_000)}"


def created_id(write: SentWrite) -> str:
    """Return the id of what a write created, as its reference tells it; "" for any other."""
    return write.reference.partition(":")[2] if write.prepared.endpoint in writing.CREATED else ""


# --- What rows say -------------------------------------------------------------------------------


def row_of(rows: Iterable[Any], prepared: PreparedWrite, created_id: str = "") -> Row | None:
    """Return the row of the record that a write made or changed."""
    body = prepared.body
    wanted = created_id or str(body.get("appointment_id") or body.get("patient_id"))
    for row in rows:
        if isinstance(row, dict) and mapping.usable_id(row.get("ID")) == wanted:
            return row
    return None


def shows(row: Row, prepared: PreparedWrite) -> bool:
    """Return whether a record is as a write wanted it. Of a new patient, who they are counts."""
    body = prepared.body
    match prepared.endpoint:
        case writing.CANCEL:
            return mapping.status(row) == "cancelled"
        case writing.EDIT_PATIENT:
            return not lacking(row, prepared)
        case writing.ADD_PATIENT:
            return not set(IDENTITY) & set(lacking(row, prepared))
        case writing.CHANGE if "status" in body:
            return mapping.status(row) in SHOWN_AS[str(body["status"])]
    if prepared.endpoint == writing.CHANGE and mapping.status(row) == "cancelled":
        return False
    asked = {name: str(body[name]) for name in APPOINTMENT_FIELDS if name in body}
    return all(
        mapping.text(row.get(APPOINTMENT_FIELDS[name])) == value for name, value in asked.items()
    )


def lacking(row: Row, prepared: PreparedWrite) -> list[str]:
    """Return the names of a patient's fields that are not as they were written."""
    sent = {name: str(prepared.body[name]) for name in PATIENT_FIELDS if name in prepared.body}
    return [
        name
        for name, value in sent.items()
        if not _same(name, value, mapping.text(row.get(PATIENT_FIELDS[name])))
    ]


def remark(row: Row, rows: Iterable[Any], prepared: PreparedWrite) -> str:
    """Return what people should know of a write that was done; no value of a record but times."""
    told = []
    if prepared.endpoint == writing.ADD_PATIENT:
        names = [name.replace("_", " ") for name in lacking(row, prepared)]
        told += [f"Nookal shows another {name} than was sent." for name in names]
    if takes_time(prepared):
        if not shows(row, prepared):
            told.append("Nookal shows another time or place than was sent.")
        ends = mapping.text(row.get("appointmentEndTime"))
        asked = str(prepared.body[f"{writing.EXPECTED}end_time"])
        if ends != asked and re.fullmatch(r"\d\d:\d\d:\d\d", ends):
            told.append(f"It ends at {ends[:5]}, not at {asked[:5]}: its type sets its length.")
        if any(_overlap(row, other) for other in rows):
            told.append("It overlaps another appointment of the practitioner.")
    return " ".join(told)


def outcome(write: SentWrite, rows: Sequence[Any], now: datetime) -> Outcome:
    """Return what the records say of a write that Nookal took.

    What was created is there or is not known: to do that again would do it twice. A change that
    does not show after a while counts as not made, as it can be repeated without harm.
    """
    new_id = created_id(write)
    row = row_of(rows, write.prepared, new_id)
    if new_id:
        state = State.COMPLETED if row is not None else State.PENDING
        return Outcome(state=state, created_id=new_id if row is not None else "")
    if row is not None and shows(row, write.prepared):
        return Outcome(state=State.COMPLETED)
    if now - write.sent_at < SETTLED:
        return Outcome(state=State.PENDING)
    message = "Nookal said success, and the record does not show the change."
    return Outcome(state=State.FAILED, message=message)


def lookup(write: SentWrite, rows: Sequence[Any]) -> Lookup:
    """Return what the records say of a write whose answer was lost.

    The lists have no end that time would reach, so what they do not show was not done.
    """
    prepared = write.prepared
    if prepared.endpoint not in writing.CREATED:
        row = row_of(rows, prepared)
        done = row is not None and shows(row, prepared)
        same = (changed(prepared, write.sent_at),) if done else ()
        return Lookup(same=same, covered=True)
    same_ids: list[str] = []
    similar_ids: list[str] = []
    for row in rows:
        if not isinstance(row, dict) or not shows(row, prepared):
            continue
        made_at = mapping.told_at(row.get("dateCreated", row.get("DateCreated")))
        if made_at and made_at + ANY_ZONE < write.sent_at:
            continue  # it stood there before
        # A booking that is cancelled may be an older one, and so may a record of unknown age.
        certain = made_at and mapping.status(row) != "cancelled"
        (same_ids if certain else similar_ids).append(mapping.usable_id(row.get("ID")))
    return Lookup(
        same=tuple(created(prepared, each) for each in sorted(same_ids, key=_number) if each),
        similar=tuple(created(prepared, each) if each else "" for each in similar_ids),
        covered=True,
    )


def _number(written: str) -> tuple[int, str]:
    """By length first: ids are numbers in texts, and 10 comes after 9."""
    return len(written), written


def _same(name: str, sent: str, shown: str) -> bool:
    if name == "mobile" and sent and shown:
        # The country's code may have been put before it, or the leading zero taken away.
        one, other = (re.sub(r"\D", "", each).lstrip("0") for each in (sent, shown))
        shorter, longer = sorted((one, other), key=len)
        return one == other or (len(shorter) >= SAME_DIGITS and longer.endswith(shorter))
    if name == "date_of_birth":
        return sent == shown[:10]
    return folded(sent) == folded(shown)


def _overlap(row: Row, other: Any) -> bool:
    """Return whether another appointment of the same list stands at a part of the same time.

    By the wall clocks: nobody is at two sites in two time zones on one day.
    """
    if not isinstance(other, dict) or other.get("ID") == row.get("ID"):
        return False
    if mapping.status(other) in {"cancelled", "noshow"}:
        return False
    names = ("appointmentDate", "appointmentStartTime", "appointmentEndTime")
    on, start, end = (mapping.text(row.get(name)) for name in names)
    other_on, other_start, other_end = (mapping.text(other.get(name)) for name in names)
    return on == other_on and start < other_end and other_start < end
