"""The reading functions.

Unverified: that patients who are inactive or have died are listed unless `deceased` says otherwise,
what `status` of a practitioner looks like, and that a search without a question finds everybody.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Response

from . import filters, records
from .accounts import TYPES, AppointmentType, Location, Practitioner
from .call import Call

T = TypeVar("T")
Shown = Callable[[records.Record, ZoneInfo], dict[str, Any]]


def verify(call: Call) -> Response:
    return call.result({"verify": True})


def get_locations(call: Call) -> Response:
    return call.listing_of("locations", _unless_older(call, call.account.locations, _location))


def get_practitioners(call: Call) -> Response:
    everybody = call.switch("include_inactive_practitioners")
    chosen = [item for item in call.account.practitioners if item.active or everybody]
    return call.listing_of("practitioners", _unless_older(call, chosen, _practitioner))


def get_appointment_types(call: Call) -> Response:
    """Answer with the types under `services`, as a user of a live account saw."""
    locations = [item.id for item in call.account.locations]
    return call.listing_of("services", [_type(item, locations) for item in TYPES.values()])


def get_class_types(call: Call) -> Response:
    return call.listing_of("classes", [])


def get_classes(call: Call) -> Response:
    return call.listing_of("classes", [])


def get_patients(call: Call) -> Response:
    where = [
        *filters.conditions(call, filters.PATIENT_FILTERS),
        *filters.changed_since(call, "DateModified"),
    ]
    return _records(call, "patients", records.PATIENT, where, records.shown_patient)


def search_patients(call: Call) -> Response:
    where = filters.conditions(call, filters.SEARCH_FILTERS)
    return _records(call, "patients", records.PATIENT, where, records.shown_patient)


def get_appointments(call: Call) -> Response:
    """Answer with appointments; those that were cancelled are among them."""
    where = [
        *filters.conditions(call, filters.APPOINTMENT_FILTERS),
        *filters.changed_since(call, "lastModified"),
        *filters.in_window(call),
    ]
    return _records(call, "appointments", records.APPOINTMENT, where, records.shown_appointment)


def _records(
    call: Call, key: str, kind: str, where: Sequence[filters.Condition], shown: Shown
) -> Response:
    found, total = call.stage.books.read(
        call.office_id,
        kind,
        seen_at=call.now,
        where=where,
        limit=call.page_length,
        skip=(call.page - 1) * call.page_length,
    )
    zone = ZoneInfo(call.stage.knobs.nookal_modified_zone)
    return call.listing(key, [shown(record, zone) for record in found], total)


def _unless_older(
    call: Call, items: Sequence[T], shown: Callable[[T], dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return what never changes here, unless the call asks for changes since the beginning."""
    since = call.moment("last_modified")
    begun = records.read(call.stage.books.recall("nookal_begun"))
    return [] if since is not None and since > begun else [shown(item) for item in items]


def _location(location: Location) -> dict[str, Any]:
    return {
        "ID": location.id,
        "Name": location.name,
        "AddressLine1": location.street,
        "AddressLine2": "",
        "AddressLine3": "",
        "City": location.city,
        "State": location.state,
        "Country": "Australia",
        "Postcode": location.postcode,
        "Timezone": location.timezone,
        "Email": "",
        "Telephone": location.telephone,
        "Website": "",
        "lockNewPatientsToLocation": "0",
    }


def _practitioner(practitioner: Practitioner) -> dict[str, Any]:
    return {
        "ID": practitioner.id,
        "FirstName": practitioner.first_name,
        "LastName": practitioner.last_name,
        "Title": practitioner.title,
        "Speciality": practitioner.speciality,
        "Email": "",
        "locations": list(practitioner.location_ids),
        "ShowInDiary": "1" if practitioner.active else "0",
        "status": "1" if practitioner.active else "0",
    }


def _type(kind: AppointmentType, location_ids: list[str]) -> dict[str, Any]:
    return {
        "ID": kind.id,
        "Name": kind.name,
        "Description": "",
        "Duration": str(kind.minutes),
        "Category": "Consultations",
        "Price": kind.price,
        "hasTax": "0",
        "Locations": location_ids,
        "ServiceCode": "",
        "active": "1" if kind.active else "0",
    }
