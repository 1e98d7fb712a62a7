"""The filters of lists, `q[]=field:OPvalue`: which fields, which operators by type, and as SQL.

Types, operators and the format are from the vendor's documentation, the fields from its OpenAPI
description of August 2025, and the words of two of the 400s from a third party. Unverified: that
`=` of a string minds its case while `~` and `~~` do not, and what is refused beyond the documented.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from .answers import bad_request
from .call import LARGEST, iso_day, read_moment
from .records import (
    APPOINTMENT,
    APPOINTMENT_TYPE,
    BUSINESS,
    DAILY_AVAILABILITY,
    PATIENT,
    PRACTITIONER,
)

Condition = tuple[str, Sequence[object]]

COMPARING = (">=", "<=", ">", "<")
PRESENCE = ("!?", "?")
# The longer operators first: "~~" begins like "~".
OPERATORS = {
    "date": (*COMPARING, *PRESENCE, "="),
    "date time": (*COMPARING, *PRESENCE, "*"),
    "number": ("!=", *COMPARING, *PRESENCE, "="),
    "string": ("!=", "~~", *PRESENCE, "~", "="),
    "boolean": ("!=", "="),
    "array": ("~",),
}

_TIMES = {"created_at": "date time", "updated_at": "date time", "id": "number"}
_ONLINE = {"show_in_online_bookings": "boolean"}
FIELDS: dict[str, Mapping[str, str]] = {
    PATIENT: {
        **_TIMES,
        "accepted_privacy_policy": "boolean",
        "archived_at": "date time",
        "date_of_birth": "date",
        "email": "string",
        "first_name": "string",
        "last_name": "string",
        "old_reference_id": "string",
        "preferred_first_name": "string",
    },
    APPOINTMENT: {
        **_TIMES,
        "appointment_type_id": "number",
        "archived_at": "date time",
        "business_id": "number",
        "cancelled_at": "date time",
        "deleted_at": "date time",
        "did_not_arrive": "boolean",
        "ends_at": "date time",
        "patient_id": "number",
        "practitioner_id": "number",
        "repeated_from_id": "number",
        "starts_at": "date time",
    },
    PRACTITIONER: {**_TIMES, **_ONLINE, "active": "boolean", "user_id": "number"},
    BUSINESS: {
        **_TIMES,
        **_ONLINE,
        "appointment_type_ids": "array",
        "archived_at": "date time",
        "deleted_at": "date time",
    },
    APPOINTMENT_TYPE: {
        **_TIMES,
        **_ONLINE,
        "archived_at": "date time",
        "category": "string",
        "online_payments_mode": "string",
    },
    DAILY_AVAILABILITY: {**_TIMES, "business_id": "number", "practitioner_id": "number"},
}

# What leaves a record out of lists unless a filter names the field: documented for cancelled and
# archived ones; for deleted ones and for practitioners who are inactive (those have a list of their
# own) it is unverified.
LEAVES_OUT: dict[str, Mapping[str, str]] = {
    PATIENT: {"archived_at": "{} IS NULL", "deleted_at": "{} IS NULL"},
    APPOINTMENT: dict.fromkeys(("cancelled_at", "archived_at", "deleted_at"), "{} IS NULL"),
    PRACTITIONER: {"active": "{}"},
    BUSINESS: dict.fromkeys(("archived_at", "deleted_at"), "{} IS NULL"),
    APPOINTMENT_TYPE: {"archived_at": "{} IS NULL"},
    DAILY_AVAILABILITY: {},
}


def asked(
    kind: str, filters: Sequence[str], fields: Mapping[str, str], lifted: Collection[str] = ()
) -> list[Condition]:
    """Return the conditions that the filters of a call put, and what is left out besides.

    Refuses a filter for a field that is not among the fields, or with a bad operator or value.
    """
    named = [_parted(text, fields) for text in filters]
    conditions = [condition for name, rest in named if (condition := _one(name, rest, fields))]
    return [*conditions, *left_out(kind, besides={*lifted, *(name for name, _ in named)})]


def left_out(kind: str, besides: Collection[str] = ()) -> list[Condition]:
    """Return the conditions that hide records of a kind, without those of some fields."""
    return [
        (rule.format(column(name)), ())
        for name, rule in LEAVES_OUT[kind].items()
        if name not in besides
    ]


def of_record(kind: str) -> dict[str, str]:
    """Return the fields that a GET of one record can be filtered by: those that hide it.

    The description gives these filters there, too; that without them a hidden record is not found
    is inferred from it.
    """
    hiding = LEAVES_OUT[kind] if kind != PRACTITIONER else {}
    return {name: FIELDS[kind][name] for name in hiding if name in FIELDS[kind]}


def holds(name: str, id: str) -> Condition:
    """Return the condition that a list of ids has one in it."""
    sql = f"? IN (SELECT value FROM json_each(record, '$.{name}'))"  # noqa: S608 (own SQL)
    return sql, [id]


def column(name: str) -> str:
    """Return the SQL for a field of a record."""
    return f"json_extract(record, '$.{name}')"


def _parted(text: str, fields: Mapping[str, str]) -> tuple[str, str]:
    name, _, rest = text.partition(":")
    if name not in fields:
        raise bad_request(f"{name} is not filterable")
    return name, rest


def _one(name: str, rest: str, fields: Mapping[str, str]) -> Condition | None:
    kind = fields[name]
    operator = next((item for item in OPERATORS[kind] if rest.startswith(item)), None)
    value = rest.removeprefix(operator or "")
    if operator is None or (operator in ("?", "!?", "*") and value):
        raise bad_request(f"Filter operator for {name} is not valid")
    if operator == "*":
        return None
    if operator in PRESENCE:
        return f"{column(name)} IS {'NOT NULL' if operator == '?' else 'NULL'}", ()
    try:
        return _COMPARED[kind](name, operator, value)
    except ValueError:
        article = "an" if kind == "array" else "a"
        raise bad_request(f"Filter value for {name} must be {article} {kind}") from None


def _date(name: str, operator: str, value: str) -> Condition:
    if (
        operator == "="
        and "*" in value
        and re.fullmatch(r"[\d*]{4}-[\d*]{2}-[\d*]{2}", value, re.ASCII)
    ):
        return f"{column(name)} LIKE ?", [value.replace("*", "_")]
    return f"{column(name)} {operator} ?", [iso_day(value).isoformat()]


def _date_time(name: str, operator: str, value: str) -> Condition:
    read_moment(value)
    return f"{column(name)} {operator} ?", [value]


def _number(name: str, operator: str, value: str) -> Condition:
    several = value.split(",") if operator == "=" else [value]
    numbers = [_whole(part) for part in several]
    number = f"CAST({column(name)} AS INTEGER)"
    if operator == "=":
        return f"{number} IN ({', '.join('?' * len(numbers))})", numbers
    return f"{number} {operator} ?", numbers


def _string(name: str, operator: str, value: str) -> Condition:
    match operator:
        case "~":
            return f"instr(fold({column(name)}), fold(?)) > 0", [value]
        case "~~":
            pattern = re.sub(r"([\\_])", r"\\\1", value)
            return f"fold({column(name)}) LIKE fold(?) ESCAPE '\\'", [pattern]
    return f"{column(name)} {operator} ?", [value]


def _boolean(name: str, operator: str, value: str) -> Condition:
    if value not in ("true", "false"):
        raise ValueError(value)
    return f"coalesce({column(name)}, 0) {operator} ?", [value == "true"]


def _array(name: str, operator: str, value: str) -> Condition:
    return holds(name, str(_whole(value)))


_COMPARED: dict[str, Callable[[str, str, str], Condition]] = {
    "date": _date,
    "date time": _date_time,
    "number": _number,
    "string": _string,
    "boolean": _boolean,
    "array": _array,
}


def _whole(text: str) -> int:
    if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or abs(int(text)) > LARGEST:
        raise ValueError(text)
    return int(text)
