"""Which practices of an office the application may reach: its API access, switched on and off.

The two addresses and their answers are from Sikka's public API documentation, which has practice
ids as "1" in answers and as "1-1" in the sample of a request. Unverified: that the first number is
the customer's, that access is on until it is switched off, and how a practice without is refused.
"""

from werkzeug.wrappers import Response

from integrations.sandbox.books import Books

from . import records
from .call import Call
from .errors import locations_updated, refused, wrong
from .offices import OFFICES, Office

ACCESS = ("ON", "OFF")
_OFF = "sikka_access_off"


def practice_locations(call: Call) -> Response:
    """GET /practice_location: the practices of an office, with their access."""
    books, office = call.stage.books, _office(call.required("office_id"))
    items = [
        {
            "city": office.city,
            "state": office.state,
            "email": "",
            "practice_id": practice.practice_id,
            "phone": practice.phone,
            "zip_code": office.zip_code,
            "address": practice.street,
            "practice_name": practice.name,
            "access": "on" if is_on(books, office.office_id, practice.practice_id) else "off",
        }
        for practice in office.practices
    ]
    return call.listing_of(items)


def switch(call: Call) -> Response:
    """POST /practice_location: switch the access of some practices on or off, all or none."""
    body = call.fields()
    for name in ("office_id", "practice_id", "access"):
        if not body.get(name, "").strip():
            raise wrong(name, "is required")
    if body["access"] not in ACCESS:
        raise wrong("access", "must be ON or OFF")
    office = _office(body["office_id"])
    named = [_practice_id(office, given) for given in body["practice_id"].split(",")]
    off = [pair for pair in _off(call.stage.books) if pair not in named]
    call.stage.books.remember(_OFF, off + named if body["access"] == "OFF" else off)
    call.office_id = office.office_id
    return locations_updated().response()


def is_on(books: Books, office_id: str, practice_id: str) -> bool:
    return [office_id, practice_id] not in _off(books)


def any_on(books: Books, office_id: str) -> bool:
    """Return whether the application may reach any practice of an office."""
    return any(is_on(books, office_id, item.practice_id) for item in OFFICES[office_id].practices)


def _off(books: Books) -> list[list[str]]:
    """Return the practices whose access is off, each with its office."""
    return books.recall(_OFF) or []


def _office(office_id: str) -> Office:
    if office_id not in OFFICES:
        raise refused("API2007")
    return OFFICES[office_id]


def _practice_id(office: Office, given: str) -> list[str]:
    practice_id = given.strip().removeprefix(f"{records.CUST_ID}-")
    if records.practice_of(office.office_id, practice_id) is None:
        raise refused("API2007")
    return [office.office_id, practice_id]
