"""Turn options into a description. Every complaint is a ValueError that names the key."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.adapters.rest import field_options as of_field
from integrations.adapters.rest.default import DEFAULT
from integrations.adapters.rest.description import (
    DAY_FORMATS,
    MOMENT_FORMATS,
    AccountPage,
    Auth,
    ChangesBy,
    Description,
    Listing,
    Paging,
    Param,
    Slots,
)
from integrations.adapters.rest.fields import DAYS
from integrations.adapters.rest.options import HEADER_NAME, Section, wrong
from integrations.adapters.rest.write_options import writes
from integrations.queries import Changes, Resource

#: Headers that are the client's own business, or would let a call be another than it seems.
TAKEN_HEADERS = frozenset(
    {"accept", "connection", "content-length", "content-type", "cookie", "host", "user-agent"}
)
#: FHIR's codes of an appointment's status (hl7.org/fhir/valueset-appointmentstatus.html).
CODES = (
    "proposed", "pending", "booked", "arrived", "fulfilled", "cancelled", "noshow",
    "entered-in-error", "checked-in", "waitlist",
)  # fmt: skip
STYLES = ("none", "page", "offset", "cursor", "link")
#: Names of parameters where nobody says otherwise, by the style of paging.
PLACE_PARAMS = {"page": "page", "offset": "offset", "cursor": "cursor"}
SIZE_PARAMS = {"page": "per_page", "offset": "limit", "cursor": "limit", "link": "limit"}
NEXT = {"cursor": "next_cursor", "link": "next"}
TOTAL = {"page": "total", "offset": "total"}
#: A page of more records is a burden; the usual size is what most services take at most.
USUAL_SIZE, LARGEST_SIZE = 100, 5000
SEARCHES = ("phone", "email", "first_name", "last_name", "birth_date")
DAYS_BETWEEN = {"first": DAY_FORMATS, "last": DAY_FORMATS}
SLOT_ASKS = ("practitioner_id", "location_id", "appointment_type_id", "minutes", "first", "last")


def parse(options: Mapping[str, Any]) -> Description:
    """Return what these options describe, on top of the default description.

    A key of the options takes the place of the default's; of `lists` and `writes` each entry's
    keys do. Null takes away what is usual. Raises ValueError naming the first key that is wrong,
    and what is wanted there.
    """
    top = Section.of("", merged(options))
    zone = time_zone(top, "timezone")
    paging = _paging(top)
    changes = _changes(top, zone) if top.value("changes") is not None else None
    statuses = _statuses(top)
    lists = {
        Resource(name): _listing(entry, Resource(name), paging, changes, zone)
        for name, entry in _entries(top, "lists", tuple(Resource)).items()
    }
    found = Description(
        zone=zone,
        auth=_auth(top),
        account=_account(top),
        lists=lists,
        statuses={word.strip().casefold(): code for word, code in statuses.items()},
        words=tuple(statuses),
        search=_params(top, "search", SEARCHES, {"birth_date": tuple(DAYS)}),
        slots=_slots(top),
        writes=writes(top, lists),
    )
    if not lists:
        raise wrong("lists", "must name at least one list")
    top.finish()
    return found


def merged(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with what is usual where they say nothing."""
    given = Section.of("", options).values
    found = {**DEFAULT, **given}
    for name in ("lists", "writes"):
        if found[name] is not None:
            entries = Section.of(name, given.get(name, {})).values
            found[name] = DEFAULT[name] | {
                key: _over(DEFAULT[name].get(key), entry) for key, entry in entries.items()
            }
    return {name: value for name, value in found.items() if value is not None}


def _over(usual: Mapping[str, Any] | None, given: Any) -> Any:
    return {**(usual or {}), **given} if isinstance(given, Mapping) else given


def _entries(top: Section, name: str, known: tuple[str, ...]) -> dict[str, Section]:
    """Return the entries that are there, in the order in which we know them."""
    section = Section.of(name, top.value(name, {}))
    found = {
        key: Section.of(section.at(key), section.value(key))
        for key in known
        if section.value(key) is not None
    }
    section.finish()
    return found


def time_zone(section: Section, key: str) -> ZoneInfo | None:
    """Return the zone of an IANA name; None where there is none."""
    name = section.text(key)
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        raise wrong(section.at(key), "must be an IANA name, such as Australia/Sydney") from None


def _auth(top: Section) -> Auth:
    section = Section.of("auth", top.value("auth", {}))
    if section.value("style") == "query":
        raise wrong("auth.style", "a key in the address ends up in logs: bearer, header or basic")
    style = section.choice("style", ("bearer", "header", "basic"), "bearer")
    header = section.text("header", "Authorization")
    if not HEADER_NAME.fullmatch(header) or header.lower() in TAKEN_HEADERS:
        raise wrong("auth.header", "must be the name of a header, such as X-Api-Key")
    if style == "header" and not section.value("header"):
        raise wrong("auth.header", "must be given: the header that takes the key")
    prefix = section.text("prefix", "Bearer " if style == "bearer" else "")
    if not prefix.isascii():
        raise wrong("auth.prefix", "must be plain ASCII")
    section.finish()
    return Auth(style, header, prefix)


def _paging(outer: Section) -> Paging:
    section = Section.of(outer.at("paging"), outer.value("paging", {}))
    style = section.choice("style", STYLES, "page")
    found = Paging(
        style=style,
        param=section.text("param", PLACE_PARAMS.get(style, "")),
        size_param=section.text("size_param", SIZE_PARAMS.get(style, "")),
        size=section.whole("size", USUAL_SIZE, 1, LARGEST_SIZE),
        first=section.whole("first", 1, 0, 1),
        items=section.dotted("items", "data"),
        next=section.place("next", NEXT.get(style, "")),
        total=section.place("total", TOTAL.get(style, "")),
        ends_short=section.choice("ends", ("empty", "short"), "empty") == "short",
    )
    if style in PLACE_PARAMS and not found.param:
        raise wrong(section.at("param"), f"must be given: the parameter of the {style}")
    if style in {"cursor", "link"} and not found.next:
        raise wrong(section.at("next"), f"must be given: where the next {style} stands")
    section.finish()
    return found


def _changes(outer: Section, zone: ZoneInfo | None) -> ChangesBy:
    section = Section.of(outer.at("changes"), outer.value("changes"))
    param = Param(section.needed("param"), section.choice("format", MOMENT_FORMATS, "iso"))
    if param.format == "wall" and zone is None:
        raise wrong(section.at("format"), "wall needs timezone: whose clock it is")
    furthest = section.whole("furthest_days", 0, 0, 3660)
    found = ChangesBy(
        param=param,
        params=section.params("params"),
        told=Changes(
            told=True,
            removals=section.flag("removals", False),
            overlap=timedelta(minutes=section.whole("overlap_minutes", 5, 0, 7 * 24 * 60)),
            furthest=timedelta(days=furthest) if furthest else None,
            needs_window=section.flag("needs_window", False),
        ),
    )
    section.finish()
    return found


def _listing(
    section: Section,
    resource: Resource,
    paging: Paging,
    usual: ChangesBy | None,
    zone: ZoneInfo | None,
) -> Listing:
    fixed = section.value("fixed")
    if fixed is not None and not (isinstance(fixed, list) and fixed):
        raise wrong(section.at("fixed"), "must be a list of records")
    if fixed is not None and resource in {Resource.PATIENTS, Resource.APPOINTMENTS}:
        raise wrong(section.at("fixed"), "patients and appointments cannot be fixed")
    window = _params(section, "window", ("first", "last"), DAYS_BETWEEN)
    if window and (resource is not Resource.APPOINTMENTS or len(window) < 2):
        raise wrong(section.at("window"), "must name first and last, of the appointments alone")
    found = Listing(
        resource=resource,
        path=section.path("path") if fixed is None else section.text("path"),
        one=section.path("one", ids=1) if section.value("one") else "",
        record=section.dotted("record"),
        params=section.params("params"),
        paging=_paging(section) if section.value("paging") is not None else paging,
        fields=of_field.record_fields(section, resource),
        changes=_own_changes(section, None if fixed else usual, zone),
        window=(window["first"], window["last"]) if window else None,
        fixed=tuple(fixed) if fixed is not None else None,
    )
    section.finish()
    return found


def _own_changes(
    section: Section, usual: ChangesBy | None, zone: ZoneInfo | None
) -> ChangesBy | None:
    """Return how one list tells what changed: false and null say that it does not."""
    if section.value("changes", False) is not False:
        return _changes(section, zone)
    return None if "changes" in section.values else usual


def _params(
    outer: Section,
    key: str,
    names: tuple[str, ...],
    formats: Mapping[str, tuple[str, ...]],
) -> dict[str, Param]:
    """Return our name → parameter, each a name or an object with `name` and `format`."""
    section = Section.of(outer.at(key), outer.value(key, {}))
    found = {}
    for name in names:
        value = section.value(name)
        if value is None:
            continue
        choices = formats.get(name, ())
        if isinstance(value, str):
            value = {"name": value}
        one = Section.of(section.at(name), value)
        form = one.choice("format", choices, choices[0]) if choices else ""
        found[name] = Param(one.needed("name"), form)
        one.finish()
    section.finish()
    return found


def _statuses(top: Section) -> dict[str, str]:
    section = Section.of("statuses", top.value("statuses", {}))
    return {
        word: section.choice(word, CODES, "")
        for word in map(str, section.values)
        if section.value(word) is not None
    }


def _slots(top: Section) -> Slots | None:
    if top.value("slots") is None:
        return None
    section = Section.of("slots", top.value("slots"))
    found = Slots(
        path=section.path("path"),
        params=section.params("params"),
        asks=_params(section, "asks", SLOT_ASKS, DAYS_BETWEEN),
        items=section.dotted("items", "data"),
        fields=of_field.slot_fields(section),
    )
    if not {"practitioner_id", "first", "last"} <= set(found.asks):
        raise wrong("slots.asks", "must name practitioner_id, first and last")
    section.finish()
    return found


def _account(top: Section) -> AccountPage | None:
    if top.value("account") is None:
        return None
    section = Section.of("account", top.value("account"))
    found = AccountPage(section.path("path"), of_field.account_fields(section))
    section.finish()
    return found
