"""The reading endpoints. Lists come by ascending id; a filter that nobody knows is passed over."""

from collections.abc import Callable, Sequence
from datetime import datetime

from werkzeug.wrappers import Response

from . import records
from .call import Call, Item, document, stamped
from .errors import Refused
from .paging import Cut, Fetch, of_items, paged

Condition = tuple[str, list[object]]


def clients(call: Call) -> Response:
    """GET /clients; filters: email, phone, first_name, last_name, date_of_birth, updated_since."""
    where = [
        *_texts(call, "email", "first_name", "last_name"),
        *_exactly(call, "date_of_birth"),
        *_visible(call),
    ]
    if phone := call.parameter("phone"):
        where.append(
            ("digits(?) <> '' AND digits(?) = digits(" + _field("phone") + ")", [phone] * 2)
        )
    return paged(call, _stored(call, records.CLIENT, where, records.show_client))


def appointments(call: Call) -> Response:
    """GET /appointments; filters: client_id, staff_id, site_id, status, from, to, updated_since.

    `from` and `to` are about when it begins: at `from` or later, and before `to`.
    """
    where = [*_exactly(call, "status"), *_visible(call)]
    where += [
        (f"{_field(name)} = ?", [number])
        for name in ("client_id", "staff_id", "site_id")
        if (number := call.number(name)) is not None
    ]
    for name, comparison in (("from", ">="), ("to", "<")):
        if (moment := call.time(name)) is not None:
            wall_clock = records.on_wall(moment, call.account)
            where.append((f"{_field('starts_at')} {comparison} ?", [wall_clock]))
    return paged(call, _stored(call, records.APPOINTMENT, where, records.show_appointment))


def client(call: Call, id: int) -> Response:
    """GET /clients/{id}"""
    return document(records.show_client(call, existing(call, records.CLIENT, id)))


def appointment(call: Call, id: int) -> Response:
    """GET /appointments/{id}"""
    return document(records.show_appointment(call, existing(call, records.APPOINTMENT, id)))


def staff(call: Call) -> Response:
    """GET /staff"""
    items: list[Item] = [
        {
            "id": member.id,
            "first_name": member.first_name,
            "last_name": member.last_name,
            "role": member.role,
            "active": member.active,
            "site_ids": list(member.site_ids),
        }
        for member in call.account.staff
    ]
    return paged(call, of_items(items))


def sites(call: Call) -> Response:
    """GET /sites"""
    items: list[Item] = [
        {
            "id": site.id,
            "name": site.name,
            "address": site.street,
            "timezone": call.account.timezone,
        }
        for site in call.account.sites
    ]
    return paged(call, of_items(items))


def services(call: Call) -> Response:
    """GET /services"""
    items: list[Item] = [
        {
            "id": service.id,
            "name": service.name,
            "duration_minutes": service.minutes,
            "active": service.active,
        }
        for service in call.account.services
    ]
    return paged(call, of_items(items))


def existing(call: Call, kind: str, id: int) -> records.Record:
    """Return a record that the caller may see, or refuse the call."""
    record = call.stage.books.truth(call.account.id, kind, str(id))
    if record is None or (record["deleted_at"] and not call.stage.knobs.rest_tells_deletions):
        raise Refused(404)
    return record


def standing(
    call: Call, kind: str, where: Sequence[Condition], cut: Cut
) -> tuple[list[records.Record], int]:
    """Return the records that meet all conditions, by ascending id, and the count of all."""
    after: Condition = ("cast(id AS INTEGER) > ?", [cut.after])
    found, total = call.stage.books.read(
        call.account.id,
        kind,
        seen_at=call.stage.clock.now(),
        where=[*where, after] if cut.after else where,
        limit=cut.limit,
        skip=cut.skip,
    )
    if not found and cut.skip:
        # Beyond the end no row tells the count.
        _, total = standing(call, kind, where, Cut(limit=1))
    return list(found), total


def _stored(
    call: Call,
    kind: str,
    where: Sequence[Condition],
    show: Callable[[Call, records.Record], Item],
) -> Fetch:
    def fetch(cut: Cut) -> tuple[Sequence[Item], int]:
        found, total = standing(call, kind, where, cut)
        return [show(call, record) for record in found], total

    return fetch


def _visible(call: Call) -> list[Condition]:
    """Return what hides deleted records, and older ones if the call and the service want that."""
    knobs, where = call.stage.knobs, list[Condition]()
    if not knobs.rest_tells_deletions:
        where.append((f"{_field('deleted_at')} IS NULL", []))
    since: datetime | None = call.time("updated_since") if knobs.rest_updated_since else None
    if since is not None:
        where.append((f"{_field('updated_at')} >= ?", [stamped(since)]))
    return where


def _texts(call: Call, *names: str) -> list[Condition]:
    return [
        (f"fold({_field(name)}) = fold(?)", [value])
        for name in names
        if (value := call.parameter(name))
    ]


def _exactly(call: Call, name: str) -> list[Condition]:
    value = call.parameter(name)
    return [(f"{_field(name)} = ?", [value])] if value else []


def _field(name: str) -> str:
    return f"json_extract(record, '$.{name}')"
