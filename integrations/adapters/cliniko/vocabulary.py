"""The words to choose from: reasons of cancellations, and the practice's appointment types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from integrations.adapters.cliniko import answers, listings, mapping
from integrations.adapters.cliniko.calls import Calls
from integrations.adapters.cliniko.fields import UnreadableRecord, identifier, text
from integrations.contract import Term, Vocabulary
from integrations.http.errors import Refused

LONGEST_LABEL: Final = 200


def read(calls: Calls) -> Vocabulary:
    """Read the appointment types; the reasons are documented, the same for everybody.

    Types that are not shown, say for lack of a right, are named in `unread`.
    """
    try:
        items, is_whole = calls.all(listings.APPOINTMENT_TYPES, [])
    except (answers.Forbidden, Refused) as error:
        return Vocabulary(
            statuses=mapping.REASONS, unread={listings.APPOINTMENT_TYPES.name: str(error)}
        )
    if not is_whole:
        why = f"Cliniko's list has more than {len(items):,} entries, or some that are unreadable."
        return Vocabulary(statuses=mapping.REASONS, unread={listings.APPOINTMENT_TYPES.name: why})
    return Vocabulary(statuses=mapping.REASONS, appointment_types=terms(items))


def terms(items: Iterable[dict[str, Any]]) -> tuple[Term, ...]:
    """Return the appointment types that can be booked, each by its id and name."""
    found = []
    for item in items:
        if item.get("archived_at"):
            continue
        id = identifier(item)
        try:
            name = text(item, "name").strip()
        except UnreadableRecord:
            name = ""
        label = name if name and name.isprintable() else id
        found.append(Term(id, label[:LONGEST_LABEL]))
    return tuple(found)
