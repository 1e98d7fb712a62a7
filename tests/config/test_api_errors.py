"""Whatever goes wrong under /api/, the answer has the same shape and tells no internals."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from clinics.models import User
from integrations.models import Integration
from tests import make

pytestmark = pytest.mark.django_db


def error_of(answer: Any) -> dict[str, Any]:
    body = answer.json()
    assert list(body) == ["error"]
    assert list(body["error"]) == ["code", "message", "details", "timestamp"]
    assert datetime.fromisoformat(body["error"]["timestamp"]).tzinfo is not None
    return body["error"]


def test_an_unknown_address_is_404_in_the_envelope_below_api_and_a_page_elsewhere() -> None:
    answer = Client().get("/api/v1/nothing")
    assert answer.status_code == 404
    assert error_of(answer)["code"] == "not_found"
    page = Client().get("/nothing")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")


def test_an_unexpected_failure_is_500_in_the_envelope_and_says_nothing_of_its_cause(
    monkeypatch: pytest.MonkeyPatch, staff: User
) -> None:
    def broken(*args: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr("clinics.access.Access.visible", broken)
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(staff)
    answer = client.get("/api/v1/clinics")
    assert answer.status_code == 500
    assert error_of(answer)["code"] == "internal_error"
    assert b"secret detail" not in answer.content


def test_a_method_that_is_not_there_is_405(staff: User) -> None:
    client = APIClient()
    client.force_authenticate(staff)
    answer = client.delete("/api/v1/clinics")
    assert answer.status_code == 405
    assert error_of(answer)["code"] == "method_not_allowed"


def test_another_content_type_than_json_is_415() -> None:
    answer = APIClient().post("/api/v1/auth/login", "a=b", content_type="text/csv")
    assert answer.status_code == 415
    assert error_of(answer)["code"] == "unsupported_media_type"


def test_a_body_beyond_the_limit_is_refused_in_the_envelope() -> None:
    body = '{"username": "' + "x" * 1_100_000 + '"}'
    answer = APIClient().post("/api/v1/auth/login", body, content_type="application/json")
    assert answer.status_code == 400
    assert "1,000,000 bytes" in error_of(answer)["message"]


def test_a_session_without_its_csrf_token_may_not_write() -> None:
    integration = make.integration(make.clinic())
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(make.member(integration.organization))
    answer = client.post(f"/api/v1/clinics/{integration.clinic_id}/appointments", {})
    assert answer.status_code == 403
    assert error_of(answer)["code"] == "permission_denied"


LOGIN = "/api/v1/auth/login"
DEEP = 100_000
BODIES = {
    "lists too deep": ("[" * DEEP + "]" * DEEP, "nested deeper than 20 levels"),
    "objects too deep": ('{"a":' * DEEP + "1" + "}" * DEEP, "nested deeper than 20 levels"),
    "deeper than any request of ours": ("[" * 21 + "]" * 21, "nested deeper than 20 levels"),
    "deep and cut off": ("[" * DEEP, "nested deeper than 20 levels"),
    "a number beyond all bounds": ('{"username": 1e400}', "1e400 is too large"),
    "a number below all bounds": ('{"username": -1e400}', "-1e400 is too large"),
    "no number": ('{"username": NaN}', "NaN is no JSON"),
    "more digits than anybody counts": ('{"username": 1' + "0" * 5000 + "}", "too many digits"),
    "half a character": (r'{"username": "\ud800"}', r"\ud800 is half a character"),
    "half a character in a name": (r'{"\udfff": "x"}', r"\udfff is half a character"),
    "half a character inside": (r'{"a": [{"b": "x\ud800y"}]}', r"\ud800 is half a character"),
    "no UTF-8": (b'{"username": "\xe9"}', "not UTF-8"),
    "surrogates in bytes": (b'{"username": "\xed\xa0\x80"}', "not UTF-8"),
    "cut off": ('{"username": ', "char 13"),
}


@pytest.mark.parametrize(("body", "words"), BODIES.values(), ids=BODIES)
def test_json_that_nobody_can_use_is_refused_before_anything_is_done_with_it(
    body: str | bytes, words: str, integration: Integration, staff: User
) -> None:
    client = APIClient()
    answers = [client.post(LOGIN, body, content_type="application/json")]
    client.force_authenticate(staff)
    address = f"/api/v1/clinics/{integration.clinic_id}/appointments"
    headers = {"Idempotency-Key": "a key"}
    answers.append(client.post(address, body, content_type="application/json", headers=headers))
    for answer in answers:
        assert answer.status_code == 400
        error = error_of(answer)
        assert error["code"] == "parse_error"
        assert words in error["message"]


@pytest.mark.parametrize("charset", ["utf-16", "zlib", "nonsense"])
def test_json_is_utf_8_whatever_its_header_says(charset: str, staff: User) -> None:
    body = json.dumps({"username": staff.username, "password": make.PASSWORD})
    kind = f"application/json; charset={charset}"
    assert APIClient().post(LOGIN, body.encode(), content_type=kind).status_code == 200


@pytest.mark.parametrize("field", ["username", "password"])
def test_whole_characters_beyond_the_first_65536_are_read(field: str) -> None:
    body = {"username": "x", "password": "x", field: "\U0001f9b7"}
    answer = APIClient().post(LOGIN, json.dumps(body), content_type="application/json")
    assert answer.status_code == 401, "read, and found to be nobody's"
