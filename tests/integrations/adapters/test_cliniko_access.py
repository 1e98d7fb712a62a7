"""A key of Cliniko: where it belongs, how it is shown, and whose it is."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from typing import Any

import pytest
import responses

from integrations import registry
from integrations.adapters.cliniko.adapter import Cliniko
from integrations.contract import Scope
from integrations.http.errors import NoAnswer, NotAuthorized
from integrations.queries import Account as Practice
from tests.integrations.adapters.cliniko_account import KEY, URL, Account, NoKeys
from tests.integrations.guards import plain_client

SETTINGS = {"account": {"id": "1416", "name": "Harbour Street"}, "calendar": {}}


@pytest.mark.parametrize(
    ("key", "shard"),
    [
        ("MS0xLTAwMDAw-uk1", "uk1"),
        ("MS0x-with-hyphens-au4", "au4"),
        ("MS0x-eu12", "eu12"),
        (" MS0x-ca1\n", "ca1"),
        # No suffix, or one that is no region: the key's own body.
        ("MS0xLTAwMDAw", "au1"),
        ("MS0x-hyphen", "au1"),
        ("MS0x-", "au1"),
        ("MS0x-AU4", "au1"),
        ("MS0x-au123", "au1"),
        ("MS0x-uk1.evil.example/", "au1"),
        ("MS0x-uk1@evil", "au1"),
        ("au4", "au1"),
        ("", "au1"),
    ],
)
def test_the_region_stands_after_the_last_hyphen_of_the_key(key: str, shard: str) -> None:
    assert registry.base_url("cliniko", {"api_key": key}) == f"https://api.{shard}.cliniko.com/v1"


def test_a_key_without_a_region_belongs_to_the_first_one() -> None:
    assert registry.base_url("cliniko", {}) == "https://api.au1.cliniko.com/v1"


@pytest.mark.parametrize("credential", [{}, {"api_key": ""}, {"api_key": None}, {"api_key": " "}])
def test_a_credential_without_a_key_is_refused_by_name(credential: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^The credential lacks api_key\.$"):
        Cliniko.connect(plain_client(URL), "1", credential, {}, NoKeys())


@pytest.mark.parametrize("key", ["a:b-au1", "a b-au1", "a\nb-au1", "schlüssel-au1"])
def test_what_cannot_be_a_key_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="holds characters") as caught:
        Cliniko.connect(plain_client(URL), "1", {"api_key": key}, {}, NoKeys())
    assert key not in str(caught.value)


def test_the_key_is_the_user_of_http_basic_without_a_password(account: Account) -> None:
    account.answers("GET", "/settings/public", SETTINGS)
    assert account.cliniko.verify() == Practice(id="1416", name="Harbour Street")
    (request,) = account.requests
    scheme, _, encoded = request.headers["Authorization"].partition(" ")
    assert (scheme, b64decode(encoded).decode()) == ("Basic", f"{KEY}:")
    assert request.headers["User-Agent"] == "Frontdesk/test (tests@example.org)"
    assert request.headers["Accept"] == "application/json"
    assert account.asked == ["GET /settings/public"]
    assert account.spent == [(Scope.INTEGRATION,)]
    assert KEY not in request.url


def test_nothing_prints_the_key(account: Account) -> None:
    assert KEY not in repr(account.cliniko)
    assert "au4" not in repr(account.cliniko)


@pytest.mark.parametrize("answer", [{}, {"account": None}, {"account": {"name": "Harbour"}}])
def test_settings_that_tell_no_account_verify_nothing(account: Account, answer: Any) -> None:
    account.answers("GET", "/settings/public", answer)
    with pytest.raises(NoAnswer, match="do not tell whose account"):
        account.cliniko.verify()


def test_a_wrong_key_or_region_is_a_plain_401(account: Account) -> None:
    account.answers("GET", "/settings/public", body="HTTP Basic: Access denied.", status=401)
    with pytest.raises(NotAuthorized, match="check the integration's API key and its region"):
        account.cliniko.verify()
    assert len(account.requests) == 1


def test_a_key_does_not_end_and_is_only_asked_for_whether_it_works(account: Account) -> None:
    account.answers("GET", "/settings/public", SETTINGS)
    token = account.cliniko.issue_token("")
    assert (token.value, token.refresh_value) == (KEY, "")
    assert token.lifetime == timedelta(hours=24)
    assert KEY not in repr(token)


def test_a_key_that_cliniko_rejects_is_not_issued(account: Account) -> None:
    account.answers("GET", "/settings/public", status=401)
    with pytest.raises(NotAuthorized):
        account.cliniko.issue_token("")


def test_connecting_asks_nothing() -> None:
    with responses.RequestsMock() as pms:
        registry.connect("cliniko", plain_client(URL), "1", {"api_key": KEY}, {}, NoKeys())
        assert len(pms.calls) == 0
