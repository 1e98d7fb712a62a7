"""How lists are cut into pages, in the four ways that are common: the knob `rest_paging`.

    page     ?page=2&per_page=50        {"data", "page", "per_page", "total"}
    offset   ?offset=50&limit=50        {"data", "offset", "limit", "total"}
    cursor   ?cursor=...&limit=50       {"data", "next_cursor"}, null at the end
    link     the whole next address     {"data", "next"}, null at the end, and a Link header as in
                                        RFC 8288

Parameters of another way are passed over in silence, as services do. So is a size beyond the
largest: the answer has fewer, and says in the first two ways how many were meant.
"""

import base64
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from .call import Call, Item, document
from .errors import invalid

USUAL_SIZE, LARGEST_SIZE = 25, 100


@dataclass(frozen=True)
class Cut:
    """Which part of a list is wanted: the records after an id, less the first ones of them."""

    limit: int
    skip: int = 0
    after: int = 0


# Returns the records of a cut by ascending id, and how many there are in the whole list.
Fetch = Callable[[Cut], tuple[Sequence[Item], int]]


def paged(call: Call, fetch: Fetch) -> Response:
    """Return one page of a list, in the way that the service has now."""
    ways = {"page": _by_page, "offset": _by_offset, "cursor": _by_cursor, "link": _by_link}
    return ways[call.stage.knobs.rest_paging](call, fetch)


def of_items(items: Sequence[Item]) -> Fetch:
    """Return how to fetch from a list that is all at hand, by ascending id."""

    def fetch(cut: Cut) -> tuple[Sequence[Item], int]:
        later = [item for item in items if item["id"] > cut.after]
        return later[cut.skip : cut.skip + cut.limit], len(items)

    return fetch


def _by_page(call: Call, fetch: Fetch) -> Response:
    page, size = call.number("page", least=1) or 1, _size(call, "per_page")
    items, total = fetch(Cut(size, skip=(page - 1) * size))
    return document({"data": items, "page": page, "per_page": size, "total": total})


def _by_offset(call: Call, fetch: Fetch) -> Response:
    offset, size = call.number("offset") or 0, _size(call, "limit")
    items, total = fetch(Cut(size, skip=offset))
    return document({"data": items, "offset": offset, "limit": size, "total": total})


def _by_cursor(call: Call, fetch: Fetch) -> Response:
    items, next_cursor = _after(call, fetch, "cursor")
    return document({"data": items, "next_cursor": next_cursor})


def _by_link(call: Call, fetch: Fetch) -> Response:
    items, next_cursor = _after(call, fetch, "after")
    if next_cursor is None:
        return document({"data": items, "next": None})
    query = {**call.request.args.to_dict(), "after": next_cursor}
    address = f"{call.request.base_url}?{urlencode(query)}"
    response = document({"data": items, "next": address})
    response.headers["Link"] = f'<{address}>; rel="next"'
    return response


def _after(call: Call, fetch: Fetch, name: str) -> tuple[Sequence[Item], str | None]:
    """Return the items after a cursor, and the cursor of the next page, if there is one."""
    size, cursor = _size(call, "limit"), call.parameter(name)
    after = _read(name, cursor) if cursor else 0
    # One more than wanted tells whether there is a next page.
    items, _ = fetch(Cut(size + 1, after=after))
    return items[:size], _cursor(items[size - 1]["id"]) if len(items) > size else None


def _size(call: Call, name: str) -> int:
    return min(call.number(name, least=1) or USUAL_SIZE, LARGEST_SIZE)


def _cursor(id: int) -> str:
    return base64.urlsafe_b64encode(f"after:{id}".encode()).decode()


def _read(name: str, cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except ValueError:
        text = ""
    if not (found := re.fullmatch(r"after:(\d{1,18})", text, re.ASCII)):
        raise invalid(name, "is not a cursor of this service")
    return int(found[1])
