"""Lists and single records: filtered, sorted and paged by SQL over the newest versions."""

import json
from collections.abc import Collection, Sequence

from werkzeug.wrappers import Response

from integrations.sandbox.books import Books

from .answers import bad_request, document, no_record
from .call import Call
from .filters import FIELDS, Condition, asked, column, of_record
from .records import RESOURCES, Record, shown

# Documented: the oldest first unless told. Which fields can be sorted by is published nowhere; here
# those that can be filtered by.
USUAL_ORDER = "created_at"


def listed(
    call: Call, kind: str, where: Sequence[Condition] = (), lifted: Collection[str] = ()
) -> Response:
    """Return the page of a list that the call asks for, in its envelope.

    `lifted` are fields whose records the list does not leave out, filter or not.
    """
    conditions = [*asked(kind, _filters(call), FIELDS[kind], lifted), *where]
    page, per_page = call.page, call.per_page
    found, total = read(
        call.stage.books,
        call.office_id,
        kind,
        conditions,
        order=_order(call, kind),
        limit=per_page,
        skip=(page - 1) * per_page,
    )
    return enveloped(call, RESOURCES[kind], [shown(call, kind, record) for record in found], total)


def enveloped(call: Call, resource: str, items: Sequence[object], total: int) -> Response:
    """Return one page of things. A link that would lead nowhere is left out."""
    page = call.page
    links = {"self": call.page_address(page)}
    if page > 1:
        links["previous"] = call.page_address(page - 1)
    if page * call.per_page < total:
        links["next"] = call.page_address(page + 1)
    return document({resource: items, "total_entries": total, "links": links})


def one(call: Call, kind: str, id: str) -> Response:
    """Return a single record, unless it is hidden and no filter of the call lifts that."""
    conditions = asked(kind, _filters(call), of_record(kind)) if of_record(kind) else []
    return document(shown(call, kind, found(call, kind, id, conditions)))


def found(call: Call, kind: str, id: str, where: Sequence[Condition]) -> Record:
    """Return a record of the caller's account that meets the conditions, or refuse the call."""
    records, _ = read(call.stage.books, call.office_id, kind, where, id=id)
    if not records:
        raise no_record()
    return records[0]


def read(
    books: Books,
    office_id: str,
    kind: str,
    where: Sequence[Condition],
    *,
    id: str | None = None,
    order: str = column(USUAL_ORDER),
    limit: int = -1,  # SQLite's word for all
    skip: int = 0,
) -> tuple[list[Record], int]:
    """Return records as they stand now, and how many there are on all pages."""
    conditions = " AND ".join(["1", *(f"({sql})" for sql, _ in where)])
    narrowed = "" if id is None else " AND id = ?"
    newest = (
        "SELECT max(version) AS version FROM records WHERE office_id = ? AND kind = ?"  # noqa: S608
        f"{narrowed} GROUP BY id"
    )
    source = f"FROM records JOIN ({newest}) USING (version) WHERE {conditions}"
    own = [office_id, kind] if id is None else [office_id, kind, id]
    values = [*own, *(value for _, given in where for value in given)]
    rows = books.all(
        f"SELECT record, count(*) OVER () AS total {source}"
        f" ORDER BY {order}, CAST(id AS INTEGER) LIMIT ? OFFSET ?",
        [*values, limit, skip],
    )
    if rows or not skip:
        return [json.loads(row["record"]) for row in rows], rows[0]["total"] if rows else 0
    counted = books.one(f"SELECT count(*) AS total {source}", values)
    return [], counted["total"] if counted else 0


def _filters(call: Call) -> list[str]:
    # The single `q` is of older documentation.
    return [*call.request.args.getlist("q[]"), *call.request.args.getlist("q")]


def _order(call: Call, kind: str) -> str:
    usual = call.request.args.get("order", "asc").lower()
    if usual not in ("asc", "desc"):
        raise bad_request("order must be asc or desc")
    parts = [part for part in call.request.args.get("sort", "").split(",") if part]
    terms = [_term(part, usual, kind) for part in parts or [USUAL_ORDER]]
    return ", ".join(terms)


def _term(part: str, usual: str, kind: str) -> str:
    name, _, direction = part.partition(":")
    if name not in FIELDS[kind] or (direction or usual).lower() not in ("asc", "desc"):
        raise bad_request(f"{part} is not sortable")
    return f"{column(name)} {(direction or usual).upper()}"
