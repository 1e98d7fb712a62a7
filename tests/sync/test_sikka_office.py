"""Taking over whole clinics from the sandbox, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from clinics.models import (
    Appointment,
    Clinic,
    Location,
    Operatory,
    Organization,
    Patient,
    Practitioner,
)
from integrations.contract import Priority
from integrations.http.errors import NotAuthorized
from integrations.models import BudgetWindow, Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.sandbox import RunningSandbox, running
from integrations.session import open_session
from sync import by_hand
from sync.models import Checkpoint, SyncRun
from sync.requesting import Wanted
from sync.states import Status
from tests import make
from tests.conftest import START, Clock
from tests.integrations.lists import records

TABLES = (Location, Practitioner, Operatory, Patient, Appointment)


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    with running(seed=7) as sandbox:
        yield sandbox


@pytest.fixture
def linked(
    transactional_db: None, sandbox: RunningSandbox, organization: Organization
) -> list[Integration]:
    """Both offices of the sandbox, connected and not yet read."""
    offer = sandbox.credentials
    return [
        make.integration(
            make.clinic(organization, office["timezone"]),
            base_url=sandbox.url,
            account=office["office_id"],
            credential={
                "app_id": offer["app_id"],
                "app_key": offer["app_key"],
                "secret_key": office["secret_key"],
            },
            status=IntegrationStatus.SETUP_REQUIRED,
            access_key="",
            refresh_key="",
            key_expires_at=None,
        )
        for office in offer["offices"]
    ]


def sync(integration: Integration) -> SyncRun:
    """A full sync, as far as it gets."""
    wanted = Wanted(is_full=True, is_forced=True)
    return by_hand.carry_out(integration, wanted, timezone.now)


def take_over(integration: Integration) -> Checkpoint:
    """A full sync that ends well, by its counts."""
    run = sync(integration)
    assert (run.status, run.error_message) == (Status.COMPLETED, "")
    return run.checkpoint


def counted(key_starts: str) -> int:
    """The calls that our own table knows of."""
    windows = BudgetWindow.objects.filter(key__startswith=key_starts)
    return sum(window.used for window in windows)


def rows() -> list[Any]:
    return [list(table.objects.order_by("pk").values()) for table in TABLES]


def test_everything_of_both_offices_is_taken_over(linked: list[Integration]) -> None:
    for integration in linked:
        counts = take_over(integration)
        clinic, local_day = integration.clinic, START.astimezone(integration.clinic.zone).date()
        ahead = Appointment.objects.filter(clinic=clinic, starts_at__date__gt=local_day)

        assert counts.created == counts.records
        assert Patient.objects.filter(clinic=clinic).count() == 650
        assert ahead.count() == 87
        assert clinic.appointments.count() == 87 + 60
        integration.refresh_from_db()
        assert (integration.status, integration.error_message) == (IntegrationStatus.ACTIVE, "")

    assert [Location.objects.filter(clinic=one.clinic).count() for one in linked] == [1, 2]
    zones = [set(one.clinic.locations.values_list("timezone", flat=True)) for one in linked]
    assert zones == [{"America/New_York"}, {"America/Los_Angeles"}]


def test_every_appointment_has_its_people_and_its_site_of_the_same_clinic(
    linked: list[Integration],
) -> None:
    for integration in linked:
        take_over(integration)
    unresolved = Appointment.objects.filter(patient=None) | Appointment.objects.filter(
        practitioner=None
    )
    assert unresolved.count() == 0
    found = Appointment.objects.select_related("patient", "practitioner", "location", "operatory")
    clinics = {
        (one.clinic_id, one.patient.clinic_id, one.practitioner.clinic_id, one.location.clinic_id,
         one.operatory.clinic_id)
        for one in found
    }  # fmt: skip
    assert clinics == {(one.clinic_id,) * 5 for one in linked}


def test_times_are_the_practices_wall_clock(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    take_over(linked[1])
    los_angeles = ZoneInfo("America/Los_Angeles")
    hours = {one.starts_at.astimezone(los_angeles).hour for one in Appointment.objects.all()}
    assert min(hours) >= 8
    assert max(hours) < 17


def test_our_count_of_calls_is_the_sandboxs_own(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    for integration in linked:
        take_over(integration)

    calls = sandbox.control.calls()
    asked = [call["path"].removeprefix("/sikka/v4") for call in calls]
    of_an_office = [call for call in calls if call["office_id"]]
    assert asked[:9] == [
        "/authorized_practices", "/request_key", "/providers", "/practices", "/operatories",
        "/writeback_details", "/patients", "/appointments", "/appointments",
    ]  # fmt: skip
    assert {call["status"] for call in calls} == {200}
    assert counted("application:") == len(calls) == 18
    assert counted("integration:") == len(of_an_office) == 16
    for integration in linked:
        books = sandbox.control.books(integration.account)["offices"][integration.account]
        assert counted(integration.practice_counter().key) == books["calls"] == 8


def test_nobody_waits_for_an_import_so_it_leaves_the_reserve(linked: list[Integration]) -> None:
    take_over(linked[0])
    used = BudgetWindow.objects.get(key=linked[0].practice_counter().key)
    assert (used.used_high, used.used_low) == (0, 8)


def test_a_second_import_writes_nothing(
    sandbox: RunningSandbox, linked: list[Integration], clock: Clock
) -> None:
    first = take_over(linked[0])
    before = rows()
    clock.advance(3600)
    second = take_over(linked[0])

    assert (second.unchanged, second.created, second.updated) == (first.created, 0, 0)
    assert rows() == before
    keys_issued = [call for call in sandbox.control.calls() if "request_key" in call["path"]]
    assert len(keys_issued) == 1, "the first import's key is used again"


def test_a_key_that_ends_in_the_middle_is_renewed_and_nothing_is_missed(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    integration = linked[0]
    take_over(integration)
    before = rows()
    sandbox.control.expire_keys(integration.account)
    assert take_over(integration).created == 0
    assert rows() == before


def test_a_key_that_the_pms_has_forgotten_is_replaced(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    take_over(linked[0])
    sandbox.control.reset()
    assert take_over(linked[0]).created == 0


@pytest.mark.parametrize(
    ("fault", "error", "attempts"),
    [("throttled", "throttled", 1), ("error", "no_answer", 3), ("lost_answer", "no_answer", 3)],
)
def test_what_was_stored_before_the_pms_stopped_answering_stays(
    sandbox: RunningSandbox,
    linked: list[Integration],
    clock: Clock,
    fault: str,
    error: str,
    attempts: int,
) -> None:
    sandbox.control.fault("GET /appointments", fault, count=attempts)
    run = sync(linked[0])
    assert (run.status, run.waiting_for) == (Status.WAITING, error)
    assert Patient.objects.count() == 650
    assert Appointment.objects.count() == 0
    linked[0].refresh_from_db()
    assert linked[0].status == IntegrationStatus.SETUP_REQUIRED, "the import is not finished"
    asked = [call for call in sandbox.control.calls() if "appointments" in call["path"]]
    assert len(asked) == attempts

    clock.advance(60)  # the vendor's minute, which a 429 closes
    assert sync(linked[0]).pk == run.pk, "the run that waited goes on"
    assert Appointment.objects.count() == 87 + 60
    assert Patient.objects.count() == 650


def test_a_wrong_secret_is_shown_on_the_integration(linked: list[Integration]) -> None:
    integration = linked[0]
    integration.credential["secret_key"] = "wrong-secret"
    integration.save()
    assert sync(integration).status == Status.FAILED
    integration.refresh_from_db()
    assert integration.status == IntegrationStatus.ERROR
    assert integration.error_message == (
        "Sikka answered 401 API2003: check the integration's credential and rights."
    )
    assert Patient.objects.count() == 0


def test_a_session_counts_its_calls_and_opens_no_connection_by_itself(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    session = open_session(linked[0], Priority.HIGH)
    assert (session.calls, sandbox.control.calls()) == (0, [])
    assert len(records(session.adapter, Resource.PRACTITIONERS)) == 4
    assert session.calls == len(sandbox.control.calls()) == 2
    assert counted("application:") == 2


def test_an_incomplete_credential_is_told_and_costs_no_call(
    sandbox: RunningSandbox, clinic: Clinic
) -> None:
    integration = make.integration(clinic, base_url=sandbox.url, credential={"app_id": "a"})
    with pytest.raises(NotAuthorized, match="lacks app_key, secret_key"):
        open_session(integration, Priority.LOW)
    assert sandbox.control.calls() == []


def test_the_session_spends_in_the_window_of_its_own_clock(
    sandbox: RunningSandbox, linked: list[Integration]
) -> None:
    later = datetime.fromisoformat("2030-03-05T18:30:00+00:00")
    session = open_session(linked[0], Priority.LOW, lambda: later)
    session.tokens.current()
    window = BudgetWindow.objects.get(key=linked[0].practice_counter().key)
    assert window.starts_at == datetime.fromisoformat("2030-03-05T18:00:00+00:00")
