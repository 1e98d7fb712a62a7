"""Writing patients: what is checked, and what archiving does.

The lengths and the choices are from the vendor's OpenAPI description, which requires no field at
all; that a name is wanted is reported. How the messages are worded is unverified, and that a field
the description does not list is passed over in silence.
"""

import re
from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Response

from .accounts import Account
from .answers import document, invalid, nothing
from .call import Call, iso_day, written
from .filters import left_out
from .lists import found
from .records import PATIENT, PATIENT_FIELDS, Record, changed, patient, phone_number, shown
from .writes import save

PHONE_TYPES = ("Fax", "Home", "Mobile", "Other", "Work")
REMINDER_TYPES = ("None", "SMS", "Email", "SMS & Email")
LONGEST = 255
UNBOUNDED = frozenset({"notes", "appointment_notes"})
# The description's pattern knows capital letters only; that real addresses are taken is inferred.
_EMAIL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~.-]+@[a-z0-9.-]+\.[a-z]{2,63}", re.IGNORECASE)
_BLANK = "can't be blank"

Errors = dict[str, str]


def create(call: Call) -> Response:
    """POST /patients"""
    values = _checked(call, PATIENT_FIELDS)
    id = call.stage.books.next_id(call.office_id, PATIENT)
    record = patient(id, written(call.now), values)
    save(call, PATIENT, record, created=True)
    return document(shown(call, PATIENT, record), 201)


def update(call: Call, id: str) -> Response:
    """PATCH /patients/{id}. That one who is archived is not found is unverified."""
    before = found(call, PATIENT, id, left_out(PATIENT))
    record = changed(before, _checked(call, before), written(call.now))
    save(call, PATIENT, record)
    return document(shown(call, PATIENT, record))


def archive(call: Call, id: str) -> Response:
    """POST /patients/{id}/archive, and the deprecated DELETE /patients/{id}"""
    record = found(call, PATIENT, id, left_out(PATIENT))
    at = written(call.now)
    save(call, PATIENT, changed(record, {"archived_at": at}, at))
    return nothing()


def unarchive(call: Call, id: str) -> Response:
    """POST /patients/{id}/unarchive. One who was merged away is not found: unverified."""
    where = [
        *left_out(PATIENT, {"archived_at"}),
        ("json_extract(record, '$.merged_at') IS NULL", ()),
    ]
    record = changed(found(call, PATIENT, id, where), {"archived_at": None}, written(call.now))
    save(call, PATIENT, record)
    return document(shown(call, PATIENT, record))


def _checked(call: Call, before: Record) -> dict[str, Any]:
    """Return the fields that the call gives, or refuse it with what is wrong about each."""
    body = call.body()
    given = {name: body[name] for name in PATIENT_FIELDS if name in body}
    errors: Errors = {}
    for name, value in given.items():
        if complaint := _CHECKS.get(name, _text(name))(value):
            errors[name] = complaint
    for name in ("first_name", "last_name"):
        if not {**before, **given}[name]:
            errors[name] = _BLANK
    if errors:
        raise invalid(errors)
    if "patient_phone_numbers" in given:
        given["patient_phone_numbers"] = _numbers(call.account, given["patient_phone_numbers"])
    return given


def _text(name: str) -> Callable[[Any], str]:
    def complaint(value: Any) -> str:
        if value is not None and not isinstance(value, str):
            return "must be a string"
        if value and name not in UNBOUNDED and len(value) > LONGEST:
            return f"is too long (maximum is {LONGEST} characters)"
        return ""

    return complaint


def _email(value: Any) -> str:
    if value and not (isinstance(value, str) and _EMAIL.fullmatch(value)):
        return "is invalid"
    return _text("email")(value)


def _flag(value: Any) -> str:
    return "" if value is None or isinstance(value, bool) else "must be true or false"


def _day(value: Any) -> str:
    try:
        if value is not None:
            iso_day(value)
    except ValueError:
        return "is not a valid date"
    return ""


def _reminder(value: Any) -> str:
    return "" if value is None or value in REMINDER_TYPES else "is not included in the list"


def _phones(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return "must be a list of telephone numbers"
    for item in value:
        number = item.get("number")
        if item.get("phone_type") not in PHONE_TYPES:
            return "has a phone_type that is not included in the list"
        if not isinstance(number, str) or not re.search(r"\d", number):
            return "has a number that is invalid"
    return ""


def _numbers(account: Account, value: list[dict[str, str]]) -> list[Record]:
    return [
        phone_number(account.calling_code, item["phone_type"], item["number"]) for item in value
    ]


_CHECKS: dict[str, Callable[[Any], str]] = {
    "accepted_email_marketing": _flag,
    "accepted_privacy_policy": _flag,
    "accepted_sms_marketing": _flag,
    "receives_cancellation_emails": _flag,
    "receives_confirmation_emails": _flag,
    "date_of_birth": _day,
    "email": _email,
    "invoice_email": _email,
    "patient_phone_numbers": _phones,
    "reminder_type": _reminder,
}
