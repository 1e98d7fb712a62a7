"""Who may open a WebSocket, and when it ends with their login, their role or their key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from websockets.typing import Subprotocol

from accounts import keys, memberships, tokens
from accounts.models import ApiKey, TokenFamily
from clinics.access import NOBODY
from clinics.models import Clinic, Membership, Organization, Role, User
from metrics import feed, live
from metrics.endings import LOGIN_EXPIRED
from tests import make
from tests.metrics.web import Socket, Web, token_of, told, visit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def watched(clinic: Clinic) -> Clinic:
    """A clinic that was counted."""
    told(clinic)
    return clinic


def key_of(organization: Organization, **fields: Any) -> keys.Issued:
    values = {"name": "wall", "scopes": ["read"]}
    values["expires_at"] = timezone.now() + timedelta(days=1)
    return keys.save(ApiKey(organization=organization, **(values | fields)), NOBODY, timezone.now())


def cookie_of(user: User) -> dict[str, str]:
    browser = Client()
    browser.force_login(user)
    return {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}


def own_page(web: Web, user: User) -> dict[str, str]:
    """What a browser sends for one of our own pages."""
    return cookie_of(user) | {"Origin": f"http://{web.host}"}


def hears(socket: Socket, clinic: Clinic) -> bool:
    visit(clinic)
    told(clinic)
    return socket.next()["type"] == "update"


def test_a_session_opens_a_socket_from_our_own_page(web: Web, watched: Clinic, staff: User) -> None:
    with web.socket(watched, headers=own_page(web, staff)) as socket:
        assert socket.next()["type"] == "snapshot"
        assert hears(socket, watched)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://127.0.0.1:1", "null", "", "http://["]
)
def test_a_session_opens_none_from_any_other_page(
    web: Web, watched: Clinic, staff: User, origin: str
) -> None:
    headers = cookie_of(staff) | ({"Origin": origin} if origin else {})
    with web.socket(watched, headers=headers) as socket:
        assert socket.farewell() == ("wrong_origin", 4403)


def test_a_session_opens_none_by_a_host_name_that_is_not_ours(
    web: Web, watched: Clinic, staff: User, settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["frontdesk.example"]
    with web.socket(watched, headers=own_page(web, staff)) as socket:
        assert socket.farewell() == ("wrong_origin", 4403)


def test_a_page_that_the_operator_trusts_may(
    web: Web, watched: Clinic, staff: User, settings: Any
) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://board.example"]
    headers = cookie_of(staff) | {"Origin": "https://board.example"}
    with web.socket(watched, headers=headers) as socket:
        assert socket.next()["type"] == "snapshot"


def test_an_api_key_opens_a_socket(web: Web, watched: Clinic) -> None:
    with web.socket(watched, token=key_of(watched.organization).text) as socket:
        assert socket.next()["type"] == "snapshot"


def test_a_browser_without_cookies_shows_its_token_as_a_subprotocol_and_never_gets_it_back(
    web: Web, watched: Clinic, staff: User
) -> None:
    offered = [Subprotocol("frontdesk"), Subprotocol(f"bearer.{token_of(staff)}")]
    with web.socket(watched, subprotocols=offered, origin="https://elsewhere.example") as socket:
        assert socket.next()["type"] == "snapshot"
        assert socket.opened.subprotocol == "frontdesk"


def test_a_token_in_the_address_is_no_login(web: Web, watched: Clinic, staff: User) -> None:
    token = token_of(staff)
    with web.socket(watched, query=f"?token={token}&access_token={token}") as socket:
        assert socket.farewell() == ("not_authenticated", 4401)


def test_without_a_login_it_closes_with_4401(web: Web, watched: Clinic) -> None:
    with web.socket(watched) as socket:
        assert socket.farewell() == ("not_authenticated", 4401)


@pytest.mark.parametrize(
    ("token", "code"),
    [("rubbish", "token_not_valid"), ("fd_rubbish", "bad_key"), ("a.b.c", "token_not_valid")],
)
def test_a_token_that_is_none_closes_with_4401(
    web: Web, watched: Clinic, token: str, code: str
) -> None:
    with web.socket(watched, token=token) as socket:
        assert socket.farewell() == (code, 4401)


def test_an_expired_token_and_an_expired_key_close_with_4401(
    web: Web, watched: Clinic, staff: User
) -> None:
    past = timezone.now() - timedelta(hours=1)
    with web.socket(watched, token=tokens.log_in(staff, past).access) as socket:
        # Tokens are dated by the clock; its login is what ended here.
        assert socket.next()["type"] == "snapshot"
    TokenFamily.objects.update(ends_at=past)
    with web.socket(watched, token=token_of_family()) as socket:
        assert socket.farewell() == ("token_revoked", 4401)
    expired = key_of(watched.organization, expires_at=past)
    with web.socket(watched, token=expired.text) as socket:
        assert socket.farewell() == ("key_expired", 4401)


def token_of_family() -> str:
    from rest_framework_simplejwt.tokens import AccessToken

    family = TokenFamily.objects.get()
    token = AccessToken.for_user(family.user)
    token[tokens.FAMILY] = str(family.pk)
    return str(token)


def test_a_socket_ends_when_its_token_expires(
    web: Web, watched: Clinic, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rest_framework_simplejwt.tokens import AccessToken

    monkeypatch.setattr(AccessToken, "lifetime", timedelta(seconds=2))
    with web.socket(watched, token=token_of(staff)) as socket:
        assert socket.next()["type"] == "snapshot"
        assert socket.farewell() == (LOGIN_EXPIRED.name, 4401)


def test_a_clinic_of_others_and_one_that_is_none_close_alike_with_4403(
    web: Web, watched: Clinic, staff: User
) -> None:
    token = token_of(staff)
    for each in (make.clinic(), uuid4()):
        with web.socket(each, token=token) as socket:
            assert socket.farewell() == ("permission_denied", 4403)


def test_who_may_not_see_numbers_closes_with_4403(web: Web, watched: Clinic) -> None:
    operator = make.user(is_staff=True, is_superuser=True)
    key = key_of(watched.organization, scopes=["book"])
    elsewhere = key_of(watched.organization, clinics=[make.clinic(watched.organization).pk])
    for token in (token_of(operator), key.text, elsewhere.text, token_of(make.user())):
        with web.socket(watched, token=token) as socket:
            assert socket.farewell() == ("permission_denied", 4403)


def end_membership(user: User) -> None:
    admin = make.member(Membership.objects.get(user=user).organization, Role.CLINIC_ADMIN)
    from clinics import access

    memberships.end(access.of_person(admin), Membership.objects.get(user=user), timezone.now())


def narrow_membership(user: User) -> None:
    membership = Membership.objects.get(user=user)
    membership.clinics = [make.clinic(membership.organization).pk]
    membership.save()


def deactivate(user: User) -> None:
    user.is_active = False
    user.save()


def new_password(user: User) -> None:
    user.set_password("another-invented-password")
    user.save()


ENDS: list[tuple[Callable[[User], None], str, int]] = [
    (end_membership, "permission_denied", 4403),
    (narrow_membership, "permission_denied", 4403),
    (deactivate, "login_ended", 4401),
    (new_password, "login_ended", 4401),
    (lambda user: tokens.log_out_everywhere(user, timezone.now()), "login_ended", 4401),
]


@pytest.mark.parametrize(("ends", "code", "number"), ENDS)
@pytest.mark.parametrize("by", ["token", "session"])
def test_a_socket_ends_at_once_with_the_right_to_it_and_others_stay_open(
    web: Web, watched: Clinic, staff: User, ends: Callable[[User], None], code: str, number: int,
    by: str,
) -> None:  # fmt: skip
    other = make.member(watched.organization, Role.READ_ONLY)
    login = {"token": token_of(staff)} if by == "token" else {"headers": own_page(web, staff)}
    with (
        web.socket(watched, **login) as socket,
        web.socket(watched, token=token_of(other)) as others,
    ):
        assert socket.next()["type"] == others.next()["type"] == "snapshot"
        ends(staff)
        assert socket.farewell(2) == (code, number)
        assert hears(others, watched)


def test_a_logout_ends_the_sockets_of_that_login_alone(web: Web, watched: Clinic) -> None:
    staff = make.member(watched.organization, Role.STAFF, is_staff=True)
    one, two = (tokens.log_in(staff, timezone.now()) for _ in range(2))
    browser = Client()
    browser.force_login(staff)
    cookie = {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}
    with (
        web.socket(watched, token=one.access) as first,
        web.socket(watched, token=two.access) as second,
        web.socket(watched, headers=cookie | {"Origin": f"http://{web.host}"}) as third,
    ):
        assert {each.next()["type"] for each in (first, second, third)} == {"snapshot"}
        tokens.log_out(one.refresh, timezone.now())
        assert first.farewell(2) == ("login_ended", 4401)
        assert browser.post("/admin/logout/").status_code == 200
        assert third.farewell(2) == ("login_ended", 4401)
        assert hears(second, watched)


def test_a_revoked_key_ends_its_sockets(web: Web, watched: Clinic) -> None:
    issued = key_of(watched.organization)
    with web.socket(watched, token=issued.text) as socket:
        assert socket.next()["type"] == "snapshot"
        keys.revoke(issued.key, timezone.now())
        assert socket.farewell(2) == ("login_ended", 4401)


def test_what_nobody_told_is_found_with_the_next_heartbeat(
    web: Web, watched: Clinic, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT", 1.0)
    monkeypatch.setattr(live.announcer, "send", lambda *_: False)
    with web.socket(watched, headers=own_page(web, staff)) as socket:
        assert socket.next()["type"] == "snapshot"
        Session.objects.all().delete()
        assert socket.farewell(2) == ("login_ended", 4401)


def test_temporary_access_ends_its_sockets(
    web: Web, watched: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT", 1.0)
    guest = make.user()
    Membership.objects.create(
        user=guest, organization=watched.organization, role=Role.STAFF, reason="a demo",
        ends_at=timezone.now() + timedelta(seconds=2),
    )  # fmt: skip
    with web.socket(watched, token=token_of(guest)) as socket:
        assert socket.next()["type"] == "snapshot"
        assert socket.next()["type"] == "heartbeat"
        while (message := socket.next())["type"] == "heartbeat":
            pass
        assert message["code"] == "permission_denied"
