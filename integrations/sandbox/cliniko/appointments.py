"""Writing appointments: booking, moving, cancelling and archiving, and what overlaps.

From the vendor's documentation: nothing is refused for an overlap, for hours or for a type that is
hidden from online booking; the end follows from the type where it is not given (on a change: where
it is null); a cancellation needs a reason's code. Unverified: the rest of the checks and all their
words, that a cancelled or archived appointment is not found by a write, and that a body's further
fields (did_not_arrive among them) are passed over in silence.
"""

from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Response

from .answers import document, invalid, not_simulated, nothing
from .call import Call, read_id, read_moment, written
from .filters import column, left_out
from .lists import found, read
from .records import (
    APPOINTMENT,
    APPOINTMENT_TYPE,
    BUSINESS,
    CANCELLATION_REASONS,
    PATIENT,
    PRACTITIONER,
    WRITABLE_REASONS,
    Record,
    appointment,
    changed,
    shown,
)
from .writes import save

# The ids of a body, and what they are of.
RELATIONS = {
    "patient_id": PATIENT,
    "practitioner_id": PRACTITIONER,
    "business_id": BUSINESS,
    "appointment_type_id": APPOINTMENT_TYPE,
}
_BLANK = "can't be blank"


def create(call: Call) -> Response:
    """POST /individual_appointments"""
    values = _checked(call, {})
    id = call.stage.books.next_id(call.office_id, APPOINTMENT)
    record = appointment(id, written(call.now), values)
    save(call, APPOINTMENT, record, created=True)
    return document(shown(call, APPOINTMENT, record), 201)


def update(call: Call, id: str) -> Response:
    """PATCH /individual_appointments/{id}"""
    before = _found(call, id)
    record = changed(before, _checked(call, before), written(call.now))
    save(call, APPOINTMENT, record)
    return document(shown(call, APPOINTMENT, record))


def cancel(call: Call, id: str) -> Response:
    """PATCH /individual_appointments/{id}/cancel"""
    record, body = _found(call, id), call.body()
    if body.get("apply_to_repeats"):
        raise not_simulated("apply_to_repeats")
    reason, note = body.get("cancellation_reason"), body.get("cancellation_note")
    errors = {}
    if reason is None:
        errors["cancellation_reason"] = _BLANK
    elif reason not in list(WRITABLE_REASONS):  # whatever JSON holds can be looked for in a list
        errors["cancellation_reason"] = "is not included in the list"
    if note is not None and not isinstance(note, str):
        errors["cancellation_note"] = "must be a string"
    if errors:
        raise invalid(errors)
    at, code = written(call.now), int(reason or 0)
    values = {
        "cancelled_at": at,
        "cancellation_reason": code,
        "cancellation_reason_description": CANCELLATION_REASONS[code],
        "cancellation_note": note,
    }
    save(call, APPOINTMENT, changed(record, values, at))
    return nothing()


def archive(call: Call, id: str) -> Response:
    """POST /individual_appointments/{id}/archive, and the deprecated DELETE: cancelled or not."""
    record = found(call, APPOINTMENT, id, left_out(APPOINTMENT, {"cancelled_at"}))
    at = written(call.now)
    save(call, APPOINTMENT, changed(record, {"archived_at": at}, at))
    return nothing()


def conflicts(call: Call, id: str) -> Response:
    """GET /individual_appointments/{id}/conflicts

    What counts is undocumented; here another standing appointment of the same practitioner at the
    same time, wherever it is.
    """
    record = _found(call, id)
    others, _ = read(
        call.stage.books,
        call.office_id,
        APPOINTMENT,
        [
            *left_out(APPOINTMENT),
            *taken(record["practitioner_id"], record["starts_at"], record["ends_at"]),
            (f"{column('id')} <> ?", [id]),
        ],
        limit=1,
    )
    return document({"conflicts": {"exist": bool(others)}})


def taken(practitioner_id: str, starts_at: str, ends_at: str) -> list[tuple[str, list[str]]]:
    """Return the conditions of what a practitioner has between two moments."""
    return [
        (f"{column('practitioner_id')} = ?", [practitioner_id]),
        (f"{column('starts_at')} < ? AND {column('ends_at')} > ?", [ends_at, starts_at]),
    ]


def _found(call: Call, id: str) -> Record:
    return found(call, APPOINTMENT, id, left_out(APPOINTMENT))


def _checked(call: Call, before: Record) -> dict[str, Any]:
    """Return the fields that follow from a body, or refuse it with what is wrong about each."""
    body = call.body()
    if body.get("repeat_rule"):
        raise not_simulated("repeat_rule")
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    related = {
        name: record for name in RELATIONS if (record := _related(call, name, before, body, errors))
    }
    values |= {name: record["id"] for name, record in related.items()}
    for name in ("starts_at", "ends_at"):
        if body.get(name) is not None:
            try:
                values[name] = written(read_moment(body[name]))
            except ValueError:
                errors[name] = "is not a valid date time"
    if not ({**before, **values}.get("starts_at") or "starts_at" in errors):
        errors["starts_at"] = _BLANK
    if "notes" in body:
        values["notes"] = body["notes"]
        if not isinstance(body["notes"], str | None):
            errors["notes"] = "must be a string"
    if errors:
        raise invalid(errors)
    patient = related["patient_id"]
    values["patient_name"] = f"{patient['first_name']} {patient['last_name']}"
    whole = {**before, **values}
    if body.get("ends_at") is None and ("ends_at" in body or not before):
        minutes = related["appointment_type_id"]["duration_in_minutes"]
        ends_at = read_moment(whole["starts_at"]) + timedelta(minutes=minutes)
        values["ends_at"] = whole["ends_at"] = written(ends_at)
    if whole["ends_at"] <= whole["starts_at"]:
        raise invalid({"ends_at": "must be after starts_at"})
    return values


def _related(
    call: Call, name: str, before: Record, body: dict[str, Any], errors: dict[str, str]
) -> Record | None:
    """Return the record that an id of the body leads to, or the one that was there before."""
    kind = RELATIONS[name]
    if name not in body and before:
        # Whatever has become of it since.
        return found(call, kind, before[name], [])
    try:
        id = read_id(body.get(name))
    except ValueError:
        errors[name] = _BLANK if body.get(name) in (None, "") else "is invalid"
        return None
    records, _ = read(call.stage.books, call.office_id, kind, left_out(kind), id=id)
    if not records:
        errors[name] = "must exist"
        return None
    return records[0]
