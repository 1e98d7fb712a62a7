"""What a change and a question cost in a large clinic: by the index, and few queries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from clinics.models import Appointment, AppointmentStatus, Clinic
from metrics import figures
from metrics.calendar import month, week
from metrics.recounting import recount

NOW = datetime(2030, 3, 5, 15, tzinfo=UTC)
APPOINTMENTS, PATIENTS = 50_000, 2_500
_FILL = f"""
    INSERT INTO clinics_patient (id, organization_id, clinic_id, external_id, payload_hash,
        sync_status, sync_errors, created_at, updated_at, first_name, last_name, email, phone,
        other_phone, is_active, guarantor_id, merged_into_id, phone_index, other_phone_index,
        email_index, name_index)
    SELECT md5('patient ' || n)::uuid, %(organization)s, %(clinic)s, 'p' || n, '', 'synced', '',
        %(now)s, %(now)s, '', '', '', '', '', true, '', '', '', '', '', ''
    FROM generate_series(1, {PATIENTS}) AS n;
    INSERT INTO clinics_appointment (id, organization_id, clinic_id, external_id, payload_hash,
        sync_status, sync_errors, created_at, updated_at, patient_id, unresolved, starts_at,
        ends_at, status, pms_status, description)
    SELECT gen_random_uuid(), %(organization)s, %(clinic)s, 'a' || n, '', 'synced', '', %(now)s,
        %(now)s, md5('patient ' || 1 + (n * 7919) %% {PATIENTS})::uuid, '{{{{}}}}', start,
        start + interval '20 minutes', 'booked', '', ''
    FROM generate_series(1, {APPOINTMENTS}) AS n
    CROSS JOIN LATERAL (SELECT %(now)s::timestamptz - n * interval '52 minutes') AS at (start);
    SET CONSTRAINTS ALL IMMEDIATE;
""".replace("{{}}", "{}")  # noqa: S608 (numbers of our own)


@pytest.fixture
def large(clinic: Clinic) -> Clinic:
    """A clinic with five years of appointments, all added up."""
    values = {"organization": clinic.organization_id, "clinic": clinic.pk, "now": NOW}
    tables = ("clinics_patient", "clinics_appointment")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in _FILL.split(";\n")[:-1]:
            cursor.execute(statement, values)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")
    recount(clinic, NOW)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return clinic


@pytest.mark.django_db
def test_one_change_is_counted_by_the_index(large: Clinic) -> None:
    one = Appointment.objects.filter(clinic=large).order_by("starts_at")[25_000]
    one.status = AppointmentStatus.NO_SHOW
    one.save()
    statements: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "clinics_appointment" in sql:
            statements.append((sql, params))
        return execute(sql, params, many, context)

    # Before the one that carries the scope: an EXPLAIN has no place for that.
    connection.execute_wrappers.insert(0, note)
    try:
        recount(large, NOW)
    finally:
        connection.execute_wrappers.remove(note)
    assert len(statements) == 3  # what it affects, days, hours
    with connection.cursor() as cursor:
        for sql, params in statements:
            cursor.execute(f"EXPLAIN {sql}", params)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "Seq Scan on clinics_appointment" not in plan, plan
            assert "Index" in plan
    booked = figures.of(large, week(one.starts_at.date()), NOW.date())
    assert booked["missedAppointments"] == 1


@pytest.mark.django_db
def test_a_question_is_one_query_however_large_the_clinic(
    large: Clinic, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        told = figures.of(large, month(NOW.date()), NOW.date())
    # One every 52 minutes of 106 hours.
    assert told["totalBookings"] == 122
    assert told["activePatients"] == PATIENTS
