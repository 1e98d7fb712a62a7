"""The reading endpoints: plain lists, what belongs to one of something, and the account itself."""

from collections.abc import Callable

from werkzeug.wrappers import Response

from .answers import document
from .call import Call
from .filters import Condition, column, holds, left_out
from .lists import found, listed, one
from .records import APPOINTMENT_TYPE, BUSINESS, DAILY_AVAILABILITY, PRACTITIONER
from .slots import DAYS_IN_ADVANCE, GRID, LEAD_HOURS

_INACTIVE: Condition = (f"NOT {column('active')}", ())


def list_of(kind: str) -> Callable[[Call], Response]:
    """Return the view of GET /{resource}."""
    return lambda call: listed(call, kind)


def one_of(kind: str) -> Callable[..., Response]:
    """Return the view of GET /{resource}/{id}."""
    return lambda call, id: one(call, kind, id)


def inactive_practitioners(call: Call) -> Response:
    """GET /practitioners/inactive"""
    return listed(call, PRACTITIONER, [_INACTIVE], lifted={"active"})


def practitioners_of_business(call: Call, id: str) -> Response:
    """GET /businesses/{id}/practitioners"""
    found(call, BUSINESS, id, left_out(BUSINESS))
    return listed(call, PRACTITIONER, [holds("business_ids", id)])


def practitioners_of_type(call: Call, id: str) -> Response:
    """GET /appointment_types/{id}/practitioners"""
    found(call, APPOINTMENT_TYPE, id, left_out(APPOINTMENT_TYPE))
    return listed(call, PRACTITIONER, [holds("appointment_type_ids", id)])


def types_of_practitioner(call: Call, id: str) -> Response:
    """GET /practitioners/{id}/appointment_types"""
    offered = found(call, PRACTITIONER, id, [])["appointment_type_ids"]
    places = ", ".join("?" * len(offered))
    return listed(call, APPOINTMENT_TYPE, [(f"{column('id')} IN ({places})", offered)])


def availabilities_of_business(call: Call, id: str) -> Response:
    """GET /businesses/{id}/daily_availabilities"""
    found(call, BUSINESS, id, left_out(BUSINESS))
    return listed(call, DAILY_AVAILABILITY, [(f"{column('business_id')} = ?", [id])])


def availabilities_of_practitioner(call: Call, id: str) -> Response:
    """GET /practitioners/{id}/daily_availabilities"""
    found(call, PRACTITIONER, id, [])
    return listed(call, DAILY_AVAILABILITY, [(f"{column('practitioner_id')} = ?", [id])])


def user(call: Call) -> Response:
    """GET /user: whose key this is."""
    account = call.account
    site = account.businesses[0]
    id = account.id_of("user", 0)
    return document(
        {
            "id": id,
            "first_name": "Morgan",
            "last_name": "Vale",
            "title": None,
            "email": f"morgan.vale@{account.subdomain}.example",
            "role": "administrator",
            "active": True,
            "user_active": True,
            "phone_numbers": [],
            "time_zone": site.label,
            "time_zone_identifier": site.timezone,
            "created_at": "2019-05-06T01:00:00Z",
            "updated_at": "2024-02-01T01:00:00Z",
            **call.link(f"users/{id}"),
        }
    )


def public_settings(call: Call) -> Response:
    """GET /settings/public. It tells no time zone; sites and users do."""
    account = call.account
    return document(
        {
            "account": {
                "id": str(account.id),
                "name": account.name,
                "subdomain": account.subdomain,
                "country": account.country,
                "country_code": account.country_code,
                "currency_symbol": account.currency,
                "has_time_travelers": False,
                "time_zone_support": len({site.timezone for site in account.businesses}) > 1,
            },
            "calendar": {"start_hour": 7, "end_hour": 19, "timeslot_size_in_minutes": GRID},
            "online_bookings": {
                "enabled": True,
                "allow_bookings_days_in_advance": DAYS_IN_ADVANCE,
                "min_hours_advance_required_to_book": LEAD_HOURS,
                "min_hours_notice_for_patient_cancellation": 24,
                "show_appointment_duration": True,
            },
            "online_payments": {"activated": False},
            "reminders": {"default_reminder_type": "SMS & Email"},
            "terminology": {"patient": "patient", "titles": ["Mr", "Mrs", "Ms", "Dr"]},
        }
    )
