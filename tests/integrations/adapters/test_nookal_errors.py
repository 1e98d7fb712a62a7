"""What each of Nookal's answers means for us: its failures come with HTTP 200."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from integrations.adapters.nookal import MANIFEST, answers
from integrations.contract import Limit, Priority, RateSignal, Scope
from integrations.http.client import Reply
from integrations.http.errors import (
    Fault,
    NoAnswer,
    NotAuthorized,
    PmsError,
    Refused,
    Throttled,
)
from tests.integrations.guards import NOW

FAULTS = {NotAuthorized: Fault.SETUP, Refused: Fault.REQUEST, Throttled: Fault.NOBODY}
PRIVATE = "Ada Invented"
SUCCESS = {"status": "success", "data": {"api_call": "verify", "results": {"verify": True}}}


def failure(**details: Any) -> dict[str, Any]:
    return {"status": "failure", "details": details}


def reply(status: int, data: Any = None, **headers: str) -> Reply:
    """An answer as the client reads it: HTML and nothing at all are both None."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CaseInsensitiveDict(named), data)


def error_of(answer: Reply) -> PmsError:
    with pytest.raises(PmsError) as caught:
        answers.raise_for_error(answer, NOW)
    return caught.value


KEY = "check the integration's API key and its access level."
FUNCTION = "it does not know this function."
UNACCEPTED = "it does not accept the request."

NO_KEY = "Missing variable: api_key"

#: HTTP status, JSON body, type, the code that is told, what is told after it.
REFUSALS = [
    # As recorded in public: calls without a key.
    (200, failure(errorCode="L000_1", alerts=[NO_KEY]), NotAuthorized, " L000_1", KEY),
    (200, failure(errorCode="L003"), NotAuthorized, " L003", KEY),
    (200, failure(errorCode="L000_1"), NotAuthorized, " L000_1", KEY),
    (200, failure(errorCode="L003", alerts=[], errorMessage=" "), NotAuthorized, " L003", KEY),
    # Words are worth more than the code that they come with.
    (200, failure(errorCode="L000_1", alerts=["Missing: start"]), Refused, " L000_1", UNACCEPTED),
    (200, failure(errorCode="L003", errorMessage="Not here"), Refused, " L003", UNACCEPTED),
    (200, failure(errorMessage="Invalid API key"), NotAuthorized, "", KEY),
    (200, failure(errorDescription="The api-key is disabled"), NotAuthorized, "", KEY),
    (200, failure(alerts="missing APIKEY"), NotAuthorized, "", KEY),
    (200, failure(alerts={"0": "Invalid api_key"}), NotAuthorized, "", KEY),
    (200, failure(errorMessage=f"{PRIVATE}: Unauthorised"), NotAuthorized, "", KEY),
    (200, failure(errorMessage="Not authorized for this location"), NotAuthorized, "", KEY),
    (200, failure(errorMessage="You have no permission"), NotAuthorized, "", KEY),
    (200, failure(alerts=["Access denied"]) | {"status": "Failure"}, NotAuthorized, "", KEY),
    # Whatever else it says no to.
    (200, failure(errorCode="L010", errorMessage=PRIVATE), Refused, " L010", UNACCEPTED),
    (200, failure(errorMessage="Invalid patient key"), Refused, "", UNACCEPTED),
    (200, failure(errorCode=PRIVATE), Refused, "", UNACCEPTED),
    (200, failure(errorCode="L010 for Ada"), Refused, "", UNACCEPTED),
    (200, failure(errorCode=["L003"], alerts=[7, None, {"api_key": 1}]), Refused, "", UNACCEPTED),
    (200, failure(errorCode=3, errorMessage={"api_key": 1}), Refused, "", UNACCEPTED),
    (200, failure(), Refused, "", UNACCEPTED),
    (200, {"status": "failure"}, Refused, "", UNACCEPTED),
    (200, {"status": "failure", "details": None}, Refused, "", UNACCEPTED),
    (200, {"status": "failure", "details": PRIVATE}, Refused, "", UNACCEPTED),
    (201, failure(errorMessage=PRIVATE), Refused, "", UNACCEPTED),
    # By their status: it is not known that Nookal uses any of these but 404.
    (404, None, Refused, "", FUNCTION),
    (404, SUCCESS, Refused, "", FUNCTION),
    (404, failure(alerts=[NO_KEY]), NotAuthorized, "", KEY),
    (400, failure(errorCode="L000_1"), NotAuthorized, " L000_1", KEY),
    (401, None, NotAuthorized, "", KEY),
    (401, SUCCESS, NotAuthorized, "", KEY),
    (403, failure(errorMessage=PRIVATE), NotAuthorized, "", KEY),
    (422, failure(errorMessage=PRIVATE), Refused, "", UNACCEPTED),
]


@pytest.mark.parametrize(("status", "data", "expected", "code", "told"), REFUSALS)
def test_a_failure_did_nothing_and_tells_no_more_than_its_code(
    status: int, data: Any, expected: type[PmsError], code: str, told: str
) -> None:
    answer = reply(status, data)
    error = error_of(answer)
    assert type(error) is expected
    assert error.may_have_happened is False
    assert error.retry_at is None
    assert error.fault is FAULTS[expected]
    assert str(error) == f"Nookal answered {status}{code}: {told}"
    assert answers.rate_signal(answer, NOW) is None


@pytest.mark.parametrize("status", [300, 302, 307, 408, 421, 425, 500, 502, 503, 504, 520])
@pytest.mark.parametrize(
    "data", [None, SUCCESS, failure(errorMessage=PRIVATE), failure(errorMessage="Rate limit")]
)
def test_what_was_not_answered_may_have_happened(status: int, data: Any) -> None:
    error = error_of(reply(status, data, Retry_After="7"))
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert error.retry_at is None
    assert error.fault is Fault.PMS
    assert str(error) == f"Nookal answered {status}."


@pytest.mark.parametrize("data", [None, SUCCESS, PRIVATE, [PRIVATE], {"status": PRIVATE}])
@pytest.mark.parametrize("status", [400, 405, 409, 413, 422, 499])
def test_another_status_without_a_failure_is_not_from_nookal_and_decides_nothing(
    status: int, data: Any
) -> None:
    error = error_of(reply(status, data))
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert str(error) == f"Nookal answered {status}."


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        [],
        [SUCCESS],
        "success",
        True,
        {"status": None},
        {"status": ""},
        {"status": True},
        {"status": ["success"]},
        {"status": "successful"},
        {"status": "pending"},
        {"status": PRIVATE},
        {"data": SUCCESS["data"]},
        {"details": {"errorMessage": "Too many requests"}},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 204])
def test_neither_success_nor_failure_is_no_answer(status: int, data: Any) -> None:
    answer = reply(status, data)
    error = error_of(answer)
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert error.retry_at is None
    assert str(error) == f"Nookal answered {status} and said neither success nor failure."
    assert answers.rate_signal(answer, NOW) is None


@pytest.mark.parametrize(
    "data",
    [
        SUCCESS,
        {"status": "SUCCESS"},
        {"status": "success", "details": {"errorCode": "L000_1", "alerts": ["api_key"]}},
        {"status": "success", "details": {"errorMessage": "Too many requests"}},
    ],
)
@pytest.mark.parametrize("status", [200, 201])
def test_a_success_says_so(status: int, data: Any) -> None:
    answers.raise_for_error(reply(status, data), NOW)
    assert answers.rate_signal(reply(status, data), NOW) is None


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (429, None),
        (429, SUCCESS),
        (429, failure(alerts=["Missing variable: api_key"])),
        (200, failure(errorMessage="Too many requests")),
        (200, failure(errorMessage="too many API calls for this api_key")),
        (200, failure(errorDescription="Rate limit exceeded")),
        (200, failure(alerts=[PRIVATE, "rate-limited"])),
        (400, failure(alerts=["You are being throttled"])),
        (403, failure(alerts=["RateLimit"])),
    ],
)
@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 60),
        ({"Retry_After": "17"}, 17),
        ({"Retry_After": "Tue, 05 Mar 2030 15:00:17 GMT"}, 17),
        ({"Retry_After": "soon"}, 60),
        ({"X_RateLimit_Reset": str(int(NOW.timestamp()) + 17)}, 60),  # nobody has seen one
    ],
)
def test_too_many_calls_close_the_key_for_a_while(
    status: int, data: Any, headers: dict[str, str], wait: int
) -> None:
    answer = reply(status, data, **headers)
    until = NOW + timedelta(seconds=wait)
    error = error_of(answer)
    assert type(error) is Throttled
    assert error.may_have_happened is False
    assert error.retry_at == until
    assert error.fault is Fault.NOBODY
    assert str(error) == f"Nookal answered {status}: too many calls."
    assert answers.rate_signal(answer, NOW) == RateSignal(Scope.INTEGRATION, 0, until)


def test_too_many_of_something_else_is_a_refusal() -> None:
    data = failure(errorMessage="Too many participants: the limit of this class is exceeded")
    assert type(error_of(reply(200, data))) is Refused


def test_its_limit_is_our_own_since_it_publishes_none() -> None:
    (minute,) = MANIFEST.limits
    assert minute == Limit(Scope.INTEGRATION, calls=60, seconds=60, reserve=15)
    assert (minute.ceiling(Priority.HIGH), minute.ceiling(Priority.LOW)) == (60, 45)
