"""The log of calls: what was asked, when and how it went, without who it was about; and its end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from celery.schedules import schedule
from django.conf import settings as frontdesk
from django.db import IntegrityError, transaction

from clinics import pruning
from integrations.adapters.sikka import answers
from integrations.contract import Priority, Scope
from integrations.http import budget
from integrations.http.client import without_identifiers
from integrations.http.errors import BudgetExhausted, PmsError
from integrations.models import BudgetCap, BudgetWindow, Call, Integration
from integrations.session import open_session
from integrations.tasks import prune
from tests import make
from tests.conftest import START, Clock

BASE = "http://127.0.0.1:9/sikka/v4"
OFFICE = (Scope.INTEGRATION, Scope.APPLICATION)
NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pms() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def ask(
    integration: Integration,
    method: str = "GET",
    path: str = "/practices",
    priority: Priority = Priority.HIGH,
    correlation: str = "",
    **more: Any,
) -> Any:
    session = open_session(integration, priority, lambda: START, correlation=correlation)
    session.adapter.calls.client.wait = lambda seconds: None
    return session.adapter.calls.client.request(
        method, path, dialect=answers, scopes=OFFICE, **({"headers": {}} | more)
    )


# --- What is noted -------------------------------------------------------------------------------


def test_a_line_tells_everything_but_who_and_what(
    pms: responses.RequestsMock, integration: Integration
) -> None:
    secret = "Ada-Invented-4711"
    pms.patch(f"{BASE}/appointments/{secret}", json={"name": secret}, headers={"X-Name": secret})
    ask(
        integration,
        "PATCH",
        f"/appointments/{secret}",
        correlation="f00d",
        headers={"Request-Key": secret},
        params={"cell": secret},
        json={"note": secret},
    )
    line = Call.objects.get()
    assert (line.method, line.path, line.status, line.error) == (
        "PATCH",
        "/appointments/{id}",
        200,
        "",
    )
    assert (line.at, line.priority, line.attempt) == (START, "high", 1)
    assert (line.budget_left, line.correlation) == (119, "f00d")
    assert (line.integration, line.organization) == (integration, integration.organization)
    assert line.milliseconds >= 0
    values = Call.objects.values().get()
    assert secret not in repr(values)
    assert set(values) == {
        "id", "integration_id", "organization_id", "at", "method", "path", "status", "error",
        "milliseconds", "priority", "attempt", "budget_left", "correlation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "noted"),
    [
        ("/patients", "/patients"),
        ("/patients/4711", "/patients/{id}"),
        ("/patients/4711/notes/8", "/patients/{id}/notes/{id}"),
        ("/patients?cell=5550100", "/patients"),
        ("/appointments/3662153d-1f5e-4f7a-9d53-0d5d4a1f3c9b", "/appointments/{id}"),
        ("/appointment/D10001-99", "/appointment/{id}"),
    ],
)
def test_an_identifier_in_a_path_is_left_out(path: str, noted: str) -> None:
    assert without_identifiers(path) == noted


def test_what_does_not_fit_a_column_is_cut_and_stops_no_call(
    pms: responses.RequestsMock, integration: Integration
) -> None:
    path = "/" + "a" * 300
    pms.get(f"{BASE}{path}", json={})
    assert ask(integration, path=path, correlation="c" * 100).status == 200
    line = Call.objects.get()
    assert (line.path, line.correlation) == (path[:200], "c" * 64)


def test_what_is_left_is_left_for_that_priority(
    pms: responses.RequestsMock, integration: Integration
) -> None:
    integration.budget_calls, integration.budget_reserve = 10, 4
    pms.get(f"{BASE}/practices", json={})
    for _ in range(3):
        ask(integration, priority=Priority.LOW, correlation="import")
        ask(integration, priority=Priority.HIGH)
    lines = Call.objects.order_by("pk").values_list("priority", "budget_left", "correlation")
    assert list(lines) == [
        ("low", 5, "import"), ("high", 8, ""),
        ("low", 3, "import"), ("high", 6, ""),
        ("low", 1, "import"), ("high", 4, ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [(400, "API1025", "key_expired"), (404, "API1026", "refused"),
     (412, "API2017", "agent_offline"), (429, "", "throttled"), (500, "", "no_answer"),
     (401, "API2003", "not_authorized")],
)  # fmt: skip
def test_an_error_is_noted_by_its_code(
    pms: responses.RequestsMock, integration: Integration, status: int, code: str, error: str
) -> None:
    text = "Ada Invented has no such appointment"
    pms.post(f"{BASE}/appointment", status=status, json={"error_code": code, "long_message": text})
    with pytest.raises(PmsError):
        ask(integration, "POST", "/appointment")
    line = Call.objects.get()
    assert (line.status, line.error) == (status, error)


def test_a_refused_call_leaves_no_line(
    pms: responses.RequestsMock, integration: Integration
) -> None:
    integration.budget_calls = 1
    pms.get(f"{BASE}/practices", json={})
    ask(integration)
    with pytest.raises(BudgetExhausted):
        ask(integration)
    assert Call.objects.count() == len(pms.calls) == 1


# --- A practice's own budget ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "reserve", "high", "low"),
    [
        (None, None, 200, 150),
        (300, None, 300, 250),
        (None, 20, 200, 180),
        (300, 100, 300, 200),
        (10, 0, 10, 10),
        (10, 10, 10, 0),
        # The usual reserve of 50 shrinks with a budget that is smaller.
        (30, None, 30, 0),
    ],
)
def test_it_replaces_the_usual_one(
    integration: Integration, calls: int | None, reserve: int | None, high: int, low: int
) -> None:
    integration.budget_calls, integration.budget_reserve = calls, reserve
    integration.full_clean(exclude=["credential"])
    integration.save()
    (counter,) = integration.counters([Scope.INTEGRATION])
    assert counter == integration.practice_counter()
    assert counter.key == f"integration:{integration.pk}"
    assert counter.limit.ceiling(Priority.HIGH) == high
    assert counter.limit.ceiling(Priority.LOW) == low
    assert counter.limit.seconds == 3600
    (application,) = integration.counters([Scope.APPLICATION])
    assert application.limit.calls == 120, "the vendor's limit is nobody's to change"


def test_it_is_spent_and_not_one_call_more(
    pms: responses.RequestsMock, integration: Integration
) -> None:
    Integration.objects.update(budget_calls=4, budget_reserve=3)
    integration.refresh_from_db()
    pms.get(f"{BASE}/practices", json={})
    ask(integration, priority=Priority.LOW)
    for _ in range(3):
        with pytest.raises(BudgetExhausted) as caught:
            ask(integration, priority=Priority.LOW)
        ask(integration, priority=Priority.HIGH)
    assert caught.value.retry_at == START + timedelta(hours=1)
    with pytest.raises(BudgetExhausted):
        ask(integration, priority=Priority.HIGH)
    assert len(pms.calls) == 4


@pytest.mark.parametrize(
    ("calls", "reserve", "constraint"),
    [(0, None, "budget_has_calls"), (10, 11, "budget_reserve_fits"), (0, 0, "budget_has_calls"),
     (-1, None, "budget"), (None, -1, "budget_reserve")],
)  # fmt: skip
def test_the_database_refuses_a_budget_that_is_none(
    integration: Integration, calls: int | None, reserve: int | None, constraint: str
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Integration.objects.update(budget_calls=calls, budget_reserve=reserve)


# --- Its end -------------------------------------------------------------------------------------


def line(of: Integration, at: datetime) -> Call:
    return Call.objects.create(
        integration=of,
        organization=of.organization,
        at=at,
        method="GET",
        path="/x",
        status=200,
        milliseconds=1,
        priority="low",
        attempt=1,
    )


def window(starts_at: datetime, key: str = "integration:x", seconds: int = 3600) -> BudgetWindow:
    return BudgetWindow.objects.create(key=key, seconds=seconds, starts_at=starts_at, used_low=1)


def test_what_is_old_is_deleted_and_nothing_else(clock: Clock, integration: Integration) -> None:
    second = timedelta(seconds=1)
    lines = [line(integration, NOW - 7 * DAY - second), line(integration, NOW - 7 * DAY)]
    windows = [window(NOW - 8 * DAY - second), window(NOW - 8 * DAY), window(NOW)]
    caps = [
        BudgetCap.objects.create(key=str(until), calls_left=3, until=until)
        for until in (NOW - second, NOW, NOW + second)
    ]
    assert prune() == 4
    assert list(Call.objects.all()) == lines[1:]
    assert list(BudgetWindow.objects.order_by("starts_at")) == windows[1:]
    assert list(BudgetCap.objects.all()) == caps[2:]
    assert prune() == 0, "it is safe to run twice"


def test_the_ages_are_settings(clock: Clock, integration: Integration, settings: Any) -> None:
    settings.CALL_LOG_DAYS, settings.BUDGET_HISTORY_DAYS = 1, 3
    line(integration, NOW - 2 * DAY)
    window(NOW - 4 * DAY)
    window(NOW - 2 * DAY)
    assert prune() == 2
    assert BudgetWindow.objects.get().starts_at == NOW - 2 * DAY


def test_it_takes_small_bites_and_leaves_the_rest_to_the_next_run(
    clock: Clock,
    integration: Integration,
    monkeypatch: pytest.MonkeyPatch,
    django_assert_num_queries: Any,
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 3)
    monkeypatch.setattr(pruning, "TIMES", 2)
    lines = [line(integration, NOW - (30 - number) * DAY) for number in range(10)]
    with django_assert_num_queries(2 * 2 + 1 + 1):
        assert prune() == 6
    assert list(Call.objects.order_by("at")) == lines[6:], "the oldest first"
    assert [prune(), prune()] == [4, 0]


def test_pruning_does_not_un_count_a_window_that_is_still_running(
    clock: Clock, integration: Integration
) -> None:
    counter = integration.practice_counter()
    for _ in range(200):
        budget.take([counter], Priority.HIGH, START)
    prune()
    with pytest.raises(BudgetExhausted):
        budget.take([counter], Priority.HIGH, START)


def test_a_week_of_calls_and_a_little_more_of_windows_are_kept() -> None:
    assert (frontdesk.CALL_LOG_DAYS, frontdesk.BUDGET_HISTORY_DAYS) == (7, 8)


def test_beat_prunes_every_hour() -> None:
    (entry,) = [
        entry
        for entry in frontdesk.CELERY_BEAT_SCHEDULE.values()
        if entry["task"] == "integrations.tasks.prune"
    ]
    assert entry["schedule"] == schedule(timedelta(hours=1))
    assert prune.name == "integrations.tasks.prune"


def test_a_call_belongs_to_its_tenant(integration: Integration) -> None:
    other = make.integration(make.clinic())
    line(integration, NOW)
    assert list(other.calls.all()) == []
    assert integration.calls.get().organization == integration.organization
