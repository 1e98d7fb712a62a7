"""What a list call selects: its documented parameters as conditions, and the fields it shows.

How the real gateway compares is undocumented. Here, unverified: ids exactly, words without regard
to case, telephone numbers by their last ten digits, `search` as a part of any field it lists.
"""

from collections.abc import Callable, Collection, Iterable, Sequence

from integrations.sandbox.books import stamp

from . import loading, records
from .call import Call, Item
from .errors import wrong

Condition = tuple[str, list[object]]
Filter = Callable[[str], Condition]

# The fields that startdate and enddate may stand for; the first one where the call names none.
APPOINTMENT_DATES = (
    "date",
    "last_changed_date",
    "appointment_made_date",
    "confirmed_on_date",
    "cancelled_date",
)
NOTE_DATES = ("date", "procedure_date")
TRANSACTION_DATES = ("transaction_date", "transaction_entry_date", "last_updated_by")
SEARCHED = (
    *("firstname", "lastname", "middlename", "email", "city", "state", "zipcode"),
    *("homephone", "workphone", "cell"),
)


def _field(name: str) -> str:
    return f"json_extract(record, '$.{name}')"


EXISTS: Condition = (f"{_field(records.DELETED)} IS NULL", [])


def exactly(name: str) -> Filter:
    return lambda value: (f"{_field(name)} = ?", [value])


def folded(name: str) -> Filter:
    return lambda value: (f"fold({_field(name)}) = fold(?)", [value])


def on_day(name: str) -> Filter:
    return lambda value: (f"substr({_field(name)}, 1, 10) = ?", [value])


def phone(*names: str) -> Filter:
    either = ", ".join(f"digits({_field(name)})" for name in names)
    return lambda value: (f"digits(?) <> '' AND digits(?) IN ({either})", [value, value])


def one_of(*names: str) -> Filter:
    either = ", ".join(_field(name) for name in names)
    return lambda value: (f"? IN ({either})", [value])


def part_of(*names: str) -> Filter:
    whole = " || ' ' || ".join(f"fold({_field(name)})" for name in names)
    return lambda value: (f"instr({whole}, fold(?)) > 0", [value])


APPOINTMENT_FILTERS: dict[str, Filter] = {
    "appointment_sr_no": exactly("appointment_sr_no"),
    "practice_id": exactly("practice_id"),
    "patient_id": exactly("patient_id"),
    "guarantor_id": exactly("guarantor_id"),
    "provider_id": exactly("provider_id"),
    "operatory": exactly("operatory"),
    "status": folded("status"),
    "type": folded("type"),
    "arrival_status": folded("arrival_status"),
    "procedure_code": one_of("procedure_code1", "procedure_code2", "procedure_code3"),
}

PATIENT_FILTERS: dict[str, Filter] = {
    "patient_id": exactly("patient_id"),
    "practice_id": exactly("practice_id"),
    "provider_id": exactly("provider_id"),
    "guarantor_id": exactly("guarantor_id"),
    "email": folded("email"),
    "firstname": folded("firstname"),
    "lastname": folded("lastname"),
    "status": folded("status"),
    "first_visit": on_day("first_visit"),
    "last_visit": on_day("last_visit"),
    "cell": phone("cell"),
    "homephone": phone("homephone"),
    "workphone": phone("workphone"),
    "phone": phone("cell", "homephone", "workphone"),
    "search": part_of(*SEARCHED),
}

NOTE_FILTERS: dict[str, Filter] = {
    "patient_id": exactly("patient_id"),
    "practice_id": exactly("practice_id"),
    "note_type": folded("type"),
}

TRANSACTION_FILTERS: dict[str, Filter] = {
    "transaction_sr_no": exactly("transaction_sr_no"),
    "practice_id": exactly("practice_id"),
    "patient_id": exactly("patient_id"),
    "guarantor_id": exactly("guarantor_id"),
    "provider_id": exactly("provider_id"),
    "claim_sr_no": exactly("claim_sr_no"),
    "procedure_code": exactly("procedure_code"),
    "transaction_type": folded("transaction_type"),
    "payment_type": folded("payment_type"),
    "invoice_number": exactly("invoice_number"),
}


def conditions(call: Call, filters: dict[str, Filter]) -> list[Condition]:
    """Return what the call's own parameters ask for, and its window of loading times.

    What was deleted is in no list.
    """
    asked = [
        condition(value) for name, condition in filters.items() if (value := call.parameter(name))
    ]
    return [EXISTS, *asked, *_loaded(call)]


def between_days(call: Call, names: Sequence[str]) -> list[Condition]:
    """Return what startdate and enddate ask for in one of these fields; both days count."""
    name = call.parameter("date_filter_on") or names[0]
    if name not in names:
        raise wrong("date_filter_on", f"must be one of {', '.join(names)}")
    day, first, last = f"substr({_field(name)}, 1, 10)", call.day("startdate"), call.day("enddate")
    asked: list[Condition] = []
    if first is not None:
        asked.append((f"{day} >= ?", [first.isoformat()]))
    if last is not None:
        asked.append((f"{day} <> '' AND {day} <= ?", [last.isoformat()]))
    return asked


def matching(call: Call, items: Iterable[Item], names: Iterable[str]) -> list[Item]:
    """Return the items whose fields are as the call's parameters of these names ask for."""
    wanted = {name: value.casefold() for name in names if (value := call.parameter(name))}
    return [
        item
        for item in items
        if all(item[name].casefold() == value for name, value in wanted.items())
    ]


def chosen(call: Call, item: Item, hidden: Collection[str]) -> Item:
    """Return the item without its hidden fields, unless the call asks for them or for all.

    `lightweight` drops the default ones.
    """
    asked = call.parameter("fields")
    if asked == "get_all":
        return item
    more = {name.strip() for name in asked.split(",")}
    if more != {""} and call.parameter("lightweight").lower() == "true":
        return {name: value for name, value in item.items() if name in more}
    return {name: value for name, value in item.items() if name not in hidden or name in more}


def _loaded(call: Call) -> list[Condition]:
    asked: list[Condition] = []
    first, before = loading.window(call)
    if first is not None:
        asked.append(("loaded_at >= ?", [stamp(first)]))
    if before is not None:
        asked.append(("loaded_at < ?", [stamp(before)]))
    return asked
