"""Logging in, and reading clinics and their records over REST."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import (
    Appointment,
    AppointmentType,
    Clinic,
    Location,
    Operatory,
    Patient,
    Practitioner,
    User,
)
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
    ("appointment-types", AppointmentType, {"name": "Check-up"}),
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


def test_patients_are_found_by_the_id_that_their_pms_gave_them(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient]
) -> None:
    ours = make.record(Patient, clinic, external_id="P 1+1")
    make.record(Patient, clinic, external_id="P 1")
    make.record(Patient, make.clinic(clinic.organization), external_id="P 1+1")
    client = api(staff)
    address = f"/api/v1/clinics/{clinic.pk}/patients"

    def found(external_id: str) -> list[str]:
        rows = client.get(address, {"external_id": external_id}).json()["results"]
        return [row["id"] for row in rows]

    assert found("P 1+1") == [str(ours.pk)]
    assert found("p 1+1") == []
    one = client.get(f"{address}/{ours.pk}", {"external_id": "another"})
    assert one.json()["id"] == str(ours.pk), "a filter is for the list"


@pytest.mark.parametrize("value", ["", " ", "\0", "x" * 201])
def test_an_id_that_no_record_can_have_is_400_and_names_the_parameter(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient], value: str
) -> None:
    answer = api(staff).get(f"/api/v1/clinics/{clinic.pk}/patients", {"external_id": value})
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]) == ["external_id"]


def appointment_at(clinic: Clinic, starts_at: datetime) -> str:
    ends_at = starts_at + timedelta(minutes=30)
    visit = make.record(Appointment, clinic, starts_at=starts_at, ends_at=ends_at, status="booked")
    return str(visit.pk)


def test_appointments_of_a_span_are_those_that_start_in_it(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient]
) -> None:
    nine = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
    early, first, second, late = (
        appointment_at(clinic, nine + timedelta(minutes=minutes)) for minutes in (-1, 0, 30, 60)
    )
    client = api(staff)

    def found(**asked: str) -> set[str]:
        rows = client.get(f"/api/v1/clinics/{clinic.pk}/appointments", asked).json()["results"]
        return {row["id"] for row in rows}

    assert found() == {early, first, second, late}
    assert found(starts_from="2030-03-06T09:00:00-05:00") == {first, second, late}
    assert found(starts_before="2030-03-06T15:00:00Z") == {early, first, second}
    both = {"starts_from": "2030-03-06T14:00Z", "starts_before": "2030-03-06T16:00+01:00"}
    assert found(**both) == {first, second}


@pytest.mark.parametrize("name", ["starts_from", "starts_before"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2030-03-06T09:00:00", "with its offset"),
        ("2030-03-06", "with its offset"),
        ("tomorrow", "wrong format"),
        ("", "wrong format"),
        ("0001-01-01T00:00:00+10:00", "out of range"),
    ],
)
def test_a_moment_that_could_mean_any_other_is_400_and_names_the_parameter(
    staff: User,
    clinic: Clinic,
    api: Callable[[User], APIClient],
    name: str,
    value: str,
    words: str,
) -> None:
    answer = api(staff).get(f"/api/v1/clinics/{clinic.pk}/appointments", {name: value})
    assert answer.status_code == 400
    ((field, (message,)),) = answer.json()["error"]["details"].items()
    assert field == name
    assert words in message


def test_a_filter_stays_on_every_page(
    staff: User, clinic: Clinic, api: Callable[[User], APIClient]
) -> None:
    nine = datetime(2030, 3, 6, 14, 0, tzinfo=UTC)
    wanted = {appointment_at(clinic, nine) for _ in range(3)}
    for _ in range(3):
        appointment_at(clinic, nine - timedelta(days=1))
    client = api(staff)
    asked = {"starts_from": "2030-03-06T09:00:00-05:00", "page_size": "2"}
    first = client.get(f"/api/v1/clinics/{clinic.pk}/appointments", asked).json()
    second = client.get(first["next"]).json()
    assert {row["id"] for page in (first, second) for row in page["results"]} == wanted
    assert second["next"] is None
