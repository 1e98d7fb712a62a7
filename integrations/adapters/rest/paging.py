"""Pages of a list: what to ask for one, and what its answer tells of the next. Pure functions.

A position is kept in the database between two calls, perhaps for days: it names the place in the
service's own terms, and how much was seen.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from integrations.adapters.rest.description import Paging
from integrations.adapters.rest.fields import at
from integrations.adapters.rest.options import Place
from integrations.http.client import Reply
from integrations.http.errors import NoAnswer, Refused

#: What `integrations.queries.Page` allows.
LONGEST_POSITION = 1000
NEXT_LINK = re.compile(r'<([^<>]*)>\s*;[^,<]*\brel\s*=\s*"?next\b', re.IGNORECASE)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list: a page's number, an offset, a cursor, or the query of a link."""

    style: str
    at: str = ""
    #: Records on the pages before.
    seen: int = 0
    #: A digest of the page before, to tell that a page repeats itself.
    last: str = ""

    @classmethod
    def read(cls, text: str, paging: Paging) -> Position:
        """Return the position of a text; the beginning for "". Raises Refused for another list's.

        A description may have changed since the text was kept; then a place in the old pages is
        none in the new ones.
        """
        if not text:
            first = {"page": str(paging.first), "offset": "0"}
            return cls(paging.style, first.get(paging.style, ""))
        found = cls(**json.loads(text))
        if found.style != paging.style:
            raise Refused("The description of paging has changed meanwhile: begin anew.")
        return found

    def text(self) -> str:
        """Return it as it is kept. Raises NoAnswer where the service's own part is too long."""
        found = json.dumps(asdict(self), separators=(",", ":"))
        if len(found) > LONGEST_POSITION:
            raise NoAnswer("The service's word for its next page is too long to be kept.")
        return found


def params(paging: Paging, position: Position, filters: Mapping[str, str]) -> Pairs:
    """Return the parameters of one page: a link's own, or the list's with place and size."""
    if paging.style == "link" and position.at:
        return tuple(parse_qsl(position.at, keep_blank_values=True))
    found = dict(filters)
    if paging.style != "none" and paging.size_param:
        found[paging.size_param] = str(paging.size)
    if position.at:
        found[paging.param] = position.at
    return tuple(found.items())


def items(paging: Paging, reply: Reply) -> list[Any]:
    """Return a page's records. Anything but a list is no answer: it is never an empty one."""
    found = at(reply.data, paging.items)
    if not isinstance(found, list):
        raise NoAnswer("The service's list is not in its described form.")
    return found


def following(
    paging: Paging, position: Position, reply: Reply, found: Sequence[Any], address: str
) -> Position | None:
    """Return where the next page begins; None after the last one.

    `address` is the list's own, without parameters: a link to anywhere else is not followed.
    Raises NoAnswer for such a link, and for a page that came just before.
    """
    if paging.style == "none":
        return None
    digest = _digest(found)
    if found and digest == position.last:
        raise NoAnswer("The service's list goes in a circle: a page came twice.")
    ahead = replace(position, seen=position.seen + len(found), last=digest)
    told = _told(paging.next, reply)
    match paging.style:
        case "cursor":
            if told in (None, "", False):
                return None
            if not isinstance(told, str | int):
                raise NoAnswer("The service's cursor is not in its described form.")
            if str(told) == position.at:
                raise NoAnswer("The service's list goes in a circle: a cursor leads to itself.")
            return replace(ahead, at=str(told))
        case "link":
            query = _query(told, address, position)
            return None if query is None else replace(ahead, at=query)
    if not found or (not told if paging.next else _is_last(paging, reply, ahead.seen, len(found))):
        return None
    step = 1 if paging.style == "page" else len(found)
    return replace(ahead, at=str(int(position.at) + step))


def total(paging: Paging, reply: Reply) -> int | None:
    """Return how many records there are, as the service says; it may be wrong."""
    told = _told(paging.total, reply)
    text = str(told) if isinstance(told, int | str) and not isinstance(told, bool) else ""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _is_last(paging: Paging, reply: Reply, seen: int, count: int) -> bool:
    """Return whether a page is the last one, where the service does not say outright.

    A total may lie, and a service may give fewer records than asked for: a full page is never the
    last, and a short one only if the total, or the description, says so too. Else only an empty
    page ends a list, which costs a call.
    """
    if count >= paging.size:
        return False
    told = total(paging, reply)
    return paging.ends_short or (told is not None and seen >= told)


def _told(place: Place, reply: Reply) -> Any:
    if place.header:
        return reply.headers.get(place.header)
    return at(reply.data, place.path) if place.path else None


def _query(told: Any, address: str, position: Position) -> str | None:
    """Return the query of the next page's address; None where there is no next page."""
    if isinstance(told, str) and "<" in told:  # a Link header (RFC 8288)
        named = NEXT_LINK.search(told)
        told = named[1] if named else None
    if told in (None, "", False):
        return None
    try:
        link, own = urlsplit(urljoin(address, str(told))), urlsplit(address)
        same = (link.scheme, link.hostname, link.port) == (own.scheme, own.hostname, own.port)
    except ValueError:
        same = False
    if not same or link.username or link.path.rstrip("/") != own.path.rstrip("/"):
        raise NoAnswer("The service's link to its next page leads elsewhere; it is not followed.")
    if not link.query or link.query == position.at:
        raise NoAnswer("The service's list goes in a circle: a link leads to itself.")
    return link.query


def _digest(found: Sequence[Any]) -> str:
    """Return what tells one page from another, by the hash of the records at its two ends; nothing
    of them can be read."""
    ends = [len(found), *found[:1], *found[-1:]]
    text = json.dumps(ends, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
