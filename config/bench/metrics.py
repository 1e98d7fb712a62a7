"""What it costs to ask for a clinic's numbers where there are a million appointments.

The web is the product's own process on loopback; it is asked at a steady rate, each time counted
from when the question was due, so that a slow answer does not hide the wait of the next. Beside it,
in one process and without HTTP, the same numbers from the rollups and from the appointments.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.utils import timezone

from accounts import tokens
from clinics.models import Clinic, Membership, Organization, Role, User
from config.bench import asking, rig
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from metrics import calendar, overview, rollups
from metrics.recounting import recount
from sync.models import Cursor
from tenancy import scope

CLINICS: Final = 200
#: Appointments of a patient.
VISITS: Final = 5
#: Appointments lie over two years, six weeks of them yet to come.
PAST, COMING = timedelta(days=688), timedelta(days=42)
#: Questions a second at the steady rate; and of the page, which more people look at than load.
RATE, PAGES = 50.0, 5.0
SHARES: Final = (50, 95, 99)

_PATIENTS: Final = """
    INSERT INTO clinics_patient (id, organization_id, clinic_id, external_id, payload_hash,
        sync_status, sync_errors, created_at, updated_at, first_name, last_name, email, phone,
        other_phone, is_active, guarantor_id, merged_into_id, phone_index, other_phone_index,
        email_index, name_index)
    SELECT gen_random_uuid(), clinic.organization_id, clinic.id, number::text, '', 'synced', '',
        now(), now(), '', '', '', '', '', true, '', '', '', '', '', ''
    FROM clinics_clinic AS clinic, generate_series(1, %(patients)s) AS number
"""
#: Starts at full and half hours of a working day; a patient comes as it falls out.
_APPOINTMENTS: Final = """
    WITH patient AS (
        SELECT id, organization_id, clinic_id, row_number() OVER () AS number
        FROM clinics_patient
    ),
    made AS (
        SELECT patient.*, visit, random() AS luck, date_trunc('day', %(now)s - %(past)s
            + random() * (%(past)s + %(coming)s)) + interval '13 hours'
            + floor(random() * 16) * interval '30 minutes' AS starts_at
        FROM patient, generate_series(1, %(each)s) AS visit
    )
    INSERT INTO clinics_appointment (id, organization_id, clinic_id, external_id, payload_hash,
        sync_status, sync_errors, created_at, updated_at, made_at, patient_id, unresolved,
        starts_at, ends_at, status, pms_status, description)
    SELECT gen_random_uuid(), organization_id, clinic_id, number || ' ' || visit, '', 'synced', '',
        now(), now(), starts_at - random() * interval '30 days', id, '{}',
        starts_at, starts_at + interval '30 minutes',
        CASE WHEN luck < 0.1 THEN 'cancelled' WHEN luck < 0.15 AND starts_at < %(now)s
            THEN 'noshow' ELSE 'booked' END, '', ''
    FROM made
"""
#: The same numbers without rollups.
_RAW: Final = """
    WITH own AS (
        SELECT patient_id, status, (starts_at AT TIME ZONE %(zone)s)::date AS date,
            extract(hour FROM starts_at AT TIME ZONE %(zone)s) AS hour
        FROM clinics_appointment WHERE clinic_id = %(clinic)s AND removed_at IS NULL
    ),
    visits AS (SELECT patient_id, date FROM own WHERE status = ANY (%(visits)s))
    SELECT
        (SELECT count(*) FROM own WHERE status = ANY (%(booked)s)
            AND date BETWEEN %(first)s AND %(last)s),
        (SELECT count(*) FROM own WHERE status = ANY (%(booked)s)
            AND date BETWEEN %(previous_first)s AND %(previous_last)s),
        (SELECT count(DISTINCT patient_id) FROM visits
            WHERE date > %(today)s - 365 AND date <= %(today)s),
        (SELECT count(*) FROM (SELECT min(date) AS first FROM visits GROUP BY patient_id) AS new
            WHERE first BETWEEN %(first)s AND %(last)s),
        (SELECT count(*) FROM own WHERE status = 'noshow'
            AND date BETWEEN %(first)s AND %(last)s),
        (SELECT json_agg(day) FROM (SELECT date, count(*) FROM own WHERE status = ANY (%(booked)s)
            AND date BETWEEN %(first)s AND %(last)s GROUP BY date) AS day),
        (SELECT json_agg(peak) FROM (SELECT extract(isodow FROM date), hour, count(*) FROM own
            WHERE status = ANY (%(booked)s) AND date BETWEEN %(first)s AND %(last)s
            GROUP BY 1, 2) AS peak)
"""

Figures = dict[str, float]


def figures(appointments: int, seconds: float) -> Figures:
    """Fill, add up, and ask; returns milliseconds, rates and counts by name."""
    found = rig.measure(prepare, 1, 0, appointments)
    found |= rig.measure(without_http, 1, seconds)
    with asking.web() as port:
        found |= rig.measure(over_http, 1, seconds, port)
    return found


def prepare(number: int, seconds: float, appointments: int) -> Figures:
    """As the owner of the tables: make all rows, and add them up as `manage.py metrics rebuild`."""
    now = timezone.now()
    user = User.objects.create_user("bench", password=None, is_staff=True)
    patients = max(1, appointments // (CLINICS * VISITS))
    for place in range(CLINICS):
        if place % 20 == 0:
            owner = Organization.objects.create(name=f"Bench {place}")
            Membership.objects.create(user=user, organization=owner, role=Role.CLINIC_ADMIN)
        clinic = Clinic.objects.create(
            organization=owner, name=f"Bench {place}", timezone="America/New_York"
        )
        integration = Integration.objects.create(
            organization=owner, clinic=clinic, pms="rest", base_url="http://127.0.0.1:9",
            account=f"bench {place}", credential={"token": "invented"},
            status=IntegrationStatus.ACTIVE, imported_at=now,
        )  # fmt: skip
        Cursor.objects.create(
            organization=owner, integration=integration, resource=Resource.APPOINTMENTS,
            read_until=now, looked_at=now,
        )  # fmt: skip
    values: dict[str, Any] = {
        "patients": patients,
        "each": VISITS,
        "now": now,
        "past": PAST,
        "coming": COMING,
    }
    with connection.cursor() as cursor:
        for table in ("clinics_patient", "clinics_appointment"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(_PATIENTS, values)
        cursor.execute(_APPOINTMENTS, values)
        made = cursor.rowcount
        for table in ("clinics_patient", "clinics_appointment"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        cursor.execute("ANALYZE")
    began = time.perf_counter()
    for clinic in Clinic.objects.all():
        with scope.organizations(clinic.organization_id):
            recount(clinic, now, anew=True)
    spent = time.perf_counter() - began
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return {"appointments": made, "added up a second": made / spent}


def without_http(number: int, seconds: float) -> Figures:
    """Ask for the numbers of a month from rollups and from appointments, taking turns."""
    now = timezone.now()
    clinics = list(Clinic.objects.order_by("pk"))
    took: dict[str, list[float]] = {"rollups": [], "appointments": []}
    until = time.perf_counter() + seconds
    chance = random.Random(number)  # noqa: S311
    connection.ensure_connection()
    while time.perf_counter() < until:
        clinic = chance.choice(clinics)
        today = now.astimezone(clinic.zone).date()
        period = calendar.month(today)
        asked = [overview.Asked(clinic.pk, period, today)]
        with scope.organizations(clinic.organization_id):
            began = time.perf_counter()
            overview.of(asked)
            between = time.perf_counter()
            raw(clinic, period, today)
            took["rollups"].append(between - began)
            took["appointments"].append(time.perf_counter() - between)
    return {
        f"{name} p{share}": percentile(spent, share)
        for name, spent in took.items()
        for share in SHARES
    }


def raw(clinic: Clinic, period: calendar.Period, today: Any) -> Any:
    """Ask the appointments themselves."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RAW,
            {
                "clinic": clinic.pk, "zone": clinic.timezone, "today": today,
                "first": period.first, "last": period.last,
                "previous_first": period.previous_first, "previous_last": period.previous_last,
                "booked": list(rollups.BOOKED), "visits": list(rollups.VISITS),
            },
        )  # fmt: skip
        return cursor.fetchone()


def over_http(number: int, seconds: float, port: int) -> Figures:
    """Ask the web for numbers and pages at a steady rate, and for numbers as fast as it can."""
    user = User.objects.get(username="bench")
    bearer = {"Authorization": f"Bearer {tokens.log_in(user, timezone.now()).access}"}
    clinics = [str(pk) for pk in Clinic.objects.values_list("pk", flat=True)]
    chance = random.Random(number)  # noqa: S311

    def numbers() -> str:
        period = chance.choice(("week", "month"))
        return f"/api/v1/clinics/{chance.choice(clinics)}/metrics?period={period}"

    def page() -> str:
        return f"/admin/clinics/clinic/{chance.choice(clinics)}/metrics/"

    found: Figures = {}
    for name, rate, address, headers in (
        ("GET metrics", RATE, numbers, bearer),
        ("live page", PAGES, page, {"Cookie": f"sessionid={session_of(user)}"}),
    ):
        asking.steady(port, rate, 2, address, headers)  # warm
        took, failed = asking.steady(port, rate, seconds, address, headers)
        found |= {f"{name} p{share}": percentile(took, share) for share in SHARES}
        found |= {f"{name} failed": failed, f"{name} asked": len(took) + failed}
    found["GET metrics, at most a second"] = asking.saturated(port, seconds, numbers, bearer)
    return found


def session_of(user: User) -> str:
    """Return the key of an admin session of a person."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def percentile(took: list[float], share: int) -> float:
    """Return in milliseconds what this share, in percent, stayed below."""
    return 1000 * statistics.quantiles(took, n=100, method="inclusive")[share - 1]


def table(found: Figures) -> Iterator[str]:
    """The figures; the share is of what the same question costs without rollups."""
    yield f"{found['appointments']:,.0f} appointments over {CLINICS} clinics"
    yield f"added up anew: {found['added up a second']:,.0f} appointments a second"
    yield f"{'milliseconds':<44}" + "".join(f"{f'p{share}':>8}" for share in SHARES)
    for name, words in (
        ("rollups", "a month from the rollups, no HTTP"),
        ("appointments", "a month from the appointments, no HTTP"),
        ("GET metrics", f"GET metrics, {RATE:g} a second"),
        ("live page", f"the live page, {PAGES:g} a second"),
    ):
        yield f"{words:<44}" + "".join(f"{found[f'{name} p{share}']:>8.1f}" for share in SHARES)
    for name in ("GET metrics", "live page"):
        yield f"{name}: {found[f'{name} asked']:.0f} asked, {found[f'{name} failed']:.0f} failed"
    yield f"GET metrics at most: {found['GET metrics, at most a second']:.0f} a second"
    ratio = found["appointments p50"] / found["rollups p50"]
    yield f"rollups: {ratio:.1f} times as fast as the appointments"
