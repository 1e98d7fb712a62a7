"""What a write costs with its entry in the audit, beside the same write without one."""

from __future__ import annotations

import itertools
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date

from django.db import connection
from django.utils import timezone

from clinics.models import Clinic, Organization, Patient
from config.bench import rig
from tenancy.scope import Actor, Scope, within

ORGANIZATION, CLINIC = uuid.UUID(int=1), uuid.UUID(int=2)
SCOPE = Scope(
    organizations=frozenset([ORGANIZATION]),
    actor=Actor(user_id=1, membership_id=1, role="staff", address="192.0.2.1"),
)
#: Rows that each process changes in turn.
OWN_ROWS = 100
#: With and without take turns this often, so that whatever else the machine does hits both alike.
ROUNDS = 20
#: Writes before the clock starts: plans are made anew after the triggers were switched.
WARM = 10

Write = Callable[[], object]


def hammer(number: int, seconds: float) -> dict[str, float]:
    """Let writes with and without take turns; returns how many a second this process made."""
    if number == 0:
        Organization.objects.create(pk=ORGANIZATION, name="Bench")
        Clinic.objects.create(pk=CLINIC, organization_id=ORGANIZATION, name="Bench", timezone="UTC")
    rig.together.wait()
    counts: dict[str, int] = defaultdict(int)
    spent: dict[str, float] = defaultdict(float)
    with within(SCOPE):
        rows = [insert() for _ in range(OWN_ROWS)]
        for turn in range(ROUNDS):
            # Each goes first as often as the other.
            for audited in (turn % 2 == 0, turn % 2 == 1):
                rig.together.wait()
                if number == 0:
                    switch(audited)
                rig.together.wait()
                for kind, write in writes(rows).items():
                    for _ in range(WARM):
                        write()
                    name = f"{kind}, {'audited' if audited else 'bare'}"
                    rig.together.wait()
                    began = now = time.perf_counter()
                    while now < began + seconds / ROUNDS:
                        write()
                        counts[name] += 1
                        now = time.perf_counter()
                    spent[name] += now - began
    connection.close()
    return {name: counts[name] / spent[name] for name in counts}


def switch(audited: bool) -> None:
    """Let patients be audited, or not."""
    with connection.cursor() as cursor:
        for verb in ("insert", "update", "delete"):
            state = "ENABLE" if audited else "DISABLE"
            cursor.execute(f"ALTER TABLE clinics_patient {state} TRIGGER audit_{verb}")


def writes(rows: list[uuid.UUID]) -> dict[str, Write]:
    """What is measured, each one row in a transaction of its own, as views and tasks write it."""
    turn = itertools.count()

    def update() -> None:
        number = next(turn)
        row = Patient.objects.filter(pk=rows[number % OWN_ROWS])
        row.update(phone=f"555-{number}", updated_at=timezone.now())

    return {"a new patient": insert, "a patient's new telephone": update}


def insert() -> uuid.UUID:
    """Insert a patient; returns its id."""
    pk = uuid.uuid4()
    Patient(
        pk=pk,
        organization_id=ORGANIZATION,
        clinic_id=CLINIC,
        external_id=str(pk),
        first_name="Ada",
        last_name="Invented",
        birth_date=date(1980, 1, 1),
        email="ada@example.org",
        phone="555-0100",
    ).save(force_insert=True)
    return pk


def table(rates: dict[str, float]) -> Iterator[str]:
    """The rates, and how many times as long a write takes with its entry."""
    yield f"{'writes a second':<36}{'bare':>10}{'audited':>10}{'times':>8}"
    for kind in dict.fromkeys(name.rpartition(",")[0] for name in rates):
        bare, audited = rates[f"{kind}, bare"], rates[f"{kind}, audited"]
        yield f"{kind:<36}{bare:>10,.0f}{audited:>10,.0f}{bare / audited:>8.2f}"
