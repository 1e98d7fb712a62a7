"""Which asks a fault run makes: the same ones for the same seed, day and world."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.chaos.asks import Ask, Clinic, Effect, Named, Room

#: Shares of all asks, by kind.
KINDS: Mapping[str, int] = {
    "book": 32,
    "book_new_patient": 10,
    "reschedule": 10,
    "cancel": 8,
    "set_status": 9,
    "create_patient": 8,
    "update_patient": 8,
    "add_note": 8,
    "record_payment": 7,
}
#: Of a hundred bookings: for a time that has passed, and for one that another booking has.
LATE, CONTENDED = 3, 4
#: Of a hundred asks: sent once more after they were accepted, and taken back.
REPEATED, WITHDRAWN = 10, 3
#: Beyond the simulated PMS's own appointments, so that no visit is in the way (days).
FIRST_DAY = 35
LENGTH = timedelta(minutes=30)
#: Our word for a status → the simulated practice's value, and what its appointment then shows.
STATUSES = {"confirmed": ("open.confirm", "Confirmed"), "arrived": ("arrived", "Arrived"),
            "noshow": ("no show", "No Show")}  # fmt: skip
CANCELLED = ("cancelled", "Cancelled")
PAYMENT = ("1", "Cash Payment")


def plan(
    clinics: Sequence[Clinic],
    count: int,
    seed: int,
    now: datetime,
    kinds: Sequence[str] | None = None,
) -> list[Ask]:
    """Return so many asks, of these kinds only where any are named."""
    return list(itertools.islice(_Plan(clinics, seed, now, kinds or list(KINDS)).asks(), count))


class _Plan:
    def __init__(
        self, clinics: Sequence[Clinic], seed: int, now: datetime, kinds: Sequence[str]
    ) -> None:
        self.clinics, self.kinds = clinics, kinds
        self.rng = Random(f"asks {seed}")
        self.seed, self.now = seed, now
        self.slots = {each.id: self._slots(each) for each in clinics}
        # Each is used once: what becomes of it is then one ask's alone.
        self.appointments = {each.id: self._shuffled(each.appointments) for each in clinics}
        self.changeable = {each.id: self._shuffled(each.patients) for each in clinics}
        self.booked: dict[str, list[tuple[Room, datetime]]] = {each.id: [] for each in clinics}

    def asks(self) -> Iterator[Ask]:
        for number in itertools.count(1):
            clinic = self.rng.choice(self.clinics)
            kind = self.rng.choices(self.kinds, [KINDS[each] for each in self.kinds])[0]
            ask = getattr(self, f"_{kind}")(clinic, number)
            # A visit of the PMS's own that is not left to be changed: one more is booked.
            yield ask or self._book(clinic, number)

    def _ask(
        self,
        number: int,
        kind: str,
        method: str,
        path: str,
        body: Any,
        *effects: Effect,
        **more: Any,
    ) -> Ask:
        draws = [self.rng.randrange(100) for _ in range(2)]
        more = {"repeated": draws[0] < REPEATED, "withdrawn": draws[1] < WITHDRAWN} | more
        key = f"fault-run-{self.seed}-{number}"
        return Ask(number, kind, key, method, path, body, effects, **more)

    def _book(self, clinic: Clinic, number: int) -> Ask:
        luck = self.rng.randrange(100)
        room, starts_at = next(self.slots[clinic.id])
        refusals: frozenset[str] = frozenset()
        if luck < LATE:
            starts_at -= timedelta(weeks=60)
            refusals = frozenset({"invalid"})
        elif luck < LATE + CONTENDED and self.booked[clinic.id]:
            room, starts_at = self.rng.choice(self.booked[clinic.id])
            refusals = frozenset({"slot_taken"})
        else:
            self.booked[clinic.id].append((room, starts_at))
            # Where another one asks for this slot first.
            refusals = frozenset({"slot_taken"})
        patient = self.rng.choice(clinic.patients)
        body, effect = self._booking(clinic, room, starts_at, f"Fault run {number:05}")
        return self._ask(
            number,
            "book",
            "POST",
            f"clinics/{clinic.id}/appointments",
            {"patient": patient.id, **body},
            _with(effect, patient_id=patient.external_id),
            may_be_refused=refusals,
            must_be_refused=luck < LATE,
            slot=f"{clinic.id} {starts_at.isoformat()}",
        )

    def _book_new_patient(self, clinic: Clinic, number: int) -> Ask:
        room, starts_at = next(self.slots[clinic.id])
        person, register = self._person(clinic, room, number)
        body, effect = self._booking(clinic, room, starts_at, f"Fault run {number:05}")
        path = f"clinics/{clinic.id}/appointments"
        body = {"new_patient": person, **body}
        return self._ask(number, "book_new_patient", "POST", path, body, register, effect)

    def _reschedule(self, clinic: Clinic, number: int) -> Ask | None:
        if not self.appointments[clinic.id]:
            return None
        appointment, _ = self.appointments[clinic.id].pop()
        room, starts_at = next(self.slots[clinic.id])
        body = _slot(room, starts_at)
        local = starts_at.astimezone(clinic.zone)
        words = {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}", "length": "30"}
        where = {
            "provider_id": room.practitioner.external_id,
            "operatory": room.operatory.external_id,
        }
        effect = Effect(
            "reschedule",
            clinic.office,
            "PUT",
            "appointments",
            words | where,
            target=appointment.external_id,
            shows={**words, **where, "date": f"{local:%Y-%m-%d}T00:00:00"},
        )
        path = f"clinics/{clinic.id}/appointments/{appointment.id}"
        return self._ask(number, "reschedule", "PUT", path, body, effect)

    def _cancel(self, clinic: Clinic, number: int) -> Ask | None:
        if not self.appointments[clinic.id]:
            return None
        appointment, _ = self.appointments[clinic.id].pop()
        path = f"clinics/{clinic.id}/appointments/{appointment.id}"
        effect = self._status("cancel", clinic, appointment, CANCELLED)
        return self._ask(number, "cancel", "DELETE", path, None, effect)

    def _set_status(self, clinic: Clinic, number: int) -> Ask | None:
        if not self.appointments[clinic.id]:
            return None
        appointment, _ = self.appointments[clinic.id].pop()
        word = self.rng.choice(list(STATUSES))
        path = f"clinics/{clinic.id}/appointments/{appointment.id}/status"
        effect = self._status("set_status", clinic, appointment, STATUSES[word])
        return self._ask(number, "set_status", "POST", path, {"status": word}, effect)

    def _create_patient(self, clinic: Clinic, number: int) -> Ask:
        room = self.rng.choice(clinic.rooms)
        person, effect = self._person(clinic, room, number)
        body = {**person, "practitioner": room.practitioner.id, "location": room.location.id}
        path = f"clinics/{clinic.id}/patients"
        return self._ask(number, "create_patient", "POST", path, body, effect)

    def _update_patient(self, clinic: Clinic, number: int) -> Ask:
        patient = self.changeable[clinic.id].pop()
        name = f"Changed{_letters(number)}"
        effect = Effect(
            "update_patient",
            clinic.office,
            "PATCH",
            "patients",
            {"lastname": name},
            target=patient.external_id,
            kind="patient",
            shows={"lastname": name},
        )
        body = {"last_name": name, "location": self.rng.choice(clinic.rooms).location.id}
        path = f"clinics/{clinic.id}/patients/{patient.id}"
        return self._ask(number, "update_patient", "PATCH", path, body, effect)

    def _add_note(self, clinic: Clinic, number: int) -> Ask:
        patient, room = self.rng.choice(clinic.patients), self.rng.choice(clinic.rooms)
        words = {"patient_id": patient.external_id, "text": f"Fault run {number:05}, all is well."}
        effect = Effect(
            "add_note", clinic.office, "POST", "medical_notes", words, "", "medical_note", words
        )
        body = {"text": words["text"], **_who(room)}
        path = f"clinics/{clinic.id}/patients/{patient.id}/notes"
        return self._ask(number, "add_note", "POST", path, body, effect)

    def _record_payment(self, clinic: Clinic, number: int) -> Ask:
        patient, room = self.rng.choice(clinic.patients), self.rng.choice(clinic.rooms)
        amount = f"{number}.{self.rng.randrange(10, 100)}"
        who = {"patient_id": patient.external_id, "procedure_code": PAYMENT[0]}
        effect = Effect(
            "record_payment",
            clinic.office,
            "POST",
            "transactions",
            who | {"amount": amount},
            kind="transaction",
            shows=who | {"amount": f"{amount}00"},
        )
        body = {"amount": amount, "currency": "USD", "description": PAYMENT[1], **_who(room)}
        path = f"clinics/{clinic.id}/patients/{patient.id}/payments"
        return self._ask(number, "record_payment", "POST", path, body, effect)

    def _booking(
        self, clinic: Clinic, room: Room, starts_at: datetime, description: str
    ) -> tuple[dict[str, Any], Effect]:
        local = starts_at.astimezone(clinic.zone)
        words = {
            "description": description,
            "provider_id": room.practitioner.external_id,
            "operatory": room.operatory.external_id,
            "time": f"{local:%H:%M}",
            "length": "30",
        }
        day = f"{local:%Y-%m-%d}"
        effect = Effect(
            "book",
            clinic.office,
            "POST",
            "appointments",
            words | {"date": day},
            shows=words | {"date": f"{day}T00:00:00"},
        )
        return {**_slot(room, starts_at), "description": description}, effect

    def _person(self, clinic: Clinic, room: Room, number: int) -> tuple[dict[str, str], Effect]:
        first, last = "Rehearsal", f"Faultrun{_letters(number)}"
        effect = Effect(
            "create_patient",
            clinic.office,
            "POST",
            "patients",
            {"firstname": first, "lastname": last},
            kind="patient",
            shows={"firstname": first, "lastname": last},
        )
        return {"first_name": first, "last_name": last, "birth_date": "1990-04-01"}, effect

    def _status(
        self, operation: str, clinic: Clinic, appointment: Named, word: tuple[str, str]
    ) -> Effect:
        return Effect(
            operation,
            clinic.office,
            "PATCH",
            "appointments",
            {"value": word[0]},
            target=appointment.external_id,
            shows={"status": word[1]},
        )

    def _slots(self, clinic: Clinic) -> Iterator[tuple[Room, datetime]]:
        """Yield half hours of which each is given once, week after week, in no order of the day."""
        today = self.now.astimezone(clinic.zone).replace(minute=0, second=0, microsecond=0)
        for week in itertools.count():
            days = (today + timedelta(days=FIRST_DAY + 7 * week + each) for each in range(7))
            starts = [
                day.replace(hour=hour, minute=minute)
                for day in days
                if day.weekday() < 5
                for hour in range(8, 17)
                for minute in (0, 30)
            ]
            self.rng.shuffle(starts)
            for starts_at in starts:
                yield self.rng.choice(clinic.rooms), starts_at

    def _shuffled(self, records: Sequence[Any]) -> list[Any]:
        return self.rng.sample(records, len(records))


def _slot(room: Room, starts_at: datetime) -> dict[str, str]:
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + LENGTH).isoformat()}
    return {**times, "operatory": room.operatory.id, **_who(room)}


def _who(room: Room) -> dict[str, str]:
    return {"practitioner": room.practitioner.id, "location": room.location.id}


def _with(effect: Effect, **words: str) -> Effect:
    body, shows = {**effect.body, **words}, {**effect.shows, **words}
    return Effect(effect.operation, effect.office, effect.method, effect.api, body, shows=shows)


def _letters(number: int) -> str:
    """Write a number in letters, since it stands in a name."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:05}")
