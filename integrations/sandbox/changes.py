"""The values of a `pms.Change`, checked: what is asked for, in types that can be worked with."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from .pms import Change, WrongChange

PATIENT_VALUES = ("first_name", "last_name", "birth_date", "email", "phone")
APPOINTMENT_VALUES = (
    *("patient_id", "practitioner_id", "location_id", "operatory_id"),
    *("starts_at", "minutes", "description"),
)
_KNOWN = {"patient": PATIENT_VALUES, "appointment": APPOINTMENT_VALUES}


def checked(change: Change, *, seconds: bool = False) -> dict[str, Any]:
    """Return the values of a change. Raises WrongChange for one that the PMS could not keep.

    `starts_at` becomes an aware datetime in UTC and `minutes` an int; all others are strings.
    `seconds` tells whether the PMS keeps a time's seconds.
    """
    known = _KNOWN[change.kind]
    for name in change.values:
        if name not in known:
            raise WrongChange(f"{change.kind} has no {name}; there are: {', '.join(known)}")
    if change.values and change.action not in ("create", "update"):
        raise WrongChange(f"{change.action} takes no values")
    return {name: _value(name, value, seconds) for name, value in change.values.items()}


def usual_start(now: datetime) -> datetime:
    """Return when an appointment begins for which nobody named a time: at this hour tomorrow."""
    return now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)


def _value(name: str, value: object, seconds: bool) -> Any:
    match name:
        case "minutes":
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise WrongChange("minutes must be a whole number, 1 or more")
            return value
        case "starts_at":
            return _moment(value, seconds)
    if not isinstance(value, str):
        raise WrongChange(f"{name} must be a string")
    if name == "birth_date" and value:
        _day(value)
    return value


def _moment(value: object, seconds: bool) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        raise WrongChange("starts_at must be a time in ISO 8601") from None
    # Most diaries have no seconds, and a wall clock without an offset would leave the moment open.
    if moment.tzinfo is None or moment.microsecond or (moment.second and not seconds):
        unit = "second" if seconds else "minute"
        raise WrongChange(f"starts_at must be a whole {unit} with an offset")
    return moment.astimezone(UTC)


def _day(value: str) -> None:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise WrongChange("birth_date must be a date, yyyy-mm-dd, or empty") from None
