"""The OpenAPI schema is complete, valid, and shown on a page that the CSP lets work."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def schema() -> dict[str, Any]:
    answer = Client().get("/api/schema/")
    assert answer.status_code == 200
    return yaml.safe_load(answer.content)


def operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def test_every_operation_documents_its_errors_in_the_envelope(schema: dict[str, Any]) -> None:
    for operation in operations(schema):
        errors = {code for code in operation["responses"] if code.startswith("4")}
        assert {"400"} <= errors
        for code in errors:
            content = operation["responses"][code]["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/ErrorEnvelope"}


def test_booking_is_documented_with_its_key_and_its_refusals(schema: dict[str, Any]) -> None:
    operation = schema["paths"]["/api/v1/clinics/{clinic_pk}/appointments"]["post"]
    assert operation["operationId"] == "book_appointment"
    (key,) = (row for row in operation["parameters"] if row["name"] == "Idempotency-Key")
    assert (key["in"], key["required"]) == ("header", True)
    assert {"202", "400", "401", "403", "404", "409", "422", "429"} == set(operation["responses"])


def test_every_ask_is_documented_with_its_key_its_wait_and_its_refusals(
    schema: dict[str, Any],
) -> None:
    writeback = {"schema": {"$ref": "#/components/schemas/WritebackDetail"}}
    asks = [
        each
        for each in operations(schema)
        if each["responses"].get("202", {}).get("content", {}).get("application/json") == writeback
    ]
    keyed = {
        each["operationId"]
        for each in asks
        if {"Idempotency-Key", "wait"} <= {row["name"] for row in each["parameters"]}
    }
    assert keyed == {
        "book_appointment",
        "reschedule_appointment",
        "cancel_appointment",
        "set_appointment_status",
        "create_patient",
        "update_patient",
        "add_note",
        "record_payment",
        "retry_writeback",
    }
    steered = {"cancel_writeback", "reconcile_writeback", "decide_writeback"}
    assert {each["operationId"] for each in asks} == keyed | steered
    for each in asks:
        assert each["responses"]["409"]["description"].startswith("`")
        assert ("422" in each["responses"]) is (each["operationId"] in keyed)


def test_only_what_logs_in_or_out_needs_no_login(schema: dict[str, Any]) -> None:
    open_to_all = [
        operation["operationId"]
        for operation in operations(schema)
        if not operation.get("security")
    ]
    assert open_to_all == ["login", "logout", "refresh"]


def test_both_kinds_of_login_are_documented_with_their_refusals(schema: dict[str, Any]) -> None:
    schemes = schema["components"]["securitySchemes"]
    assert set(schemes) == {"accessToken", "apiKey", "cookieAuth"}
    assert [schemes[name]["scheme"] for name in ("accessToken", "apiKey")] == ["bearer"] * 2
    paths = schema["paths"]
    login = paths["/api/v1/auth/login"]["post"]["responses"]
    assert login["401"]["description"] == "`bad_login`: No such username with this password."
    assert "`login_locked`" in login["429"]["description"]
    reused = paths["/api/v1/auth/refresh"]["post"]["responses"]["401"]["description"]
    assert "`refresh_reused`" in reused
    rotation = paths["/api/v1/api-keys/{id}/rotate"]["post"]["responses"]
    assert set(rotation) == {"201", "400", "401", "403", "404", "409", "429"}


def test_the_documentation_page_needs_no_inline_script() -> None:
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert b"<script>" not in page.content
    policy = page["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_filters_of_lists_are_documented_where_they_work(schema: dict[str, Any]) -> None:
    def named(path: str) -> dict[str, dict[str, Any]]:
        parameters = schema["paths"][f"/api/v1/clinics/{{clinic_pk}}/{path}"]["get"]["parameters"]
        return {row["name"]: row for row in parameters if row["in"] == "query"}

    paging = {"cursor", "page_size"}
    followed = paging | {"updated_since"}
    for path in ("locations", "practitioners", "operatories", "appointment-types"):
        assert set(named(path)) == followed
    assert set(named("patients")) == followed | {"external_id"}
    assert set(named("patients/{id}")) == set()
    spans = named("appointments")
    assert set(spans) == followed | {"starts_from", "starts_before"}
    for name in ("starts_from", "starts_before", "updated_since"):
        assert spans[name]["schema"] == {"type": "string", "format": "date-time"}
        assert "required" not in spans[name]


def test_a_writebacks_appointment_is_an_id_or_nothing(schema: dict[str, Any]) -> None:
    fields = schema["components"]["schemas"]["WritebackDetail"]["properties"]
    told = fields["appointment"]
    assert (told["type"], told["format"], told["nullable"]) == ("string", "uuid", True)
