"""The fields of a write: each read by its rule, and all that is wrong with them told at once."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from . import records
from .call import Call
from .errors import Refused, Wrong

Reader = Callable[[Call, Any], Any]
LONGEST_VISIT = 12 * 60  # minutes
LONGEST_TEXT = 2000


def read(call: Call, readers: Mapping[str, Reader], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return the values of a body, or refuse the call with every rule that is broken."""
    body = call.body()
    wrong = {name: "is required" for name in required if body.get(name) in (None, "")}
    values = {}
    for name, value in body.items():
        if name not in readers:
            wrong[name] = "is not a field that can be set"
        elif name not in wrong:
            try:
                values[name] = readers[name](call, value)
            except Wrong as rule:
                wrong[name] = str(rule)
    if wrong:
        raise Refused(422, fields={name: [rule] for name, rule in wrong.items()})
    return values


def _name(call: Call, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong("must be a string with something in it")
    return value


def _text(call: Call, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Wrong("must be a string or null")
    if value and len(value) > LONGEST_TEXT:
        raise Wrong(f"must have {LONGEST_TEXT} characters or fewer")
    return value or None


def _email(call: Call, value: object) -> str | None:
    text = _text(call, value)
    if text and not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise Wrong("is not an e-mail address")
    return text


def _day(call: Call, value: object) -> str | None:
    if value in (None, ""):
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        raise Wrong("must be a date, yyyy-mm-dd") from None
    if day > call.now.astimezone(call.account.zone).date():
        raise Wrong("must not be in the future")
    return day.isoformat()


def _switch(call: Call, value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def _whole(value: object) -> int:
    """Read a number that may have come as a string, which the service does not mind."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value, re.ASCII):
        return int(value)
    raise Wrong("must be a whole number")


def _client_id(call: Call, value: object) -> int:
    id = _whole(value)
    record = call.stage.books.truth(call.account.id, records.CLIENT, str(id))
    if record is None or record["deleted_at"]:
        raise Wrong("does not exist")
    return id


def _staff_id(call: Call, value: object) -> int:
    member = call.account.member(_whole(value))
    if member is None or not member.active:
        raise Wrong("does not exist or is not active")
    return member.id


def _site_id(call: Call, value: object) -> int:
    site = call.account.site(_whole(value))
    if site is None:
        raise Wrong("does not exist")
    return site.id


def _service_id(call: Call, value: object) -> int | None:
    if value is None:
        return None
    service = call.account.service(_whole(value))
    if service is None or not service.active:
        raise Wrong("does not exist or is not active")
    return service.id


def _starts_at(call: Call, value: object) -> str:
    moment = call.read_time(value)
    if moment.second or moment.microsecond:
        raise Wrong("must be a whole minute")
    if abs(moment - call.now) > timedelta(days=3660):
        raise Wrong("must be within ten years")
    return records.on_wall(moment, call.account)


def _minutes(call: Call, value: object) -> int:
    minutes = _whole(value)
    if not 1 <= minutes <= LONGEST_VISIT:
        raise Wrong(f"must be from 1 to {LONGEST_VISIT}")
    return minutes


def _status(call: Call, value: object) -> str:
    if value not in records.STATUSES:
        raise Wrong(f"must be one of {', '.join(records.STATUSES)}")
    return str(value)


CLIENT_FIELDS: Mapping[str, Reader] = {
    "first_name": _name,
    "last_name": _name,
    "date_of_birth": _day,
    "email": _email,
    "phone": _text,
    "active": _switch,
}
BOOKING_FIELDS: Mapping[str, Reader] = {
    "client_id": _client_id,
    "staff_id": _staff_id,
    "site_id": _site_id,
    "service_id": _service_id,
    "starts_at": _starts_at,
    "duration_minutes": _minutes,
    "notes": _text,
}
# Whose appointment it is cannot be changed.
CHANGE_FIELDS: Mapping[str, Reader] = {
    **{name: reader for name, reader in BOOKING_FIELDS.items() if name != "client_id"},
    "status": _status,
}
