"""Free times for online booking, and what keeps something out of it.

From the vendor's documentation: the dates are the account's, a wrong time frame is a 400 with one
text, what is not enabled for online booking is a 404, items carry a start only and come in their
order, and the account's days in advance and lead times cap them. "Not more than 7 days" may mean
two things; a reply of the vendor's says that 6 days between the dates are the most, as here.
Unverified: the grid on which times begin, and which combinations count as not enabled.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Response

from .answers import TIME_FRAME, bad_request, document, not_bookable
from .appointments import taken
from .call import Call, iso_day, read_moment, written
from .filters import Condition, column, left_out
from .lists import enveloped, read
from .records import (
    APPOINTMENT,
    APPOINTMENT_TYPE,
    BUSINESS,
    DAILY_AVAILABILITY,
    PRACTITIONER,
    Record,
)

LONGEST = timedelta(days=6)
# The account's own settings, told by /settings/public.
DAYS_IN_ADVANCE = 90
LEAD_HOURS = 2
GRID = 15  # minutes


def available_times(
    call: Call, business_id: str, practitioner_id: str, appointment_type_id: str
) -> Response:
    """GET /businesses/{}/practitioners/{}/appointment_types/{}/available_times"""
    starts = _free(call, business_id, practitioner_id, appointment_type_id)
    skip = (call.page - 1) * call.per_page
    page = starts[skip : skip + call.per_page]
    items = [{"appointment_start": written(start)} for start in page]
    return enveloped(call, "available_times", items, len(starts))


def next_available_time(
    call: Call, business_id: str, practitioner_id: str, appointment_type_id: str
) -> Response:
    """GET …/next_available_time. What it says where there is none is unverified."""
    starts = _free(call, business_id, practitioner_id, appointment_type_id)
    return document(
        {
            "appointment_start": written(starts[0]) if starts else None,
            "total_entries": min(len(starts), 1),
            "links": {"self": call.request.url},
        }
    )


def _free(
    call: Call, business_id: str, practitioner_id: str, appointment_type_id: str
) -> list[datetime]:
    ids = {
        BUSINESS: business_id,
        PRACTITIONER: practitioner_id,
        APPOINTMENT_TYPE: appointment_type_id,
    }
    business, practitioner, kind = (_bookable(call, name, id) for name, id in ids.items())
    if (
        business_id not in practitioner["business_ids"]
        or appointment_type_id not in practitioner["appointment_type_ids"]
    ):
        raise not_bookable()
    first, last = _window(call)
    last = min(last, call.now.astimezone(call.account.zone).date() + timedelta(DAYS_IN_ADVANCE))
    lead = timedelta(hours=max(LEAD_HOURS, kind["online_bookings_lead_time_hours"] or 0))
    length = timedelta(minutes=kind["duration_in_minutes"])
    zone = ZoneInfo(business["time_zone_identifier"])
    begins, ends = (
        datetime.combine(day, time(), call.account.zone).astimezone(UTC)
        for day in (first, last + timedelta(days=1))
    )
    booked = _booked(call, practitioner_id, begins, ends + length)
    week = _week(call, business_id, practitioner_id)
    # The site's own calendar may be on another day than the account's.
    days = range(-1, (last - first).days + 2)
    return [
        start
        for day in (first + timedelta(days=number) for number in days)
        for opens, closes in week.get(day.isoweekday() % 7, ())
        for start in _starts(day, opens, closes, length, zone)
        if max(begins, call.now + lead) <= start < ends
        and all(start + length <= since or until <= start for since, until in booked)
    ]


def _bookable(call: Call, kind: str, id: str) -> Record:
    where = [*left_out(kind), (column("show_in_online_bookings"), ())]
    records, _ = read(call.stage.books, call.office_id, kind, where, id=id)
    if not records:
        raise not_bookable()
    return records[0]


def _window(call: Call) -> tuple[date, date]:
    try:
        first, last = (iso_day(call.request.args.get(name)) for name in ("from", "to"))
    except ValueError:
        raise bad_request(TIME_FRAME) from None
    today = call.now.astimezone(call.account.zone).date()
    if not today <= first <= last <= first + LONGEST:
        raise bad_request(TIME_FRAME)
    return first, last


def _booked(
    call: Call, practitioner_id: str, begins: datetime, ends: datetime
) -> list[tuple[datetime, datetime]]:
    found, _ = read(
        call.stage.books,
        call.office_id,
        APPOINTMENT,
        [*left_out(APPOINTMENT), *taken(practitioner_id, written(begins), written(ends))],
    )
    return [(read_moment(item["starts_at"]), read_moment(item["ends_at"])) for item in found]


def _week(call: Call, business_id: str, practitioner_id: str) -> dict[int, list[tuple[time, time]]]:
    """Return from when to when somebody works at a site, by day of the week."""
    where: list[Condition] = [
        (f"{column('business_id')} = ?", [business_id]),
        (f"{column('practitioner_id')} = ?", [practitioner_id]),
    ]
    found, _ = read(call.stage.books, call.office_id, DAILY_AVAILABILITY, where)
    return {
        record["day_of_week"]: [
            (time.fromisoformat(item["starts_at"]), time.fromisoformat(item["ends_at"]))
            for item in record["availabilities"]
        ]
        for record in found
    }


def _starts(
    day: date, opens: time, closes: time, length: timedelta, zone: ZoneInfo
) -> list[datetime]:
    """Return when something of this length may begin; the steps are taken in UTC."""
    start = datetime.combine(day, opens, zone).astimezone(UTC)
    end = datetime.combine(day, closes, zone).astimezone(UTC)
    steps = (end - length - start) // timedelta(minutes=GRID)
    return [start + timedelta(minutes=GRID * number) for number in range(steps + 1)]
