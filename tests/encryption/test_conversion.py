"""Plain rows are encrypted by the migrations, and come back plain when those are undone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from clinics.models import Appointment, Patient
from clinics.records import PatientRecord
from clinics.search import patients
from clinics.services import Stored, store
from encryption import conversion
from encryption.blind import keyed_hash
from integrations.models import Integration
from writebacks.models import Writeback, WritebackEvent

pytestmark = pytest.mark.django_db(transaction=True)
PLAIN = [("clinics", "0001_initial"), ("integrations", "0005_budget_check"),
         ("writebacks", "0002_ask_failures")]  # fmt: skip
START = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
CREDENTIAL = {"app_id": "app", "secret_key": "invented-secret", "é": [1, None]}
#: What the request's digest was before it had a key.
REQUEST = hashlib.sha256(b"the request").hexdigest()
#: Columns that came later.
LATER = {"guarantor_id", "made_at", "changed_at", "other_phone"}
#: More than one batch, and not a whole number of them.
PEOPLE = 25


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "BATCH", 10)


@pytest.fixture
def before() -> Iterator[Any]:
    """The models as they were, on tables as they were."""
    yield migrated(PLAIN)
    call_command("migrate", verbosity=0)


def migrated(targets: list[tuple[str, str]]) -> Any:
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


def record(number: int) -> PatientRecord:
    """A patient as the PMS tells of them."""
    return PatientRecord(
        external_id=f"{number:02}",
        first_name=f"Ada{number}" if number else "",
        last_name="Invented",
        birth_date=date(1980, 1, 1) + timedelta(number) if number else None,
        email=f"ada{number}@example.org",
        phone=f"030 9018{number:02}",
        is_active=True,
    )


def filled(apps: Any) -> None:
    organization = apps.get_model("clinics", "Organization").objects.create(name="Invented Group")
    clinic = apps.get_model("clinics", "Clinic").objects.create(
        organization=organization, name="Main", timezone="Europe/Berlin"
    )
    own = {"organization": organization, "clinic": clinic}
    for number in range(PEOPLE):
        apps.get_model("clinics", "Patient").objects.create(
            **own,
            **{name: each for name, each in asdict(record(number)).items() if name not in LATER},
            payload_hash=record(number).payload_hash(),
        )
    apps.get_model("clinics", "Appointment").objects.create(
        **own,
        external_id="1",
        starts_at=START,
        ends_at=START + timedelta(minutes=30),
        status="booked",
        description="A filling",
    )
    integration = apps.get_model("integrations", "Integration").objects.create(
        **own,
        pms="sikka",
        base_url="http://127.0.0.1:9/",
        account="D1",
        credential=CREDENTIAL,
        access_key="key",
        refresh_key="refresh",
        error_message="It said no.",
    )
    writeback = apps.get_model("writebacks", "Writeback").objects.create(
        **own,
        integration=integration,
        operation="book",
        command={"patient": "1"},
        method="POST",
        endpoint="/appointment",
        request_body={"note": "Ada"},
        idempotency_key="k",
        request_hash=REQUEST,
        error_message="Refused.",
    )
    apps.get_model("writebacks", "WritebackEvent").objects.create(
        organization=organization,
        writeback=writeback,
        at=START,
        event="requested",
        to_status="queued",
        note="Asked by telephone.",
    )


def values(apps: Any) -> list[Any]:
    """Everything that is encrypted later, in one order."""
    columns = {
        ("clinics", "Patient"): "external_id first_name last_name birth_date email phone",
        ("clinics", "Appointment"): "description",
        ("integrations", "Integration"): "credential access_key refresh_key error_message",
        ("writebacks", "Writeback"): "command request_body error_message",
        ("writebacks", "WritebackEvent"): "note",
    }
    return [
        sorted(apps.get_model(*model).objects.values_list(*names.split()), key=str)
        for model, names in columns.items()
    ]


def test_plain_rows_are_encrypted_and_none_is_lost(before: Any) -> None:
    filled(before)
    kept = values(before)
    call_command("migrate", verbosity=0)

    from django.apps import apps

    assert values(apps) == kept
    assert Patient.objects.count() == PEOPLE
    assert patients(Patient.objects.all(), "030 901807").get().external_id == "07"
    assert patients(Patient.objects.all(), "ada7@example.org").get().external_id == "07"
    assert patients(Patient.objects.all(), "Ada7 Invented 1980-01-08").get().external_id == "07"
    people = [record(number) for number in range(PEOPLE)]
    assert store(Patient.objects.all()[0].clinic, people, now=START) == Stored(unchanged=PEOPLE)
    assert Writeback.objects.get().request_hash == keyed_hash(REQUEST, "request_hash")
    secrets = ["Invented", "1980-01", "example.org", "030 9018", "invented-secret", "It said",
               "Refused", "filling", "telephone", REQUEST, people[7].payload_hash()]  # fmt: skip
    with connection.cursor() as cursor:
        for model in (Patient, Appointment, Integration, Writeback, WritebackEvent):
            cursor.execute(f"SELECT t::text FROM {model._meta.db_table} t")  # noqa: S608
            rows = " ".join(row[0] for row in cursor.fetchall())
            assert "v1:" in rows
            assert not [each for each in secrets if each in rows]


def test_the_way_back_makes_them_plain_again(before: Any) -> None:
    filled(before)
    kept = values(before)
    call_command("migrate", verbosity=0)
    assert values(migrated(PLAIN)) == kept
    with connection.cursor() as cursor:
        cursor.execute("SELECT credential->>'secret_key', pg_typeof(credential)::text, "
                       "access_key FROM pms_integrations")  # fmt: skip
        assert cursor.fetchall() == [("invented-secret", "jsonb", "key")]
        cursor.execute("SELECT first_name FROM clinics_patient WHERE birth_date = '1980-01-08'")
        assert cursor.fetchall() == [("Ada7",)]
