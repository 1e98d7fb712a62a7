"""A dump of the whole database tells no patient, no contact, no birth date and no key."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from clinics.models import Appointment, Clinic, Operatory, Patient, Practitioner
from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PractitionerRecord,
)
from clinics.services import store
from config.embedded import EmbeddedError
from config.embedded.binaries import find_postgres
from integrations.contract import Token
from integrations.http.errors import NotAuthorized
from integrations.models import Integration
from integrations.tokens import StoredTokens
from tests import make
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.requests import Booking
from writebacks.services import Asker, request, request_hash
from writebacks.states import Event

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
#: In the shape of real ones, and invented. Long enough to stand nowhere by chance.
FIRST = ("Adalberta", "Grazielle", "Hedwiglinde", "Katharinus")
LAST = ("Inventedson", "Fictionova", "Madeupsky", "Nonexistenz-Doe")


@dataclass
class Secrets:
    """What must not stand in a dump, each with its kind."""

    kinds: dict[str, str] = field(default_factory=dict)

    def add(self, kind: str, *values: str) -> None:
        self.kinds |= dict.fromkeys(filter(None, values), kind)

    def found_in(self, text: str) -> list[str]:
        text = text.casefold()
        return sorted({f"{kind}: {v}" for v, kind in self.kinds.items() if v.casefold() in text})


def dump() -> str:
    """All that the database holds, as its own program writes it, or each table as COPY does."""
    try:
        program = find_postgres().bin / "pg_dump"
    except EmbeddedError:
        return copied()
    configured = connection.settings_dict
    server = {"PGHOST": configured["HOST"], "PGPORT": str(configured["PORT"] or 5432),
              "PGUSER": configured["USER"], "PGPASSWORD": configured["PASSWORD"],
              "PGDATABASE": configured["NAME"]}  # fmt: skip
    if not os.access(program, os.X_OK):
        return copied()
    run = subprocess.run(
        [program, "--data-only", "--inserts", "--enable-row-security"],
        env=os.environ | {name: value for name, value in server.items() if value},
        capture_output=True,
        text=True,
        check=False,
    )
    if "server version mismatch" in run.stderr:
        return copied()
    assert run.returncode == 0, run.stderr
    return run.stdout


def copied() -> str:
    with connection.cursor() as cursor:
        text = []
        for table in connection.introspection.table_names(cursor):
            with cursor.copy(f"COPY {connection.ops.quote_name(table)} TO STDOUT") as rows:
                text += [bytes(row).decode() for row in rows]
    return "".join(text)


def people() -> Iterable[PatientRecord]:
    for number in range(40):
        first, last = FIRST[number % 4], LAST[number // 4 % 4]
        yield PatientRecord(
            external_id=f"{number}",
            first_name=first,
            last_name=last,
            birth_date=date(1957, 11, 3) + timedelta(days=157 * number),
            email=f"{first}.{last}{number}@mail.example.org",
            phone=f"(917) 555-{4000 + 37 * number:04d}",
            is_active=True,
        )


def told_of(record: PatientRecord, secrets: Secrets) -> None:
    digits = re.sub(r"\D", "", record.phone)
    secrets.add("name", record.first_name, record.last_name)
    secrets.add("e-mail", record.email)
    secrets.add("phone", record.phone, digits, record.phone[-8:])
    born = record.birth_date
    assert born is not None
    secrets.add("birth date", born.isoformat(), f"{born:%m/%d/%Y}", f"{born:%d.%m.%Y}")
    secrets.add("hash of a patient", record.payload_hash())


@pytest.fixture
def secrets(clinic: Clinic) -> Secrets:
    """Fill the database as the product does, and return what it was told in confidence."""
    told = Secrets()
    records = list(people())
    for record in records:
        told_of(record, told)
    site = LocationRecord(external_id="1", name="Main street", timezone=clinic.timezone)
    store(clinic, [site], now=NOW)
    clinician = PractitionerRecord(
        external_id="1", first_name="Mara", last_name="Dentist", is_active=True
    )
    store(clinic, [clinician], now=NOW)
    store(clinic, [OperatoryRecord(external_id="1", name="Chair 1")], now=NOW)
    store(clinic, records, now=NOW)
    visit = AppointmentRecord(
        external_id="1",
        patient_id="1",
        practitioner_id="1",
        location_id="1",
        operatory_id="1",
        starts_at=NOW,
        ends_at=NOW + timedelta(minutes=30),
        status="booked",
        pms_status="Scheduled",
        description="Abscess, painful",
    )
    store(clinic, [visit], now=NOW)
    told.add("description", "Abscess", "Root canal")

    credential = {"app_id": "the-app", "app_key": "confidential-app", "secret_key": "very-hidden"}
    linked = make.integration(
        clinic,
        credential=credential,
        access_key="first-access-key",
        refresh_key="first-refresh-key",
        key_expires_at=NOW - timedelta(days=1),
    )
    told.add("credential", "confidential-app", "very-hidden")
    told.add("key", "first-access-key", "first-refresh-key")
    tokens = StoredTokens(linked, lambda: NOW)
    tokens.issue = lambda refresh: Token(
        value="second-access-key", refresh_value="second-refresh-key", lifetime=timedelta(days=1)
    )
    assert tokens.current() == "second-access-key"
    told.add("key", "second-access-key", "second-refresh-key")

    asked = ask(clinic, linked)
    sent = next(each for each in Writeback.objects.all() if each.pk == asked.pk)
    sent.advance(Event.CLAIMED, NOW, note=f"For {FIRST[0]}, after a call.")
    sent.error_message = f"There is no {FIRST[0]}."
    sent.save(update_fields=["error_message"])
    told.add("note", "after a call", "There is no")
    told.add("request", '"check_spu"')

    def rejected(refresh: str) -> Token:
        raise NotAuthorized("Unknown key confidential-app.")

    tokens.issue = rejected
    with pytest.raises(NotAuthorized):
        tokens.renew("second-access-key")
    assert "confidential-app" in Integration.objects.get().error_message
    return told


def ask(clinic: Clinic, linked: Integration) -> Writeback:
    one = {"clinic": clinic, "external_id": "1"}
    booking = Booking(
        patient=Patient.objects.get(**one),
        practitioner=Practitioner.objects.get(**one),
        operatory=Operatory.objects.get(**one),
        location=Appointment.objects.select_related("location").get(**one).location,
        starts_at=NOW + timedelta(days=1),
        ends_at=NOW + timedelta(days=1, minutes=30),
        description="Root canal",
    )
    asker = Asker(
        user=make.member(clinic.organization),
        idempotency_key="once",
        request_hash=request_hash(Operation.BOOK, clinic, booking.as_json()),
    )
    writeback, is_new = request(clinic, booking, asker, NOW)
    assert is_new
    assert writeback.integration == linked
    return writeback


@pytest.mark.parametrize("dumped", [dump, copied])
def test_a_dump_tells_nothing_that_was_told_in_confidence(secrets: Secrets, dumped: Any) -> None:
    assert len(secrets.kinds) > 300
    text = dumped()
    assert text.count("v1:") > 40 * 5
    assert "Main street" in text, "what is not a secret stands there plainly"
    assert secrets.found_in(text) == []


@pytest.mark.parametrize("dumped", [dump, copied])
def test_the_same_search_finds_a_value_that_stands_there_plainly(
    secrets: Secrets, dumped: Any
) -> None:
    record = next(iter(people()))
    plain = [record.first_name, record.phone, record.email, str(record.birth_date)]
    with connection.cursor() as cursor:
        for number, value in enumerate([*plain, "second-access-key", "very-hidden"]):
            cursor.execute(
                "UPDATE clinics_patient SET first_name = %s WHERE external_id = %s",
                [value, str(number)],
            )
    assert {each.split(":")[0] for each in secrets.found_in(dumped())} == {
        "name", "phone", "e-mail", "birth date", "key", "credential",
    }  # fmt: skip
