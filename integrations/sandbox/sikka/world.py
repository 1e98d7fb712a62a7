"""The invented world: patients and appointments of each office, the same for the same seed and day.

Beginning on the day after the start there are exactly 87 appointments in four weeks, and 60 in the
eight weeks before the start, on weekdays between 8:00 and 17:00 of the practice's wall clock. No
provider and no operatory is taken twice at a time. Each completed one has left a clinical note and
a procedure among the transactions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from random import Random

from integrations.sandbox.books import Books
from integrations.sandbox.people import Person, invent

from . import records
from .offices import OFFICES, Office, Operatory, Provider

PATIENTS = 650
UPCOMING = 87
PAST = 60
UPCOMING_DAYS = 28
PAST_DAYS = 56
FIRST_APPOINTMENT, FIRST_NOTE, FIRST_TRANSACTION = 70001, 5001, 31001

OPENS, CLOSES = 8 * 60, 17 * 60  # minutes since midnight
LENGTHS = (30, 30, 45, 60, 60, 90)
# What is done, its code of the American Dental Association, and an invented price in dollars.
REASONS = (
    ("Exam and cleaning", "D1110", 95),
    ("Composite filling", "D2391", 180),
    ("Crown preparation", "D2740", 1100),
    ("Seat crown", "D2740", 1100),
    ("Root canal", "D3320", 940),
    ("Limited exam", "D0140", 70),
    ("Periodontal maintenance", "D4910", 135),
    ("Extraction", "D7140", 170),
)
PRICES = {code: price for _, code, price in REASONS}


@dataclass(frozen=True)
class Slot:
    day: date
    start: int
    length: int
    provider: Provider
    operatory: Operatory


@dataclass
class Diary:
    """Finds free slots at an office and remembers what is taken."""

    office: Office
    rng: Random
    _taken: set[tuple[date, int, str]] = field(default_factory=set)

    def fill(self, days: Sequence[date], count: int) -> list[Slot]:
        slots: list[Slot] = []
        while len(slots) < count:
            slot = self._propose(days)
            cells = set(_cells(slot))
            if not cells & self._taken:
                self._taken |= cells
                slots.append(slot)
        return sorted(slots, key=lambda slot: (slot.day, slot.start, slot.provider.provider_id))

    def _propose(self, days: Sequence[date]) -> Slot:
        provider = self.rng.choice([item for item in self.office.providers if item.active])
        chairs = [
            item for item in self.office.operatories if item.practice_id == provider.practice_id
        ]
        length = self.rng.choice(LENGTHS)
        start = self.rng.randrange(OPENS, CLOSES - length + 1, 15)
        return Slot(self.rng.choice(days), start, length, provider, self.rng.choice(chairs))


def build(books: Books, seed: int, start: date) -> None:
    """Put both offices into the books, loaded at the beginning of the start day (UTC)."""
    loaded_at = datetime.combine(start, time(), UTC)
    for office in OFFICES.values():
        patients, appointments = _invent(office, seed, start)
        done = [item for item in appointments if item["status"] == "Completed"]
        notes = [_note(FIRST_NOTE + number, item) for number, item in enumerate(done)]
        entries = [_procedure(FIRST_TRANSACTION + number, item) for number, item in enumerate(done)]
        for kind, key, made in (
            (records.PROVIDER, "provider_id", map(records.provider, office.providers)),
            (records.PATIENT, "patient_id", patients),
            (records.APPOINTMENT, "appointment_sr_no", appointments),
            (records.NOTE, "note_id", notes),
            (records.TRANSACTION, "transaction_sr_no", entries),
        ):
            for record in made:
                books.put(office.office_id, kind, record[key], record, loaded_at=loaded_at)


@lru_cache(maxsize=4)  # most of the time a test with a sandbox would otherwise take
def _invent(
    office: Office, seed: int, start: date
) -> tuple[list[records.Record], list[records.Record]]:
    """Return the patients and the appointments of an office."""
    rng = Random(f"{seed}|{office.office_id}|{start}")  # noqa: S311 (repeatable, not secret)
    people = invent(PATIENTS, rng=rng, today=start, area_codes=office.area_codes)
    patients = [_patient(office, number, who, rng, start) for number, who in enumerate(people)]
    diary = Diary(office, rng)
    past = diary.fill(_weekdays(start, range(-PAST_DAYS, 0)), PAST)
    upcoming = diary.fill(_weekdays(start, range(1, UPCOMING_DAYS + 1)), UPCOMING)
    appointments = [
        _appointment(FIRST_APPOINTMENT + number, slot, rng.choice(patients), rng, start)
        for number, slot in enumerate(past + upcoming)
    ]
    return patients, appointments


def _patient(office: Office, number: int, who: Person, rng: Random, start: date) -> records.Record:
    patient_id = str(office.first_patient_id + number)
    provider = rng.choice([item for item in office.providers if item.active])
    since = start - timedelta(days=rng.randint(60, 3000))
    return records.patient(
        {
            "patient_id": patient_id,
            "guarantor_id": patient_id,
            "firstname": who.first_name,
            "lastname": who.last_name,
            "birthdate": midnight(who.birth_date),
            "gender": who.gender,
            "address_line1": who.street,
            "city": office.city,
            "state": office.state,
            "zipcode": office.zip_code,
            "cell": who.cell,
            "homephone": who.home_phone,
            "email": who.email,
            "status": "Active" if rng.random() < 0.92 else "Inactive",
            "provider_id": provider.provider_id,
            "practice_id": provider.practice_id,
            # Every third has no insurance.
            "primary_insurance_company_id": ("301", "302", "")[number % 3],
            "guarantor_first_name": who.first_name,
            "guarantor_last_name": who.last_name,
            "first_visit": midnight(since),
            "last_visit": midnight(start - timedelta(days=rng.randint(10, 59))),
            "created_date": midnight(since),
        }
    )


def _appointment(
    number: int, slot: Slot, patient: records.Record, rng: Random, start: date
) -> records.Record:
    made = min(slot.day, start) - timedelta(days=rng.randint(1, 40))
    description, code, _ = rng.choice(REASONS)
    if slot.day < start:
        status = rng.choices(("Completed", "Broken", "Cancelled"), (80, 12, 8))[0]
    else:
        status = rng.choice(("Unconfirmed", "Confirmed"))
    return records.appointment(
        {
            "appointment_sr_no": str(number),
            "patient_id": patient["patient_id"],
            "guarantor_id": patient["guarantor_id"],
            "patient_name": f"{patient['firstname']} {patient['lastname']}",
            "guarantor_name": f"{patient['firstname']} {patient['lastname']}",
            "provider_id": slot.provider.provider_id,
            "practice_id": slot.provider.practice_id,
            "operatory": slot.operatory.operatory,
            "date": midnight(slot.day),
            "time": f"{slot.start // 60:02d}:{slot.start % 60:02d}",
            "length": str(slot.length),
            "description": description,
            "procedure_code1": code,
            "status": status,
            "appointment_made_date": midnight(made),
            "last_changed_date": midnight(made),
            "confirmed_on_date": midnight(made) if status == "Confirmed" else "",
            "cancelled_date": midnight(slot.day) if status == "Cancelled" else "",
        }
    )


def _note(number: int, visit: records.Record) -> records.Record:
    return records.note(
        {
            **_of_visit(visit),
            "note_id": str(number),
            "date": visit["date"],
            "procedure_date": visit["date"],
            "type": "Clinical Note",
            "text": f"{visit['description']} done, no complaints.",
            "transaction_sr_no": str(FIRST_TRANSACTION + number - FIRST_NOTE),
        }
    )


def _procedure(number: int, visit: records.Record) -> records.Record:
    return records.transaction(
        {
            **_of_visit(visit),
            "transaction_sr_no": str(number),
            "guarantor_id": visit["guarantor_id"],
            "transaction_type": "Procedure",
            "transaction_date": visit["date"],
            "transaction_entry_date": visit["date"],
            "procedure_code": visit["procedure_code1"],
            "procedure_description": visit["description"],
            "amount": f"{PRICES[visit['procedure_code1']]:.4f}",
            "appointment_sr_no": visit["appointment_sr_no"],
        }
    )


def _of_visit(visit: records.Record) -> records.Record:
    return {name: visit[name] for name in ("patient_id", "provider_id", "practice_id")}


def midnight(day: date) -> str:
    """Write a day as Sikka does."""
    return records.midnight(day.isoformat())


def _cells(slot: Slot) -> Iterator[tuple[date, int, str]]:
    for minute in range(slot.start, slot.start + slot.length, 15):
        yield slot.day, minute, slot.provider.provider_id
        yield slot.day, minute, slot.operatory.operatory


def _weekdays(start: date, offsets: range) -> list[date]:
    days = (start + timedelta(days=offset) for offset in offsets)
    return [day for day in days if day.weekday() < 5]
