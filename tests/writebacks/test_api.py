"""The REST face of bookings: what is accepted, and what is refused with which words."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Clinic, Location, Patient, Practitioner, Role, User
from integrations.models import Integration
from tests import make
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
KEY = {"Idempotency-Key": "a key of mine"}


@pytest.fixture
def body(integration: Integration) -> dict[str, Any]:
    """A booking that would be accepted."""
    start = (timezone.now() + timedelta(days=2)).replace(second=0, microsecond=0)
    asked = make.booking(integration.clinic, start).as_json()
    return {**asked, "location": asked["location"]}


@pytest.fixture
def client(api: Callable[[User], APIClient], staff: User) -> APIClient:
    return api(staff)


def address(clinic: Clinic) -> str:
    return f"/api/v1/clinics/{clinic.pk}/appointments"


def test_a_booking_is_accepted_at_once_with_the_address_to_follow(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    answer = client.post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 202
    writeback = Writeback.objects.get()
    assert answer.headers["Location"] == f"http://testserver/api/v1/writebacks/{writeback.pk}"
    assert "Idempotent-Replayed" not in answer.headers
    seen = client.get(answer.headers["Location"]).json()
    assert seen == answer.json()
    assert (seen["status"], seen["result"], seen["operation"]) == ("queued", "pending", "book")
    assert [event["event"] for event in seen["events"]] == ["requested"]


def test_repeating_it_gives_the_same_writeback_and_says_so(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    first = client.post(address(integration.clinic), body, headers=KEY)
    second = client.post(address(integration.clinic), body, headers=KEY)
    assert second.status_code == 202
    assert second.json()["id"] == first.json()["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert Writeback.objects.count() == 1


def test_repeating_it_later_gives_the_same_writeback_though_it_could_not_be_booked_any_more(
    client: APIClient, integration: Integration, body: dict[str, Any], staff: User
) -> None:
    first = client.post(address(integration.clinic), body, headers=KEY)
    Practitioner.objects.update(is_active=False)
    make.record(Location, integration.clinic, name="Second", timezone="UTC")
    after = datetime.fromisoformat(body["ends_at"]) + timedelta(days=1)
    with time_machine.travel(after, tick=False):
        client.force_authenticate(staff)
        again = client.post(address(integration.clinic), body, headers=KEY)
    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    "changes", [{"status": "setup_required"}, {"credential": {}}, {"pms": "unknown"}]
)
def test_a_clinic_whose_set_up_is_not_finished_answers_409(
    client: APIClient, integration: Integration, body: dict[str, Any], changes: dict[str, Any]
) -> None:
    Integration.objects.update(**changes)
    answer = client.post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "clinic_not_connected"
    assert not Writeback.objects.exists()


def test_the_same_key_with_another_body_is_422(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    client.post(address(integration.clinic), body, headers=KEY)
    answer = client.post(address(integration.clinic), body | {"description": "Other"}, headers=KEY)
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "idempotency_key_reused"
    assert Writeback.objects.count() == 1


@pytest.mark.parametrize(
    "headers",
    [{}, {"Idempotency-Key": " "}, {"Idempotency-Key": "x" * 256}, {"Idempotency-Key": "a\x00b"}],
)
def test_without_a_usable_key_it_is_400(
    client: APIClient, integration: Integration, body: dict[str, Any], headers: dict[str, str]
) -> None:
    answer = client.post(address(integration.clinic), body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "idempotency_key_required"
    assert not Writeback.objects.exists()


def moment(**ahead: float) -> str:
    return (timezone.now() + timedelta(**ahead)).replace(second=0, microsecond=0).isoformat()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"starts_at": moment(days=-1)}, "starts_at", "This time has passed"),
        ({"ends_at": moment(days=1)}, "ends_at", "The end must come after the start."),
        ({"ends_at": moment(days=3)}, "ends_at", "At most 12 hours are possible."),
        ({"starts_at": "2030-01-31T09:30:00"}, "starts_at", "Give the time with its offset"),
        ({"starts_at": "2030-01-31T09:30:10Z"}, "starts_at", "whole minutes"),
        ({"starts_at": "2030-02-31T09:30:00Z"}, "starts_at", "wrong format"),
        ({"starts_at": "9999-12-31T23:00:00Z"}, "starts_at", "At most two years ahead"),
        ({"starts_at": "soon"}, "starts_at", "wrong format"),
        ({"starts_at": None}, "starts_at", "may not be null"),
        ({"patient": "17"}, "patient", "valid UUID"),
        ({"patient": str(uuid.uuid4())}, "patient", "This clinic has no patient with this id."),
        ({"description": "x" * 201}, "description", "no more than 200 characters"),
        ({"description": ""}, "description", "may not be blank"),
    ],
)
def test_what_cannot_be_used_is_400_and_names_the_field(
    client: APIClient,
    integration: Integration,
    body: dict[str, Any],
    changes: dict[str, Any],
    field: str,
    words: str,
) -> None:
    answer = client.post(address(integration.clinic), body | changes, headers=KEY)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "invalid"
    assert list(error["details"]) == [field]
    assert words in " ".join(error["details"][field])
    assert not Writeback.objects.exists()


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("patient", "Say whom it is for, in one of three ways: patient, new_patient or after."),
        ("practitioner", "Name the practitioner: this clinic's profile has no usual one."),
        ("operatory", "Name the operatory: this clinic's profile has no usual one."),
        ("starts_at", "This field is required."),
        ("ends_at", "Say when it ends: no usual length of its type is known."),
    ],
)
def test_a_missing_field_is_400_and_named(
    client: APIClient, integration: Integration, body: dict[str, Any], field: str, words: str
) -> None:
    del body[field]
    answer = client.post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"] == {field: [words]}
    assert not Writeback.objects.exists()


@pytest.mark.parametrize("text", ["{", "[]", '"text"', ""])
def test_a_body_that_is_no_object_is_400(
    client: APIClient, integration: Integration, text: str
) -> None:
    answer = client.post(
        address(integration.clinic), text, content_type="application/json", headers=KEY
    )
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"code", "message", "details", "timestamp"}
    assert not Writeback.objects.exists()


def test_a_nul_character_is_refused_and_not_a_crash(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    answer = client.post(address(integration.clinic), body | {"description": "a\x00b"}, headers=KEY)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == ["description"]


def test_another_clinics_people_are_unknown_here(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    sibling = make.clinic(integration.organization)
    theirs = make.record(Patient, sibling)
    answer = client.post(
        address(integration.clinic), body | {"patient": str(theirs.pk)}, headers=KEY
    )
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == ["patient"]


def test_a_practitioner_who_has_left_takes_no_bookings(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    Practitioner.objects.update(is_active=False)
    answer = client.post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == ["practitioner"]


def test_the_only_location_need_not_be_named_but_one_of_two_must(
    client: APIClient, integration: Integration, body: dict[str, Any]
) -> None:
    del body["location"]
    assert client.post(address(integration.clinic), body, headers=KEY).status_code == 202
    make.record(Location, integration.clinic, name="Second", timezone="UTC")
    answer = client.post(address(integration.clinic), body, headers={"Idempotency-Key": "another"})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == ["location"]


@pytest.mark.parametrize("path", ["0", "00000000-0000-0000-0000-000000000000"])
def test_an_unknown_clinic_is_404(client: APIClient, body: dict[str, Any], path: str) -> None:
    answer = client.post(f"/api/v1/clinics/{path}/appointments", body, headers=KEY)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_another_organizations_clinic_is_as_unknown_as_one_that_does_not_exist(
    client: APIClient, body: dict[str, Any]
) -> None:
    theirs = make.integration(make.clinic())
    answer = client.post(address(theirs.clinic), body, headers=KEY)
    assert answer.status_code == 404
    assert not Writeback.objects.exists()


def test_another_organizations_writeback_is_404_and_not_listed(client: APIClient) -> None:
    theirs = make.writeback(make.integration(make.clinic()))
    assert client.get(f"/api/v1/writebacks/{theirs.pk}").status_code == 404
    assert client.get("/api/v1/writebacks").json()["results"] == []


def test_a_reader_may_look_but_not_book(
    api: Callable[[User], APIClient], integration: Integration, body: dict[str, Any]
) -> None:
    reader = api(make.member(integration.organization, Role.READ_ONLY))
    assert reader.get(address(integration.clinic)).status_code == 200
    answer = reader.post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"
    assert not Writeback.objects.exists()


def test_a_clinic_without_a_pms_answers_409(
    client: APIClient, clinic: Clinic, body: dict[str, Any], integration: Integration
) -> None:
    integration.delete()
    answer = client.post(address(clinic), body, headers=KEY)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "clinic_not_connected"


def test_without_a_login_it_is_401(integration: Integration, body: dict[str, Any]) -> None:
    answer = APIClient().post(address(integration.clinic), body, headers=KEY)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "not_authenticated"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert not Writeback.objects.exists()
