"""Lists of writebacks over REST: their pages, and what narrows them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Patient, User
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import Desk, desk, noon, wrong
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
LIST = "/api/v1/writebacks"


@pytest.fixture
def client(api: Callable[[User], APIClient], staff: User) -> APIClient:
    return api(staff)


@pytest.fixture
def front(client: APIClient, integration: Integration) -> Desk:
    made = desk(client, integration)
    made.profile()
    return made


def test_the_list_is_paged_by_cursor_newest_first(
    client: APIClient, integration: Integration
) -> None:
    now = timezone.now()
    made = [
        make.writeback(integration, created_at=now - timedelta(minutes=minutes))
        for minutes in range(5)
    ]
    page = client.get("/api/v1/writebacks?page_size=3").json()
    rest = client.get(page["next"]).json()
    listed = [row["id"] for row in page["results"] + rest["results"]]
    assert listed == [str(writeback.pk) for writeback in made]
    assert rest["next"] is None


def test_reading_lists_takes_the_same_few_queries_for_any_number_of_rows(
    client: APIClient, integration: Integration, django_assert_num_queries: Any
) -> None:
    for _ in range(20):
        make.writeback(integration)
    with django_assert_num_queries(
        4
    ):  # the login's user and roles, the page, its entry in the audit
        client.get("/api/v1/writebacks")


def test_the_list_can_be_narrowed_to_a_clinic_and_a_status(
    client: APIClient, integration: Integration
) -> None:
    sibling = make.integration(make.clinic(integration.organization))
    ours = make.writeback(integration)
    lost = make.writeback(integration, status="unconfirmed")
    theirs = make.writeback(sibling, status="unconfirmed")

    def listed(**query: str) -> set[str]:
        return {row["id"] for row in client.get("/api/v1/writebacks", query).json()["results"]}

    assert listed() == {str(ours.pk), str(lost.pk), str(theirs.pk)}
    assert listed(clinic=str(integration.clinic_id)) == {str(ours.pk), str(lost.pk)}
    assert listed(status="unconfirmed") == {str(lost.pk), str(theirs.pk)}
    assert listed(status="unconfirmed", clinic=str(sibling.clinic_id)) == {str(theirs.pk)}


@pytest.mark.parametrize("query", [{"status": "lost"}, {"status": ""}, {"clinic": "17"}])
def test_a_value_that_no_writeback_has_is_400(client: APIClient, query: dict[str, str]) -> None:
    answer = client.get("/api/v1/writebacks", query)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == list(query)


def listed(front: Desk, **query: Any) -> set[str]:
    answer = front.client.get(LIST, query)
    assert answer.status_code == 200, answer.content
    return {row["id"] for row in answer.json()["results"]}


def test_a_list_is_narrowed_by_operation_person_and_time(front: Desk) -> None:
    now = timezone.now()
    other = make.record(Patient, front.integration.clinic)
    old = make.writeback(front.integration, created_at=now - timedelta(days=2))
    theirs = make.writeback(front.integration, patient_id=other.pk)
    visit = front.appointment()
    front.ask("delete", f"appointments/{visit.pk}")
    cancellation = Writeback.objects.get(operation="cancel")
    assert listed(front, operation="cancel") == {str(cancellation.pk)}
    assert listed(front, patient=str(other.pk)) == {str(theirs.pk)}
    day_ago = (now - timedelta(days=1)).isoformat()
    assert listed(front, created_before=day_ago) == {str(old.pk)}
    assert listed(front, created_from=day_ago) == {str(theirs.pk), str(cancellation.pk)}


def test_a_list_for_an_appointment_has_what_made_it_and_what_changes_it(front: Desk) -> None:
    visit, other = front.appointment(), front.appointment(starts_at=noon(9), ends_at=noon(10))
    ended = {"status": "completed", "completed_at": timezone.now(), "due_at": None}
    made = make.writeback(front.integration, **ended, created_external_id=visit.external_id)
    make.writeback(front.integration, **ended, created_external_id=other.external_id)
    front.ask("delete", f"appointments/{visit.pk}")
    cancellation = Writeback.objects.get(operation="cancel")
    # The same id of another clinic's PMS is another appointment.
    elsewhere = make.integration(make.clinic(front.integration.organization))
    make.writeback(elsewhere, **ended, created_external_id=visit.external_id)
    assert listed(front, appointment=str(visit.pk)) == {str(made.pk), str(cancellation.pk)}
    seen = front.client.get(f"{LIST}/{made.pk}").json()
    assert seen["appointment"] == str(visit.pk)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("operation", "delete"),
        ("appointment", "17"),
        ("patient", ""),
        ("created_from", "2030-01-31T09:30:00"),
        ("created_before", "yesterday"),
    ],
)
def test_a_filter_that_cannot_be_is_400(front: Desk, name: str, value: str) -> None:
    assert list(wrong(front.client.get(LIST, {name: value}))) == [name]


def test_no_one_sees_more_by_a_filter_than_without(front: Desk) -> None:
    elsewhere = make.integration(make.clinic())
    theirs = make.writeback(elsewhere)
    assert listed(front, patient=str(theirs.patient_id)) == set()
    assert listed(front, clinic=str(elsewhere.clinic_id)) == set()
