"""What each of Sikka's refusals means for us, and that hardly any is tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import requests

from integrations.adapters.sikka.answers import NotInPlan, NotUploaded
from integrations.contract import PreparedWrite, Scope, SentWrite
from integrations.http.errors import (
    AgentOffline,
    KeyExpired,
    NoAnswer,
    NotAuthorized,
    NotReady,
    PmsError,
    Refused,
    Throttled,
    TokenBusy,
)
from integrations.queries import Resource
from tests.integrations.adapters.conftest import Office, envelope, message
from tests.integrations.guards import NOW

BOOKING = PreparedWrite(method="POST", endpoint="/appointment", body={"patient_id": "7"})
ACCEPTED = message("API2016", 201, long_message="Id:275495")

#: HTTP status, error_code ("" for no body at all), what it means.
REFUSALS = [
    (400, "API1001", NotAuthorized),
    (400, "API1002", NotAuthorized),
    (400, "API1003", NotAuthorized),
    (400, "API1005", NotAuthorized),
    (400, "API1020", Refused),
    (400, "API1026", Refused),
    (400, "API1027", Refused),
    (400, "", NoAnswer),
    (401, "API2003", NotAuthorized),
    (401, "API2004", NotInPlan),
    (401, "API2007", NotAuthorized),
    (401, "API1025", NotAuthorized),
    (401, "", NotAuthorized),
    (403, "", NotAuthorized),
    (404, "API2009", Refused),
    (404, "", NoAnswer),
    (405, "API2014", Refused),
    (409, "API2013", Refused),
    (409, "API2015", Refused),
    (410, "API2018", Refused),
    (412, "API2017", AgentOffline),
    (412, "", AgentOffline),
    (415, "API1006", Refused),
    (422, "API2019", Refused),
    (429, "", Throttled),
    (429, "API2011", Throttled),
    (429, "API2012", Throttled),
    (500, "API2001", NoAnswer),
    (500, "API2006", NoAnswer),
    (500, "API2010", NotUploaded),
    (502, "", NoAnswer),
    (503, "API2002", NoAnswer),
    (504, "API2022", NoAnswer),
    (301, "", NoAnswer),
    (302, "", NoAnswer),
]


def body(code: str, status: int) -> Any:
    return message(code, status) if code else None


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
def test_each_refusal_has_its_type_and_the_call_is_not_repeated(
    office: Office, status: int, code: str, expected: type[PmsError]
) -> None:
    office.answers("POST", "/appointment", body(code, status), status)

    with pytest.raises(PmsError) as caught:
        office.sikka.submit(BOOKING)

    assert type(caught.value) is expected
    assert caught.value.may_have_happened is issubclass(expected, NoAnswer)
    assert office.asked == ["POST /appointment"]
    assert office.keys.rejected == []
    assert str(caught.value).startswith(f"Sikka answered {status}{code and ' '}{code}")
    assert "Ada" not in str(caught.value), "the long message may repeat a patient's data"


@pytest.mark.parametrize(("status", "code", "expected"), REFUSALS)
def test_a_call_of_the_application_is_refused_in_the_same_words(
    office: Office, status: int, code: str, expected: type[PmsError]
) -> None:
    office.answers("GET", "/authorized_practices", body(code, status), status)
    with pytest.raises(NotReady if expected is NotUploaded else expected):
        office.read(Resource.LOCATIONS)
    # A read without an answer is tried three times; a refusal stands.
    assert len(office.requests) == (3 if issubclass(expected, NoAnswer) else 1)
    assert office.keys.rejected == []


@pytest.mark.parametrize("code", ["API1025", "API1004"])
def test_a_key_that_has_ended_is_renewed_once_and_the_call_made_once_more(
    office: Office, code: str
) -> None:
    office.answers("POST", "/appointment", message(code), 400)
    office.answers("POST", "/appointment", ACCEPTED, 201)

    assert office.sikka.submit(BOOKING).reference == "275495"

    assert office.asked == ["POST /appointment", "POST /appointment"]
    assert [call.headers["Request-Key"] for call in office.requests] == ["key-1", "key-2"]
    assert office.requests[0].body == office.requests[1].body
    assert office.keys.rejected == ["key-1"]
    assert office.spent == [(Scope.INTEGRATION, Scope.APPLICATION)] * 2


@pytest.mark.parametrize("code", ["API1025", "API1004"])
def test_a_new_key_that_has_ended_as_well_is_not_renewed_again(office: Office, code: str) -> None:
    office.answers("POST", "/appointment", message(code), 400)
    office.answers("POST", "/appointment", message(code), 400)
    with pytest.raises(KeyExpired) as caught:
        office.sikka.submit(BOOKING)
    assert caught.value.may_have_happened is False
    assert len(office.requests) == 2
    assert office.keys.rejected == ["key-1"]


def test_a_key_that_cannot_be_renewed_ends_the_call(office: Office) -> None:
    office.keys.failure = TokenBusy("Another process is renewing the key.")
    office.answers("POST", "/appointment", message("API1025"), 400)
    with pytest.raises(TokenBusy):
        office.sikka.submit(BOOKING)
    assert len(office.requests) == 1


def test_the_second_try_of_a_call_is_judged_like_any_other(office: Office) -> None:
    office.answers("POST", "/appointment", message("API1025"), 400)
    office.answers("POST", "/appointment", None, 500)
    with pytest.raises(NoAnswer):
        office.sikka.submit(BOOKING)
    assert len(office.requests) == 2


def test_a_dropped_connection_is_not_tried_again(office: Office) -> None:
    office.answers("POST", "/appointment", body=requests.ConnectionError("dropped"))
    with pytest.raises(NoAnswer):
        office.sikka.submit(BOOKING)
    assert len(office.requests) == 1


@pytest.mark.parametrize("code", ["API0002", "API0007", "API0011", "API1007", "API2016", "API4006"])
@pytest.mark.parametrize("status", [200, 201])
def test_an_error_code_in_a_success_is_not_an_error(office: Office, status: int, code: str) -> None:
    accepted = message(code, status, long_message="Id:12")
    office.answers("POST", "/appointment", accepted, status)
    assert office.sikka.submit(BOOKING).reference == "12"


@pytest.mark.parametrize(
    "answer",
    [
        {"json": None},
        {"json": message("API1007", 200)},
        {"json": [message("API1007", 200)]},
        {"json": {}},
        {"json": "words"},
        {"json": [envelope(), envelope()]},
        {"json": {**envelope(), "items": None}},
        {"json": {**envelope(), "items": {"0": {}}}},
    ],
)
def test_an_answer_that_is_not_a_list_is_never_taken_for_an_empty_one(
    office: Office, answer: dict[str, Any]
) -> None:
    # An empty list of writes is what proves that a write does not stand.
    office.answers("GET", "/patients", **answer)
    with pytest.raises(NoAnswer):
        office.read(Resource.PATIENTS)
    assert len(office.requests) == 1


def test_a_list_of_writes_with_something_else_in_it_proves_no_absence(office: Office) -> None:
    sent = SentWrite(prepared=BOOKING, sent_at=NOW)
    office.answers("GET", "/writebacks", {**envelope(), "items": ["words"]})
    with pytest.raises(NoAnswer):
        office.sikka.find([sent], NOW)


@pytest.mark.parametrize("word", ["in progress", "In Progress", " in progress "])
def test_what_sikka_is_just_loading_is_not_read(office: Office, word: str) -> None:
    office.answers("GET", "/patients", envelope(), headers={"Data-Insert": word})
    with pytest.raises(NotReady) as caught:
        office.read(Resource.PATIENTS)
    assert caught.value.retry_at == NOW + timedelta(minutes=5)


def test_an_empty_list_that_is_being_loaded_proves_nothing(office: Office) -> None:
    office.answers("GET", "/appointments", status=204, headers={"Data-Insert": "in progress"})
    with pytest.raises(NotReady):
        office.sikka.lookup(Resource.APPOINTMENTS, "70670")


def test_a_write_that_was_accepted_meanwhile_stands(office: Office) -> None:
    loading = {"Data-Insert": "in progress"}
    office.answers("POST", "/appointment", ACCEPTED, 201, headers=loading)
    assert office.sikka.submit(BOOKING).reference == "275495"


def test_data_that_is_not_there_yet_is_waited_for(office: Office) -> None:
    office.answers("GET", "/providers", message("API2010", 500), 500)
    with pytest.raises(NotReady) as caught:
        office.read(Resource.PRACTITIONERS)
    assert caught.value.retry_at == NOW + timedelta(minutes=5)
