"""Who asks: the application's id and key, an office's key, and how the latter is got."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from integrations.adapters.sikka.adapter import Sikka
from integrations.adapters.sikka.calls import Credential
from integrations.contract import Scope, Token
from integrations.http.errors import NoAnswer, NotAuthorized
from integrations.queries import Resource
from tests.integrations.adapters.conftest import CREDENTIAL, Office, message

OFFICE, APPLICATION = (Scope.INTEGRATION, Scope.APPLICATION), (Scope.APPLICATION,)
NEW_KEY = {
    "href": "https://sikka.example/v4/request_key_info?request_key=new",
    "request_key": "new",
    "start_time": "2030-03-05T04:00:28",
    "end_time": "2030-03-06T04:00:28",
    "expires_in": "85603 second(s)",
    "issued_to": "D1",
    "status": "active",
    "request_count": "1",
    "scope": "start,end,appointments",
    "domain": "Dental",
    "refresh_key": "refresh-new",
}


def test_a_first_key_is_asked_for_by_the_offices_secret(office: Office) -> None:
    office.answers("POST", "/request_key", NEW_KEY)
    token = office.sikka.issue_token("")
    assert token == Token(
        value="new", refresh_value="refresh-new", lifetime=timedelta(seconds=85603)
    )
    assert json.loads(office.requests[0].body) == {
        "grant_type": "request_key",
        "office_id": "D1",
        "secret_key": "the-secret-key",
        "app_id": "the-app-id",
        "app_key": "the-app-key",
    }
    assert office.spent == [OFFICE]


def test_a_further_key_is_asked_for_by_the_refresh_key_and_without_the_secret(
    office: Office,
) -> None:
    office.answers("POST", "/request_key", NEW_KEY)
    assert office.sikka.issue_token("refresh-old").value == "new"
    assert json.loads(office.requests[0].body) == {
        "grant_type": "refresh_key",
        "refresh_key": "refresh-old",
        "app_id": "the-app-id",
        "app_key": "the-app-key",
    }


@pytest.mark.parametrize(
    ("expires_in", "lifetime"),
    [
        ("85603 second(s)", timedelta(seconds=85603)),
        ("86400 second(s)", timedelta(days=1)),
        ("3600", timedelta(hours=1)),
        (" 60 seconds", timedelta(minutes=1)),
        (1800, timedelta(minutes=30)),
        ("", timedelta(hours=24)),
        (None, timedelta(hours=24)),
        ("a day", timedelta(hours=24)),
    ],
)
def test_a_lifetime_is_a_number_with_its_unit(
    office: Office, expires_in: object, lifetime: timedelta
) -> None:
    office.answers("POST", "/request_key", {**NEW_KEY, "expires_in": expires_in})
    assert office.sikka.issue_token("").lifetime == lifetime


@pytest.mark.parametrize(
    "answer", [NEW_KEY, [NEW_KEY], {"items": [NEW_KEY]}, [{"items": [NEW_KEY]}]]
)
def test_the_key_is_found_in_every_form_of_the_answer(office: Office, answer: Any) -> None:
    office.answers("POST", "/request_key", answer, content_type="text/html")
    assert office.sikka.issue_token("").value == "new"


def test_an_answer_without_a_refresh_key_keeps_the_one_we_have(office: Office) -> None:
    office.answers("POST", "/request_key", {**NEW_KEY, "refresh_key": ""})
    assert office.sikka.issue_token("refresh-old").refresh_value == "refresh-old"


@pytest.mark.parametrize(
    "answer", [None, {}, {**NEW_KEY, "request_key": ""}, [], message("API0002", 200)]
)
def test_an_answer_without_a_key_is_none(office: Office, answer: Any) -> None:
    office.answers("POST", "/request_key", answer)
    with pytest.raises(NoAnswer):
        office.sikka.issue_token("")


def test_a_rejected_credential_is_not_tried_again(office: Office) -> None:
    office.answers("POST", "/request_key", message("API2003", 401), 401)
    with pytest.raises(NotAuthorized):
        office.sikka.issue_token("refresh-old")
    assert len(office.requests) == 1


def test_an_offices_data_is_asked_for_by_its_key_alone(office: Office) -> None:
    office.answers("GET", "/providers", None, 204)
    office.answers("GET", "/patients", None, 204)
    office.answers("GET", "/appointments", None, 204)
    office.answers("GET", "/practices", None, 204)
    day = date(2030, 3, 5)
    read = [
        *office.read(Resource.PRACTITIONERS),
        *office.read(Resource.PATIENTS),
        *office.read(Resource.APPOINTMENTS, first=day, last=day),
        *office.read(Resource.OPERATORIES),
    ]

    assert read == []
    assert [call.headers["Request-Key"] for call in office.requests] == ["key-1"] * 4
    assert [call.headers.get("App-Id") for call in office.requests] == [None] * 4
    assert [call.headers.get("App-Key") for call in office.requests] == [None] * 4
    assert office.spent == [OFFICE] * 4


def test_the_list_of_practices_is_asked_for_by_the_application_alone(office: Office) -> None:
    office.answers("GET", "/authorized_practices", None, 204)
    assert office.read(Resource.LOCATIONS) == []
    (request,) = office.requests
    assert (request.headers["App-Id"], request.headers["App-Key"]) == ("the-app-id", "the-app-key")
    assert "Request-Key" not in request.headers
    assert office.spent == [APPLICATION]


def test_no_key_ever_stands_in_an_address(office: Office) -> None:
    office.answers("GET", "/patients", None, 204)
    office.answers("GET", "/authorized_practices", None, 204)
    office.answers("POST", "/request_key", NEW_KEY)
    office.read(Resource.PATIENTS)
    office.read(Resource.LOCATIONS)
    office.sikka.issue_token("refresh-old")

    addresses = " ".join(request.url for request in office.requests)
    secrets = [*CREDENTIAL.values(), "key-1", "refresh-old", "request_key="]
    assert [secret for secret in secrets if secret in addresses] == []


@pytest.mark.parametrize(
    ("credential", "lacks"),
    [
        ({}, "app_id, app_key, secret_key"),
        ({**CREDENTIAL, "app_key": ""}, "app_key"),
        ({"app_id": "a", "secret_key": None}, "app_key, secret_key"),
    ],
)
def test_an_incomplete_credential_is_named_by_what_it_lacks(
    office: Office, credential: dict[str, Any], lacks: str
) -> None:
    with pytest.raises(ValueError, match=f"^The credential lacks {lacks}\\.$"):
        Sikka.connect(office.sikka.calls.client, "D1", credential, {}, office.keys)


def test_a_credential_shows_the_office_and_no_secret() -> None:
    credential = Credential("D1", "the-app-id", "the-app-key", "the-secret-key")
    assert repr(credential) == "Credential(office_id='D1')"
