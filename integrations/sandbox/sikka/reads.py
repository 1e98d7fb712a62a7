"""The reading endpoints: what there is at an office, its vocabularies, patients, appointments."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from werkzeug.wrappers import Response

from . import filters, records
from .call import Call, Item
from .offices import OFFICES, WINDOWS_ZONES, Office, Practice

SERVICE_NAME = "Appointment Status"


def authorized_practices(call: Call, office_id: str = "") -> Response:
    """GET /authorized_practices: where the application may go, with each office's secret."""
    practice_id = call.parameter("practice_id")
    everything = call.parameter("show") == "all"
    items = [
        _authorized(call, office, practice)
        for office in OFFICES.values()
        for practice in office.practices
        if office_id in ("", office.office_id)
        and practice_id in ("", practice.practice_id)
        and (everything or practice_id or practice.practice_id == "1")
    ]
    return call.listing_of(_matching(call, items, ["practice_name", "practice_management_system"]))


def practices(call: Call) -> Response:
    """GET /practices"""
    office = OFFICES[call.office_id]
    items = [
        {
            "href": _practice(call, practice.practice_id),
            "practice_id": practice.practice_id,
            "cust_id": records.CUST_ID,
            "name": practice.name,
            "description": "",
            "address_line1": practice.street,
            "address_line2": "",
            "city": office.city,
            "state": office.state,
            "zipcode": office.zip_code,
            "email": "",
            "phone": practice.phone,
        }
        for practice in office.practices
    ]
    return call.listing_of(_matching(call, items, ["practice_id"]))


def providers(call: Call) -> Response:
    """GET /providers"""
    items = [
        {
            "href": f"{_practice(call, provider.practice_id)}/providers/{provider.provider_id}",
            "provider_id": provider.provider_id,
            "provider_type": provider.provider_type,
            "firstname": provider.first_name,
            "lastname": provider.last_name,
            "specialty": "Hygiene" if provider.provider_type == "Hygienist" else "General Practice",
            "practice_id": provider.practice_id,
            "practice_href": _practice(call, provider.practice_id),
            "status": "Active" if provider.active else "Inactive",
            "is_hidden": "False",
            "cust_id": records.CUST_ID,
        }
        for provider in OFFICES[call.office_id].providers
    ]
    names = ["practice_id", "provider_id", "provider_type", "firstname", "lastname", "status"]
    return call.listing_of(_matching(call, items, names))


def operatories(call: Call) -> Response:
    """GET /operatories: its practice_id is another one than elsewhere, as in the samples."""
    call.required("cust_id")
    items = [
        {
            "operatory": operatory.operatory,
            "abbreviation": operatory.abbreviation,
            "provider_id": "",
            "practice_id": f"{records.CUST_ID}-0",
            "cust_id": records.CUST_ID,
            "is_hidden": "F",
        }
        for operatory in OFFICES[call.office_id].operatories
    ]
    return call.listing_of(_matching(call, items, ["cust_id", "is_hidden"]))


def practice_variables(call: Call) -> Response:
    """GET /practice_variables: the values that a write may set."""
    items = [
        {
            "href": f"{_practice(call, practice.practice_id)}/practice_variables",
            "practice_id": practice.practice_id,
            "practice_href": _practice(call, practice.practice_id),
            "description": value,
            "service_name": SERVICE_NAME,
            "service_item": status,
            "value": value,
        }
        for practice in OFFICES[call.office_id].practices
        for value, status in records.STATUSES.items()
    ]
    chosen = _matching(call, items, ["practice_id", "service_name", "service_item"])
    if call.parameter("fields") != "get_all":
        chosen = [{k: v for k, v in item.items() if k != "service_item"} for item in chosen]
    return call.listing_of(chosen)


def appointment_statuses(call: Call) -> Response:
    """GET /appointment_statuses: the words that appointments carry."""
    items = [
        {
            "href": f"{_practice(call, practice.practice_id)}/appointment_statuses/{status}",
            "status": status,
            "practice_id": practice.practice_id,
            "practice_href": _practice(call, practice.practice_id),
        }
        for practice in OFFICES[call.office_id].practices
        for status in dict.fromkeys(records.STATUSES.values())
    ]
    return call.listing_of(_matching(call, items, ["practice_id", "status"]))


def appointments(call: Call) -> Response:
    """GET /appointments"""
    where = filters.conditions(call, filters.APPOINTMENT_FILTERS) + filters.between_days(call)
    return _records(
        call,
        records.APPOINTMENT,
        where,
        (records.APPOINTMENT_FIELDS, records.APPOINTMENT_MORE_FIELDS),
        records.appointment_links,
    )


def patients(call: Call) -> Response:
    """GET /patients"""
    return _records(
        call,
        records.PATIENT,
        filters.conditions(call, filters.PATIENT_FILTERS),
        (records.PATIENT_FIELDS, records.PATIENT_MORE_FIELDS),
        records.patient_links,
    )


def _practice(call: Call, practice_id: str) -> str:
    return f"{call.base}/practices/{practice_id}"


def _records(
    call: Call,
    kind: str,
    where: Sequence[filters.Condition],
    names: tuple[Sequence[str], Sequence[str]],
    links: Callable[[str, Mapping[str, str]], Item],
) -> Response:
    found, total = call.stage.books.read(
        call.office_id,
        kind,
        seen_at=call.now,
        where=where,
        limit=call.limit,
        skip=call.page * call.limit,
    )
    response = call.listing(
        [_chosen(call, {**links(call.base, record), **record}, names) for record in found], total
    )
    response.headers["Data-Insert"] = (
        "in progress" if call.stage.knobs.upload_in_progress else "completed"
    )
    return response


def _chosen(call: Call, item: Item, names: tuple[Sequence[str], Sequence[str]]) -> Item:
    """Return the default fields and those asked for; `lightweight` drops the default ones."""
    asked = call.parameter("fields")
    if asked == "get_all":
        return item
    more = {name.strip() for name in asked.split(",")}
    if more != {""} and call.parameter("lightweight").lower() == "true":
        return {name: value for name, value in item.items() if name in more}
    hidden = set(names[1]) - more
    return {name: value for name, value in item.items() if name not in hidden}


def _matching(call: Call, items: Iterable[Item], names: Iterable[str]) -> list[Item]:
    wanted = {name: value.casefold() for name in names if (value := call.parameter(name))}
    return [
        item
        for item in items
        if all(item[name].casefold() == value for name, value in wanted.items())
    ]


def _authorized(call: Call, office: Office, practice: Practice) -> Item:
    local = call.now.astimezone(office.zone)
    loaded = _seconds(call.now.replace(tzinfo=None, minute=0, second=0))
    return {
        "href": f"{call.base}/authorized_practices/{office.office_id}",
        "office_id": office.office_id,
        "secret_key": office.secret_key(call.stage.seed),
        "practice_id": practice.practice_id,
        "practice_name": practice.name,
        "domain": "Dental",
        "address": practice.street,
        "city": office.city,
        "state": office.state,
        "zip": office.zip_code,
        "practice_management_system": office.system,
        "practice_management_system_version": office.system_version,
        "practice_management_system_refresh_date": _seconds(
            local.replace(tzinfo=None, minute=0, second=0)
        ),
        "practice_management_system_refresh_date_time_zone": WINDOWS_ZONES[office.timezone],
        "financial_system": "",
        "financial_system_version": "",
        "financial_system_refresh_date": "",
        "data_synchronization_date": loaded,
        "data_insert_date": loaded,
        "partner_id": "",
        # The meaning is undocumented; here the distance of the practice's clock from UTC.
        "difference_in_minutes": str(int((local.utcoffset() or timedelta()).total_seconds() // 60)),
    }


def _seconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")
