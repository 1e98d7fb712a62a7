"""When a practitioner could be booked, and whether a time is free.

Availability is told in cells of a quarter of an hour on the site's wall clock, for no type of
appointment: who books must find enough cells in a row. Unverified: that all four parameters are
needed, that a closed day is left out, and the longest window.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta

from werkzeug.wrappers import Response

from integrations.sandbox.pms import Stage

from . import records
from .accounts import Location, Practitioner
from .answers import Failed, wrong
from .call import Call

CELL = timedelta(minutes=15)
# Minutes since midnight, Monday to Friday.
OPENS, CLOSES = 8 * 60, 18 * 60
LONGEST_WINDOW = 366  # days

Span = tuple[datetime, datetime]


def get_appointment_availabilities(call: Call) -> Response:
    call.require("location_id", "practitioner_id", "date_from", "date_to")
    location, practitioner = site(call), clinician(call)
    check_works_at(practitioner, location)
    days = _days(call.day("date_from"), call.day("date_to"))
    taken = list(booked(call.stage, call.office_id, practitioner.id))
    return call.result(
        {
            "date_from": call.text("date_from"),
            "date_to": call.text("date_to"),
            "location_id": location.id,
            "practitioner_id": practitioner.id,
            "availabilities": {
                day.isoformat(): {
                    f"{start.astimezone(location.zone):%H:%M}": (
                        "available"
                        if start > call.now and not overlaps((start, start + CELL), taken)
                        else "unavailable"
                    )
                    for start in _cells(day, location)
                }
                for day in days
                if day.weekday() < 5
            },
        }
    )


def site(call: Call) -> Location:
    """Return the location that a call names."""
    location = call.account.location(call.text("location_id"))
    if location is None:
        raise wrong("location_id", "is unknown")
    return location


def clinician(call: Call) -> Practitioner:
    """Return the practitioner that a call names, who must be active (unverified)."""
    practitioner = call.account.practitioner(call.text("practitioner_id"))
    if practitioner is None or not practitioner.active:
        raise wrong("practitioner_id", "is unknown or inactive")
    return practitioner


def check_works_at(practitioner: Practitioner, location: Location) -> None:
    if location.id not in practitioner.location_ids:
        raise Failed("The practitioner does not work at this location.")


def booked(
    stage: Stage, office_id: str, practitioner_id: str, but: Iterable[str] = ()
) -> Iterator[Span]:
    """Yield what a practitioner's appointments take, at all sites, but for some of them."""
    for record in records.standing(stage.books, office_id, records.APPOINTMENT):
        taken = record["cancelled"] == "0" and record["ID"] not in but
        if taken and record["practitionerID"] == practitioner_id:
            yield records.span(record)


def overlaps(wanted: Span, taken: Iterable[Span]) -> bool:
    return any(wanted[0] < end and start < wanted[1] for start, end in taken)


def _days(first: date | None, last: date | None) -> list[date]:
    if first is None or last is None or not 0 <= (last - first).days < LONGEST_WINDOW:
        raise wrong("date_to", "must not be before date_from nor more than a year after it")
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _cells(day: date, location: Location) -> Iterator[datetime]:
    for minute in range(OPENS, CLOSES, int(CELL.total_seconds() // 60)):
        local = datetime.combine(day, time(minute // 60, minute % 60), location.zone)
        yield local.astimezone(UTC)
