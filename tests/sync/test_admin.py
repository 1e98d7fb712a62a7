"""The admin's pages of syncs: how a run fares, its buttons, and how current an integration is."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from clinics.models import Role, User
from integrations.http.errors import BudgetExhausted, NotAuthorized
from integrations.models import Integration
from integrations.queries import Resource
from sync import wanting
from sync.models import Cursor, SyncRun, UnknownAccount
from sync.states import Status, Trigger
from tests import make
from tests.sync import toy
from tests.sync.conftest import Desk

PATIENTS, APPOINTMENTS = Resource.PATIENTS, Resource.APPOINTMENTS


def person(of: Integration, role: Role, **fields: Any) -> Client:
    return logged_in(make.member(of.organization, role, is_staff=True, **fields))


def logged_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def staff(desk: Desk) -> Client:
    return person(desk.integration, Role.STAFF)


@pytest.fixture
def manager(desk: Desk) -> Client:
    return person(desk.integration, Role.CLINIC_ADMIN)


@pytest.fixture
def operator(desk: Desk) -> Client:
    return logged_in(make.user(is_staff=True, is_superuser=True))


def page(of: SyncRun | Integration, button: str = "change") -> str:
    name = "sync/syncrun" if isinstance(of, SyncRun) else "integrations/integration"
    return f"/admin/{name}/{of.pk}/{button}/"


def text(client: Client, address: str) -> str:
    """What a person reads there."""
    answer = client.get(address)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def said(client: Client, answer: Any) -> str:
    """What a button says on the page that it leads to."""
    assert answer.status_code == 302
    shown = client.get(answer["Location"]).content.decode()
    return " ".join(re.findall(r'<li class="(?:success|error|info)">(.*?)</li>', shown))


def fill(desk: Desk, patients: int) -> None:
    for number in range(1, patients + 1):
        desk.pms.put(PATIENTS, toy.patient(number))


def held(desk: Desk) -> SyncRun:
    """A run that did not find 20 of our 25 patients."""
    fill(desk, 25)
    desk.sync()
    for number in range(6, 26):
        desk.pms.delete(PATIENTS, f"p{number:05}")
    desk.later(hours=8)
    run = desk.sync(is_full=True)
    assert run.status == Status.HELD
    return run


# --- Runs ---


def test_the_list_tells_how_each_run_fares(desk: Desk, staff: Client) -> None:
    fill(desk, 25)
    desk.sync()
    desk.later(hours=4)
    desk.ask()
    desk.later(minutes=2)
    shown = text(staff, "/admin/sync/syncrun/")
    name = desk.clinic.name
    assert f"{name} What changed person Queued 0 0 – 2 min" in shown
    assert f"{name} Everything person Completed 27 0 0 s 4 h 2 min" in shown
    assert 'aria-label="100 %"' in staff.get("/admin/sync/syncrun/").content.decode()


def test_the_page_of_a_run_under_way_tells_each_list_and_keeps_itself_current(
    desk: Desk, staff: Client
) -> None:
    fill(desk, 25)
    until = desk.clock.now + timedelta(minutes=40)

    def before(feed: Any, position: str) -> None:
        if (feed.resource, position) == (PATIENTS, "10"):
            raise BudgetExhausted("All calls are used.", retry_at=until)

    desk.pms.before = before
    run = desk.sync()
    shown = text(staff, page(run))
    for words in (
        "It waits until 10:40:00, since the calls of this window are used up",
        "All locations read",
        "All practitioners read",
        "All patients 10 of 25 records, 1 page",
        "All appointments to come",
        "12 records on 3 pages for 0 calls: 12 new",
        "Goes on 05 Mar, 10:40:00",
        "Force release …",
        "Cancel …",
    ):
        assert words in shown, words
    assert "Sync now" not in shown
    html = staff.get(page(run)).content.decode()
    assert f'data-live="{page(run, "live")}" data-every="3"' in html
    assert "style=" not in html
    live = staff.get(page(run, "live")).content.decode()
    assert "10 of 25 records, 1 page" in live
    assert "<html" not in live


def test_the_page_of_a_run_that_ended_stands_still(desk: Desk, staff: Client) -> None:
    run = desk.sync()
    html = staff.get(page(run)).content.decode()
    assert "data-live" not in html
    assert "All of it is here." in html


def test_why_a_run_failed_is_for_those_who_see_patients(
    desk: Desk, staff: Client, operator: Client
) -> None:
    def before(feed: Any, position: str) -> None:
        raise NotAuthorized("Toy answered 401.")

    desk.pms.before = before
    run = desk.sync()
    assert "Toy answered 401." in text(staff, page(run))
    shown = text(operator, page(run))
    assert "Toy answered 401." not in shown
    assert "What came in the way is for those who see patients." in shown
    assert "Set aside" not in shown


def test_what_was_set_aside_in_a_run_stands_on_its_page_and_in_the_list(
    desk: Desk, staff: Client, operator: Client
) -> None:
    earlier = desk.ask()
    desk.clock.advance(1)
    desk.work(earlier)
    desk.later(hours=1)
    make.set_aside(desk.integration, external_id="p77", reason="its birth date is no date")
    run = desk.sync()
    assert "Patients p77 its birth date is no date 1" in text(staff, page(run))
    assert "p77" not in text(staff, page(earlier))
    assert "its birth date is no date" in text(staff, "/admin/sync/setaside/")
    assert operator.get("/admin/sync/setaside/").status_code == 403


# --- Buttons ---


def test_sync_now_makes_a_run_in_the_persons_name_whatever_the_cool_down(
    desk: Desk, staff: Client
) -> None:
    desk.sync()
    answer = staff.post(page(desk.integration, "sync"))
    run = SyncRun.objects.get(status=Status.QUEUED)
    assert answer["Location"] == page(run)
    assert "A worker takes it up within seconds." in said(staff, answer)
    assert (run.trigger, run.is_full, run.may_remove) == (Trigger.PERSON, False, False)
    assert run.requested_by is not None
    assert staff.get(page(desk.integration, "sync")).status_code == 405
    again = staff.post(page(desk.integration, "sync"))
    assert again["Location"] == page(run)
    assert "A run is under way already: it is this one." in said(staff, again)
    assert SyncRun.objects.count() == 2


def test_a_full_sync_is_asked_about_with_what_it_costs(desk: Desk, staff: Client) -> None:
    fill(desk, 25)
    desk.sync()
    asked = text(staff, page(desk.integration, "full-sync"))
    assert "The last time that took 6 calls." in asked
    assert SyncRun.objects.count() == 1
    staff.post(page(desk.integration, "full-sync"))
    assert SyncRun.objects.get(status=Status.QUEUED).is_full


def test_a_run_is_cancelled_after_asking(desk: Desk, staff: Client) -> None:
    run = desk.ask()
    assert "End this run?" in text(staff, page(run, "cancel"))
    run.refresh_from_db()
    assert run.status == Status.QUEUED
    assert "It is cancelled." in said(staff, staff.post(page(run, "cancel")))
    run.refresh_from_db()
    assert run.status == Status.CANCELLED
    assert "It had ended already." in said(staff, staff.post(page(run, "cancel")))
    assert "this cannot be done with it now" in said(staff, staff.get(page(run, "cancel")))
    assert LogEntry.objects.get().change_message == "Cancelled it."


def test_a_waiting_run_is_released(desk: Desk, staff: Client) -> None:
    run = desk.ask()
    SyncRun.objects.update(
        status=Status.WAITING, due_at=desk.clock.now + timedelta(hours=1), claims=3, failures=2
    )
    assert "gives no sign any more" in text(staff, page(run, "release"))
    assert "It is due now" in said(staff, staff.post(page(run, "release")))
    run.refresh_from_db()
    assert (run.status, run.due_at, run.claims, run.failures) == (
        Status.QUEUED,
        desk.clock.now,
        4,
        0,
    )
    desk.work(run)
    assert run.status == Status.COMPLETED


def test_clinic_admins_accept_what_vanished_with_a_reason(
    desk: Desk, staff: Client, manager: Client, operator: Client
) -> None:
    run = held(desk)
    assert "Accept what vanished …" in text(manager, page(run))
    for other in (staff, operator):
        assert "Accept what vanished …" not in text(other, page(run))
        assert other.post(page(run, "accept"), {"reason": "I looked."}).status_code == 403
    assert "did not have 20 of our records any more" in text(manager, page(run, "accept"))
    answer = manager.post(page(run, "accept"), {"reason": ""})
    assert "This field is required." in answer.content.decode()
    assert not SyncRun.objects.filter(may_remove=True).exists()
    assert desk.clinic.patients.present().count() == 25
    answer = manager.post(page(run, "accept"), {"reason": "The site was sold."})
    new = SyncRun.objects.get(may_remove=True)
    assert answer["Location"] == page(new)
    assert new.requested_by is not None
    assert {each.change_message for each in LogEntry.objects.all()} == {
        f"Accepted what has vanished, in run {new.pk}: The site was sold.",
        "Made to accept what has vanished: The site was sold.",
    }
    desk.work(new)
    assert new.status == Status.COMPLETED
    assert desk.clinic.patients.present().count() == 5
    assert desk.clinic.patients.count() == 25


def test_nothing_is_accepted_while_a_run_is_under_way_or_of_one_that_is_well(
    desk: Desk, manager: Client
) -> None:
    run = held(desk)
    under_way = desk.ask()
    answer = manager.post(page(run, "accept"), {"reason": "The site was sold."})
    assert answer["Location"] == page(under_way)
    assert "accept it when that has ended" in said(manager, answer)
    desk.work(under_way)
    answer = manager.post(page(under_way, "accept"), {"reason": "The site was sold."})
    assert "Nothing was held back in this sync." in said(manager, answer)
    assert not SyncRun.objects.filter(may_remove=True).exists()


# --- The integration's page ---


def test_an_integrations_page_tells_how_current_each_list_is(desk: Desk, staff: Client) -> None:
    fill(desk, 25)
    desk.sync()
    desk.later(hours=3)
    wanting.note([desk.integration], [APPOINTMENTS], desk.clock.now)
    shown = text(staff, page(desk.integration))
    for words in (
        "Patients 05 Mar, 10:00:00 3 h 4 h 05 Mar, 10:00:00 05 Mar, 10:00:00 3 calls",
        "Appointments 05 Mar, 10:00:00 3 h changed since, the PMS says 4 h",
        "Practitioners 05 Mar, 10:00:00 3 h night",
        "newest run: completed",
        "next full pass 06 Mar, 02:00",
        "Sync now",
        "Full sync …",
    ):
        assert words in shown, words
    html = staff.get(page(desk.integration)).content.decode()
    assert html.count('<span class="fd-good">3 h</span>') == 4
    desk.later(hours=6)
    html = staff.get(page(desk.integration)).content.decode()
    assert html.count('<span class="fd-warning">9 h</span>') == 2
    assert html.count('<span class="fd-good">9 h</span>') == 2


def test_who_may_not_fetch_sees_no_button(desk: Desk, operator: Client) -> None:
    make.set_aside(desk.integration)
    reader = person(desk.integration, Role.READ_ONLY)
    assert "1 record set aside" in text(reader, page(desk.integration))
    assert "set aside" not in text(operator, page(desk.integration))
    for client in (reader, operator):
        shown = text(client, page(desk.integration))
        assert "Sync now" not in shown
        assert "Patients never read" in shown
        assert client.post(page(desk.integration, "sync")).status_code == 403
    assert not SyncRun.objects.exists()


def test_the_interval_of_an_integration_is_set_on_its_page(desk: Desk, manager: Client) -> None:
    Cursor.objects.all().delete()
    answer = manager.post(
        page(desk.integration),
        {"budget_calls": "", "budget_reserve": "", "sync_minutes": "4"},
    )
    assert "greater than or equal to 5" in answer.content.decode()
    values = {"budget_calls": "", "budget_reserve": "", "sync_minutes": "45"}
    assert manager.post(page(desk.integration), values).status_code == 302
    desk.integration.refresh_from_db()
    assert desk.integration.sync_minutes == 45


# --- Practices that nobody connected ---


def test_operators_see_which_unconnected_practices_webhooks_are_about(
    desk: Desk, operator: Client, manager: Client
) -> None:
    now = desk.clock.now
    for account in ("D77", desk.integration.account):
        UnknownAccount.objects.create(
            pms="toy", account=account, times=12, first_told_at=now, last_told_at=now
        )
    shown = text(operator, "/admin/sync/unknownaccount/")
    assert "D77 toy 12" in shown
    assert desk.integration.account not in shown  # somebody connected it meanwhile
    assert manager.get("/admin/sync/unknownaccount/").status_code == 403
