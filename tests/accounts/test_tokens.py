"""Staying logged in: refresh tokens work once, and every end is at once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts import secret, tasks
from accounts.models import RefreshToken, TokenFamily
from clinics.models import Membership, Role, User
from tests import make
from tests.conftest import Clock
from tests.integrations.threads import at_once

pytestmark = pytest.mark.django_db
LOGIN, REFRESH = "/api/v1/auth/login", "/api/v1/auth/refresh"
LOGOUT, EVERYWHERE = "/api/v1/auth/logout", "/api/v1/auth/logout-everywhere"
DAY = 86_400


def log_in(user: User) -> dict[str, Any]:
    answer = APIClient().post(LOGIN, {"username": user.username, "password": make.PASSWORD})
    assert answer.status_code == 200, answer.content
    return answer.json()


def refresh(text: Any) -> Any:
    return APIClient().post(REFRESH, {"refresh": text})


def refused(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def looks(access: str) -> tuple[int, str]:
    """Return how a request with this access token is answered."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {access}")
    answer = client.get("/api/v1/clinics")
    return answer.status_code, "" if answer.status_code == 200 else answer.json()["error"]["code"]


def test_a_login_gives_both_tokens_with_their_lives(staff: User, clock: Clock) -> None:
    answer = APIClient().post(LOGIN, {"username": staff.username, "password": make.PASSWORD})
    told = answer.json()
    assert set(told) == {"access", "expires_in", "refresh", "refresh_expires_in"}
    assert (told["expires_in"], told["refresh_expires_in"]) == (15 * 60, 7 * DAY)
    assert answer["Cache-Control"] == "no-store"
    staff.refresh_from_db()
    assert staff.last_login == clock.now


def test_only_the_hash_of_a_refresh_token_is_stored(staff: User) -> None:
    text = log_in(staff)["refresh"]
    assert text.startswith("fdr_")
    (row,) = RefreshToken.objects.all()
    assert row.hashed == secret.hashed(text)
    assert text not in str(RefreshToken.objects.values().get())
    assert text not in str(TokenFamily.objects.values().get())


def test_a_refresh_gives_new_tokens_that_work(staff: User) -> None:
    first = log_in(staff)
    second = refresh(first["refresh"]).json()
    assert second["refresh"] != first["refresh"]
    assert looks(second["access"]) == (200, "")
    assert refresh(second["refresh"]).status_code == 200


def test_a_refresh_token_used_again_ends_everything_from_its_login(staff: User) -> None:
    first, other = log_in(staff), log_in(staff)
    second = refresh(first["refresh"]).json()
    assert refused(refresh(first["refresh"])) == (401, "refresh_reused")
    assert refused(refresh(second["refresh"])) == (401, "refresh_revoked")
    assert looks(first["access"]) == looks(second["access"]) == (401, "token_revoked")
    assert refused(refresh(first["refresh"])) == (401, "refresh_reused")
    assert looks(other["access"]) == (200, ""), "another login is another matter"
    assert refresh(other["refresh"]).status_code == 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (401, "refresh_malformed")),
        (" ", (401, "refresh_malformed")),
        ("fdr_", (401, "refresh_malformed")),
        ("x" * 100_000, (401, "refresh_malformed")),
        ("fdr_" + "é" * 43, (401, "refresh_malformed")),
        ("fdr_" + "a" * 43 + "\n", (401, "refresh_malformed")),
        ("fdr_" + "a" * 44, (401, "refresh_malformed")),
        (12, (401, "refresh_malformed")),
        ("fdr_" + "a" * 43, (401, "refresh_unknown")),
        ("a\0b", (400, "invalid")),
        (None, (400, "invalid")),
        (["fdr_"], (400, "invalid")),
        ({"a": 1}, (400, "invalid")),
        (True, (400, "invalid")),
    ],
)
def test_what_is_no_refresh_token_is_refused_in_the_envelope(
    db: None, text: Any, expected: tuple[int, str]
) -> None:
    answer = refresh(text)
    assert refused(answer) == expected
    assert "aaaa" not in answer.content.decode()
    logout = APIClient().post(LOGOUT, {"refresh": text})
    assert logout.status_code == (204 if expected[0] == 401 else 400)


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(staff: User) -> None:
    told = log_in(staff)
    assert refused(refresh(told["access"])) == (401, "refresh_malformed")
    assert looks(told["refresh"]) == (401, "token_not_valid")


def test_a_login_that_is_not_used_ends_after_a_week(staff: User, clock: Clock) -> None:
    told = log_in(staff)
    clock.advance(7 * DAY - 1)
    told = refresh(told["refresh"]).json()
    clock.advance(7 * DAY)
    assert refused(refresh(told["refresh"])) == (401, "refresh_expired")


def test_a_login_ends_after_thirty_days_however_much_it_is_used(staff: User, clock: Clock) -> None:
    told = log_in(staff)
    for _ in range(4):
        clock.advance(6 * DAY)
        told = refresh(told["refresh"]).json()
    clock.advance(5 * DAY)
    told = refresh(told["refresh"]).json()
    assert told["refresh_expires_in"] == DAY
    clock.advance(DAY - 60)
    last = refresh(told["refresh"]).json()
    assert (last["refresh_expires_in"], looks(last["access"])) == (60, (200, ""))
    clock.advance(60)
    assert looks(last["access"]) == (401, "token_revoked")
    told = last
    assert refused(refresh(told["refresh"])) == (401, "refresh_expired")


def test_a_logout_ends_that_login_and_no_other(staff: User) -> None:
    here, there = log_in(staff), log_in(staff)
    assert APIClient().post(LOGOUT, {"refresh": here["refresh"]}).status_code == 204
    assert refused(refresh(here["refresh"])) == (401, "refresh_revoked")
    assert looks(here["access"]) == (401, "token_revoked")
    assert looks(there["access"]) == (200, "")
    assert APIClient().post(LOGOUT, {"refresh": here["refresh"]}).status_code == 204


def test_a_logout_everywhere_ends_tokens_and_sessions_at_once(staff: User, clock: Clock) -> None:
    staff.is_staff = True
    staff.save()
    here, there = log_in(staff), log_in(staff)
    colleague = make.member(staff.memberships.get().organization)
    theirs = log_in(colleague)
    admin = Client()
    admin.force_login(staff)
    assert admin.get("/admin/").status_code == 200
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {here['access']}")
    assert client.post(EVERYWHERE).status_code == 204
    for told in (here, there):
        assert looks(told["access"]) == (401, "token_revoked")
        assert refused(refresh(told["refresh"])) == (401, "refresh_revoked")
    assert admin.get("/admin/").status_code == 302
    assert looks(theirs["access"]) == (200, "")
    again = log_in(staff)
    assert looks(again["access"]) == (200, ""), "within the same second too"


def test_a_new_password_ends_every_login(staff: User) -> None:
    told = log_in(staff)
    staff.set_password("another-long-invented-password")
    staff.save()
    assert looks(told["access"]) == (401, "token_revoked")
    assert refused(refresh(told["refresh"])) == (401, "refresh_revoked")


def test_another_role_counts_from_the_next_request_on(staff: User) -> None:
    told = log_in(staff)
    membership = staff.memberships.get()
    address = f"/api/v1/organizations/{membership.organization_id}/api-keys"
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {told['access']}")
    assert client.get(address).status_code == 403
    Membership.objects.update(role=Role.CLINIC_ADMIN)
    assert client.get(address).status_code == 200
    Membership.objects.update(role=Role.READ_ONLY)
    assert client.get(address).status_code == 403


def test_somebody_deactivated_is_out_at_the_next_request(staff: User) -> None:
    told = log_in(staff)
    User.objects.filter(pk=staff.pk).update(is_active=False)
    assert looks(told["access"]) == (401, "user_inactive")
    assert refused(refresh(told["refresh"])) == (401, "user_inactive")


@pytest.mark.parametrize("claim", [None, "", "x", 7, ["a"], "3662153d-0000-4000-8000-000000000000"])
def test_a_signed_access_token_of_no_login_is_not_valid(staff: User, claim: Any) -> None:
    token = AccessToken.for_user(staff)
    if claim is not None:
        token["family"] = claim
    assert looks(str(token)) == (401, "token_not_valid")


def test_ended_logins_are_deleted_and_others_stay(staff: User, clock: Clock) -> None:
    ended, revoked, used = log_in(staff), log_in(staff), None
    clock.advance(29 * DAY)
    APIClient().post(LOGOUT, {"refresh": revoked["refresh"]})
    used = log_in(staff)
    refresh(used["refresh"])
    clock.advance(DAY - 1)
    assert tasks.prune() == 0
    clock.advance(1)
    assert tasks.prune() == 2
    assert TokenFamily.objects.count() == 1
    assert RefreshToken.objects.count() == 2, "a used one stays with its login"
    assert refused(refresh(used["refresh"])) == (401, "refresh_reused")
    assert refused(refresh(ended["refresh"])) == (401, "refresh_unknown")
    assert tasks.prune() == 0


@pytest.mark.django_db(transaction=True)
def test_fifty_uses_of_one_refresh_token_at_once_give_one_success_and_an_ended_login() -> None:
    user = make.member(make.organization())
    told = log_in(user)

    def use(number: int) -> tuple[int, str, str]:
        answer = refresh(told["refresh"])
        body = answer.json()
        if answer.status_code == 200:
            return 200, "", body["refresh"]
        return answer.status_code, body["error"]["code"], ""

    answers = at_once(50, use)
    assert Counter(answer[:2] for answer in answers) == {(200, ""): 1, (401, "refresh_reused"): 49}
    family = TokenFamily.objects.get()
    assert family.revoked_at is not None
    (won,) = (text for _, _, text in answers if text)
    assert refused(refresh(won)) == (401, "refresh_revoked")


@pytest.mark.django_db(transaction=True)
def test_no_refresh_that_races_a_logout_everywhere_survives_it() -> None:
    user = make.member(make.organization())
    told = [log_in(user) for _ in range(10)]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {told[0]['access']}")

    def work(number: int) -> str:
        if number == 10:
            assert client.post(EVERYWHERE).status_code == 204
            return ""
        answer = refresh(told[number]["refresh"])
        return answer.json().get("refresh", "")

    for text in filter(None, at_once(11, work)):
        assert refused(refresh(text)) == (401, "refresh_revoked")
    ends = datetime.now(UTC) + timedelta(days=1)
    assert TokenFamily.objects.filter(revoked_at=None, ends_at__gt=ends).count() == 0
