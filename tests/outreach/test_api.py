"""REST: the list, an outcome and its undoing, and the conversion."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic, Patient, User
from outreach.models import CallTask
from tests.conftest import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(clock: Clock, staff: User, api: Callable[[User], APIClient]) -> APIClient:
    """The front desk, at the tests' own time."""
    return api(staff)


def base(clinic: Clinic) -> str:
    return f"/api/v1/clinics/{clinic.pk}/outreach"


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
    assert desk.get(base(clinic)).json()["results"] == []
