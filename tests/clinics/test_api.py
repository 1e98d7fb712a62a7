"""Logging in, and reading clinics and their records over REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic, Location, Operatory, Patient, Practitioner, User
from tests import make
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
LOGIN = "/api/v1/auth/login"


def test_a_login_gives_a_token_that_ends_after_some_minutes(staff: User, clock: Clock) -> None:
    client = APIClient()
    answer = client.post(LOGIN, {"username": staff.username, "password": make.PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["expires_in"] == 15 * 60
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    clock.advance(15 * 60 - 1)
    assert client.get("/api/v1/clinics").status_code == 200
    clock.advance(2)
    ended = client.get("/api/v1/clinics")
    assert ended.status_code == 401
    assert ended.json()["error"]["code"] == "token_not_valid"


def test_a_wrong_password_and_an_unknown_name_are_refused_alike(staff: User) -> None:
    wrong = APIClient().post(LOGIN, {"username": staff.username, "password": "guess"})
    unknown = APIClient().post(LOGIN, {"username": "nobody", "password": "guess"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["error"]["code"] == unknown.json()["error"]["code"] == "bad_login"
    assert wrong.json()["error"]["message"] == unknown.json()["error"]["message"]


def test_someone_who_left_cannot_log_in_and_their_token_is_worth_nothing(
    staff: User, api: Callable[[User], APIClient]
) -> None:
    client = api(staff)
    staff.is_active = False
    staff.save()
    assert client.get("/api/v1/clinics").status_code == 401
    answer = APIClient().post(LOGIN, {"username": staff.username, "password": make.PASSWORD})
    assert answer.status_code == 401


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "Bearer"])
def test_a_malformed_token_is_401_and_never_a_crash(db: None, token: str) -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert client.get("/api/v1/clinics").status_code == 401


def test_a_member_sees_the_clinics_of_their_organization_alone(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient]
) -> None:
    theirs = make.clinic()
    client = api(staff)
    assert [row["id"] for row in client.get("/api/v1/clinics").json()["results"]] == [
        str(clinic.pk)
    ]
    assert client.get(f"/api/v1/clinics/{clinic.pk}").json()["timezone"] == "America/New_York"
    assert client.get(f"/api/v1/clinics/{theirs.pk}").status_code == 404


RECORDS = [
    ("patients", Patient, {"first_name": "Zoë"}),
    ("practitioners", Practitioner, {"last_name": "Łukasz"}),
    ("operatories", Operatory, {"name": "Chair 2"}),
    ("locations", Location, {"name": "Main", "timezone": "Asia/Kolkata"}),
]


@pytest.mark.parametrize(("path", "model", "fields"), RECORDS)
def test_records_are_listed_for_their_clinic_alone(
    staff: User,
    clinic: Clinic,
    api: Callable[[User], APIClient],
    path: str,
    model: type[Any],
    fields: dict[str, str],
) -> None:
    ours = make.record(model, clinic, **fields)
    sibling = make.clinic(clinic.organization)
    other = make.record(model, sibling, **fields)
    foreign = make.clinic()
    make.record(model, foreign, **fields)
    client = api(staff)
    base = f"/api/v1/clinics/{clinic.pk}/{path}"
    (row,) = client.get(base).json()["results"]
    assert row["id"] == str(ours.pk)
    assert fields.items() <= row.items()
    assert client.get(f"{base}/{ours.pk}").json() == row
    assert client.get(f"{base}/{other.pk}").status_code == 404
    assert client.get(f"/api/v1/clinics/{foreign.pk}/{path}").status_code == 404
    assert client.get(f"/api/v1/clinics/{uuid.uuid4()}/{path}").status_code == 404
    assert APIClient().get(base).status_code == 401


def test_a_page_holds_at_most_200_rows(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient]
) -> None:
    Patient.objects.bulk_create(
        Patient(organization=clinic.organization, clinic=clinic, external_id=str(number))
        for number in range(201)
    )
    page = api(staff).get(f"/api/v1/clinics/{clinic.pk}/patients?page_size=1000").json()
    assert len(page["results"]) == 200
    assert page["next"]


def test_a_made_up_cursor_is_refused_in_the_envelope(
    staff: User, api: Callable[[User], APIClient]
) -> None:
    answer = api(staff).get("/api/v1/clinics?cursor=nonsense")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
