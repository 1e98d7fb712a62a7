"""Lists end, and show each row once, however many rows were made in one moment."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Clinic, Patient, User
from integrations.models import Integration
from tests import make
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
WRITEBACKS = "/api/v1/writebacks"


@pytest.fixture
def client(api: Callable[[User], APIClient], staff: User) -> APIClient:
    return api(staff)


def walk(client: APIClient, address: str, way: str = "next") -> list[dict[str, Any]]:
    """Follow a list page by page and return its pages; a list that goes on and on fails."""
    pages = []
    while address:
        pages.append(client.get(address).json())
        assert len(pages) <= 10, "this list does not end"
        address = pages[-1][way]
    return pages


def ids(pages: list[dict[str, Any]]) -> list[UUID]:
    return [UUID(row["id"]) for page in pages for row in page["results"]]


def many_patients(clinic: Clinic, count: int) -> list[UUID]:
    now = timezone.now()
    made = Patient.objects.bulk_create(
        Patient(
            organization=clinic.organization,
            clinic=clinic,
            external_id=str(number),
            created_at=now,
        )
        for number in range(count)
    )
    return [patient.pk for patient in made]


def many_writebacks(integration: Integration, count: int) -> list[UUID]:
    """Writebacks of one moment, between one that is older and one that is newer."""
    first = make.writeback(integration)
    at = first.created_at
    copies = [Writeback(**_fields(first), idempotency_key=f"copy {n}") for n in range(count)]
    Writeback.objects.bulk_create(copies)
    older = make.writeback(integration, created_at=at - timedelta(microseconds=1))
    newer = make.writeback(integration, created_at=at + timedelta(microseconds=1))
    equal = sorted([first.pk, *(copy.pk for copy in copies)], reverse=True)
    return [newer.pk, *equal, older.pk]


def _fields(of: Writeback) -> dict[str, Any]:
    skipped = {"id", "idempotency_key"}
    names = (field.attname for field in Writeback._meta.concrete_fields)
    return {name: getattr(of, name) for name in names if name not in skipped}


def test_patients_of_one_import_are_each_on_one_page(client: APIClient, clinic: Clinic) -> None:
    made = many_patients(clinic, 1500)
    pages = walk(client, f"/api/v1/clinics/{clinic.pk}/patients?page_size=200")
    assert [len(page["results"]) for page in pages] == [200] * 7 + [100]
    assert ids(pages) == sorted(made)


def test_writebacks_of_one_moment_are_each_on_one_page_newest_first(
    client: APIClient, integration: Integration
) -> None:
    made = many_writebacks(integration, 1499)
    pages = walk(client, f"{WRITEBACKS}?page_size=200")
    assert [len(page["results"]) for page in pages] == [200] * 7 + [102]
    assert ids(pages) == made


def test_a_list_can_be_walked_back_to_its_start(
    client: APIClient, integration: Integration
) -> None:
    made = many_writebacks(integration, 8)
    forth = walk(client, f"{WRITEBACKS}?page_size=4")
    assert forth[0]["previous"] is None
    assert [len(page["results"]) for page in forth] == [4, 4, 3]
    back = walk(client, forth[-1]["previous"], "previous")
    assert ids(back[::-1]) == made[:8]
    assert back[-1]["previous"] is None
    assert ids(walk(client, back[-1]["next"])) == made[4:]


def test_rows_that_come_or_go_between_two_pages_move_no_other(
    client: APIClient, integration: Integration
) -> None:
    made = many_writebacks(integration, 4)
    first = client.get(f"{WRITEBACKS}?page_size=3").json()
    make.writeback(integration, created_at=timezone.now() + timedelta(minutes=1))
    Writeback.objects.filter(pk=made[2]).delete()
    assert ids([first, *walk(client, first["next"])]) == made


def test_a_page_that_has_become_empty_is_the_end(client: APIClient, clinic: Clinic) -> None:
    made = many_patients(clinic, 3)
    first = client.get(f"/api/v1/clinics/{clinic.pk}/patients?page_size=2").json()
    Patient.objects.filter(pk=max(made)).delete()
    last = client.get(first["next"]).json()
    assert last == {"next": None, "previous": None, "results": []}


MOMENT, KEY = "2030-03-05T15:00:00+00:00", UUID(int=7)
POSITIONS = [
    "abc",
    "",
    "None",
    "\0",
    MOMENT,
    f"{MOMENT}|abc",
    f"abc|{KEY}",
    f"2030-03-05T15:00:00|{KEY}",
    f"2030-02-30T15:00:00+00:00|{KEY}",
    f"0001-01-01T00:00:00+23:59|{KEY}",
    f"9999-12-31T23:59:59-23:59|{KEY}",
    f"{MOMENT}|{KEY}|{KEY}",
    f"{KEY}|{KEY}",
]


@pytest.mark.parametrize("position", POSITIONS)
def test_a_made_up_place_in_a_list_is_404_in_the_envelope(
    client: APIClient, clinic: Clinic, position: str
) -> None:
    for tokens in ({"p": position}, {"p": position, "r": "1"}):
        cursor = b64encode(urlencode(tokens).encode()).decode()
        for path in ("/writebacks", "/clinics", f"/clinics/{clinic.pk}/patients"):
            answer = client.get(f"/api/v1{path}", {"cursor": cursor})
            assert answer.status_code == 404, path
            assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("cursor", ["", "é", "=", "cj14", "bz0tMQ==", "cD3D"])
def test_a_cursor_that_is_none_is_not_a_failure_of_ours(
    client: APIClient, integration: Integration, cursor: str
) -> None:
    make.writeback(integration)
    assert client.get(WRITEBACKS, {"cursor": cursor}).status_code in (200, 404)
