"""The reading endpoints: what there is at an office, and its records."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from werkzeug.wrappers import Response

from . import agent, filters, records
from .call import Call, Item
from .filters import chosen, matching
from .offices import OFFICES, WINDOWS_ZONES, Office, Practice

# An office that nobody has heard of for longer is out of date, says the documentation.
UP_TO_DATE = timedelta(hours=24)

# The documentation names the reads whose answers tell whether an upload is under way.
UPLOADED = frozenset({records.APPOINTMENT, records.PATIENT, records.TRANSACTION})


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
    return call.listing_of(matching(call, items, ["practice_name", "practice_management_system"]))


def practices(call: Call) -> Response:
    """GET /practices"""
    office = OFFICES[call.office_id]
    items = [
        {
            "href": call.practice(practice.practice_id),
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
    return call.listing_of(matching(call, items, ["practice_id"]))


def providers(call: Call) -> Response:
    """GET /providers"""
    known = [records.provider(item) for item in OFFICES[call.office_id].providers]
    items = [{**records.provider_links(call.base, item), **item} for item in known]
    names = ["practice_id", "provider_id", "provider_type", "firstname", "lastname", "status"]
    return call.listing_of(matching(call, items, names))


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
    return call.listing_of(matching(call, items, ["cust_id", "is_hidden"]))


def appointments(call: Call) -> Response:
    """GET /appointments"""
    where = [
        *filters.conditions(call, filters.APPOINTMENT_FILTERS),
        *filters.between_days(call, filters.APPOINTMENT_DATES),
    ]
    return _records(
        call,
        records.APPOINTMENT,
        where,
        records.APPOINTMENT_MORE_FIELDS,
        records.appointment_links,
    )


def patients(call: Call) -> Response:
    """GET /patients"""
    return _records(
        call,
        records.PATIENT,
        filters.conditions(call, filters.PATIENT_FILTERS),
        records.PATIENT_MORE_FIELDS,
        records.patient_links,
    )


def medical_notes(call: Call) -> Response:
    """GET /medical_notes"""
    where = [
        *filters.conditions(call, filters.NOTE_FILTERS),
        *filters.between_days(call, filters.NOTE_DATES),
    ]
    return _records(call, records.NOTE, where, records.NOTE_MORE_FIELDS, records.note_links)


def transactions(call: Call) -> Response:
    """GET /transactions"""
    where = [
        *filters.conditions(call, filters.TRANSACTION_FILTERS),
        *filters.between_days(call, filters.TRANSACTION_DATES),
    ]
    return _records(
        call,
        records.TRANSACTION,
        where,
        records.TRANSACTION_MORE_FIELDS,
        records.transaction_links,
    )


def data_sync_status(call: Call) -> Response:
    """GET /data_sync_status: which offices' agents have been heard of within a day."""
    interval = call.number("interval")
    since = call.now - timedelta(minutes=interval) if interval is not None else None
    items = [
        _synchronized(call, office, practice, seen)
        for office in OFFICES.values()
        for practice in office.practices
        if (seen := _uploaded(agent.last_seen(call.stage, office.office_id)))
        and (since is None or seen >= since)
    ]
    names = ["office_id", "status", "practice_management_system", "practice_name"]
    return call.listing_of(matching(call, items, names))


def _records(
    call: Call,
    kind: str,
    where: Sequence[filters.Condition],
    hidden: Sequence[str],
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
        [chosen(call, {**links(call.base, record), **record}, hidden) for record in found], total
    )
    if kind in UPLOADED:
        response.headers["Data-Insert"] = (
            "in progress" if call.stage.knobs.upload_in_progress else "completed"
        )
    return response


def _authorized(call: Call, office: Office, practice: Practice) -> Item:
    local = call.now.astimezone(office.zone)
    loaded = _seconds(_uploaded(call.now))
    system, version = office.management_system(call.stage.knobs)
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
        "practice_management_system": system,
        "practice_management_system_version": version,
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


def _synchronized(call: Call, office: Office, practice: Practice, seen: datetime) -> Item:
    system, version = office.management_system(call.stage.knobs)
    return {
        "status": "refresh" if call.now - seen <= UP_TO_DATE else "not_refresh",
        "practice_id": practice.practice_id,
        "office_id": office.office_id,
        "domain": "Dental",
        "practice_name": practice.name,
        "practice_management_system": system,
        "data_insert_date": _seconds(seen),
        "practice_management_system_version": version,
        "practice_management_system_refresh_date_time_zone": WINDOWS_ZONES[office.timezone],
    }


def _uploaded(seen: datetime) -> datetime:
    """Return when an agent that is connected at a moment has uploaded last: on the hour, here."""
    return seen.replace(minute=0, second=0, microsecond=0)


def _seconds(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")
