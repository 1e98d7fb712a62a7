"""Guessing passwords ends soon, tells nothing, and harms nobody else."""

from __future__ import annotations

import logging
from typing import Any
from unittest.mock import patch

import pytest
from asgiref.sync import async_to_sync
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import AsyncClient, Client
from rest_framework.test import APIClient

from accounts import tasks
from clinics.models import User
from tests import make
from tests.conftest import Clock

pytestmark = pytest.mark.django_db
LOGIN = "/api/v1/auth/login"
ADMIN = "/admin/login/?next=/admin/clinics/patient/%3Fq%3DInvented"
GUESS = "guess-that-must-not-show"


def attempt(name: str, password: str = GUESS, **headers: Any) -> Any:
    return APIClient().post(LOGIN, {"username": name, "password": password}, **headers)


def told(answer: Any) -> tuple[int, str, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"], answer.get("Retry-After")


@pytest.mark.parametrize("known", [True, False])
def test_the_fifth_failure_locks_and_tells_nothing_of_the_name(
    staff: User, clock: Clock, known: bool
) -> None:
    name = staff.username if known else "nobody-of-this-name"
    bad = (401, "bad_login", "No such username with this password.", None)
    assert [told(attempt(name)) for _ in range(4)] == [bad] * 4
    locked = (
        429,
        "login_locked",
        "There were too many failed logins with this name. "
        "Try again in 15 minutes, or ask an operator.",
        "900",
    )
    assert told(attempt(name)) == locked
    assert told(attempt(name, make.PASSWORD)) == locked, "the right one is not tried"
    clock.advance(14 * 60)
    assert told(attempt(name))[3] == "60", "trying on makes it no longer"
    clock.advance(61)
    assert attempt(name, make.PASSWORD).status_code == (200 if known else 401)


@pytest.mark.parametrize("who", ["known", "unknown", "inactive"])
def test_a_refusal_takes_one_hash_whoever_is_named(staff: User, who: str) -> None:
    if who == "inactive":
        User.objects.filter(pk=staff.pk).update(is_active=False)
    name = "nobody-of-this-name" if who == "unknown" else staff.username
    encode = MD5PasswordHasher.encode
    with patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=encode) as hashing:
        assert told(attempt(name))[:2] == (401, "bad_login")
    assert hashing.call_count == 1


def test_a_lock_is_for_one_name_at_one_address(staff: User) -> None:
    colleague = make.member(staff.memberships.get().organization)
    for _ in range(5):
        attempt(staff.username, REMOTE_ADDR="198.51.100.7")
    assert attempt(staff.username, REMOTE_ADDR="198.51.100.7").status_code == 429
    assert attempt(staff.username, make.PASSWORD, REMOTE_ADDR="198.51.100.8").status_code == 200
    there = attempt(colleague.username, make.PASSWORD, REMOTE_ADDR="198.51.100.7")
    assert there.status_code == 200
    assert attempt(staff.username, REMOTE_ADDR="198.51.100.7").status_code == 429, "not reset"


def test_many_names_from_one_address_are_refused_before_a_password_is_tried(
    staff: User, clock: Clock
) -> None:
    there = {"REMOTE_ADDR": "198.51.100.7"}
    for number in range(50):
        assert attempt(f"name-{number}", **there).status_code == 401
        clock.advance(1)
    locked = (
        429,
        "login_locked",
        "There were too many failed logins from this address. "
        "Try again in 15 minutes, or ask an operator.",
        "850",
    )
    with patch.object(MD5PasswordHasher, "encode", autospec=True) as hashing:
        assert told(attempt("name-50", **there)) == locked
        assert told(attempt(staff.username, make.PASSWORD, **there)) == locked
        page = Client().post(ADMIN, {"username": "x", "password": GUESS}, **there)
    assert hashing.call_count == 0
    assert (page.status_code, page["Retry-After"]) == (429, "850")
    assert "too many failed logins from this address" in page.content.decode()
    assert Client().get(ADMIN, **there).status_code == 200
    assert attempt(staff.username, make.PASSWORD).status_code == 200, "from elsewhere"
    clock.advance(850)
    assert attempt("name-51", **there).status_code == 401, "one is forgotten, so one is tried"
    assert attempt("name-52", **there).status_code == 429
    call_command("axes_reset_ip", "198.51.100.7")
    assert attempt(staff.username, make.PASSWORD, **there).status_code == 200


def test_what_a_caller_writes_into_headers_does_not_matter(staff: User) -> None:
    answers = [
        attempt(
            staff.username,
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}",
            HTTP_X_REAL_IP=f"203.0.113.{number}",
            HTTP_USER_AGENT=f"agent {number}",
        ).status_code
        for number in range(6)
    ]
    assert answers == [401, 401, 401, 401, 429, 429]


def test_failures_do_not_add_up_over_the_day(staff: User, clock: Clock) -> None:
    for _ in range(4):
        attempt(staff.username)
    clock.advance(15 * 60 + 1)
    assert [attempt(staff.username).status_code for _ in range(4)] == [401] * 4


def test_a_success_resets_nothing(staff: User) -> None:
    for _ in range(4):
        attempt(staff.username)
    assert attempt(staff.username, make.PASSWORD).status_code == 200
    assert attempt(staff.username).status_code == 429


def test_the_admin_shows_a_plain_page(staff: User, clock: Clock) -> None:
    form = {"username": staff.username, "password": GUESS}
    assert [Client().post(ADMIN, form).status_code for _ in range(4)] == [200] * 4
    page = Client().post(ADMIN, form)
    assert (page.status_code, page["Retry-After"]) == (429, "900")
    assert "too many failed logins with this name" in page.content.decode()
    assert staff.username not in page.content.decode()
    assert attempt(staff.username, make.PASSWORD).status_code == 429, "the API knows of it"


def test_the_same_is_answered_by_an_asynchronous_server(staff: User, clock: Clock) -> None:
    body = {"username": staff.username, "password": GUESS}
    post = async_to_sync(AsyncClient().post)
    answers = [post(LOGIN, body, content_type="application/json") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401] * 4 + [429]
    assert told(answers[4])[1::2] == ("login_locked", "900")


def test_neither_rows_nor_logs_hold_a_password(
    staff: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    form = {"username": staff.username, "password": GUESS}
    for _ in range(3):
        Client().post(ADMIN, form)
        attempt(staff.username)
    attempt("another", REMOTE_ADDR="198.51.100.7")
    rows = str(list(AccessAttempt.objects.values()))
    assert staff.username in rows
    assert GUESS not in rows
    assert "Invented" not in rows, "what was searched for before the login"
    assert AccessLog.objects.count() == AccessFailureLog.objects.count() == 0
    said = [record.getMessage() for record in caplog.records if record.name.startswith("axes")]
    assert any("login failure" in line for line in said)
    assert not [line for line in said if staff.username in line or "127.0.0.1" in line]
    assert GUESS not in caplog.text


def test_an_operator_unlocks_by_name(staff: User) -> None:
    for _ in range(5):
        attempt(staff.username)
    call_command("axes_reset_username", staff.username)
    assert attempt(staff.username, make.PASSWORD).status_code == 200


def test_forgotten_failures_are_deleted(staff: User, clock: Clock) -> None:
    attempt(staff.username)
    clock.advance(15 * 60)
    assert tasks.prune() == 0
    clock.advance(1)
    assert tasks.prune() == 1


@pytest.mark.parametrize("name", ["", "x" * 151, "a\0b"])
def test_a_name_that_nobody_can_have_is_400(db: None, name: str) -> None:
    assert told(attempt(name))[:2] == (400, "invalid")


@pytest.mark.parametrize(
    ("password", "good"),
    [("an-invented-password", True), ("elevenchars", False), ("123456789012", False)],
)
def test_a_password_has_twelve_characters_and_is_not_a_common_one(
    password: str, good: bool
) -> None:
    if good:
        validate_password(password)
        return
    with pytest.raises(ValidationError):
        validate_password(password)
