"""Whatever goes wrong under /api/, the answer has the same shape and tells no internals."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from clinics.models import User
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

    monkeypatch.setattr("clinics.access.visible", broken)
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
