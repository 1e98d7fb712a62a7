"""The admin's page of an integration: how it fares, its calls, and what can be changed."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils import timezone

from clinics.models import Role, User
from integrations.admin import LISTED
from integrations.contract import Priority
from integrations.http import breaker as breakers
from integrations.http import budget
from integrations.http.breaker import THRESHOLD
from integrations.models import Breaker, BudgetWindow, Call, Integration, IntegrationStatus
from tests import make
from tests.conftest import START, Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return make.member(make.organization(), is_staff=True, is_superuser=True)


@pytest.fixture
def manager(integration: Integration) -> User:
    return make.member(integration.organization, Role.CLINIC_ADMIN, is_staff=True)


@pytest.fixture
def desk(integration: Integration) -> User:
    return make.member(integration.organization, Role.STAFF, is_staff=True)


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def address(of: Integration, page: str = "change") -> str:
    return f"/admin/integrations/integration/{of.pk}/{page}/"


def text(user: User, of: Integration) -> str:
    """What a person reads on the page."""
    answer = logged_in(user).get(address(of))
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def call(of: Integration, **fields: Any) -> Call:
    values = {
        "integration": of,
        "organization": of.organization,
        "at": timezone.now(),
        "method": "GET",
        "path": "/providers",
        "status": 200,
        "milliseconds": 31,
        "priority": "low",
        "attempt": 1,
        "budget_left": 99,
        "correlation": "import",
    }
    return Call.objects.create(**(values | fields))


# --- What it shows -------------------------------------------------------------------------------


def test_the_page_tells_how_the_link_fares(
    clock: Clock, integration: Integration, desk: User
) -> None:
    for priority in [Priority.HIGH] * 2 + [Priority.LOW] * 5:
        budget.take([integration.practice_counter()], priority, clock.now)
    page = text(desk, integration)
    for words in (
        "Active",
        "PMS answers",
        f"{integration.clinic.name} · Sikka ONE API v4 {integration.account} · sandbox",
        "7 of 200 used 10:00–11:00",
        "For people 2 of 200",
        "In the background 5 stops at 150 in all",
        "Key renewed 05 Mar 2030, 10:00:00",
        "Key ends 06 Mar 2030, 10:00:00",
        "200 calls an hour, 50 of them reserved for people",
    ):
        assert words in page, words
    assert "Reset breaker" not in page


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        (IntegrationStatus.ACTIVE, "fd-good"),
        (IntegrationStatus.SETUP_REQUIRED, "fd-warning"),
        (IntegrationStatus.ERROR, "fd-bad"),
    ],
)
def test_a_status_has_its_colour_and_its_reason(
    integration: Integration, desk: User, status: IntegrationStatus, shown: str
) -> None:
    Integration.objects.update(status=status, error_message="Sikka answered 401 API2003.")
    page = logged_in(desk).get(address(integration)).content.decode()
    assert f'<span class="fd-health {shown}">{status.label}</span>' in page
    assert "Sikka answered 401 API2003." in page


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"failures": 0}, "PMS answers "),
        ({"failures": 3}, "PMS answers, but not the last 3 calls"),
        (
            {"failures": 5, "opened_at": 0, "retry_at": 15},
            "PMS away since 10:00:00, tried again at 10:00:15",
        ),
        (
            {"failures": 9, "opened_at": -90_000, "retry_at": 300},
            "PMS away since 04 Mar, 09:00:00, tried again at 10:05:00",
        ),
        (
            {"failures": 5, "opened_at": -60, "retry_at": -1},
            "PMS away since 09:59:00, tried again with the next call",
        ),
        (
            {"failures": 5, "opened_at": -60, "retry_at": -1, "probe_until": 29},
            "PMS away since 09:59:00, being tried right now",
        ),
    ],
)
def test_the_breaker_is_told_in_words_and_on_the_clinics_clock(
    clock: Clock, integration: Integration, desk: User, state: dict[str, int], words: str
) -> None:
    times = {
        name: START + timedelta(seconds=value)
        for name, value in state.items()
        if name != "failures"
    }
    Breaker.objects.create(integration=integration, failures=state["failures"], **times)
    assert words in text(desk, integration)


def test_the_last_50_calls_are_listed_newest_first(
    clock: Clock, integration: Integration, desk: User
) -> None:
    for number in range(LISTED + 5):
        call(integration, at=START - timedelta(minutes=number), milliseconds=1000 + number)
    call(make.integration(make.clinic()), path="/another-tenants")
    page = text(desk, integration)
    shown = [int(found) for found in re.findall(r"\b10[0-9]{2}\b(?= low)", page)]
    assert shown == list(range(1000, 1000 + LISTED))
    assert "05 Mar, 10:00:00 GET /providers 200 1000 low 1 99 import" in page
    assert "/another-tenants" not in page


def test_a_call_that_failed_says_why_and_one_for_a_writeback_leads_there(
    clock: Clock, integration: Integration, desk: User
) -> None:
    writeback = make.writeback(integration)
    call(
        integration,
        method="POST",
        path="/appointment",
        status=None,
        error="not_reached",
        priority="high",
        attempt=2,
        budget_left=None,
        correlation=str(writeback.pk),
    )
    call(integration, status=429, error="throttled")
    page = logged_in(desk).get(address(integration)).content.decode()
    assert '<span class="fd-bad"> not_reached</span>' in page
    assert '<span class="fd-warning">429 throttled</span>' in page
    assert f'href="/admin/writebacks/writeback/{writeback.pk}/change/"' in page
    assert f"POST /appointment not_reached 31 high 2 – writeback {str(writeback.pk)[:8]}" in text(
        desk, integration
    )


def test_the_page_takes_a_steady_number_of_queries(
    integration: Integration, manager: User, django_assert_max_num_queries: Any
) -> None:
    client = logged_in(manager)
    for _ in range(60):
        call(integration)
    with django_assert_max_num_queries(23):
        client.get(address(integration))


def test_the_list_says_who_answers(integration: Integration, desk: User) -> None:
    client = logged_in(desk)
    assert b">answers<" in client.get("/admin/integrations/integration/").content
    Breaker.objects.create(integration=integration, failures=5, opened_at=START, retry_at=START)
    assert b">away<" in client.get("/admin/integrations/integration/").content


def test_no_secret_is_rendered_for_anybody(
    integration: Integration, operator: User, manager: User
) -> None:
    integration.credential = {"app_id": "sEcReT-0", "app_key": "sEcReT-1", "secret_key": "sEcReT-2"}
    integration.access_key, integration.refresh_key = "sEcReT-3", "sEcReT-4"
    integration.save()
    call(integration)
    for user in (operator, manager):
        client = logged_in(user)
        for page in ("change", "history"):
            assert b"sEcReT" not in client.get(address(integration, page)).content
        wrong = client.post(address(integration), {"budget_calls": "0"})
        assert wrong.status_code == 200
        assert b"sEcReT" not in wrong.content
        assert b"sEcReT" not in client.get("/admin/integrations/integration/").content


def test_the_page_obeys_the_strict_content_policy(integration: Integration, operator: User) -> None:
    Breaker.objects.create(integration=integration, failures=5, opened_at=START, retry_at=START)
    call(integration, error="no_answer", status=502)
    answer = logged_in(operator).get(address(integration))
    page = answer.content.decode()
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert " style=" not in page
    assert "<style" not in page
    assert not re.search(r"\son[a-z]+=", page)
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>", page)


# --- Reset ---------------------------------------------------------------------------------------


@pytest.fixture
def away(integration: Integration) -> Breaker:
    for _ in range(THRESHOLD):
        breakers.Breaker(integration.pk).failed(timezone.now())
    return Breaker.objects.get()


@pytest.mark.parametrize("who", ["operator", "manager"])
def test_those_who_may_close_the_breaker_see_the_button_and_it_closes_it(
    integration: Integration, away: Breaker, who: str, request: pytest.FixtureRequest
) -> None:
    user = request.getfixturevalue(who)
    client = logged_in(user, enforce_csrf_checks=True)
    page = client.get(address(integration)).content.decode()
    reset = address(integration, "reset-breaker")
    assert f'<form id="reset-breaker" method="post" action="{reset}">' in page
    assert re.search(r'<button[^>]* form="reset-breaker">Reset breaker</button>', page)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token

    assert client.post(reset).status_code == 403, "no token, no change"
    assert Breaker.objects.get().opened_at is not None
    answer = client.post(reset, {"csrfmiddlewaretoken": token.group(1)}, follow=True)
    assert answer.redirect_chain == [(address(integration), 302)]
    assert "The breaker is closed: the next call goes through." in answer.content.decode()
    assert "PMS answers" in answer.content.decode()
    away.refresh_from_db()
    assert (away.failures, away.opened_at, away.retry_at) == (0, None, None)
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id) == (user, str(integration.pk))
    assert entry.get_change_message() == "Reset the breaker."


def test_staff_and_strangers_may_not_close_it(
    integration: Integration, away: Breaker, desk: User
) -> None:
    reset = address(integration, "reset-breaker")
    stranger = make.member(make.organization(), Role.CLINIC_ADMIN, is_staff=True)
    no_staff = make.member(integration.organization, Role.CLINIC_ADMIN)
    assert "Reset breaker" not in text(desk, integration)
    assert logged_in(desk).post(reset).status_code == 403
    assert logged_in(stranger).post(reset).status_code == 404
    assert logged_in(no_staff).post(reset).status_code == 302, "to the login"
    assert Client().post(reset).status_code == 302
    away.refresh_from_db()
    assert away.opened_at is not None


def test_a_mere_look_does_not_close_it(
    integration: Integration, away: Breaker, operator: User
) -> None:
    assert logged_in(operator).get(address(integration, "reset-breaker")).status_code == 405
    away.refresh_from_db()
    assert away.opened_at is not None


# --- Budget --------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["operator", "manager"])
def test_those_who_may_set_the_budget(
    integration: Integration, who: str, request: pytest.FixtureRequest
) -> None:
    client = logged_in(request.getfixturevalue(who))
    answer = client.post(address(integration), {"budget_calls": "300", "budget_reserve": "100"})
    assert answer.status_code == 302
    integration.refresh_from_db()
    assert (integration.budget_calls, integration.budget_reserve) == (300, 100)
    limit = integration.practice_counter().limit
    assert (limit.ceiling(Priority.HIGH), limit.ceiling(Priority.LOW)) == (300, 200)
    assert LogEntry.objects.get().user == request.getfixturevalue(who)

    client.post(address(integration), {"budget_calls": "", "budget_reserve": ""})
    integration.refresh_from_db()
    assert (integration.budget_calls, integration.budget_reserve) == (None, None)


def test_the_page_shows_the_budget_that_counts(integration: Integration, desk: User) -> None:
    Integration.objects.update(budget_calls=10, budget_reserve=4)
    page = text(desk, integration)
    assert "0 of 10 used" in page
    assert "stops at 6 in all" in page


@pytest.mark.parametrize(
    ("calls", "reserve", "complaint"),
    [
        ("0", "", "greater than or equal to 1"),
        ("-5", "", "greater than or equal to 0"),
        ("10", "-1", "greater than or equal to 0"),
        ("10", "11", "There are only 10 calls."),
        ("", "201", "There are only 200 calls."),
        ("many", "", "Enter a whole number."),
        ("99999999999", "", "less than or equal to 2147483647"),
    ],
)
def test_a_budget_that_is_none_is_refused(
    integration: Integration, manager: User, calls: str, reserve: str, complaint: str
) -> None:
    answer = logged_in(manager).post(
        address(integration), {"budget_calls": calls, "budget_reserve": reserve}
    )
    assert answer.status_code == 200
    assert complaint in answer.content.decode()
    integration.refresh_from_db()
    assert (integration.budget_calls, integration.budget_reserve) == (None, None)


def test_staff_read_the_budget_and_may_not_set_it(integration: Integration, desk: User) -> None:
    client = logged_in(desk)
    assert b'name="budget_calls"' not in client.get(address(integration)).content
    assert client.post(address(integration), {"budget_calls": "9"}).status_code == 403
    stranger = make.member(make.organization(), Role.CLINIC_ADMIN, is_staff=True)
    logged_in(stranger).post(address(integration), {"budget_calls": "9"})
    integration.refresh_from_db()
    assert integration.budget_calls is None


def test_nothing_else_can_be_changed_here(integration: Integration, operator: User) -> None:
    before = Integration.objects.values().get()
    client = logged_in(operator)
    ours = {"budget_calls", "budget_reserve", "sync_minutes"}
    forged = {name: "forged" for name in before if name not in ours}
    client.post(address(integration), forged | {"budget_calls": "7", "budget_reserve": "0"})
    after = Integration.objects.values().get()
    assert after == before | {"budget_calls": 7, "budget_reserve": 0}
    assert client.get("/admin/integrations/integration/add/").status_code == 403
    assert client.post(address(integration, "delete"), {"post": "yes"}).status_code == 403


def test_a_key_that_is_renewed_while_somebody_saves_is_not_undone(
    integration: Integration, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = Integration.clean

    def renewed_meanwhile(self: Integration) -> None:
        clean(self)
        Integration.objects.filter(pk=self.pk).update(access_key="renewed")

    monkeypatch.setattr(Integration, "clean", renewed_meanwhile)
    logged_in(operator).post(address(integration), {"budget_calls": "7"})
    integration.refresh_from_db()
    assert (integration.budget_calls, integration.access_key) == (7, "renewed")


def test_windows_of_budgets_are_for_operators(integration: Integration, desk: User) -> None:
    budget.take([integration.practice_counter()], Priority.HIGH, timezone.now())
    window = BudgetWindow.objects.get()
    assert logged_in(desk).get("/admin/integrations/budgetwindow/").status_code == 403
    page = f"/admin/integrations/budgetwindow/{window.pk}/change/"
    assert logged_in(desk).get(page).status_code in (302, 403)
