"""GET /slots: when somebody is free, in half hours of the opening times at each of their sites."""

from datetime import UTC, datetime, time, timedelta

from werkzeug.wrappers import Response

from . import records
from .call import Call, document
from .errors import invalid
from .world import CLOSES, OPENS
from .writes import around

LENGTH = timedelta(minutes=30)
USUAL_SPAN, LONGEST_SPAN = timedelta(days=7), timedelta(days=31)


def slots(call: Call) -> Response:
    """GET /slots?staff_id&site_id&from&to: free times that begin at `from` or later, before `to`.

    Unasked it is everybody at every site, from now, for a week.
    """
    staff_id, site_id = call.number("staff_id"), call.number("site_id")
    first = call.time("from") or call.now
    last = call.time("to") or first + USUAL_SPAN
    if not timedelta() <= last - first <= LONGEST_SPAN:
        raise invalid("to", f"must not be before from, nor more than {LONGEST_SPAN.days} days on")
    taken = _taken(call, first, last)
    return document(
        {
            "data": [
                {
                    "staff_id": member.id,
                    "site_id": site,
                    "starts_at": call.write_time(start),
                    "ends_at": call.write_time(start + LENGTH),
                }
                for start in _starts(call, max(first, call.now), last)
                for member in call.account.staff
                if member.active and staff_id in (None, member.id)
                if not any(
                    who == member.id and begins < start + LENGTH and start < ends
                    for who, begins, ends in taken
                )
                for site in member.site_ids
                if site_id in (None, site)
            ]
        }
    )


def _starts(call: Call, first: datetime, last: datetime) -> list[datetime]:
    """Return when slots begin: every half hour of the opening times on weekdays."""
    zone = call.account.zone
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    starts = []
    while day <= end:
        opens = datetime.combine(day, time(), zone) + timedelta(minutes=OPENS)
        count = int(timedelta(minutes=CLOSES - OPENS) / LENGTH) if day.weekday() < 5 else 0
        starts += [(opens + number * LENGTH).astimezone(UTC) for number in range(count)]
        day += timedelta(days=1)
    return [start for start in starts if first <= start < last]


def _taken(call: Call, first: datetime, last: datetime) -> list[tuple[int, datetime, datetime]]:
    """Return who is busy from when until when."""
    account = call.account
    days = (records.on_wall(moment, account)[:10] for moment in (first, last))
    return [
        (item["staff_id"], records.begins(item, account), records.ends(item, account))
        for item in around(call, *days)
    ]
