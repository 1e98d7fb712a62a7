"""The free slots that a practice-management system tells, where it can.

The documentation names OrthoTrac and Dolphin Management; for every other office the gateway answers
204, as a public client saw. What slots look like in detail is undocumented. Here, unverified: a
slot is a provider, a chair of the same practice and half an hour within opening hours that neither
has an appointment in; appointments that were given up do not count.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from werkzeug.wrappers import Response

from . import records
from .call import Call, Item
from .errors import wrong
from .filters import EXISTS, chosen
from .offices import OFFICES, Operatory, Provider
from .vocabulary import GIVEN_UP
from .world import CLOSES, OPENS

LENGTH = 30  # minutes
# The days that are told unasked, and the most that may be asked for.
USUAL_DAYS, MOST_DAYS = 7, 366

# The template's colours and codes are fields of the documentation that say nothing here.
TEMPLATE = (
    *("template_code", "template_unit", "template_color", "template_type", "old_color"),
    *("old_code", "scheduled_color", "scheduled_code"),
)
HIDDEN = ("end_time", "time_units", "operatory", "sr_no", "cust_id")

Taken = dict[tuple[date, str], set[int]]


def available_slots(call: Call) -> Response:
    """GET /appointments_available_slots"""
    if not call.stage.knobs.runs_dolphin(call.office_id):
        return Response(status=204)
    local = call.now.astimezone(OFFICES[call.office_id].zone)
    first = call.day("startdate") or local.date()
    last = call.day("enddate") or first + timedelta(days=USUAL_DAYS - 1)
    if not 0 <= (last - first).days < MOST_DAYS:
        raise wrong("enddate", "must not be before startdate nor more than a year after it")
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    pairs, taken = list(_pairs(call)), _taken(call, first, last)
    items = [
        _item(call, day, start, provider, chair)
        for day in days
        if day.weekday() < 5
        for start in range(OPENS, CLOSES - LENGTH + 1, LENGTH)
        if (day, _clock(start)) > (local.date(), local.strftime("%H:%M"))
        for provider, chair in pairs
        if _is_free(taken, day, start, provider, chair)
    ]
    return call.listing_of([chosen(call, item, HIDDEN) for item in items])


def _pairs(call: Call) -> Iterator[tuple[Provider, Operatory]]:
    """Yield who may work where, as far as the call asks for them."""
    office = OFFICES[call.office_id]
    for provider in office.providers:
        for chair in office.operatories:
            wanted = {
                "provider_id": provider.provider_id,
                "practice_id": provider.practice_id,
                "operatory": chair.operatory,
            }
            asked_for = all(call.parameter(name) in ("", value) for name, value in wanted.items())
            if provider.active and provider.practice_id == chair.practice_id and asked_for:
                yield provider, chair


def _taken(call: Call, first: date, last: date) -> Taken:
    """Return the minutes of each day in which a provider or a chair is taken, as readers see it."""
    day = "substr(json_extract(record, '$.date'), 1, 10)"
    found, _ = call.stage.books.read(
        call.office_id,
        records.APPOINTMENT,
        seen_at=call.now,
        where=[EXISTS, (f"{day} BETWEEN ? AND ?", [first.isoformat(), last.isoformat()])],
        limit=-1,  # SQLite's word for all
        skip=0,
    )
    taken: Taken = defaultdict(set)
    for record in found:
        if record["status"] not in GIVEN_UP:
            on = datetime.fromisoformat(record["date"]).date()
            for who in ("provider_id", "operatory"):
                taken[on, record[who]].update(range(*records.minutes(record)))
    return taken


def _is_free(taken: Taken, day: date, start: int, provider: Provider, chair: Operatory) -> bool:
    wanted = range(start, start + LENGTH)
    return all(
        (day, who) not in taken or taken[day, who].isdisjoint(wanted)
        for who in (provider.provider_id, chair.operatory)
    )


def _item(call: Call, day: date, start: int, provider: Provider, chair: Operatory) -> Item:
    practice = call.practice(provider.practice_id)
    return {
        "href": f"{practice}/appointments_available_slots/{provider.practice_id}",
        "provider_id": provider.provider_id,
        "provider_href": f"{practice}/providers/{provider.provider_id}",
        "practice_id": provider.practice_id,
        "practice_href": practice,
        "date": records.midnight(day.isoformat()),
        "time": _clock(start),
        "end_time": _clock(start + LENGTH),
        # The length of a unit is undocumented; here a minute.
        "time_units": str(LENGTH),
        "operatory": chair.operatory,
        "sr_no": "",
        **dict.fromkeys(TEMPLATE, ""),
        "cust_id": records.CUST_ID,
    }


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
