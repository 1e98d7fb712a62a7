"""Read a list page by page so that nothing is skipped while it changes. Pure functions.

Cliniko's pages are numbered, and a record that changes meanwhile moves to another page. So each
page is asked for anew from the sort value where the last one ended, and what was seen of that value
is dropped; the page's number only rises while all its records share one value. A full pass goes by
`created_at`, which never changes; a reading of changes goes by `updated_at`, where a record that
changes meanwhile comes once more at the end.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from integrations.adapters.cliniko.fields import (
    UnreadableRecord,
    identifier,
    moment_if_told,
    written,
)
from integrations.adapters.cliniko.manifest import MANIFEST
from integrations.http.errors import NoAnswer

#: Characters of ids that a position keeps: it may have 1,000 in all. What does not fit is told
#: twice, which changes nothing.
ROOM: Final = 700

#: The form in which Cliniko writes moments.
USUAL: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")

Params = list[tuple[str, str]]
#: A row's id and its sort value.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where the next page begins."""

    #: Which of the lists that a resource has in Cliniko, and the page in it.
    part: int = 0
    page: int = 1
    #: Sort value from which on records are asked for; "" for the first page.
    since: str = ""
    #: Ids of records with just that value that were told already.
    seen: tuple[str, ...] = ()
    #: What the page before looked like.
    mark: str = ""
    #: How many records the first page said there are.
    total: int | None = None

    def with_total(self, total: int | None) -> Position:
        """Return it with what the first page said."""
        return replace(self, total=total)

    def as_text(self) -> str:
        """Return it as it is kept; `position_of` is the way back."""
        return json.dumps(asdict(self), separators=(",", ":"))


def position_of(text: str) -> Position:
    """Return the position that a text tells; the first page for ""."""
    told = json.loads(text) if text else {}
    return Position(**{**told, "seen": tuple(told.get("seen", ()))})


def parameters(at: Position, order: str, changed_since: str, filters: Sequence[str]) -> Params:
    """Return what to ask a list for; `order` is the field that it is sorted by."""
    since = at.since or changed_since
    asked = [f"{order}:>={since}"] if since else []
    return [
        ("page", str(at.page)),
        ("per_page", str(MANIFEST.page_size)),
        ("sort", f"{order}:asc"),
        *(("q[]", each) for each in (*asked, *filters)),
    ]


def keys(rows: Sequence[Any], order: str) -> list[Key]:
    """Return what tells each row of a page: its id and its sort value, "" for what is unreadable.

    The value is to the second, all in one form, so that texts sort as time does.
    """
    return [(_id(row), _value(row, order)) if isinstance(row, dict) else ("", "") for row in rows]


def unseen(at: Position, rows: Sequence[Any], told: Sequence[Key]) -> list[Any]:
    """Return the rows of a page without those that an earlier page has told."""
    seen = {(each, at.since) for each in at.seen}
    return [row for row, key in zip(rows, told, strict=True) if key not in seen]


def following(at: Position, told: Sequence[Key], has_more: bool) -> Position | None:
    """Return where the next page begins; None after the last one.

    Raises NoAnswer for a list that does not move on: to end there would pass for a complete one.
    """
    mark = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    if told and mark == at.mark:
        raise NoAnswer("Cliniko's list repeats a page.")
    if not has_more:
        return None
    if not told:
        raise NoAnswer("Cliniko's list names a next page behind an empty one.")
    values = [value for _, value in told if value]
    if values and values == sorted(values) and values[0] < values[-1] > at.since:
        last = values[-1]
        seen = _fitting([each for each, value in told if value == last])
        return replace(at, page=1, since=last, seen=seen, mark=mark)
    return replace(at, page=at.page + 1, mark=mark)


def _fitting(ids: list[str]) -> tuple[str, ...]:
    kept, room = [], ROOM
    for each in ids:
        room -= len(each) + 3  # in quotes, with a comma
        if each and room >= 0:
            kept.append(each)
    return tuple(kept)


def _id(row: dict[str, Any]) -> str:
    try:
        return identifier(row)
    except UnreadableRecord:
        return ""


def _value(row: dict[str, Any], order: str) -> str:
    found, raw = moment_if_told(row, order), row.get(order)
    if found is None:
        return ""
    # As it came, nearly always: to write a moment takes longer than to read it.
    return raw if isinstance(raw, str) and USUAL.fullmatch(raw) else written(found)
