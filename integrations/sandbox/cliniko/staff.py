"""Who treats where and when, and what: the records of an account that only its settings change."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from . import records
from .accounts import Account
from .call import written
from .records import Record

# Hours of a working day, in minutes since midnight. Every second practitioner begins early.
_LATE = ((9 * 60, 12 * 60 + 30), (13 * 60 + 15, 17 * 60 + 30))
_EARLY = ((8 * 60, 12 * 60), (12 * 60 + 45, 16 * 60))
_SATURDAY = ((9 * 60, 12 * 60),)
SATURDAY = 6  # days count from Sunday, which is 0; that Cliniko counts alike is inferred

Hours = tuple[tuple[int, int], ...]


def hours(account: Account, practitioner: int, business: int, day_of_week: int) -> Hours:
    """Return from when to when somebody works at a site, in minutes of the site's wall clock.

    Who works at two sites is at the second on Tuesdays and Thursdays.
    """
    places = account.practitioners[practitioner].businesses
    if business not in places or day_of_week == 0:
        return ()
    second = len(places) > 1 and day_of_week in (2, 4)
    if business != places[1 if second else 0]:
        return ()
    if day_of_week == SATURDAY:
        return _SATURDAY if practitioner == 0 else ()
    return _EARLY if practitioner % 2 else _LATE


def static(account: Account, start: date) -> dict[str, list[Record]]:
    """Return sites, practitioners, appointment types and working hours, by kind."""
    return {
        records.BUSINESS: list(_businesses(account, start)),
        records.PRACTITIONER: list(_practitioners(account, start)),
        records.APPOINTMENT_TYPE: list(_types(account, start)),
        records.DAILY_AVAILABILITY: list(_availabilities(account, start)),
    }


def _businesses(account: Account, start: date) -> Iterator[Record]:
    offered = [
        account.id_of(records.APPOINTMENT_TYPE, position)
        for position, kind in enumerate(account.types)
        if not kind.archived
    ]
    for position, site in enumerate(account.businesses):
        yield {
            **_begun(account, records.BUSINESS, position, start),
            "business_name": site.name,
            "display_name": site.name,
            "label": site.name,
            "address_1": site.street,
            "address_2": None,
            "city": site.city,
            "state": site.state,
            "post_code": site.post_code,
            "country": account.country,
            "country_code": account.country_code,
            "time_zone": site.label,
            "time_zone_identifier": site.timezone,
            "appointment_type_ids": offered,
            "appointment_reminders_enabled": True,
            "show_in_online_bookings": site.online,
            "archived_at": None,
            "deleted_at": None,
        }


def _practitioners(account: Account, start: date) -> Iterator[Record]:
    for position, who in enumerate(account.practitioners):
        name = f"{who.first_name} {who.last_name}"
        types = [account.id_of(records.APPOINTMENT_TYPE, number) for number in who.types]
        yield {
            **_begun(account, records.PRACTITIONER, position, start),
            "title": who.title,
            "first_name": who.first_name,
            "last_name": who.last_name,
            "display_name": name,
            "label": f"{who.title} {name}",
            "designation": who.designation,
            "description": None,
            "active": who.active,
            "show_in_online_bookings": who.online and who.active,
            "user_id": account.id_of("user", position + 1),
            "business_ids": [account.id_of(records.BUSINESS, number) for number in who.businesses],
            "appointment_type_ids": types,
            "default_appointment_type_id": types[0],
        }


def _types(account: Account, start: date) -> Iterator[Record]:
    for position, kind in enumerate(account.types):
        begun = _begun(account, records.APPOINTMENT_TYPE, position, start)
        yield {
            **begun,
            "name": kind.name,
            "category": kind.category,
            "description": None,
            "color": "#336699",
            "duration_in_minutes": kind.minutes,
            "max_attendees": 1,
            "online_bookings_lead_time_hours": kind.lead_hours,
            "online_payments_enabled": False,
            "online_payments_mode": None,
            "show_in_online_bookings": kind.online and not kind.archived,
            "telehealth_enabled": False,
            "archived_at": begun["updated_at"] if kind.archived else None,
        }


def _availabilities(account: Account, start: date) -> Iterator[Record]:
    weeks = (
        (practitioner, business, day)
        for practitioner, who in enumerate(account.practitioners)
        if who.active
        for business in who.businesses
        for day in range(7)
    )
    for position, (practitioner, business, day) in enumerate(weeks):
        site = account.businesses[business]
        yield {
            **_begun(account, records.DAILY_AVAILABILITY, position, start),
            "business_id": account.id_of(records.BUSINESS, business),
            "practitioner_id": account.id_of(records.PRACTITIONER, practitioner),
            "day_of_week": day,
            "time_zone": site.label,
            "time_zone_identifier": site.timezone,
            # That a day off is there with an empty list is unverified.
            "availabilities": [
                {"starts_at": _clock(opens), "ends_at": _clock(closes)}
                for opens, closes in hours(account, practitioner, business, day)
            ],
        }


def _begun(account: Account, kind: str, position: int, start: date) -> Record:
    """Return the id of a record, and that it is three years old and half a year unchanged."""
    morning = datetime.combine(start, time(1, 0, position % 60), UTC)
    return {
        "id": account.id_of(kind, position),
        "created_at": written(morning - timedelta(days=1100)),
        "updated_at": written(morning - timedelta(days=180)),
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
