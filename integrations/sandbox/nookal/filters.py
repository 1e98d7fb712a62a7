"""What a list call selects: its documented parameters as SQL over the records.

How Nookal compares is undocumented. Here, unverified: ids and dates exactly, names by how they
begin and without regard to case, windows with both their ends, and a change from `last_modified` on
to the second.
"""

from collections.abc import Callable, Sequence

from .call import Call
from .records import written

Condition = tuple[str, Sequence[object]]
Filter = Callable[[str], Condition]

# Nobody sees what was deleted or merged into another.
PRESENT: Condition = ("json_extract(record, '$.gone') IS NULL", [])


def _field(name: str) -> str:
    return f"json_extract(record, '$.{name}')"


def exactly(name: str) -> Filter:
    return lambda value: (f"{_field(name)} = ?", [value])


def folded(name: str) -> Filter:
    return lambda value: (f"fold({_field(name)}) = fold(?)", [value])


def beginning(name: str) -> Filter:
    return lambda value: (f"instr(fold({_field(name)}), fold(?)) = 1", [value])


def _status(value: str) -> Condition:
    told = (
        f"CASE WHEN {_field('cancelled')} = '1' THEN 'cancelled'"
        f" WHEN {_field('DNA')} = '1' THEN 'dna' ELSE fold({_field('status')}) END"
    )
    return f"{told} = fold(?)", [value]


def _none(value: str) -> Condition:
    return "0", []


APPOINTMENT_FILTERS: dict[str, Filter] = {
    "patient_id": exactly("patientID"),
    "practitioner_id": exactly("practitionerID"),
    "location_id": exactly("locationID"),
    "service_id": exactly("appointmentTypeID"),
    "appt_status": _status,
    "class_id": _none,  # there are no classes here
}

PATIENT_FILTERS: dict[str, Filter] = {"deceased": exactly("deceased")}

# No search by telephone, and `fuzzy_search` changes nothing (unverified).
SEARCH_FILTERS: dict[str, Filter] = {
    "patient_id": exactly("ID"),
    "online_code": exactly("onlineQuickCode"),
    "email": folded("Email"),
    "first_name": beginning("FirstName"),
    "last_name": beginning("LastName"),
    "date_of_birth": exactly("DOB"),
    "date_created": beginning("DateCreated"),
}


def conditions(call: Call, filters: dict[str, Filter]) -> list[Condition]:
    """Return what the call's own parameters ask for."""
    return [
        PRESENT,
        *(condition(value) for name, condition in filters.items() if (value := call.text(name))),
    ]


def changed_since(call: Call, name: str) -> list[Condition]:
    """Return what `last_modified` asks for, in the field that tells of the last change."""
    since = call.moment("last_modified")
    return [] if since is None else [(f"{_field(name)} >= ?", [written(since)])]


def in_window(call: Call) -> list[Condition]:
    """Return the window of days and of times of day, on each site's own wall clock."""
    day, clock = _field("appointmentDate"), _field("appointmentStartTime")
    limits = (
        (f"{day} >= ?", call.day("date_from")),
        (f"{day} <= ?", call.day("date_to")),
        (f"{clock} >= ?", call.clock("time_from")),
        (f"{clock} <= ?", call.clock("time_to")),
    )
    return [(sql, [value.isoformat()]) for sql, value in limits if value is not None]
