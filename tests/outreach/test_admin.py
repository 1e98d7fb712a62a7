"""The page of whom to call: what it shows to whom, its buttons, and the thresholds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from audit.models import Entry
from clinics.models import Clinic, Patient, Role, User
from integrations.models import Integration
from integrations.queries import Resource
from outreach.models import CallTask, Thresholds
from outreach.page import PER_PAGE
from tests import make
from tests.conftest import Clock
from tests.outreach.conftest import listed, patient, visit

pytestmark = pytest.mark.django_db

PAGE = "/admin/outreach/calltask/"


@pytest.fixture
def caller(clinic: Clinic) -> User:
    return make.member(clinic.organization, Role.STAFF, is_staff=True)


@pytest.fixture
def desk(clock: Clock, caller: User) -> Client:
    """The front desk's browser, at the tests' own time, which also checks CSRF tokens."""
    return browser(caller)


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text(client: Client, **query: Any) -> str:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200
    return answer.content.decode()


def press(client: Client, task: CallTask, button: str, **body: str) -> str:
    """Press a button; return what the page says then."""
    answer = client.post(f"{PAGE}{task.pk}/{button}/", body)
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{PAGE}?clinic={task.clinic_id}")
    (message,) = get_messages(answer.wsgi_request)
    return str(message)


def test_the_page_shows_whom_to_call_why_and_what_to_try(
    desk: Client, clinic: Clinic, lost: Patient
) -> None:
    page = text(desk)
    for shown in (
        "Ada Invented",
        '<a href="tel:212-555-0100">212-555-0100</a>',
        "No contact for more than 90 days",
        "05 Nov 2029",
        "120 days ago",
        "Ask how they are, and offer a visit.",
        "Not enough data",
    ):
        assert shown in page
    assert page.count('name="outcome"') == 6
    assert "csrfmiddlewaretoken" in page


def test_the_page_needs_no_script_and_no_style_of_its_own(
    desk: Client, clinic: Clinic, call: CallTask
) -> None:
    page = text(desk)
    assert "<script>" not in page
    assert "style=" not in page
    assert "onclick" not in page


def test_one_click_ends_a_call_and_it_stands_under_done_today_with_undo(
    desk: Client, clinic: Clinic, call: CallTask, caller: User
) -> None:
    said = press(desk, call, "outcome", outcome="no_answer", note="Try mornings")
    assert said == "No answer. Not listed before 07 Mar."
    assert "Ada Invented" not in text(desk)
    done = text(desk, show="done")
    for shown in (
        "Ada Invented",
        "<strong>No answer</strong>",
        str(caller),
        "Try mornings",
        "Undo",
    ):
        assert shown in done
    assert press(desk, call, "undo") == "Undone: the patient is on the list again."
    assert "Try mornings" in text(desk)


def test_a_button_leads_back_to_the_list_as_it_was_filtered_and_nowhere_else(
    desk: Client, call: CallTask
) -> None:
    body = {"outcome": "no_answer", "back": "risk=high&priority=1&next=https://elsewhere.example"}
    answer = desk.post(f"{PAGE}{call.pk}/outcome/", body)
    assert answer["Location"] == f"{PAGE}?clinic={call.clinic_id}&priority=1&risk=high"


def test_a_second_person_is_told_who_was_first(
    desk: Client, clinic: Clinic, call: CallTask, caller: User
) -> None:
    press(desk, call, "outcome", outcome="no_answer")
    other = browser(make.member(clinic.organization, Role.STAFF, is_staff=True))
    assert press(other, call, "outcome", outcome="do_not_call") == (
        f"This call has an outcome already: no answer, by {caller}, 05 Mar, 10:00."
    )
    call.refresh_from_db()
    assert (call.outcome, call.called_by) == ("no_answer", caller)


@pytest.mark.parametrize(
    ("button", "body", "said"),
    [
        ("outcome", {}, "This field is required."),
        ("outcome", {"outcome": "no_answer", "call_again_on": "never"}, "Enter a valid date."),
        ("snooze", {}, "Choose the date to call again on."),
        ("snooze", {"call_again_on": "2030-03-05"},
         "The date to call again on lies from tomorrow to a year ahead."),
        ("undo", {}, "This call has no outcome that could be taken back."),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_and_changes_nothing(
    desk: Client, call: CallTask, button: str, body: dict[str, str], said: str
) -> None:
    assert press(desk, call, button, **body) == said
    call.refresh_from_db()
    assert (call.status, call.outcome, call.not_before) == ("open", "", None)


def test_a_call_put_off_stands_under_its_own_heading(desk: Client, call: CallTask) -> None:
    assert press(desk, call, "snooze", call_again_on="2030-03-09") == "Put off until 09 Mar 2030."
    assert "Ada Invented" not in text(desk)
    assert "09 Mar 2030" in text(desk, show="later")


def test_who_never_wants_to_be_called_can_be_found_again(desk: Client, call: CallTask) -> None:
    press(desk, call, "outcome", outcome="do_not_call")
    assert "Ada Invented" in text(desk, show="never")


def test_who_booked_while_being_called_can_be_said_to_be_reached(
    desk: Client, call: CallTask
) -> None:
    visit(call.patient, 3)
    done = text(desk, show="done")
    assert "Booked by themselves" in done
    assert done.count('name="outcome"') == 2
    assert press(desk, call, "outcome", outcome="reached_booked").startswith("Reached: booked.")


def test_the_page_says_since_when_it_knows_nothing_new(
    desk: Client, integration: Integration, call: CallTask, clock: Clock
) -> None:
    assert "Nothing was read from this clinic" in text(desk)
    looked = clock.now - timedelta(hours=1)
    cursor = {"organization": integration.organization, "read_until": looked, "looked_at": looked}
    integration.cursors.create(resource=Resource.APPOINTMENTS, **cursor)
    assert 'role="status"' not in text(desk)
    clock.advance(6 * 3600)
    desk.force_login(call.clinic.organization.memberships.get(user__is_staff=True).user)
    assert "as of 05 Mar, 09:00: who has booked or come since is not known" in text(desk)


def test_filters_narrow_and_what_makes_no_sense_narrows_nothing(
    desk: Client, clinic: Clinic, lost: Patient
) -> None:
    patient(clinic, -40, first_name="Weeks")
    assert "Ada Invented" not in text(desk, priority="2")
    assert "Weeks Invented" in text(desk, priority="2")
    assert "Weeks Invented" not in text(desk, risk="high", engagement="dormant")
    both = text(desk, priority="9", risk="'; --", page="x")
    assert "Ada Invented" in both
    assert "Weeks Invented" in both


def test_only_the_patients_of_the_page_are_decrypted_and_noted(
    desk: Client, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encryption import fields

    for days in range(PER_PAGE + 5):
        patient(clinic, -100 - days)
    tasks = listed(clinic)
    desk.get(PAGE)
    decrypted = []
    plain = fields.decrypt
    monkeypatch.setattr(fields, "decrypt", lambda *args: decrypted.append(args[2]) or plain(*args))
    text(desk)
    assert decrypted.count("phone") == PER_PAGE
    entry = Entry.objects.filter(record_type="call", action="list").latest("pk")
    assert entry.patient_ids == sorted(task.patient_id for task in tasks[:PER_PAGE])
    text(desk, page=2)
    entry = Entry.objects.filter(record_type="call", action="list").latest("pk")
    assert entry.details == {"count": 5, "page": 2}


def test_a_page_takes_as_many_queries_for_many_as_for_one(
    desk: Client, clinic: Clinic, lost: Patient, django_assert_max_num_queries: Any
) -> None:
    text(desk)
    for days in range(PER_PAGE):
        patient(clinic, -100 - days)
    listed(clinic)
    with django_assert_max_num_queries(26):
        text(desk)


def test_a_clinic_is_chosen_among_those_whose_patients_the_person_may_see(
    desk: Client, clinic: Clinic, lost: Patient
) -> None:
    sibling, foreign = make.clinic(clinic.organization), make.clinic()
    patient(sibling, -100, first_name="Sibling")
    patient(foreign, -100, first_name="Foreign")
    assert "Sibling Invented" in text(desk, clinic=str(sibling.pk))
    for wrong in (str(foreign.pk), "none"):
        assert desk.get(PAGE, {"clinic": wrong}).status_code == 302
    assert foreign.name not in text(desk)
    assert not CallTask.objects.filter(clinic=foreign).exists()


def test_who_only_reads_sees_no_buttons(clock: Clock, clinic: Clinic, call: CallTask) -> None:
    reader = browser(make.member(clinic.organization, Role.READ_ONLY, is_staff=True))
    page = text(reader)
    assert "Ada Invented" in page
    assert 'name="outcome"' not in page
    assert reader.post(f"{PAGE}{call.pk}/outcome/", {"outcome": "no_answer"}).status_code == 403
    call.refresh_from_db()
    assert call.status == "open"


def test_a_button_takes_a_post_with_its_token(call: CallTask, caller: User, clock: Clock) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(caller)
    for button in ("outcome", "undo", "snooze"):
        assert strict.get(f"{PAGE}{call.pk}/{button}/").status_code == 405
        assert (
            strict.post(f"{PAGE}{call.pk}/{button}/", {"outcome": "no_answer"}).status_code == 403
        )
    call.refresh_from_db()
    assert call.status == "open"


def test_a_person_without_a_clinic_of_patients_is_told_so(clock: Clock) -> None:
    alone = make.member(make.organization(), Role.STAFF, is_staff=True)
    assert "no clinic yet" in text(browser(alone))


def test_a_call_by_a_program_names_it(desk: Client, call: CallTask) -> None:
    from accounts.keys import save
    from accounts.models import ApiKey
    from clinics import access
    from tests.conftest import START

    key = ApiKey(
        organization=call.organization, name="A dialler", scopes=["book"],
        expires_at=START + timedelta(days=9),
    )  # fmt: skip
    made = save(key, access.NOBODY, START).key
    CallTask.objects.filter(pk=call.pk).update(
        status="done", outcome="left_message", called_by_key=made, closed_at=START
    )
    assert "by A dialler" in text(desk, show="done")


# --- Thresholds ---


@pytest.fixture
def manager(clock: Clock, clinic: Clinic) -> Client:
    return browser(make.member(clinic.organization, Role.CLINIC_ADMIN, is_staff=True))


def form_of(clinic: Clinic, **changes: object) -> dict[str, object]:
    """Everything that the form holds at first, with changes."""
    fields = [
        each.name
        for each in Thresholds._meta.fields
        if each.name not in ("id", "organization", "clinic")
    ]
    usual = Thresholds()
    return {name: getattr(usual, name) for name in fields} | {"clinic": clinic.pk} | changes


def test_a_clinic_admin_sets_thresholds_which_the_next_list_follows(
    manager: Client, clinic: Clinic, lost: Patient
) -> None:
    base = "/admin/outreach/thresholds/"
    answer = manager.post(f"{base}add/", form_of(clinic, high_after_days=365))
    assert answer.status_code == 302, answer.content
    own = Thresholds.objects.get()
    assert (own.organization, own.clinic, own.high_after_days) == (
        clinic.organization, clinic, 365,
    )  # fmt: skip
    assert "high after days" in manager.get(base).content.decode()
    (task,) = listed(clinic)
    assert (task.risk, task.priority) == ("medium", 2)
    entry = Entry.objects.filter(record_type="thresholds of calls").latest("pk")
    assert entry.action == "create"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"high_after_days": 20}, "high is not before medium"),
        ({"high_attendance": 90}, "high risk takes no higher percentage"),
        ({"high_missed": 1}, "high risk takes no fewer than medium"),
        ({"recall_until_days": 100}, "it ends after it begins"),
        ({"active_days": 0}, "greater than or equal to 1"),
        ({"medium_attendance": 101}, "less than or equal to 100"),
        ({"lists_up_to": 5}, "less than or equal to 4"),
    ],
)
def test_thresholds_that_make_no_sense_are_refused_with_the_reason(
    manager: Client, clinic: Clinic, changes: dict[str, int], said: str
) -> None:
    answer = manager.post("/admin/outreach/thresholds/add/", form_of(clinic, **changes))
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not Thresholds.objects.exists()


def test_nobody_sets_thresholds_of_a_foreign_clinic(manager: Client) -> None:
    foreign = make.clinic()
    answer = manager.post("/admin/outreach/thresholds/add/", form_of(foreign))
    assert answer.status_code == 200
    assert not Thresholds.objects.exists()
