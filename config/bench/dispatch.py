"""What a tick of the dispatcher costs in a large table: to find and to take what is due."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from clinics.models import Clinic, Organization
from config.embedded.layout import WEB_ROLE
from integrations.models import Integration
from tenancy import scope
from writebacks import due
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.states import Status

#: One in so many rows is open, and one clinic has so many rows: 50,000 and 2,000 of 1,000,000.
OPEN_SHARE, ROWS_OF_CLINIC = 20, 500
CLINICS_OF_ORGANIZATION = 5
#: In the steady state the open ones come due evenly over this time: of 50,000, 300 in a tick.
PERIOD, TICK = timedelta(minutes=14), timedelta(seconds=5)
#: What is measured of all ticks, in percent.
SHARES = (50, 95)
#: Whose outcomes are asked for, an integration at a time.
ASKED_ABOUT = (Status.PENDING, Status.UNCONFIRMED, Status.COMPLETED)
START = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
#: Ticks before the clock starts, and the least that are measured.
WARM, LEAST = 5, 20

#: By their numbers within a clinic, from the oldest on. The open ones are the newest and so stand
#: together, as in any table that grows; the others have ended.
_FILL = """
    INSERT INTO pms_writebacks ({columns})
    SELECT {values} FROM pms_writebacks AS template,
        (SELECT id AS integration_id, clinic_id, organization_id,
                row_number() OVER (ORDER BY id) AS n FROM pms_integrations) AS integration,
        generate_series(%(first)s, %(last)s) AS place
    WHERE template.id = %(template)s
"""
_VALUES = {
    "id": "gen_random_uuid()",
    "organization_id": "integration.organization_id",
    "clinic_id": "integration.clinic_id",
    "integration_id": "integration.integration_id",
    "status": "CASE WHEN %(open)s THEN 'pending' ELSE 'completed' END",
    "idempotency_key": "concat(integration.n, ' ', place)",
    "external_id": "place::text",
    "created_external_id": "'A' || place",
    "due_at": "CASE WHEN %(open)s THEN %(start)s + random() * %(period)s END",
    "completed_at": "CASE WHEN NOT %(open)s THEN %(start)s END",
    "created_at": "%(start)s - (%(each)s - place) * interval '1 hour'",
}
#: The least that looking at as many due rows costs: in the order of the index, up to a batch.
_RANGE_SCAN = """
    SELECT integration_id, due_at FROM pms_writebacks
    WHERE status = %s AND due_at <= %s ORDER BY integration_id, due_at LIMIT %s
"""

_PUT_BACK = "UPDATE pms_writebacks SET due_at = %(start)s - random() * interval '1 hour'"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is due, and what workers do between two ticks; neither is measured."""

    status: Status
    prepare: str
    work: str


SCENARIOS = {
    # Each tick finds what came due since the one before, and workers keep pace.
    "some are due": Scenario(
        status=Status.PENDING,
        prepare="",
        work="UPDATE pms_writebacks SET due_at = due_at + %(period)s "
        "WHERE status = 'pending' AND due_at <= %(now)s;"
        "UPDATE pms_turns SET lease_until = NULL",
    ),
    # Workers take their turns, but no row gets done.
    "all are due for a check": Scenario(
        status=Status.PENDING,
        prepare=f"{_PUT_BACK} WHERE status = 'pending'",
        work="UPDATE pms_turns SET lease_until = NULL",
    ),
    "all are due to be sent": Scenario(
        status=Status.QUEUED,
        prepare=f"{_PUT_BACK}, status = 'queued' WHERE status = 'pending'",
        work=f"{_PUT_BACK} WHERE status = 'queued' AND due_at > %(now)s",
    ),
}


def hammer(number: int, seconds: float, rows: int) -> dict[str, float]:
    """Fill the table and let ticks go by as the application's role; returns milliseconds."""
    fill(rows)
    figures = {}
    for name, scenario in SCENARIOS.items():
        as_owner(scenario.prepare)
        # Else the first ticks would pay for the rows that the step before has left behind.
        as_owner("VACUUM ANALYZE pms_writebacks, pms_turns")
        with scope.everywhere():
            for what, times in ticks(scenario, seconds).items():
                for share in SHARES:
                    figures[f"{name}, {what}, {share}"] = percentile(times, share)
    connection.close()
    return figures


def ticks(scenario: Scenario, seconds: float) -> dict[str, list[float]]:
    """Let ticks and their floors take turns; returns how many milliseconds each took."""
    steps: dict[str, Callable[[datetime], None]] = {
        "as many bare statements": bare_statements,
        "as many rows of the index": partial(range_scan, scenario.status),
        "a tick": tick,
    }
    times: dict[str, list[float]] = defaultdict(list)
    now = START
    began = time.perf_counter()
    while time.perf_counter() < began + seconds or len(times["a tick"]) < WARM + LEAST:
        now += TICK
        for what, step in steps.items():
            started = time.perf_counter()
            step(now)
            times[what].append((time.perf_counter() - started) * 1000)
        with connection.cursor() as cursor:
            numbers: dict[str, Any] = {"start": START, "period": PERIOD, "now": now}
            cursor.execute(scenario.work, numbers)
    return {what: each[WARM:] for what, each in times.items()}


def tick(now: datetime) -> None:
    """All that the task `dispatch` does in the database."""
    due.lapse(now)
    due.hand_out_queued(now)
    for status in ASKED_ABOUT:
        due.hand_out_integrations(status, now)


def bare_statements(now: datetime) -> None:
    """As many round trips as a tick makes where nothing lapsed."""
    with connection.cursor() as cursor:
        for _ in range(2 + len(ASKED_ABOUT)):
            cursor.execute("SELECT %s", [now])
            cursor.fetchall()


def range_scan(status: Status, now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_RANGE_SCAN, [status.value, now, due.HAND_OUTS])
        cursor.fetchall()


def percentile(times: list[float], share: int) -> float:
    """Return the time that this share of all, in percent, did not pass."""
    return sorted(times)[math.ceil(len(times) * share / 100) - 1]


def fill(rows: int) -> None:
    """Make clinics and their writebacks, without entries of the audit."""
    clinics = max(1, rows // ROWS_OF_CLINIC)
    organizations = Organization.objects.bulk_create(
        Organization(name=f"Bench {n}") for n in range(-(-clinics // CLINICS_OF_ORGANIZATION))
    )
    made = Clinic.objects.bulk_create(
        Clinic(
            organization=organizations[n // CLINICS_OF_ORGANIZATION], name=f"{n}", timezone="UTC"
        )
        for n in range(clinics)
    )
    integrations = Integration.objects.bulk_create(
        Integration(
            organization_id=clinic.organization_id,
            clinic=clinic,
            pms="sikka",
            base_url="http://127.0.0.1:9",
            account=clinic.name,
        )
        for clinic in made
    )
    first = integrations[0]
    template = Writeback(
        organization_id=first.organization_id,
        clinic_id=first.clinic_id,
        integration=first,
        operation=Operation.BOOK,
        command={"description": "Check-up, and some more words of a usual request." * 5},
        method="POST",
        endpoint="/appointment",
        request_body={"description": "Check-up, and some more words of a usual request." * 5},
        request_hash="0" * 64,
        attempts=1,
    )
    template.save(force_insert=True)
    columns = [str(field.column) for field in Writeback._meta.concrete_fields]
    values = [_VALUES.get(column, f"template.{column}") for column in columns]
    statement = _FILL.format(columns=", ".join(columns), values=", ".join(values))
    ended = ROWS_OF_CLINIC - ROWS_OF_CLINIC // OPEN_SHARE
    for first_place, last_place, is_open in (1, ended, False), (ended + 1, ROWS_OF_CLINIC, True):
        as_owner(
            statement,
            first=first_place,
            last=last_place,
            open=is_open,
            each=ROWS_OF_CLINIC,
            template=template.pk,
            period=PERIOD,
        )
    as_owner("DELETE FROM pms_writebacks WHERE id = %(template)s", template=template.pk)


def as_owner(statement: str, **numbers: Any) -> None:
    """Run it as the owner of the tables, without entries of the audit; then be the worker again."""
    with scope.within(None), connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        if statement.startswith("VACUUM"):
            cursor.execute(statement)
        elif statement:
            cursor.execute("ALTER TABLE pms_writebacks DISABLE TRIGGER USER")
            cursor.execute(statement, {"start": START, **numbers})
            cursor.execute("ALTER TABLE pms_writebacks ENABLE TRIGGER USER")
        cursor.execute(f"SET ROLE {WEB_ROLE}")


def table(figures: dict[str, float]) -> Iterator[str]:
    """The figures: a line for each thing measured."""
    yield f"{'milliseconds':<52}{'p50':>10}{'p95':>10}"
    for name in dict.fromkeys(name.rpartition(",")[0] for name in figures):
        yield f"{name:<52}" + "".join(f"{figures[f'{name}, {share}']:>10.1f}" for share in SHARES)
