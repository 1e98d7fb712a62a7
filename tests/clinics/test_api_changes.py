"""Following the changes of a clinic's records over REST: none is missed, and removals are told."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
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

pytestmark = pytest.mark.django_db
NOON = datetime(2030, 3, 5, 12, 0, tzinfo=UTC)
KINDS: list[tuple[str, type[Any], dict[str, Any]]] = [
    ("patients", Patient, {}),
    ("appointments", Appointment, {"starts_at": NOON, "ends_at": NOON + timedelta(minutes=30)}),
    ("practitioners", Practitioner, {}),
    ("locations", Location, {"name": "Main", "timezone": "Asia/Kolkata"}),
    ("operatories", Operatory, {"name": "Chair 2"}),
    ("appointment-types", AppointmentType, {"name": "Check-up"}),
]


@pytest.fixture
def client(staff: User, api: Callable[[User], APIClient]) -> APIClient:
    return api(staff)


def patient(clinic: Clinic, minutes: float, **fields: Any) -> str:
    """Make one that was last changed so long after noon; return its id."""
    changed = {"updated_at": NOON + timedelta(minutes=minutes)}
    return str(make.record(Patient, clinic, **changed, **fields).pk)


def pages(client: APIClient, clinic: Clinic, **asked: Any) -> list[list[dict[str, Any]]]:
    address = f"/api/v1/clinics/{clinic.pk}/patients"
    answer = client.get(address, asked)
    found = []
    while True:
        assert answer.status_code == 200, answer.content
        page = answer.json()
        found.append(page["results"])
        if page["next"] is None:
            return found
        answer = client.get(page["next"])


def ids(client: APIClient, clinic: Clinic, **asked: Any) -> list[str]:
    return [row["id"] for page in pages(client, clinic, **asked) for row in page]


@pytest.mark.parametrize(("path", "model", "fields"), KINDS)
def test_what_was_removed_is_listed_only_for_who_asks_for_changes(
    client: APIClient, clinic: Clinic, path: str, model: type[Any], fields: dict[str, Any]
) -> None:
    kept = make.record(model, clinic, updated_at=NOON, **fields)
    gone = make.record(model, clinic, updated_at=NOON, removed_at=NOON, **fields)
    address = f"/api/v1/clinics/{clinic.pk}/{path}"

    def listed(**asked: str) -> dict[str, Any]:
        rows = client.get(address, asked).json()["results"]
        return {row["id"]: row["removed_at"] for row in rows}

    assert listed() == {str(kept.pk): None}
    told = {str(kept.pk): None, str(gone.pk): "2030-03-05T12:00:00Z"}
    assert listed(updated_since="2030-03-05T12:00:00Z") == told
    assert listed(updated_since="2030-03-05T12:02:00Z") == {}
    assert client.get(f"{address}/{gone.pk}").json()["removed_at"] == "2030-03-05T12:00:00Z"


def test_changes_come_in_the_order_in_which_they_were_made(
    client: APIClient, clinic: Clinic
) -> None:
    third, first, second = (patient(clinic, minutes) for minutes in (30, 10, 20))
    patient(make.clinic(clinic.organization), 15)
    since = "2030-03-05T08:10:00-04:00"
    assert ids(client, clinic, updated_since=since) == [first, second, third]
    assert ids(client, clinic, updated_since=since, page_size=1) == [first, second, third]


def test_what_was_stamped_a_minute_before_it_was_to_be_seen_is_not_missed(
    client: APIClient, clinic: Clinic
) -> None:
    earlier = patient(clinic, -1)
    patient(clinic, -1.01)
    assert ids(client, clinic, updated_since=NOON.isoformat()) == [earlier]


def test_a_record_that_changes_while_pages_are_turned_comes_once_more(
    client: APIClient, clinic: Clinic
) -> None:
    wanted = [patient(clinic, minutes) for minutes in range(5)]
    asked = {"updated_since": NOON.isoformat(), "page_size": "2"}
    address = f"/api/v1/clinics/{clinic.pk}/patients"
    page = client.get(address, asked).json()
    Patient.objects.filter(pk=wanted[0]).update(
        first_name="Newer", updated_at=NOON + timedelta(hours=1)
    )
    seen = [row["id"] for row in page["results"]]
    while page["next"]:
        page = client.get(page["next"]).json()
        seen += [row["id"] for row in page["results"]]
    assert seen == [*wanted, wanted[0]]
    assert page["results"][-1]["first_name"] == "Newer"


def test_many_changes_of_one_moment_come_once_each(client: APIClient, clinic: Clinic) -> None:
    wanted = {patient(clinic, 0) for _ in range(7)}
    found = ids(client, clinic, updated_since=NOON.isoformat(), page_size=2)
    assert (len(found), set(found)) == (7, wanted)


def test_a_filter_narrows_the_changes(client: APIClient, clinic: Clinic) -> None:
    gone = patient(clinic, 0, external_id="P1", removed_at=NOON, merged_into_id="P2")
    patient(clinic, 0, external_id="P2")
    assert ids(client, clinic, external_id="P1") == []
    ((row,),) = pages(client, clinic, external_id="P1", updated_since=NOON.isoformat())
    assert (row["id"], row["merged_into"]) == (gone, "P2")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2030-03-05T12:00:00", "with its offset"),
        ("yesterday", "wrong format"),
        ("", "wrong format"),
    ],
)
def test_a_moment_that_could_mean_any_other_is_400(
    client: APIClient, clinic: Clinic, value: str, words: str
) -> None:
    answer = client.get(f"/api/v1/clinics/{clinic.pk}/locations", {"updated_since": value})
    assert answer.status_code == 400
    ((field, (message,)),) = answer.json()["error"]["details"].items()
    assert field == "updated_since"
    assert words in message


def test_the_first_moment_that_there_is_may_be_asked_for(client: APIClient, clinic: Clinic) -> None:
    one = patient(clinic, 0)
    assert ids(client, clinic, updated_since="0001-01-01T00:00:00Z") == [one]


def test_a_cursor_of_one_order_is_not_taken_for_one_of_the_other(
    client: APIClient, clinic: Clinic
) -> None:
    for minutes in range(3):
        patient(clinic, minutes)
    address = f"/api/v1/clinics/{clinic.pk}/patients"
    link = client.get(address, {"page_size": "1"}).json()["next"]
    answer = client.get(f"{link}&updated_since=2030-03-05T12:00:00Z")
    assert answer.status_code == 404


def test_each_record_tells_what_the_pms_told_of_it(client: APIClient, clinic: Clinic) -> None:
    kind = make.record(AppointmentType, clinic, name="Check-up", minutes=40)
    ada = make.record(Patient, clinic, other_phone="+1 212 555 0123", made_at=NOON)
    make.record(
        Appointment,
        clinic,
        patient=ada,
        appointment_type=kind,
        starts_at=NOON,
        ends_at=NOON + timedelta(minutes=40),
        cancelled_at=NOON - timedelta(days=1),
        status="cancelled",
    )
    base = f"/api/v1/clinics/{clinic.pk}"
    (visit,) = client.get(f"{base}/appointments").json()["results"]
    assert visit["appointment_type"] == str(kind.pk)
    assert visit["cancelled_at"] == "2030-03-04T12:00:00Z"
    (person,) = client.get(f"{base}/patients").json()["results"]
    assert person["other_phone"] == "+1 212 555 0123"
    assert (person["made_at"], person["merged_into"]) == ("2030-03-05T12:00:00Z", "")
    (found,) = client.get(f"{base}/appointment-types").json()["results"]
    assert (found["name"], found["minutes"], found["is_active"]) == ("Check-up", 40, True)


def test_a_page_of_changes_is_read_by_its_index(clinic: Clinic) -> None:
    rows = itertools.count()
    Patient.objects.bulk_create(
        Patient(
            organization=clinic.organization,
            clinic=clinic,
            external_id=f"p{next(rows)}",
            updated_at=NOON + timedelta(seconds=seconds),
        )
        for seconds in range(2000)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE clinics_patient")
    changed = Patient.objects.filter(clinic=clinic, updated_at__gte=NOON)
    plan = changed.order_by("updated_at", "pk")[:51].explain()
    assert "Index Scan using patient_followed" in plan
    assert "Sort" not in plan
