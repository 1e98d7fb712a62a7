"""Single values of a record of Cliniko: ids, relations, texts, moments and days. Pure functions.

A reason that is raised names a field, never its value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

Item = Mapping[str, Any]

#: Documented as 64-bit numbers in strings.
ID: Final = re.compile(r"[0-9]{1,20}")
#: The end of a relation's address: /patients/82.
LAST_ID: Final = re.compile(r"/([0-9]{1,20})/?\Z")
#: Moments outside of these years are mistakes; at the ends of the calendar, to put one into a
#: site's zone would overflow.
YEARS: Final = range(1900, 2200)
#: How Cliniko writes a moment, and wants it in filters.
MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


class UnreadableRecord(ValueError):
    """A record lacks what it cannot be kept without; the message names the field only."""


def identifier(item: Item) -> str:
    """Return a record's own id: a string of digits, or a number in older answers."""
    value = item.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not ID.fullmatch(value):
        raise UnreadableRecord("has no usable id")
    return value


def linked(item: Item, name: str) -> str:
    """Return the id of a related record, which only its address tells; "" where there is none."""
    relation = item.get(name)
    links = relation.get("links") if isinstance(relation, dict) else relation
    address = links.get("self") if isinstance(links, dict) else links
    if address is None:
        return ""
    found = LAST_ID.search(address) if isinstance(address, str) else None
    if found is None:
        raise UnreadableRecord(f"names its {name} in a form that cannot be read")
    return found[1]


def text(item: Item, name: str) -> str:
    """Return a text as it is; "" for null. A number counts as one."""
    value = item.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise UnreadableRecord(f"has a {name} that is no text")


def is_true(item: Item, name: str) -> bool:
    """Return whether a flag is set; null is not."""
    return str(item.get(name)).lower() in {"true", "1"}


def moment(item: Item, name: str) -> datetime:
    """Return a moment that a record cannot be without, in UTC."""
    if item.get(name) is None:
        raise UnreadableRecord(f"has no {name}")
    found = moment_if_told(item, name)
    if found is None:
        raise UnreadableRecord(f"has a {name} that cannot be read")
    return found


def moment_if_told(item: Item, name: str) -> datetime | None:
    """Return a moment in UTC; None where there is none that can be read.

    All of Cliniko's moments are UTC (documented), so one without an offset is, too.
    """
    try:
        found = datetime.fromisoformat(str(item.get(name)))
        aware = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
    return aware if aware.year in YEARS else None


def day(item: Item, name: str) -> date | None:
    """Return a date; None where there is none. Raises UnreadableRecord for an impossible one."""
    value = item.get(name)
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise UnreadableRecord(f"has a {name} that cannot be read") from None


def written(at: datetime) -> str:
    """Write a moment as Cliniko does: UTC, whole seconds, the rest left off."""
    return at.astimezone(UTC).strftime(MOMENT)
