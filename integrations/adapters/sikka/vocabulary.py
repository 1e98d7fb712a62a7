"""The words that an office's own system offers for a write: one list of Sikka's for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from integrations.contract import Term, Vocabulary
from integrations.http.errors import NotAuthorized, Refused

#: Reads every item of a list: path and parameters.
Pages = Callable[[str, Mapping[str, str]], Iterator[dict[str, Any]]]

#: No list of choices is longer: one that is holds something else than choices.
LONGEST_LIST = 2000
LONGEST_VALUE = 100
LONGEST_LABEL = 200


@dataclass(frozen=True, slots=True)
class Source:
    """Where one kind of words comes from, by Sikka's documentation of the fields of its writes."""

    path: str
    #: The field that a write takes, and those that say what people call it, the best first.
    value: str
    labels: tuple[str, ...]
    params: Mapping[str, str]
    #: Fields that an item must have with this value, if it has them at all: in any case of
    #: letters, since the documentation itself writes appttype and ApptType.
    only: Mapping[str, str]


SOURCES: Final[Mapping[str, Source]] = {
    "statuses": Source(
        "/practice_variables",
        "value",
        ("service_item", "description"),
        {"service_name": "Appointment Status", "fields": "get_all"},
        {"service_name": "Appointment Status"},
    ),
    "appointment_types": Source(
        "/writeback_details",
        "item",
        ("description",),
        {"writeback_type": "new_appointment", "category": "appttype"},
        {"category": "appttype"},
    ),
    "note_types": Source("/note_types", "type", ("description",), {}, {}),
    "payment_types": Source("/payment_types", "code", ("description",), {}, {}),
}
#: Where a booking's type is chosen from, which is a list of its own.
TYPES: Final = SOURCES["appointment_types"]


def read(pages: Pages) -> Vocabulary:
    """Read all lists. What the plan of the application forbids, or the system behind has not,
    stays empty and is named in `unread`.

    Raises NotAuthorized where every list is forbidden: then it is the credential. Other errors
    (no answer, no budget) are raised as they are: half a vocabulary would look like a whole one.
    """
    lists: dict[str, tuple[Term, ...]] = {}
    unread: dict[str, str] = {}
    forbidden: NotAuthorized | None = None
    allowed = False
    for name, source in SOURCES.items():
        try:
            items = list(islice(pages(source.path, source.params), LONGEST_LIST + 1))
        except NotAuthorized as error:
            forbidden, unread[name] = error, str(error)
            continue
        except Refused as error:
            allowed, unread[name] = True, str(error)
            continue
        allowed = True
        if len(items) > LONGEST_LIST:
            unread[name] = f"Sikka's list has more than {LONGEST_LIST:,} entries."
            continue
        lists[name] = _terms(source, items)
    if forbidden and not allowed:
        raise forbidden
    return Vocabulary(**lists, unread=unread)


def is_of(source: Source, item: object) -> bool:
    """Return whether an item is one of those that a list was asked for, as far as it says."""
    return not isinstance(item, dict) or all(
        str(item.get(name, wanted) or "").casefold() == wanted.casefold()
        for name, wanted in source.only.items()
    )


def _terms(source: Source, items: list[dict[str, Any]]) -> tuple[Term, ...]:
    """Return each value once: an office's practices repeat what all of them have."""
    found: dict[str, Term] = {}
    for item in items:
        if not is_of(source, item):
            continue
        # As it came: it is sent back just so. One that no field can hold cannot be chosen.
        value = str(item.get(source.value) or "")
        if not value.strip() or not value.isprintable() or len(value) > LONGEST_VALUE:
            continue
        named = (str(item.get(name) or "").strip() for name in source.labels)
        label = next((text for text in named if text and text.isprintable()), value)
        found.setdefault(value, Term(value, label[:LONGEST_LABEL]))
    return tuple(found.values())
