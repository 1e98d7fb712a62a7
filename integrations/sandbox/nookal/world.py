"""The invented world: patients and appointments, the same for the same seed and day.

Beginning on the day after the start there are exactly 87 appointments in four weeks, and 60 in the
eight weeks before it, on weekdays between 8:00 and 17:00 of the site's wall clock. No practitioner
is taken twice at a time, whatever the site.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from integrations.sandbox.books import Books, stamp
from integrations.sandbox.people import Person, invent

from . import records
from .accounts import ACCOUNTS, TYPES, Account, AppointmentType, Location, Practitioner
from .availability import Span, overlaps

PATIENTS = 650
UPCOMING = 87
PAST = 60
UPCOMING_DAYS = 28
PAST_DAYS = 56
FIRST_APPOINTMENT = 3001

OPENS, CLOSES = 8 * 60, 17 * 60  # minutes since midnight
# Whether somebody has a telephone is invented with numbers of these; Australian ones replace them.
AREA_CODES = ("201", "202", "203", "204", "205", "206", "207")


@dataclass(frozen=True)
class Slot:
    location: Location
    practitioner: Practitioner
    kind: AppointmentType
    starts_at: datetime

    @property
    def day(self) -> date:
        return self.starts_at.astimezone(self.location.zone).date()

    @property
    def span(self) -> Span:
        return self.starts_at, self.starts_at + timedelta(minutes=self.kind.minutes)


@dataclass
class Diary:
    """Finds free slots at an account and remembers what is taken."""

    account: Account
    rng: Random
    _taken: dict[str, list[Span]] = field(default_factory=dict)

    def fill(self, days: Sequence[date], count: int) -> list[Slot]:
        slots: list[Slot] = []
        while len(slots) < count:
            slot = self._propose(days)
            taken = self._taken.setdefault(slot.practitioner.id, [])
            if not overlaps(slot.span, taken):
                taken.append(slot.span)
                slots.append(slot)
        return sorted(slots, key=lambda slot: (slot.starts_at, slot.practitioner.id))

    def _propose(self, days: Sequence[date]) -> Slot:
        practitioner = self.rng.choice([who for who in self.account.practitioners if who.active])
        location = self.account.location(self.rng.choice(practitioner.location_ids))
        if location is None:
            raise LookupError(f"practitioner {practitioner.id} works nowhere")
        kind = self.rng.choice([kind for kind in TYPES.values() if kind.active])
        minute = self.rng.randrange(OPENS, CLOSES - kind.minutes + 1, 15)
        start = time(minute // 60, minute % 60)
        local = datetime.combine(self.rng.choice(days), start, location.zone)
        return Slot(location, practitioner, kind, local.astimezone(UTC))


def build(books: Books, seed: int, now: datetime) -> None:
    """Put all accounts into the books, as they are on the start day of their own calendar."""
    books.remember("nookal_begun", records.written(now))
    for account in ACCOUNTS.values():
        start = now.astimezone(account.zone).date()
        for kind, made in _invent(account, seed, start):
            books.run(
                "INSERT INTO records (office_id, kind, id, loaded_at, record)"
                " SELECT ?, ?, json_extract(value, '$.ID'), ?, value FROM json_each(?)"
                " ORDER BY key",
                [account.account_id, kind, stamp(now), made],
            )


@lru_cache(maxsize=8)  # most of the time a test with a sandbox would otherwise take
def _invent(account: Account, seed: int, start: date) -> tuple[tuple[str, str], ...]:
    """Return the patients and the appointments of an account, each kind as one JSON list."""
    rng = Random(f"{seed}|{account.account_id}|{start}")  # noqa: S311 (repeatable, not secret)
    people = invent(PATIENTS, rng=rng, today=start, area_codes=AREA_CODES)
    lines = rng.sample(range(10_000), 2 * PATIENTS)
    patients = [
        _patient(account, number, who, lines[2 * number : 2 * number + 2], rng, start)
        for number, who in enumerate(people)
    ]
    living = [patient for patient in patients if patient["deceased"] == "0"]
    diary = Diary(account, rng)
    past = diary.fill(_weekdays(start, range(-PAST_DAYS, 0)), PAST)
    upcoming = diary.fill(_weekdays(start, range(1, UPCOMING_DAYS + 1)), UPCOMING)
    appointments = [
        _appointment(FIRST_APPOINTMENT + number, slot, rng.choice(living), rng, start)
        for number, slot in enumerate(past + upcoming)
    ]
    return (
        (records.PATIENT, json.dumps(patients)),
        (records.APPOINTMENT, json.dumps(appointments)),
    )


def _patient(
    account: Account, number: int, who: Person, lines: Sequence[int], rng: Random, start: date
) -> records.Record:
    location = rng.choice(account.locations)
    since = start - timedelta(days=rng.randint(60, 3000))
    touched = start - timedelta(days=rng.randint(10, 59))
    died = rng.random() < 0.01
    # Numbers that begin with 5550 after the area code are kept free for fiction in Australia.
    mobile, home = (f"{account.area_code} 5550 {line:04d}" for line in lines)
    return records.patient(
        {
            "ID": str(number + 1),
            "FirstName": who.first_name,
            "LastName": who.last_name,
            "DOB": who.birth_date.isoformat(),
            "Gender": who.gender.capitalize(),
            "Email": who.email,
            "Mobile": mobile if who.cell else "",
            "Home": home if who.home_phone else "",
            "Addr1": who.street,
            "City": location.city,
            "State": location.state,
            "Country": "Australia",
            "Postcode": location.postcode,
            "LocationID": location.id,
            "active": "0" if died or rng.random() < 0.08 else "1",
            "deceased": "1" if died else "0",
            "onlineQuickCode": f"QC{number + 1:05d}",
            "DateCreated": _at_some_time(since, rng),
            "DateModified": _at_some_time(touched, rng),
        }
    )


def _appointment(
    number: int, slot: Slot, patient: records.Record, rng: Random, start: date
) -> records.Record:
    made = min(slot.day, start) - timedelta(days=rng.randint(2, 40))
    record = records.appointment(
        {
            "ID": str(number),
            "patientID": patient["ID"],
            "practitionerID": slot.practitioner.id,
            **records.type_fields(slot.kind),
            **records.when(slot.location, slot.starts_at, slot.kind.minutes),
            "Notes": rng.choice(("", "", "", "Bring the referral.", "Follow-up")),
            "dateCreated": _at_some_time(made, rng),
            "lastModified": _at_some_time(made + timedelta(days=1), rng),
        }
    )
    if slot.day >= start:
        return record
    outcome = rng.choices(("Completed", "DNA", "Cancelled"), (80, 12, 8))[0]
    if outcome == "Cancelled":
        return records.cancelled(record, slot.starts_at, slot.location, moves=False)
    return {**records.with_status(record, outcome), "lastModified": records.written(slot.starts_at)}


def _at_some_time(day: date, rng: Random) -> str:
    moment = datetime.combine(day, time(), UTC) + timedelta(minutes=rng.randint(0, 8 * 60))
    return records.written(moment)


def _weekdays(start: date, offsets: range) -> list[date]:
    days = (start + timedelta(days=offset) for offset in offsets)
    return [day for day in days if day.weekday() < 5]
