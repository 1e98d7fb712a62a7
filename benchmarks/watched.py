"""Changes at clinics that many watch: how soon each socket is told, and whether any is left out."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from datetime import timedelta
from typing import Any

import psutil  # type: ignore[import-untyped]
from django.db import transaction
from django.utils import timezone

from benchmarks import programs, sockets
from benchmarks.sockets import Watching
from clinics.models import (
    Appointment,
    AppointmentStatus,
    Clinic,
    Location,
    Membership,
    Operatory,
    Organization,
    Patient,
    Practitioner,
    Role,
    User,
)
from config.demo.seed import seed
from integrations.models import Integration
from integrations.sandbox import RunningSandbox
from integrations.sandbox import running as sandbox_running
from metrics.models import Standing
from sync import wanting
from sync.models import SyncRun
from tenancy import scope
from writebacks import keeping
from writebacks.models import Writeback
from writebacks.operations import Operation

CLINICS, PEOPLE = 10, 20
#: Of each clinic, over half a year.
APPOINTMENTS = 2_000
#: Confirmed writebacks one after the other, and changes of all clinics in quick succession.
ONE_BY_ONE, QUICK = 25, 100
CALLBACK_KEY = "an-invented-callback-key"

Change = tuple[float, int]


def measure(number: int, seconds: float) -> dict[str, float]:
    """Return all figures by name; to be called in a process of its own."""
    with scope.acting("bench"), scope.all_tenants():
        clinics = [_clinic(each) for each in range(CLINICS)]
    tokens = _tokens(clinics)
    with (
        sandbox_running(seed=7) as sandbox,
        programs.running(SIKKA_CALLBACK_KEYS=CALLBACK_KEY) as running,
    ):
        seed(sandbox.address, lambda text: None)
        return asyncio.run(_measured(running, sandbox, clinics, tokens))


async def _measured(
    running: programs.Programs,
    sandbox: RunningSandbox,
    clinics: list[Clinic],
    tokens: dict[Any, list[str]],
) -> dict[str, float]:
    web = psutil.Process(running.web.pid)
    found = {"lost": 0.0}
    one = clinics[0]
    await asyncio.to_thread(_counted, clinics)
    found["megabytes before"] = web.memory_info().rss / 2**20
    watching = await sockets.open_all(running.address, _spread([one], tokens, 100))
    changes = []
    for each in range(ONE_BY_ONE):
        changes.append(await asyncio.to_thread(_book, one, each))
        await asyncio.sleep(0.7)
    await _settle(watching, {str(one.pk): changes[-1][1]})
    found |= _figures("booked", watching, {str(one.pk): changes})
    found["lost"] += _lost(watching, {str(one.pk): changes[-1][1]})
    await sockets.close_all()
    found |= await _hooked(running, sandbox)
    found |= await _crowd(running, web, clinics, tokens, found)
    return found


async def _crowd(
    running: programs.Programs,
    web: psutil.Process,
    clinics: list[Clinic],
    tokens: dict[Any, list[str]],
    before: dict[str, float],
) -> dict[str, float]:
    """A thousand sockets, while all clinics change."""
    began = time.perf_counter()
    watching = await sockets.open_all(running.address, _spread(clinics, tokens, 1_000))
    found = {"opening": time.perf_counter() - began}
    found["megabytes with 1,000"] = web.memory_info().rss / 2**20
    changes: dict[str, list[Change]] = {str(each.pk): [] for each in clinics}
    for each in range(QUICK):
        clinic = clinics[each % len(clinics)]
        changes[str(clinic.pk)].append(await asyncio.to_thread(_book, clinic, 1_000 + each))
        await asyncio.sleep(0.2)
    last = {clinic: told[-1][1] for clinic, told in changes.items()}
    await _settle(watching, last)
    found |= _figures("crowd", watching, changes)
    found["lost"] = before["lost"] + _lost(watching, last)
    await sockets.close_all()
    return found


async def _hooked(running: programs.Programs, sandbox: RunningSandbox) -> dict[str, float]:
    """One change in the simulated PMS that a webhook tells of."""
    integration, tokens = await asyncio.to_thread(_demo)
    clinic = integration.clinic
    await asyncio.to_thread(_counted, [clinic])
    watching = await sockets.open_all(running.address, _spread([clinic], tokens, 100))
    before = watching[0].bookings
    had = await asyncio.to_thread(_change_in_pms, sandbox, integration)
    hook = time.perf_counter()
    url = f"http://{running.address}/hooks/sikka"
    options = {"callback_key": CALLBACK_KEY}
    await asyncio.to_thread(
        lambda: sandbox.control.webhook(integration.account, url, "appointments", **options)
    )
    stored = await asyncio.to_thread(_stored, integration, had)
    wanted = {str(clinic.pk): before + 1}
    await _settle(watching, wanted)
    found = _figures("page", watching, {str(clinic.pk): [(stored, before + 1)]})
    found |= _figures("hook", watching, {str(clinic.pk): [(hook, before + 1)]})
    await sockets.close_all()
    return found


# --- Figures -------------------------------------------------------------------------------------


def _figures(
    name: str, watching: list[Watching], changes: dict[str, list[Change]]
) -> dict[str, float]:
    spent = sorted(took for each in watching for took in each.took(changes[each.clinic]))
    cuts = statistics.quantiles(spent, n=20) if math.isfinite(spent[-1]) else [math.inf] * 19
    count = max(len(each) for each in changes.values()) * len(changes)
    return {
        f"{name} p50": statistics.median(spent),
        f"{name} p95": cuts[18],
        f"{name} max": spent[-1],
        f"{name} changes": count,
    }


def _lost(watching: list[Watching], last: dict[str, int]) -> int:
    return sum(each.ended != "" or each.bookings != last[each.clinic] for each in watching)


async def _settle(watching: list[Watching], last: dict[str, int], seconds: float = 20) -> None:
    """Return when all have the last state, or time is up."""
    deadline = time.monotonic() + seconds
    while _lost(watching, last) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)


def _spread(
    clinics: list[Clinic], tokens: dict[Any, list[str]], count: int
) -> list[tuple[str, str]]:
    """Return whom to open sockets for: so many, evenly over clinics and their people."""
    pairs = []
    for each in range(count):
        clinic = clinics[each % len(clinics)]
        of_clinic = tokens[clinic.pk]
        pairs.append((str(clinic.pk), of_clinic[each // len(clinics) % len(of_clinic)]))
    return pairs


# --- What is watched -----------------------------------------------------------------------------


def _clinic(number: int) -> Clinic:
    organization = Organization.objects.create(name=f"Bench {number}")
    with scope.organizations(organization.pk):
        clinic = Clinic.objects.create(
            organization=organization, name=f"Bench {number}", timezone="America/New_York"
        )
        common = {"organization": organization, "clinic": clinic}
        Integration.objects.create(
            **common, pms="rest", base_url="http://127.0.0.1:9", account=f"bench-{number}",
            credential={"token": "invented"}, is_sandbox=True,
        )  # fmt: skip
        Patient.objects.create(**common, external_id="1", first_name="Ada", last_name="Invented")
        Practitioner.objects.create(**common, external_id="1", last_name="Dentist")
        Operatory.objects.create(**common, external_id="1", name="Chair 1")
        Location.objects.create(**common, external_id="1", name="Site", timezone="America/New_York")
        first = timezone.now() - timedelta(days=150)
        Appointment.objects.bulk_create(
            Appointment(
                **common,
                external_id=f"old-{each}",
                starts_at=first + timedelta(hours=2 * each),
                ends_at=first + timedelta(hours=2 * each, minutes=30),
                status=AppointmentStatus.BOOKED,
            )
            for each in range(APPOINTMENTS)
        )
    return clinic


def _tokens(clinics: list[Clinic]) -> dict[Any, list[str]]:
    """Return tokens of some people of each clinic."""
    return {each.pk: _tokens_of(each.organization, f"bench {each.name}") for each in clinics}


def _tokens_of(organization: Organization, name: str) -> list[str]:
    from accounts import tokens

    found = []
    with scope.organizations(organization.pk):
        for each in range(PEOPLE):
            user = User.objects.create(username=f"{name} {each}", password="!")  # noqa: S106
            Membership.objects.create(user=user, organization=organization, role=Role.READ_ONLY)
            found.append(tokens.log_in(user, timezone.now()).access)
    return found


def _counted(clinics: list[Clinic]) -> None:
    """Have all counted by the worker, and wait for it."""
    from metrics import tasks

    for each in clinics:
        tasks.ask(each.pk)
    deadline = time.monotonic() + 60
    with scope.everywhere():
        while Standing.objects.filter(
            clinic__in=clinics, is_outdated=False, version__gt=0
        ).count() < len(clinics):
            if time.monotonic() > deadline:
                raise RuntimeError("the worker counts nothing")
            time.sleep(0.2)


def _book(clinic: Clinic, number: int) -> Change:
    """Keep a confirmed booking of today; return when it was committed and what it makes."""
    committed: list[float] = []
    with scope.organizations(clinic.organization_id):
        start = timezone.now().astimezone(clinic.zone).replace(hour=12, minute=0)
        asked = {
            "patient": str(clinic.patients.values_list("pk", flat=True)[0]),
            "practitioner": str(clinic.practitioners.values_list("pk", flat=True)[0]),
            "operatory": str(clinic.operatories.values_list("pk", flat=True)[0]),
            "location": str(clinic.locations.values_list("pk", flat=True)[0]),
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=30)).isoformat(),
            "description": "Check-up",
        }
        writeback = Writeback(
            organization_id=clinic.organization_id, clinic=clinic, operation=Operation.BOOK,
            command=asked, created_external_id=f"new-{number}",
        )  # fmt: skip
        with transaction.atomic():
            transaction.on_commit(lambda: committed.append(time.perf_counter()))
            keeping.keep(writeback, timezone.now())
        return committed[0], _bookings_of_week(clinic)


def _bookings_of_week(clinic: Clinic) -> int:
    """Return how many bookings this week has, by the rows themselves."""
    today = (
        timezone.now().astimezone(clinic.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    )
    monday = today - timedelta(days=today.weekday())
    return Appointment.objects.filter(
        clinic=clinic, starts_at__gte=monday, starts_at__lt=monday + timedelta(days=7),
        status=AppointmentStatus.BOOKED,
    ).count()  # fmt: skip


def _demo() -> tuple[Integration, dict[Any, list[str]]]:
    """Return a practice of the simulated PMS, and tokens of people who watch it."""
    with scope.everywhere():
        integration = Integration.objects.filter(pms="sikka").select_related("clinic")[0]
    tokens = _tokens_of(integration.clinic.organization, "bench demo")
    with scope.organizations(integration.organization_id):
        # As if its first reading were not just over: runs by webhooks keep a minute apart.
        SyncRun.objects.update(created_at=timezone.now() - 5 * wanting.APART)
    return integration, {integration.clinic_id: tokens}


def _change_in_pms(sandbox: RunningSandbox, integration: Integration) -> int:
    """Have the practice's own people book somebody in; return how many visits we know of."""
    with scope.organizations(integration.organization_id):
        like = Appointment.objects.filter(clinic=integration.clinic, patient__isnull=False)
        visit = like.select_related("patient", "practitioner", "operatory", "location")[0]
        had = Appointment.objects.filter(clinic=integration.clinic).count()
    now = timezone.now().astimezone(integration.clinic.zone).replace(second=0, microsecond=0)
    sandbox.control.change(
        integration.account, "appointment", "create",
        patient_id=visit.patient.external_id,  # type: ignore[union-attr]
        practitioner_id=visit.practitioner.external_id,  # type: ignore[union-attr]
        starts_at=now.isoformat(), minutes=30,
    )  # fmt: skip
    return had


def _stored(integration: Integration, had: int) -> float:
    """Return when the change was found in our own rows, looking a hundred times a second."""
    deadline = time.monotonic() + 30
    with scope.organizations(integration.organization_id):
        while Appointment.objects.filter(clinic=integration.clinic).count() == had:
            if time.monotonic() > deadline:
                raise RuntimeError("the change in the PMS was not read")
            time.sleep(0.01)
    return time.perf_counter()
