"""What a program may do with its API key, and what a key that is none is told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import keys
from accounts.authentication import Program
from accounts.models import ApiKey
from clinics.models import Clinic, Organization, Patient, User
from integrations.models import Integration
from tests import make
from tests.accounts.conftest import anything_in, client_of, issue
from tests.conftest import Clock
from tests.integrations.threads import at_once
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
Keys = Callable[..., APIClient]
CLINICS = "/api/v1/clinics"


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_key_sees_the_clinics_of_its_organization(key: Keys, clinic: Clinic) -> None:
    make.clinic()
    rows = key("read").get(CLINICS).json()["results"]
    assert [row["id"] for row in rows] == [str(clinic.pk)]


def test_a_key_for_one_clinic_sees_no_other(key: Keys, clinic: Clinic) -> None:
    sibling = make.clinic(clinic.organization)
    client = key("read", clinics=[clinic.pk])
    assert [row["id"] for row in client.get(CLINICS).json()["results"]] == [str(clinic.pk)]
    assert client.get(f"{CLINICS}/{clinic.pk}/patients").status_code == 200
    assert client.get(f"{CLINICS}/{sibling.pk}/patients").status_code == 404


def test_a_deleted_clinic_opens_no_other_one(key: Keys, clinic: Clinic) -> None:
    doomed = make.clinic(clinic.organization)
    client = key("read", clinics=[doomed.pk])
    doomed.delete()
    assert client.get(CLINICS).json()["results"] == []


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (["read"], {"clinics": 200, "patients": 200, "api-keys": 403}),
        (["book"], {"clinics": 200, "patients": 403, "api-keys": 403}),
        (["sync"], {"clinics": 200, "patients": 403, "api-keys": 403}),
        (["admin"], {"clinics": 200, "patients": 403, "api-keys": 200}),
        (["admin", "read"], {"clinics": 200, "patients": 200, "api-keys": 200}),
    ],
)
def test_scopes_say_what_a_key_may(
    key: Keys, clinic: Clinic, scopes: list[str], expected: dict[str, int]
) -> None:
    client = key(*scopes)
    addresses = {
        "clinics": CLINICS,
        "patients": f"{CLINICS}/{clinic.pk}/patients",
        "api-keys": f"/api/v1/organizations/{clinic.organization_id}/api-keys",
    }
    assert {name: client.get(path).status_code for name, path in addresses.items()} == expected


def test_a_missing_scope_is_named(key: Keys) -> None:
    answer = key("book").get("/api/v1/writebacks")
    assert told(answer) == (403, "scope_missing")
    assert answer.json()["error"]["message"] == (
        "This API key lacks the scope read: it may not see writebacks."
    )


def book(client: APIClient, clinic: Clinic, **headers: Any) -> Any:
    asked = make.booking(clinic)
    body = {
        "patient": str(asked.patient.pk),
        "practitioner": str(asked.practitioner.pk),
        "operatory": str(asked.operatory.pk),
        "location": str(asked.location.pk),
        "starts_at": asked.starts_at.isoformat(),
        "ends_at": asked.ends_at.isoformat(),
    }
    return client.post(f"{CLINICS}/{clinic.pk}/appointments", body, **headers)


def test_a_program_books_and_the_writeback_knows_its_key(
    key: Keys, integration: Integration, manager: User, client: Any, clock: Clock
) -> None:
    program = key("book", "read", name="Voice agent")
    missing = book(program, integration.clinic)
    assert told(missing) == (400, "idempotency_key_required")
    answer = book(program, integration.clinic, HTTP_IDEMPOTENCY_KEY="one")
    assert answer.status_code == 202, answer.content
    stored = Writeback.objects.get()
    assert stored.requested_by is None
    assert stored.requested_by_key == ApiKey.objects.get()
    client.force_login(manager)
    page = client.get(f"/admin/writebacks/writeback/{stored.pk}/change/").content.decode()
    assert f"asked for by Voice agent (fd_{ApiKey.objects.get().prefix}…)" in page


def test_a_key_without_the_scope_books_nothing(key: Keys, integration: Integration) -> None:
    answer = book(key("read"), integration.clinic, HTTP_IDEMPOTENCY_KEY="one")
    assert told(answer) == (403, "scope_missing")
    assert Writeback.objects.count() == 0


@pytest.mark.parametrize(
    "text",
    [
        "fd_",
        "fd__",
        "fd_abcdefgh_",
        "fd_abcdefgh_" + "a" * 43,
        "fd_abcdefgh_" + "a" * 44,
        "fd_ABCDEFGH_" + "a" * 43,
        "fd_abcdefgh_" + "é" * 43,
        "fd_abcdefgh_" + "a" * 43 + " more",
        "fd_\0",
        "fd_" + "a" * 100_000,
    ],
)
def test_what_is_no_key_is_401(db: None, text: str) -> None:
    answer = client_of(text).get(CLINICS)
    assert told(answer) == (401, "bad_key")
    assert answer["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "aaaa" not in answer.content.decode()


def test_a_secret_under_another_prefix_is_no_key(organization: Organization) -> None:
    text = issue(organization).text
    assert told(client_of(f"fd_zzzzzzzz{text[11:]}").get(CLINICS)) == (401, "bad_key")


def test_a_revoked_key_is_told_so(organization: Organization) -> None:
    issued = issue(organization)
    assert client_of(issued.text).get(CLINICS).status_code == 200
    keys.revoke(issued.key, timezone.now())
    assert told(client_of(issued.text).get(CLINICS)) == (401, "key_revoked")


def test_a_key_ends_at_its_moment(organization: Organization, clock: Clock) -> None:
    issued = issue(organization, expires_at=clock.now + timedelta(hours=1))
    clock.advance(3599)
    assert client_of(issued.text).get(CLINICS).status_code == 200
    clock.advance(1)
    assert told(client_of(issued.text).get(CLINICS)) == (401, "key_expired")


def test_a_key_has_no_logins_to_end(key: Keys) -> None:
    assert told(key("admin").post("/api/v1/auth/logout-everywhere")) == (403, "not_for_keys")


def test_a_key_counts_more_than_the_session_beside_it(
    organization: Organization, manager: User, clinic: Clinic
) -> None:
    program = client_of(issue(organization, "book").text)
    program.force_login(manager)
    assert told(program.get("/api/v1/writebacks")) == (403, "scope_missing")


def test_the_last_use_is_noted_once_a_minute(organization: Organization, clock: Clock) -> None:
    issued = issue(organization)
    client = client_of(issued.text)

    def used_at() -> Any:
        client.get(CLINICS)
        return ApiKey.objects.get().last_used_at

    first = used_at()
    assert first == clock.now
    clock.advance(59)
    assert used_at() == first
    with CaptureQueriesContext(connection) as queries:
        client.get(CLINICS)
    assert not [each for each in queries if "UPDATE" in each["sql"]]
    clock.advance(1)
    assert used_at() == clock.now


@pytest.mark.django_db(transaction=True)
def test_requests_of_one_key_do_not_wait_on_each_other() -> None:
    organization = make.organization()
    issued = issue(organization)

    def ask(number: int) -> int:
        return client_of(issued.text).get(CLINICS).status_code

    with transaction.atomic():
        # Somebody holds the row, as a request does that is noting the use.
        ApiKey.objects.select_for_update().get()
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert at_once(8, ask) == [200] * 8
    assert ApiKey.objects.get().last_used_at is None
    assert at_once(8, ask) == [200] * 8
    assert ApiKey.objects.get().last_used_at is not None


@pytest.mark.django_db(transaction=True)
def test_a_key_is_replaced_once_however_many_ask() -> None:
    organization = make.organization()
    key = issue(organization).key

    def rotate(number: int) -> str:
        try:
            keys.rotate(anything_in(organization), key, timedelta(hours=1), timezone.now())
        except keys.KeyEnded:
            return "ended"
        return "replaced"

    assert sorted(at_once(8, rotate)) == ["ended"] * 7 + ["replaced"]
    assert ApiKey.objects.count() == 2


def test_no_secret_shows_in_rows_reprs_and_logs(
    organization: Organization, clinic: Clinic, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issued = issue(organization)
    make.record(Patient, clinic)
    secret = issued.text.removeprefix(f"fd_{issued.key.prefix}_")
    client = client_of(issued.text)
    answers = [client.get(CLINICS), client.get(f"/api/v1/api-keys/{issued.key.pk}")]
    keys.revoke(issued.key, timezone.now())
    answers.append(client.get(CLINICS))
    texts = [answer.content.decode() for answer in answers]
    texts += [repr(issued), repr(issued.key), str(issued.key), repr(Program(issued.key))]
    texts += [str(list(ApiKey.objects.values())), caplog.text]
    assert not [text for text in texts if secret in text]
