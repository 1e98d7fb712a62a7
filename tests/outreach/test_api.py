"""REST: the list, an outcome and its undoing, and the conversion."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from audit.models import Entry
from clinics import access
from clinics.models import Clinic, Patient, Role, User
from outreach.models import CallTask
from tests import make
from tests.conftest import START, Clock
from tests.outreach.conftest import patient, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(clock: Clock, staff: User, api: Callable[[User], APIClient]) -> APIClient:
    """The front desk, at the tests' own time."""
    return api(staff)


@pytest.fixture
def program(clock: Clock, clinic: Clinic) -> APIClient:
    """A program that may book, and so call, and not look at patients."""
    key = ApiKey(
        organization=clinic.organization,
        name="A dialler",
        scopes=["book"],
        expires_at=START.replace(year=2031),
    )
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {save(key, access.NOBODY, START).text}")
    return client


def base(clinic: Clinic) -> str:
    return f"/api/v1/clinics/{clinic.pk}/outreach"


def listed(client: APIClient, clinic: Clinic, **query: Any) -> list[str]:
    answer = client.get(base(clinic), query)
    assert answer.status_code == 200, answer.content
    return [row["patient"] for row in answer.json()["results"]]


def test_the_first_look_makes_the_list_and_tells_whom_to_call_and_why(
    desk: APIClient, clinic: Clinic, lost: Patient
) -> None:
    answer = desk.get(base(clinic))
    assert answer.status_code == 200
    (row,) = answer.json()["results"]
    task = CallTask.objects.get()
    assert row == {
        "id": str(task.pk),
        "patient": str(lost.pk),
        "status": "open",
        "priority": 1,
        "engagement": "dormant",
        "risk": "high",
        "made_at": "2030-03-05T15:00:00Z",
        "not_before": None,
        "outcome": "",
        "closed_at": None,
        "again_on": None,
        "first_name": "Ada",
        "last_name": "Invented",
        "phone": "212-555-0100",
        "other_phone": "",
        "reasons": [{"code": "no_contact", "text": "No contact for more than 90 days"}],
        "next_step": "Ask how they are, and offer a visit.",
        "last_visit_at": "2029-11-05T15:00:00Z",
        "next_visit_at": None,
        "note": "",
        "last_outcome": None,
        "last_called_at": None,
    }
    assert desk.get(f"{base(clinic)}/{task.pk}").json() == row


def test_filters_narrow_the_list_and_unknown_values_are_refused(
    desk: APIClient, clinic: Clinic, lost: Patient
) -> None:
    weeks = patient(clinic, -40)
    assert listed(desk, clinic) == [str(lost.pk), str(weeks.pk)]
    assert listed(desk, clinic, priority=2) == [str(weeks.pk)]
    assert listed(desk, clinic, risk="high", engagement="dormant") == [str(lost.pk)]
    assert listed(desk, clinic, engagement="active") == []
    assert listed(desk, clinic, status="done") == []
    for wrong in ({"priority": 5}, {"risk": "none"}, {"status": ""}):
        assert desk.get(base(clinic), wrong).status_code == 400


def test_pages_by_cursor_tell_everybody_once_with_as_many_queries(
    desk: APIClient, clinic: Clinic, django_assert_max_num_queries: Any
) -> None:
    everybody = [str(patient(clinic, -100 - days).pk) for days in range(7)]
    desk.get(base(clinic))
    path, seen = f"{base(clinic)}?page_size=3", []
    while path:
        with django_assert_max_num_queries(22):
            answer = desk.get(path).json()
        seen += [row["patient"] for row in answer["results"]]
        path = answer["next"]
    assert seen == everybody


def test_an_outcome_ends_the_call_and_names_who_called(
    desk: APIClient, clinic: Clinic, call: CallTask, staff: User
) -> None:
    body = {"outcome": "reached_will_think", "note": "Rings back after the holidays"}
    answer = desk.post(f"{base(clinic)}/{call.pk}/outcome", body)
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["again_on"]) == ("done", "2030-03-12")
    call.refresh_from_db()
    assert (call.outcome, call.note) == (body["outcome"], body["note"])
    assert (call.called_by, call.called_by_key) == (staff, None)
    assert listed(desk, clinic) == []
    assert listed(desk, clinic, status="done") == [str(call.patient_id)]


def test_a_second_person_gets_409_and_the_first_no_second_outcome(
    desk: APIClient, clinic: Clinic, call: CallTask, staff: User, api: Callable[..., APIClient]
) -> None:
    path = f"{base(clinic)}/{call.pk}/outcome"
    other = api(make.member(clinic.organization))
    assert desk.post(path, {"outcome": "no_answer"}).status_code == 200
    answer = other.post(path, {"outcome": "no_answer"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "already_called"
    assert answer.json()["error"]["message"] == (
        f"This call has an outcome already: no answer, by {staff}, 05 Mar, 10:00."
    )
    assert desk.post(path, {"outcome": "no_answer"}).status_code == 200
    assert CallTask.objects.get().called_by == staff


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "outcome"),
        ({"outcome": "married"}, "outcome"),
        ({"outcome": "no_answer", "call_again_on": "2030-03-05"}, "call_again_on"),
        ({"outcome": "no_answer", "call_again_on": "soon"}, "call_again_on"),
        ({"outcome": "do_not_call", "call_again_on": "2030-03-09"}, "call_again_on"),
        ({"outcome": "no_answer", "note": "x" * 501}, "note"),
    ],
)
def test_what_cannot_be_used_is_400_with_the_field_and_changes_nothing(
    desk: APIClient, clinic: Clinic, call: CallTask, body: dict[str, str], field: str
) -> None:
    answer = desk.post(f"{base(clinic)}/{call.pk}/outcome", body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == [field]
    call.refresh_from_db()
    assert (call.status, call.outcome) == ("open", "")


def test_an_outcome_can_be_undone_once(desk: APIClient, clinic: Clinic, call: CallTask) -> None:
    path = f"{base(clinic)}/{call.pk}"
    desk.post(f"{path}/outcome", {"outcome": "do_not_call"})
    answer = desk.post(f"{path}/undo")
    assert (answer.status_code, answer.json()["status"]) == (200, "open")
    again = desk.post(f"{path}/undo")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_called")
    assert listed(desk, clinic) == [str(call.patient_id)]


def test_a_call_put_off_is_not_on_the_list_until_its_date(
    desk: APIClient, clinic: Clinic, call: CallTask, clock: Clock, staff: User, api: Any
) -> None:
    answer = desk.post(f"{base(clinic)}/{call.pk}/snooze", {"until": "2030-03-08"})
    assert (answer.status_code, answer.json()["not_before"]) == (200, "2030-03-08")
    assert listed(desk, clinic) == []
    assert listed(desk, clinic, status="open") == [str(call.patient_id)]
    clock.advance(3 * 86_400)
    assert listed(api(staff), clinic) == [str(call.patient_id)]


def test_a_look_closes_the_calls_of_who_has_booked_since(
    desk: APIClient, clinic: Clinic, call: CallTask
) -> None:
    visit(call.patient, 4)
    assert listed(desk, clinic) == []
    assert listed(desk, clinic, status="booked") == [str(call.patient_id)]


def test_a_program_that_may_not_see_patients_says_what_came_of_a_call_and_learns_nothing(
    program: APIClient, clinic: Clinic, call: CallTask
) -> None:
    assert program.get(base(clinic)).status_code == 403
    path = f"{base(clinic)}/{call.pk}/outcome"
    answer = program.post(path, {"outcome": "left_message", "note": "Invented note"})
    assert answer.status_code == 200
    for private in ("Ada", "Invented", "212-555-0100"):
        assert private not in answer.content.decode()
    call.refresh_from_db()
    assert (call.called_by, call.called_by_key.name) == (None, "A dialler")


def test_who_only_reads_sees_the_list_and_says_nothing(
    clock: Clock, clinic: Clinic, call: CallTask, api: Callable[..., APIClient]
) -> None:
    reader = api(make.member(clinic.organization, Role.READ_ONLY))
    assert listed(reader, clinic) == [str(call.patient_id)]
    for button in ("outcome", "undo", "snooze"):
        body = {"outcome": "no_answer", "until": "2030-04-01"}
        assert reader.post(f"{base(clinic)}/{call.pk}/{button}", body).status_code == 403
    call.refresh_from_db()
    assert (call.status, call.not_before) == ("open", None)


def test_the_call_of_another_clinic_is_unknown(desk: APIClient, clinic: Clinic) -> None:
    foreign = make.call_task(make.clinic())
    sibling = make.call_task(make.clinic(clinic.organization))
    for task in (foreign, sibling):
        path = f"{base(clinic)}/{task.pk}"
        assert desk.get(path).status_code == 404
        assert desk.post(f"{path}/outcome", {"outcome": "no_answer"}).status_code == 404
        task.refresh_from_db()
        assert task.status == "open"


def test_the_patients_of_each_page_are_noted_before_they_are_told(
    desk: APIClient, clinic: Clinic, call: CallTask
) -> None:
    other = patient(clinic, -200)
    CallTask.objects.create(
        organization=clinic.organization, clinic=clinic, patient=other, place=500_000, priority=1,
        engagement="dormant", risk="high",
    )  # fmt: skip
    desk.get(f"{base(clinic)}?page_size=1")
    entry = Entry.objects.filter(record_type="call", action="list").latest("pk")
    assert (entry.patient_ids, entry.record_ids) == ([call.patient_id], [str(call.pk)])
    desk.post(f"{base(clinic)}/{call.pk}/outcome", {"outcome": "no_answer"})
    entry = Entry.objects.filter(record_type="call", action="update").latest("pk")
    assert entry.patient_ids == [call.patient_id]
    assert {"status", "outcome", "called_by_id", "closed_at"} <= set(entry.fields)


def test_conversion_is_told_for_the_last_90_days_or_the_dates_asked_for(
    desk: APIClient, clinic: Clinic, call: CallTask
) -> None:
    desk.post(f"{base(clinic)}/{call.pk}/outcome", {"outcome": "reached_booked"})
    path = f"{base(clinic)}/conversion"
    answer = desk.get(path).json()
    assert answer == {
        "start_date": "2029-12-06",
        "end_date": "2030-03-05",
        "reached": 1,
        "decided": 0,
        "converted": 0,
        "booked": 0,
        "percentage": None,
        "is_enough": False,
        "minimum": 20,
    }
    past = {"start_date": "2030-01-01", "end_date": "2030-01-31"}
    assert desk.get(path, past).json()["reached"] == 0


@pytest.mark.parametrize(
    "dates",
    [("0001-02-01", "0001-02-02"), ("9999-12-30", "9999-12-31"), ("2030-03-01", "2030-04-01")],
)
def test_a_period_in_which_nobody_was_called_is_counted_as_empty(
    desk: APIClient, clinic: Clinic, dates: tuple[str, str]
) -> None:
    path = f"{base(clinic)}/conversion"
    answer = desk.get(path, dict(zip(("start_date", "end_date"), dates, strict=True)))
    assert (answer.status_code, answer.json()["reached"]) == (200, 0)


@pytest.mark.parametrize("position", ["9999999999999999999999|x", "-1|", "1", "²|a"])
def test_a_cursor_that_somebody_made_up_is_not_found(
    desk: APIClient, clinic: Clinic, position: str
) -> None:
    cursor = b64encode(f"p={quote(position)}".encode()).decode()
    assert desk.get(base(clinic), {"cursor": cursor}).status_code == 404


def test_a_cursor_beyond_every_place_ends_the_list(desk: APIClient, clinic: Clinic) -> None:
    position = f"99999999999999999999|{clinic.pk}"
    cursor = b64encode(f"p={quote(position)}".encode()).decode()
    answer = desk.get(base(clinic), {"cursor": cursor})
    assert (answer.status_code, answer.json()["results"]) == (200, [])


@pytest.mark.parametrize(
    "dates",
    [
        {"start_date": "2030-01-01"},
        {"start_date": "2030-02-01", "end_date": "2030-01-01"},
        {"start_date": "2020-01-01", "end_date": "2030-01-01"},
        {"start_date": "0001-01-01", "end_date": "0001-01-02"},
        {"start_date": "soon", "end_date": "2030-01-01"},
    ],
)
def test_a_period_that_is_none_is_400(
    desk: APIClient, clinic: Clinic, dates: dict[str, str]
) -> None:
    assert desk.get(f"{base(clinic)}/conversion", dates).status_code == 400
