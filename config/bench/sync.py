"""How fast a clinic's patients are taken over, beside the least that this could cost.

The product's own path: a full run of the sync, with its checkpoints, over the HTTP client with
breaker, budget and log of calls, the adapter, and the store with encryption and blind indexes,
under row-level security and the audit. The floor fetches the same pages bare, encrypts and hashes
the same values, and copies them into a temporary table and from there into the same table, under
the same policies and triggers.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from typing import Any

import requests
from django.core.management.base import CommandError
from django.db import connection
from django.db.backends.signals import connection_created
from django.utils import timezone

from clinics.identity import normal_email, normal_name, normal_phone, region_of
from clinics.models import Clinic, Organization, Patient
from clinics.services import Stored
from config.bench import rig, vendor
from config.embedded.layout import WEB_ROLE
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from sync import by_hand
from sync.requesting import Wanted
from sync.states import Status
from tenancy import scope

ORGANIZATION, CLINIC = uuid.UUID(int=1), uuid.UUID(int=2)
#: So that no limit is reached; each call is counted all the same.
CALLS = 1_000_000
FLOOR, FIRST, AGAIN = "the floor", "a first load", "the same again, nothing changed"
#: Columns of the floor's temporary table, as it fills them: those of a patient that have a value.
COLUMNS = (
    "external_id", "first_name", "last_name", "birth_date", "email", "phone", "other_phone",
    "is_active", "made_at", "changed_at", "phone_index", "email_index", "name_index",
)  # fmt: skip
_TEMPORARY = """
    CREATE TEMPORARY TABLE incoming (external_id text, first_name text, last_name text,
        birth_date text, email text, phone text, other_phone text, is_active boolean,
        made_at timestamptz, changed_at timestamptz, phone_index text, email_index text,
        name_index text)
"""
_INSERT = f"""
    INSERT INTO clinics_patient (id, organization_id, clinic_id, payload_hash, sync_status,
        sync_errors, guarantor_id, merged_into_id, other_phone_index, last_synced_at, created_at,
        updated_at, {", ".join(COLUMNS)})
    SELECT gen_random_uuid(), %s, %s, '', 'synced', '', '', '', '', now(), now(), now(),
        {", ".join(COLUMNS)} FROM incoming
    ON CONFLICT (clinic_id, external_id) DO UPDATE
    SET ({", ".join(COLUMNS)}) = ROW ({", ".join(f"excluded.{name}" for name in COLUMNS)})
"""  # noqa: S608


def figures(patients: int, repeats: int) -> dict[str, dict[str, float]]:
    """Return records a second (the median of the repeats) and peak memory (the highest), by name.

    Each load is a process of its own. They take turns, and the floor comes first every other time.
    """
    rates: dict[str, list[float]] = defaultdict(list)
    peaks: dict[str, float] = defaultdict(float)
    with vendor.serving(patients) as address:
        for turn in range(repeats):
            loads = (FLOOR, FIRST, AGAIN) if turn % 2 == 0 else (FIRST, AGAIN, FLOOR)
            for name in loads:
                found = rig.measure(load, 1, 0, name, address, patients)
                rates[name].append(found["rate"])
                peaks[name] = max(peaks[name], found["megabytes"])
    return {
        name: {"rate": statistics.median(rates[name]), "megabytes": peaks[name]}
        for name in (FLOOR, FIRST, AGAIN)
    }


def load(number: int, seconds: float, name: str, address: str, patients: int) -> dict[str, float]:
    """Load all patients in this process; returns records a second and its peak memory."""
    clinic, integration = prepared(address, is_empty=name != AGAIN)
    connection_created.connect(become_worker)
    connection.close()
    run: Callable[[], Stored] = partial(floor if name == FLOOR else product, clinic, integration)
    with scope.organizations(ORGANIZATION):
        began = time.perf_counter()
        stored = run()
        spent = time.perf_counter() - began
        present = Patient.objects.count()
    connection.close()
    check(name, stored, patients, present)
    # Kilobytes; bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    return {"rate": patients / spent, "megabytes": peak}


def check(name: str, stored: Stored, patients: int, present: int) -> None:
    """Raise RuntimeError for a load that did something else than it is measured for."""
    expected = Stored(unchanged=patients) if name == AGAIN else Stored(created=patients)
    if stored != expected or present != patients:
        raise RuntimeError(f"{name}: {stored} of {patients} patients, {present} in the table")


def prepared(address: str, *, is_empty: bool) -> tuple[Clinic, Integration]:
    """As the owner of the tables: return a connected clinic, without patients if asked for."""
    organization, _ = Organization.objects.get_or_create(pk=ORGANIZATION, name="Bench")
    clinic, is_new = Clinic.objects.get_or_create(
        pk=CLINIC, organization=organization, name="Bench", timezone="America/New_York"
    )
    with connection.cursor() as cursor:
        if is_new:
            database = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"GRANT TEMPORARY ON DATABASE {database} TO {WEB_ROLE}")
        if is_empty:
            cursor.execute("TRUNCATE clinics_patient CASCADE")
    integration, _ = Integration.objects.get_or_create(
        clinic=clinic,
        defaults={
            "organization": organization,
            "pms": "rest",
            "base_url": address,
            "is_sandbox": True,
            "account": "bench",
            "credential": {"token": "invented"},
            "status": IntegrationStatus.ACTIVE,
            "budget_calls": CALLS,
        },
    )
    return clinic, integration


def become_worker(connection: Any, **signal: Any) -> None:
    """Work as the application's role, which policies bind."""
    with scope.within(None), connection.cursor() as cursor:
        cursor.execute(f"SET ROLE {WEB_ROLE}")


# --- The product ---------------------------------------------------------------------------------


def product(clinic: Clinic, integration: Integration) -> Stored:
    """Take over all patients by a full run, as a worker does."""
    wanted = Wanted(is_full=True, is_forced=True, only=[Resource.PATIENTS])
    run = by_hand.carry_out(integration, wanted, timezone.now)
    if run.status != Status.COMPLETED:
        raise CommandError(f"The load did not end well: {run.error_message}")
    found = run.checkpoint
    return Stored(created=found.created, updated=found.updated, unchanged=found.unchanged)


# --- The floor -----------------------------------------------------------------------------------


def floor(clinic: Clinic, integration: Integration) -> Stored:
    """Do the least that ends with the same rows, each page in a transaction of its own."""
    connection.ensure_connection()
    database: Any = connection.connection
    current = scope.current()
    for name, value in (current.settings if current else {}).items():
        database.execute("SELECT set_config(%s, %s, false)", [name, value])
    database.execute(_TEMPORARY)
    row = floor_row(clinic)
    created, number = 0, 0
    with requests.Session() as http:
        while True:
            number += 1
            answer = http.get(
                f"{integration.base_url}/clients?page={number}&per_page={vendor.PAGE}"
            )
            rows = [row(item) for item in answer.json()["data"]]
            if not rows:
                return Stored(created=created)
            with database.transaction(), database.cursor() as cursor:
                with cursor.copy(f"COPY incoming ({', '.join(COLUMNS)}) FROM STDIN") as copy:
                    for each in rows:
                        copy.write_row(each)
                cursor.execute(_INSERT, [clinic.organization_id, clinic.pk])
                created += cursor.rowcount
                cursor.execute("TRUNCATE incoming")


def floor_row(clinic: Clinic) -> Callable[[dict[str, Any]], Sequence[Any]]:
    """Return what makes a row of COLUMNS of a patient's JSON: no record, no bounds, no hash."""
    fields: dict[str, Any] = {field.name: field for field in Patient._meta.concrete_fields}
    region = region_of(clinic.timezone)

    def row(item: dict[str, Any]) -> Sequence[Any]:
        sealed = f"{clinic.pk} {item['id']}"
        first, last = item["first_name"], item["last_name"]
        birth_date = date.fromisoformat(item["date_of_birth"])
        indexed = {
            "phone_index": normal_phone(item["phone"], region),
            "email_index": normal_email(item["email"]),
            "name_index": normal_name(f"{first} {last}", birth_date),
        }
        plain = (first, last, birth_date, item["email"], item["phone"])
        return (
            item["id"],
            *(
                fields[name].encrypted(value, sealed)
                for name, value in zip(COLUMNS[1:6], plain, strict=True)
            ),
            "",
            item["active"],
            item["created_at"],
            item["updated_at"],
            *(fields[name].hashed(normal) for name, normal in indexed.items()),
        )

    return row


def table(found: dict[str, dict[str, float]]) -> Iterator[str]:
    """The figures, what share of the floor each is, and how much faster a second load is."""
    yield f"{'records a second':<36}{'rate':>10}{'ratio':>8}{'peak MB':>10}"
    for name, each in found.items():
        ratio = each["rate"] / found[FLOOR]["rate"]
        yield f"{name:<36}{each['rate']:>10,.0f}{ratio:>8.2f}{each['megabytes']:>10.0f}"
    times = found[AGAIN]["rate"] / found[FIRST]["rate"]
    yield f"{AGAIN}: {times:.2f} times as fast as {FIRST}"
