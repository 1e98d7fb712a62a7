"""Translate between the fields of $title and ours. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from clinics.records import PmsRecord, Unreadable
from integrations.queries import Resource

Item = dict[str, Any]
#: Takes an item, its id, and location id → IANA zone.
Reader = Callable[[Item, str, Mapping[str, str]], PmsRecord]

LONGEST_ID: Final = 200
#: Where a record's id stands.
ID: Final = "id"
#: How the items of each list are read: a function of this module for each of the manifest's lists.
READERS: Final[dict[Resource, Reader]] = {}


class UnreadableRecord(ValueError):
    """A record lacks what it cannot be kept without; the message names the field only."""


def record(
    resource: Resource, item: object, timezones: Mapping[str, str]
) -> PmsRecord | Unreadable:
    """Read an item of a list; one that cannot be read is told as such, by its id if it has one."""
    external_id = usable_id(item.get(ID)) if isinstance(item, dict) else ""
    if not isinstance(item, dict) or not external_id:
        return Unreadable("has no usable id")
    if resource not in READERS:
        raise NotImplementedError(f"$name: READERS does not say how to read {resource}")
    try:
        return READERS[resource](item, external_id, timezones)
    except KeyError as missing:
        return Unreadable(f"has no {missing.args[0]}", external_id)
    except UnreadableRecord as error:
        return Unreadable(str(error), external_id)
    except (ValueError, OverflowError):
        return Unreadable("has a date, time or number that cannot be read", external_id)


def usable_id(value: object) -> str:
    """Return an id as text, "" for what cannot be one. It is never cut: two might become one."""
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if text.strip() and text.isprintable() and len(text) <= LONGEST_ID else ""
