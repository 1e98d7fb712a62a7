"""What each answer of a service means for us, and what it tells of its limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from integrations.adapters.rest import MANIFEST, answers
from integrations.contract import Limit, Priority, RateSignal, Scope
from integrations.http.client import Reply
from integrations.http.errors import NoAnswer, NotAuthorized, PmsError, Refused, Throttled
from integrations.quality import Rule
from tests.integrations.guards import NOW

PRIVATE = "Ada Invented"


def reply(status: int, data: Any = None, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CaseInsensitiveDict(named), data)


def error_of(answer: Reply) -> PmsError:
    with pytest.raises(PmsError) as caught:
        answers.raise_for_error(answer, NOW)
    return caught.value


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


UNACCEPTED = "it does not accept the request."
MISSING = "there is nothing at this address."
RIGHTS = "check the integration's credential and its rights."


@pytest.mark.parametrize(
    ("status", "data", "kind", "told"),
    [
        (400, None, Refused, UNACCEPTED),
        (400, {"message": PRIVATE}, Refused, UNACCEPTED),
        (401, None, NotAuthorized, RIGHTS),
        (403, {"error": PRIVATE}, NotAuthorized, RIGHTS),
        (404, None, answers.Missing, MISSING),
        (404, PRIVATE, answers.Missing, MISSING),
        (405, None, Refused, UNACCEPTED),
        (409, {"error": {"message": PRIVATE}}, Refused, "it is in conflict with what is there."),
        (410, None, answers.Missing, MISSING),
        (415, None, Refused, UNACCEPTED),
        (422, {"errors": {"email": [PRIVATE]}}, Refused, "it does not accept email."),
        (
            422,
            {"error": {"code": "x", "fields": {"phone": PRIVATE, "a.b": PRIVATE}}},
            Refused,
            "it does not accept a.b, phone.",
        ),
        (422, {"errors": {PRIVATE: PRIVATE}}, Refused, UNACCEPTED),
        (422, {"errors": [PRIVATE]}, Refused, UNACCEPTED),
        (422, {"errors": {f"f{n}": 1 for n in range(30)}}, Refused,
         "it does not accept f0, f1, f10, f11, f12, f13, f14, f15."),
    ],
)  # fmt: skip
def test_a_refusal_did_nothing_and_tells_no_more_than_names_of_fields(
    status: int, data: Any, kind: type[PmsError], told: str
) -> None:
    error = error_of(reply(status, data))
    assert type(error) is kind
    assert error.may_have_happened is False
    assert error.retry_at is None
    assert str(error) == f"The service answered {status}: {told}"


@pytest.mark.parametrize("status", [100, 301, 302, 304, 408, 421, 425, 500, 502, 503, 504, 599])
@pytest.mark.parametrize("data", [None, {"message": PRIVATE}])
def test_what_was_not_answered_may_have_happened(status: int, data: Any) -> None:
    error = error_of(reply(status, data))
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert str(error) == f"The service answered {status}."


def test_a_service_that_is_being_looked_after_says_until_when() -> None:
    assert error_of(reply(503, Retry_After="30")).retry_at == after(30)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_success_is_none_of_these(status: int) -> None:
    answers.raise_for_error(reply(status, {"error": PRIVATE}), NOW)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "soon"}, 60),
        ({"X_RateLimit_Reset": "20"}, 20),
        ({"X_RateLimit_Reset": "0"}, 1),
        ({"Retry_After": "7", "X_RateLimit_Reset": "20"}, 20),
        ({"X_RateLimit_Reset": str(int(after(90).timestamp()))}, 90),
        ({"X_RateLimit_Reset": "999999999"}, 24 * 3600),
    ],
)
def test_too_many_calls_say_when_the_next_one_is_welcome(
    headers: dict[str, str], seconds: int
) -> None:
    answer = reply(429, {"message": PRIVATE}, **headers)
    error = error_of(answer)
    assert type(error) is Throttled
    assert error.may_have_happened is False
    assert error.retry_at == after(seconds)
    assert answers.rate_signal(answer, NOW) == RateSignal(Scope.INTEGRATION, 0, after(seconds))


def test_what_is_left_is_believed_where_it_is_told_with_its_end() -> None:
    told = reply(200, X_RateLimit_Remaining="12", X_RateLimit_Reset="30")
    assert answers.rate_signal(told, NOW) == RateSignal(Scope.INTEGRATION, 12, after(30))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_RateLimit_Remaining": "12"},
        {"X_RateLimit_Reset": "30"},
        {"X_RateLimit_Remaining": "-1", "X_RateLimit_Reset": "30"},
        {"X_RateLimit_Remaining": "12", "X_RateLimit_Reset": "1000000000"},
    ],
)
def test_half_a_word_of_a_limit_says_nothing(headers: dict[str, str]) -> None:
    assert answers.rate_signal(reply(200, **headers), NOW) is None


def test_background_work_leaves_a_quarter_of_the_minute_to_people() -> None:
    (limit,) = MANIFEST.limits
    assert limit == Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15)
    assert limit.ceiling(Priority.HIGH) == 60
    assert limit.ceiling(Priority.LOW) == 45


def test_the_manifest_has_a_standing_for_every_rule() -> None:
    assert set(MANIFEST.quality) == set(Rule)
    assert all(each.reason for each in MANIFEST.quality.values() if each.kind != "done")
