"""The invented clients and appointments of both accounts, the same for the same seed and day.

As at the other simulated practices: 650 people, 87 appointments in the four weeks that begin on the
day after the start, and 60 in the eight weeks before it, on weekdays in the opening times. Nobody
of the staff is taken twice at a time.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from integrations.sandbox.books import Books
from integrations.sandbox.people import Person, invent

from . import records
from .accounts import ACCOUNTS, Account
from .call import stamped
from .records import Record

CLIENTS, UPCOMING, PAST = 650, 87, 60
UPCOMING_DAYS, PAST_DAYS = 28, 56
OPENS, CLOSES = 9 * 60, 18 * 60  # minutes since midnight


def build(books: Books, seed: int, start: date) -> None:
    """Put both accounts into the books, loaded at the beginning of the start day (UTC)."""
    loaded_at = datetime.combine(start, time(), UTC)
    for account in ACCOUNTS.values():
        clients, appointments = _invent(account, seed, start)
        for kind, made in ((records.CLIENT, clients), (records.APPOINTMENT, appointments)):
            for record in made:
                books.put(account.id, kind, str(record["id"]), record, loaded_at=loaded_at)


@lru_cache(maxsize=4)  # most of the time that building takes
def _invent(account: Account, seed: int, start: date) -> tuple[list[Record], list[Record]]:
    rng = Random(f"{seed}|{account.id}|{start}")  # noqa: S311 (repeatable, not secret)
    people = invent(CLIENTS, rng=rng, today=start, area_codes=account.area_codes)
    clients = [
        _client(account.first_client_id + number, who, rng, start)
        for number, who in enumerate(people)
    ]
    taken: set[tuple[int, date, int]] = set()
    past = _visits(account, rng, _weekdays(start, range(-PAST_DAYS, 0)), PAST, taken)
    coming = _visits(account, rng, _weekdays(start, range(1, UPCOMING_DAYS + 1)), UPCOMING, taken)
    appointments = []
    for number, visit in enumerate(past + coming):
        who = rng.choice(clients)
        made = min(datetime.fromisoformat(visit["starts_at"]).date(), start)
        at = _moment(made - timedelta(days=rng.randint(1, 40)), rng)
        own = {"id": account.first_appointment_id + number, "client_id": who["id"]}
        past_words = ("completed", "no_show", "cancelled")
        status = rng.choices(past_words, (80, 12, 8))[0] if number < PAST else "booked"
        record = records.appointment({**own, **visit, "status": status}, at)
        if number < PAST:
            record["updated_at"] = stamped(records.ends(record, account))
        appointments.append(record)
    return clients, appointments


def _client(id: int, who: Person, rng: Random, start: date) -> Record:
    return records.client(
        {
            "id": id,
            "first_name": who.first_name,
            "last_name": who.last_name,
            "date_of_birth": who.birth_date.isoformat(),
            "email": who.email or None,
            "phone": who.cell or who.home_phone or None,
            "active": rng.random() < 0.92,
        },
        _moment(start - timedelta(days=rng.randint(60, 3000)), rng),
    )


def _visits(
    account: Account,
    rng: Random,
    days: Sequence[date],
    count: int,
    taken: set[tuple[int, date, int]],
) -> list[Record]:
    """Return so many times that nobody has twice, in the order of their beginning."""
    visits: list[Record] = []
    while len(visits) < count:
        member = rng.choice([item for item in account.staff if item.active])
        service = rng.choice([item for item in account.services if item.active])
        day, start = rng.choice(days), rng.randrange(OPENS, CLOSES - service.minutes + 1, 15)
        cells = {(member.id, day, minute) for minute in range(start, start + service.minutes, 15)}
        if cells & taken:
            continue
        taken |= cells
        visits.append(
            {
                "staff_id": member.id,
                "site_id": rng.choice(member.site_ids),
                "service_id": service.id,
                "starts_at": f"{day}T{start // 60:02d}:{start % 60:02d}:00",
                "duration_minutes": service.minutes,
                "notes": service.name,
            }
        )
    return sorted(visits, key=lambda visit: (visit["starts_at"], visit["staff_id"]))


def _moment(day: date, rng: Random) -> str:
    return stamped(datetime.combine(day, time(), UTC) + timedelta(seconds=rng.randrange(86_400)))


def _weekdays(start: date, offsets: range) -> list[date]:
    days = (start + timedelta(days=offset) for offset in offsets)
    return [day for day in days if day.weekday() < 5]
