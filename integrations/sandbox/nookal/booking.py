"""The functions that write appointments.

An appointment has no end of its own: its type says how long it takes. Unverified, here: what
updateAppointmentBooking and rebookAppointment answer; that a booking over another one is refused
unless `allow_overlap_bookings` says otherwise, and so for a move; that a second cancellation is a
failure; that a time in the past or outside opening hours can be booked.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from werkzeug.wrappers import Response

from . import records, writes
from .accounts import TYPES, AppointmentType, Location, Practitioner
from .answers import Failed, wrong
from .availability import booked, check_works_at, clinician, overlaps, site
from .call import Call
from .records import Record

STATUSES = {name.lower(): name for name in ("Completed", "Pending", "Cancelled", "DNA")}


def add_appointment_booking(call: Call) -> Response:
    call.require(
        *("location_id", "appointment_date", "start_time"),
        *("patient_id", "practitioner_id", "appointment_type_id"),
    )
    location, practitioner, kind = site(call), clinician(call), _kind(call)
    patient_id = _patient(call)
    starts_at = _start(call, location)
    _check_free(call, location, practitioner, starts_at, kind.minutes)
    number = call.stage.books.next_id(call.office_id, records.APPOINTMENT)
    record = records.appointment(
        {
            "ID": number,
            "patientID": patient_id,
            "practitionerID": practitioner.id,
            **records.type_fields(kind),
            **records.when(location, starts_at, kind.minutes),
            "Notes": call.text("notes"),
            "dateCreated": records.written(call.now),
            "lastModified": records.written(call.now),
        }
    )
    writes.accept(call)
    writes.store(call, records.APPOINTMENT, record, new=True)
    return call.result({"appointment_id": number})


def update_appointment_booking(call: Call) -> Response:
    """Move an appointment, or change its practitioner, its type, its status or its notes."""
    call.require("appointment_id")
    before = _appointment(call)
    moved = _moved(call, before)
    if given := call.text("status"):
        if given.lower() not in STATUSES:
            raise wrong("status", f"must be one of {', '.join(STATUSES.values())}")
        moved = _with_status(call, before, moved, STATUSES[given.lower()])
    elif moved != before:
        moved = {**moved, "lastModified": records.written(call.now)}
    writes.accept(call)
    writes.store(call, records.APPOINTMENT, moved)
    return call.result({"appointment_id": moved["ID"]})


def cancel_appointment(call: Call) -> Response:
    call.require("appointment_id", "patient_id")
    record = _of_patient(call)
    if record["cancelled"] == "1":
        raise Failed("The appointment is already cancelled.")
    writes.accept(call)
    _cancel(call, record)
    return call.result({"ID": record["ID"], "patientID": record["patientID"]})


def rebook_appointment(call: Call) -> Response:
    """Book another appointment like one there is; `cancel_first` gives the first one up."""
    call.require("appointment_id", "patient_id")
    before = _of_patient(call)
    moved = _moved(call, before, but=[before["ID"]] if call.switch("cancel_first") else [])
    number = call.stage.books.next_id(call.office_id, records.APPOINTMENT)
    own = {
        "ID": number,
        "dateCreated": records.written(call.now),
        "lastModified": records.written(call.now),
    }
    writes.accept(call)
    if call.switch("cancel_first") and before["cancelled"] == "0":
        _cancel(call, before)
    kept = ("arrived", "DNA", "cancelled", "cancellationDate", "status", "invoiceGenerated")
    fresh = {name: value for name, value in moved.items() if name not in kept}
    writes.store(call, records.APPOINTMENT, records.appointment({**fresh, **own}), new=True)
    return call.result({"appointment_id": number})


def _moved(call: Call, before: Record, but: Iterable[str] | None = None) -> Record:
    """Return an appointment with what the call says of its time, place, people and notes.

    `but` are the appointments that its time may overlap; itself, where nothing else is said.
    """
    values: Record = {}
    location = call.account.location(before["locationID"])
    if call.text("location_id") or location is None:
        location = site(call)
    practitioner_id = before["practitionerID"]
    starts_at, minutes = records.span(before)[0], records.length(before)
    if call.text("appointment_type_id"):
        kind = _kind(call)
        minutes = kind.minutes
        values |= records.type_fields(kind)
    if call.text("appointment_date") or call.text("start_time") or call.text("location_id"):
        starts_at = _start(call, location, before)
    moves = starts_at != records.span(before)[0] or minutes != records.length(before)
    named = call.text("practitioner_id") or call.text("location_id")
    if named or moves or but is not None:  # what is booked again needs its time in any case
        practitioner = _practitioner(call, practitioner_id)
        practitioner_id = practitioner.id
        own = [before["ID"]] if but is None else but
        _check_free(call, location, practitioner, starts_at, minutes, own)
    if "notes" in call.parameters:
        values["Notes"] = call.text("notes")
    times = records.when(location, starts_at, minutes)
    return {**before, **values, **times, "practitionerID": practitioner_id}


def _with_status(call: Call, before: Record, moved: Record, status: str) -> Record:
    changed = {**moved, "lastModified": records.written(call.now)}
    if status != "Cancelled":
        return records.with_status(changed, status)
    moves = moved != before or call.stage.knobs.nookal_modified_covers_cancellations
    return records.cancelled(
        changed if moves else moved, call.now, _location(call, moved), moves=moves
    )


def _cancel(call: Call, record: Record) -> None:
    moves = call.stage.knobs.nookal_modified_covers_cancellations
    gone = records.cancelled(record, call.now, _location(call, record), moves=moves)
    writes.store(call, records.APPOINTMENT, gone)


def _location(call: Call, record: Record) -> Location:
    return call.account.location(record["locationID"]) or call.account.locations[0]


def _practitioner(call: Call, present: str) -> Practitioner:
    """Return who is to do it: whom the call names, else whoever does it now."""
    now = call.account.practitioner(present)
    return clinician(call) if call.text("practitioner_id") or now is None else now


def _start(call: Call, location: Location, before: Record | None = None) -> datetime:
    """Return the moment that the call's date and time mean at a site; what is left out stays."""
    day, clock = call.day("appointment_date"), call.clock("start_time")
    if before is not None:
        zone = location.zone
        old = datetime.fromisoformat(
            f"{before['appointmentDate']}T{before['appointmentStartTime']}"
        )
        local = datetime.combine(day or old.date(), clock or old.time(), zone)
    elif day is None or clock is None:
        raise LookupError("a new booking was admitted without its date or time")
    else:
        local = datetime.combine(day, clock, location.zone)
    starts_at = local.astimezone(UTC)
    if starts_at.astimezone(location.zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise wrong("start_time", "is no time on that day")
    return starts_at


def _check_free(
    call: Call,
    location: Location,
    practitioner: Practitioner,
    starts_at: datetime,
    minutes: int,
    but: Iterable[str] = (),
) -> None:
    check_works_at(practitioner, location)
    if call.switch("allow_overlap_bookings"):
        return
    wanted = records.span(records.when(location, starts_at, minutes))
    if overlaps(wanted, booked(call.stage, call.office_id, practitioner.id, but)):
        raise Failed("The practitioner already has an appointment at this time.")


def _kind(call: Call) -> AppointmentType:
    kind = TYPES.get(call.text("appointment_type_id"))
    if kind is None or not kind.active:
        raise wrong("appointment_type_id", "is unknown or inactive")
    return kind


def _patient(call: Call) -> str:
    patient_id = call.text("patient_id")
    if records.existing(call.stage.books, call.office_id, records.PATIENT, patient_id) is None:
        raise wrong("patient_id", "is unknown")
    return patient_id


def _appointment(call: Call) -> Record:
    number = call.text("appointment_id")
    record = records.existing(call.stage.books, call.office_id, records.APPOINTMENT, number)
    if record is None:
        raise wrong("appointment_id", "is unknown")
    return record


def _of_patient(call: Call) -> Record:
    record = _appointment(call)
    if record["patientID"] != call.text("patient_id"):
        raise wrong("patient_id", "is not the one of the appointment")
    return record
