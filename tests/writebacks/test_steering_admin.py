"""The buttons of a writeback's page, and what may be done with many: each for those who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from clinics.models import Role, User
from integrations.models import Integration
from tests import make
from writebacks import handing_on
from writebacks.models import Writeback, WritebackEvent
from writebacks.states import Status

pytestmark = pytest.mark.django_db
LIST = "/admin/writebacks/writeback/"
BUTTONS = {"cancel", "retry", "look", "decide"}


@pytest.fixture
def desk(integration: Integration) -> User:
    return make.member(integration.organization, is_staff=True)


@pytest.fixture(autouse=True)
def handed_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What workers are given to do, by the name of the task."""
    given: list[str] = []
    monkeypatch.setattr(handing_on, "_enqueue", lambda task, *of: given.append(task.__name__))
    return given


def logged_in(user: User, **options: Any) -> Client:
    client = Client(**options)
    client.force_login(user)
    return client


def address(writeback: Writeback, page: str) -> str:
    return f"{LIST}{writeback.pk}/{page}/"


def said(answer: Any) -> list[str]:
    """The messages that the person is shown next."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def offered(client: Client, writeback: Writeback) -> set[str]:
    page = client.get(address(writeback, "change")).content.decode()
    return {button for button in BUTTONS if address(writeback, button) in page}


def failed(integration: Integration, **fields: Any) -> Writeback:
    ended = {"status": "failed", "failure_code": "refused", "due_at": None}
    return make.writeback(integration, **ended | {"completed_at": timezone.now()} | fields)


def unconfirmed(integration: Integration, **fields: Any) -> Writeback:
    later = timezone.now() + timedelta(hours=3)
    return make.writeback(integration, status="unconfirmed", **{"due_at": later} | fields)


def pending(integration: Integration, number: int = 1, **fields: Any) -> Writeback:
    later = timezone.now() + timedelta(hours=3)
    return make.writeback(
        integration, status="pending", external_id=str(number), **{"due_at": later} | fields
    )


def test_the_page_offers_what_the_state_allows_to_those_who_may_ask_for_changes(
    integration: Integration, desk: User
) -> None:
    done = make.writeback(integration, status="completed", completed_at=timezone.now(), due_at=None)
    repeated = failed(integration)
    rows = {
        make.writeback(integration): {"cancel"},
        make.writeback(integration, status="submitting"): set(),
        pending(integration): {"look", "cancel"},
        pending(integration, 2, withdraw_asked_at=timezone.now()): {"look"},
        unconfirmed(integration): {"look", "decide"},
        done: set(),
        failed(integration): {"retry"},
        failed(integration, retry_of=repeated): {"retry"},
        repeated: set(),
        failed(integration, status="cancelled", failure_code=""): {"retry"},
    }
    client = logged_in(desk)
    assert {row: offered(client, row) for row in rows} == rows
    reader = logged_in(make.member(integration.organization, Role.READ_ONLY, is_staff=True))
    assert {button for row in rows for button in offered(reader, row)} == set()


def test_a_confirmation_page_changes_nothing(integration: Integration, desk: User) -> None:
    client = logged_in(desk)
    rows = {
        "cancel": make.writeback(integration),
        "retry": failed(integration),
        "decide": unconfirmed(integration),
    }
    for button, writeback in rows.items():
        answer = client.get(address(writeback, button))
        assert answer.status_code == 200
        assert b'<form method="post"' in answer.content
        before = writeback.status
        writeback.refresh_from_db()
        assert writeback.status == before
    assert client.get(address(rows["decide"], "look")).status_code == 405
    assert Writeback.objects.count() == 3
    assert not WritebackEvent.objects.exists()


@pytest.mark.parametrize("button", sorted(BUTTONS))
def test_a_button_takes_the_forms_token(integration: Integration, desk: User, button: str) -> None:
    writeback = unconfirmed(integration)
    client = logged_in(desk, enforce_csrf_checks=True)
    body = {"decision": "failed", "reason": "Looked."}
    assert client.post(address(writeback, button), body).status_code == 403
    writeback.refresh_from_db()
    assert writeback.status == "unconfirmed"


def test_what_was_not_sent_is_withdrawn_at_once_and_a_second_click_does_no_harm(
    integration: Integration, desk: User
) -> None:
    writeback = make.writeback(integration)
    client = logged_in(desk)
    first, second = (client.post(address(writeback, "cancel")) for _ in range(2))
    assert first["Location"] == second["Location"] == address(writeback, "change")
    assert said(first) == ["It is withdrawn; nothing of it has reached the PMS."]
    assert said(second)[-1] == "It is cancelled: only what is queued or pending can be withdrawn."
    (event,) = writeback.events.all()
    assert (event.event, event.person) == ("cancelled", desk)
    (entry,) = LogEntry.objects.all()
    assert (entry.user, entry.object_id, entry.change_message) == (
        desk,
        str(writeback.pk),
        "Withdrew it.",
    )


def test_the_question_before_withdrawing_says_what_fails_with_it(
    integration: Integration, desk: User
) -> None:
    first = make.writeback(integration)
    make.writeback(integration, after=first, waiting_for="earlier_write", due_at=None)
    client = logged_in(desk)
    question = client.get(address(first, "cancel")).context["question"]
    assert question == (
        f"Withdraw {first}? Nothing of it has reached the PMS. 1 writeback that waits for it "
        "fails with it."
    )
    sent = pending(integration)
    question = client.get(address(sent, "cancel")).context["question"]
    assert "may have carried it out by now" in question


def test_what_the_pms_has_is_asked_back_by_a_worker(
    integration: Integration,
    desk: User,
    handed_on: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    writeback = pending(integration)
    with django_capture_on_commit_callbacks(execute=True):
        answer = logged_in(desk).post(address(writeback, "cancel"))
    assert said(answer) == ["The PMS is being asked to take it back."]
    assert handed_on == ["check"]
    writeback.refresh_from_db()
    assert writeback.status == "pending", "until the PMS agrees"
    assert writeback.withdraw_asked_at


def test_a_failed_one_is_asked_for_again_once_and_both_pages_lead_to_the_other(
    integration: Integration, desk: User
) -> None:
    writeback = failed(integration)
    client = logged_in(desk)
    first, second = (client.post(address(writeback, "retry")) for _ in range(2))
    new = Writeback.objects.get(retry_of=writeback)
    assert first["Location"] == address(new, "change")
    assert second["Location"] == address(writeback, "change")
    assert said(second)[-1] == "This writeback was asked for again already."
    assert (new.status, new.requested_by, new.command) == ("queued", desk, writeback.command)
    assert Writeback.objects.count() == 2
    assert address(new, "change") in client.get(address(writeback, "change")).content.decode()
    assert address(writeback, "change") in client.get(address(new, "change")).content.decode()


def test_one_whose_slot_was_given_away_meanwhile_is_not_asked_for_again(
    integration: Integration, desk: User
) -> None:
    client = logged_in(desk)
    writeback = failed(integration)
    client.post(address(writeback, "retry"))
    twin = failed(integration, command=writeback.command)
    answer = client.post(address(twin, "retry"))
    assert said(answer)[-1] == "The practitioner is taken at that time."
    assert not Writeback.objects.filter(retry_of=twin).exists()


def test_look_now_makes_it_due_and_wakes_a_worker(
    integration: Integration,
    desk: User,
    handed_on: list[str],
    django_capture_on_commit_callbacks: Any,
) -> None:
    client = logged_in(desk)
    for writeback, task in (
        (pending(integration), "check"),
        (unconfirmed(integration), "reconcile"),
    ):
        handed_on.clear()
        with django_capture_on_commit_callbacks(execute=True):
            client.post(address(writeback, "look"))
        assert handed_on == [task]
        writeback.refresh_from_db()
        assert writeback.due_at <= timezone.now()


@pytest.mark.parametrize(
    ("decision", "status"), [("completed", "completed"), ("failed", "failed"), ("again", "queued")]
)
def test_a_person_decides_with_a_reason(
    integration: Integration, desk: User, decision: str, status: str
) -> None:
    writeback = unconfirmed(integration, waiting_for="person", due_at=None)
    client = logged_in(desk)
    body = {"decision": decision, "reason": "Asked the practice."}
    first, second = (client.post(address(writeback, "decide"), body) for _ in range(2))
    writeback.refresh_from_db()
    assert writeback.status == status
    (event,) = writeback.events.all()
    assert (event.note, event.person) == ("Asked the practice.", desk)
    assert said(first) == ["Your decision is carried out."]
    assert said(second)[-1] == f"It is {status}: nothing is to be decided."


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"decision": "completed"},
        {"decision": "completed", "reason": "  "},
        {"decision": "completed", "reason": "x" * 301},
        {"decision": "lost", "reason": "Asked."},
        {"reason": "Asked."},
    ],
)
def test_no_decision_without_what_was_found_and_how(
    integration: Integration, desk: User, body: dict[str, str]
) -> None:
    writeback = unconfirmed(integration)
    answer = logged_in(desk).post(address(writeback, "decide"), body)
    assert answer.status_code == 200
    assert b"errorlist" in answer.content
    writeback.refresh_from_db()
    assert writeback.status == "unconfirmed"
    assert not writeback.events.exists()


def choose(client: Client, action: str, rows: list[Writeback]) -> list[str]:
    body = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    answer = client.post(LIST, body)
    assert answer.status_code == 302
    return said(answer)


def test_many_are_looked_at_together_and_the_message_counts_them(
    integration: Integration, desk: User
) -> None:
    far = timezone.now() + timedelta(hours=3)
    open_ones = [pending(integration, 1), pending(integration, 2), unconfirmed(integration)]
    queued = make.writeback(integration, due_at=far)
    assert choose(logged_in(desk), "look_now_at_selected", [*open_ones, queued]) == [
        "Not for 1 writeback: It is queued: the PMS need not be asked.",
        "The PMS is being asked about 3 writebacks.",
    ]
    assert Writeback.objects.filter(due_at__lte=timezone.now()).count() == 3
    queued.refresh_from_db()
    assert queued.due_at == far


def test_many_are_asked_for_again_and_what_cannot_be_is_counted_by_its_reason(
    integration: Integration, desk: User
) -> None:
    rows = [failed(integration), failed(integration), make.writeback(integration)]
    client = logged_in(desk)
    assert choose(client, "retry_selected", rows) == [
        "Not for 1 writeback: It is queued: there is nothing to repeat.",
        "Asked again for 2 writebacks.",
    ]
    assert {each.retry_of for each in Writeback.objects.exclude(retry_of=None)} == set(rows[:2])
    assert "Not for 2 writebacks: This writeback was asked for again already." in choose(
        client, "retry_selected", rows[:2]
    )
    assert Writeback.objects.count() == 5


def test_who_may_only_look_is_offered_no_action_and_can_take_none(
    integration: Integration,
) -> None:
    row = failed(integration)
    client = logged_in(make.member(integration.organization, Role.READ_ONLY, is_staff=True))
    assert b"retry_selected" not in client.get(LIST).content
    client.post(LIST, {"action": "retry_selected", "_selected_action": [str(row.pk)]})
    assert Writeback.objects.count() == 1


def test_of_many_only_those_at_ones_own_clinics_are_touched(integration: Integration) -> None:
    sibling = make.integration(make.clinic(integration.organization))
    # Reads at all clinics, and stands in at one.
    narrow = make.member(integration.organization, Role.READ_ONLY, is_staff=True)
    narrow.memberships.create(
        organization=integration.organization,
        role=Role.STAFF,
        clinics=[integration.clinic_id],
        ends_at=timezone.now() + timedelta(hours=1),
        reason="Covers the desk.",
    )
    mine, seen, foreign = (
        failed(each) for each in (integration, sibling, make.integration(make.clinic()))
    )
    messages = choose(logged_in(narrow), "retry_selected", [mine, seen, foreign])
    assert messages == [
        "Not for 1 writeback: beyond the first 200, or at clinics where you may not ask for "
        "changes.",
        "Asked again for 1 writeback.",
    ]
    (new,) = Writeback.objects.exclude(retry_of=None)
    assert new.retry_of == mine
    assert {each.status for each in (seen, foreign)} == {Status.FAILED}
