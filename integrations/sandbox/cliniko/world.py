"""The invented world: patients and appointments of each account, the same for a seed and a day.

Beginning on the day after the start there are exactly 87 appointments in four weeks, and 60 in the
eight weeks before it, within the working hours of who treats, on the wall clock of the site. Nobody
is booked twice at a time. Some who are inactive today have treated in the past.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from integrations.sandbox.books import Books, stamp
from integrations.sandbox.people import Person, invent

from . import records
from .accounts import ACCOUNTS, Account
from .call import written
from .records import Record
from .staff import hours, static

PATIENTS = 650
UPCOMING = 87
PAST = 60
UPCOMING_DAYS = 28
PAST_DAYS = 56

NOTES = (
    None,
    None,
    None,
    "Bring the referral letter.",
    "Prefers mornings.",
    "Parking at the back.",
)
# The people's own numbers are North American; here they only tell who has one.
AREA_CODES = ("206", "253", "360", "425", "503", "541", "509")


@dataclass(frozen=True)
class Slot:
    starts_at: datetime
    minutes: int
    practitioner: int
    business: int
    type: int

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass
class Diary:
    """Finds free times at an account and remembers what is taken."""

    account: Account
    rng: Random
    _taken: dict[int, list[Slot]] = field(default_factory=dict)

    def fill(self, first: date, days: int, count: int, *, also_inactive: bool) -> list[Slot]:
        """Book so many appointments on the days from the first one on."""
        who = [
            position
            for position, practitioner in enumerate(self.account.practitioners)
            if practitioner.active or also_inactive
        ]
        slots: list[Slot] = []
        while len(slots) < count:
            day = first + timedelta(days=self.rng.randrange(days))
            slot = self._propose(self.rng.choice(who), day)
            if slot and not self._overlaps(slot):
                self._taken.setdefault(slot.practitioner, []).append(slot)
                slots.append(slot)
        return sorted(slots, key=lambda slot: (slot.starts_at, slot.practitioner))

    def _propose(self, position: int, day: date) -> Slot | None:
        practitioner = self.account.practitioners[position]
        business = self.rng.choice(practitioner.businesses)
        kind = self.rng.choice(practitioner.types)
        minutes = self.account.types[kind].minutes
        starts = [
            start
            for opens, closes in hours(self.account, position, business, day.isoweekday() % 7)
            for start in range(opens, closes - minutes + 1, 15)
        ]
        if not starts:
            return None
        zone = ZoneInfo(self.account.businesses[business].timezone)
        start = datetime.combine(day, time(*divmod(self.rng.choice(starts), 60)), zone)
        return Slot(start.astimezone(UTC), minutes, position, business, kind)

    def _overlaps(self, slot: Slot) -> bool:
        return any(
            slot.starts_at < other.ends_at and other.starts_at < slot.ends_at
            for other in self._taken.get(slot.practitioner, [])
        )


def build(books: Books, seed: int, now: datetime) -> None:
    """Put both accounts into the books; each begins on its own date of today."""
    loaded_at = stamp(now)
    for account in ACCOUNTS.values():
        for kind, made in _written(account, seed, now.astimezone(account.zone).date()).items():
            books.run(
                "INSERT INTO records (office_id, kind, id, loaded_at, record)"
                " SELECT ?, ?, json_extract(value, '$.id'), ?, value FROM json_each(?)",
                [account.office_id, kind, loaded_at, made],
            )


@lru_cache(maxsize=4)  # most of the time a test with a sandbox would otherwise take
def _written(account: Account, seed: int, start: date) -> dict[str, str]:
    """Return all records of an account as JSON, by kind."""
    rng = Random(f"{seed}|{account.office_id}|{start}")  # noqa: S311 (repeatable, not secret)
    people = invent(PATIENTS, rng=rng, today=start, area_codes=AREA_CODES)
    joined = sorted(start - timedelta(days=rng.randint(60, 3000)) for _ in people)
    patients = [
        _patient(account, number, who, day, rng, start)
        for number, (who, day) in enumerate(zip(people, joined, strict=True))
    ]
    treated = [patient for patient in patients if patient["archived_at"] is None]
    diary = Diary(account, rng)
    past = diary.fill(start - timedelta(days=PAST_DAYS), PAST_DAYS, PAST, also_inactive=True)
    tomorrow = start + timedelta(days=1)
    upcoming = diary.fill(tomorrow, UPCOMING_DAYS, UPCOMING, also_inactive=False)
    appointments = [
        _appointment(account, number, slot, rng.choice(treated), rng, start)
        for number, slot in enumerate(past + upcoming)
    ]
    made = {
        **static(account, start),
        records.PATIENT: patients,
        records.APPOINTMENT: appointments,
    }
    return {kind: json.dumps(items, ensure_ascii=False) for kind, items in made.items()}


def _patient(
    account: Account, number: int, who: Person, joined: date, rng: Random, start: date
) -> Record:
    updated = start - timedelta(days=rng.randint(2, 59))
    archived = _at(updated, rng) if rng.random() >= 0.92 else None
    site = account.businesses[0]
    given = (who.cell, who.home_phone)
    numbers = [
        records.phone_number(account.calling_code, phone_type, _filled(form, number))
        for (phone_type, form), has_one in zip(account.phones, given, strict=True)
        if has_one
    ]
    record = records.patient(
        account.id_of(records.PATIENT, number),
        _at(joined, rng),
        {
            "first_name": who.first_name,
            "last_name": who.last_name,
            "date_of_birth": who.birth_date.isoformat(),
            "email": who.email or None,
            "sex": who.gender.capitalize(),
            "address_1": who.street,
            "city": site.city,
            "state": site.state,
            "post_code": site.post_code,
            "country": account.country,
            "country_code": account.country_code,
            "patient_phone_numbers": numbers,
            "archived_at": archived,
        },
    )
    return {**record, "updated_at": archived or _at(updated, rng)}


def _appointment(
    account: Account, number: int, slot: Slot, patient: Record, rng: Random, start: date
) -> Record:
    day = min(slot.starts_at.date(), start)
    made = _at(day - timedelta(days=rng.randint(2, 40)), rng)
    over = slot.starts_at < datetime.combine(start, time(), account.zone)
    outcome = rng.choices(("arrived", "missed", "cancelled"), (80, 12, 8))[0] if over else ""
    values: Record = {
        "starts_at": written(slot.starts_at),
        "ends_at": written(slot.ends_at),
        "patient_id": patient["id"],
        "patient_name": f"{patient['first_name']} {patient['last_name']}",
        "practitioner_id": account.id_of(records.PRACTITIONER, slot.practitioner),
        "business_id": account.id_of(records.BUSINESS, slot.business),
        "appointment_type_id": account.id_of(records.APPOINTMENT_TYPE, slot.type),
        "notes": rng.choice(NOTES),
        "patient_arrived": outcome == "arrived",
        "did_not_arrive": outcome == "missed",
    }
    updated = made
    if outcome == "cancelled":
        updated = _at(day - timedelta(days=1), rng)
        values |= {
            "cancelled_at": updated,
            "cancellation_reason": 50,
            "cancellation_reason_description": records.CANCELLATION_REASONS[50],
        }
    elif outcome:
        updated = written(slot.ends_at)
    id = account.id_of(records.APPOINTMENT, number)
    return {**records.appointment(id, made, values), "updated_at": updated}


def _at(day: date, rng: Random) -> str:
    """Return a moment on a day."""
    return written(datetime.combine(day, time(), UTC) + timedelta(seconds=rng.randrange(86_400)))


def _filled(form: str, number: int) -> str:
    digits = form.count("#")
    return form.replace("#" * digits, f"{number:0{digits}d}")
