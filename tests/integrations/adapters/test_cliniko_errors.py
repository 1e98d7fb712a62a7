"""What each of Cliniko's answers means for us, and what it tells of the key's limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from integrations.adapters.cliniko import MANIFEST, answers
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
from integrations.quality import Rule
from integrations.queries import Resource
from tests.integrations.guards import NOW

FAULTS = {
    NoAnswer: Fault.PMS,
    NotAuthorized: Fault.SETUP,
    answers.Forbidden: Fault.SETUP,
    answers.NotFound: Fault.REQUEST,
    Refused: Fault.REQUEST,
    Throttled: Fault.NOBODY,
}
NOT_FOUND = {"status": "404", "error": "Not Found"}
PRIVATE = "Ada Invented"


def invalid(**fields: Any) -> dict[str, Any]:
    """A 422 as in Cliniko's public API documentation."""
    return {"message": "Validation Failed", "errors": fields}


def reply(status: int, data: Any = None, **headers: str) -> Reply:
    """An answer as the client reads it: HTML and nothing at all are both None."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, CaseInsensitiveDict(named), data)


def error_of(answer: Reply) -> PmsError:
    with pytest.raises(PmsError) as caught:
        answers.raise_for_error(answer, NOW)
    return caught.value


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def unix(seconds: int) -> str:
    return str(int(after(seconds).timestamp()))


KEY = "check the integration's API key and its region."
RIGHT = "the API key's user has no right to this."
MISSING = "there is no such record, or it is not open to this."
UNACCEPTED = "it does not accept the request."

#: HTTP status, JSON body, type, what is told after the status.
REFUSALS = [
    (400, None, Refused, UNACCEPTED),
    (400, PRIVATE, Refused, UNACCEPTED),
    (400, {"message": f"{PRIVATE} is not filterable"}, Refused, UNACCEPTED),
    (400, {"errors": {"starts_at": "is of a 422 only"}}, Refused, UNACCEPTED),
    (401, None, NotAuthorized, KEY),
    (401, {"message": PRIVATE}, NotAuthorized, KEY),
    (403, None, answers.Forbidden, RIGHT),
    (403, {"errors": {PRIVATE: PRIVATE}}, answers.Forbidden, RIGHT),
    (404, None, answers.NotFound, MISSING),
    (404, NOT_FOUND, answers.NotFound, MISSING),
    (404, NOT_FOUND | {"error": PRIVATE}, answers.NotFound, MISSING),
    (405, {"message": PRIVATE}, Refused, UNACCEPTED),
    (409, {"message": PRIVATE}, Refused, UNACCEPTED),
    (422, {"message": PRIVATE}, Refused, UNACCEPTED),
    (422, {"errors": None}, Refused, UNACCEPTED),
    (422, {"errors": PRIVATE}, Refused, UNACCEPTED),
    (422, {"errors": [PRIVATE]}, Refused, UNACCEPTED),
    (422, invalid(), Refused, UNACCEPTED),
    (422, invalid(starts_at="can't be blank"), Refused, "it does not accept starts_at."),
    (422, invalid(notes=PRIVATE, email=[PRIVATE]), Refused, "it does not accept email, notes."),
    (422, invalid(**{"phone.number": None}), Refused, "it does not accept phone.number."),
    (422, {"errors": {PRIVATE: "x", "ada@example.org": "x", "": "x"}}, Refused, UNACCEPTED),
    (422, invalid(**{"a" * 41: "x", "b": {"c": PRIVATE}}), Refused, "it does not accept b."),
]


@pytest.mark.parametrize(("status", "data", "expected", "told"), REFUSALS)
def test_a_refusal_did_nothing_and_tells_no_more_than_names_of_fields(
    status: int, data: Any, expected: type[PmsError], told: str
) -> None:
    error = error_of(reply(status, data))
    assert type(error) is expected
    assert error.may_have_happened is False
    assert error.retry_at is None
    assert error.fault is FAULTS[expected]
    assert str(error) == f"Cliniko answered {status}: {told}"


def test_two_refusals_are_told_from_their_likes_and_treated_as_them() -> None:
    assert issubclass(answers.NotFound, Refused)
    assert issubclass(answers.Forbidden, NotAuthorized)


def test_only_so_many_fields_are_named_as_a_person_reads() -> None:
    fields = {f"field_{number}": "x" for number in range(30)}
    names = answers.refused_fields(reply(422, invalid(**fields)))
    assert names == sorted(fields)[:8]


@pytest.mark.parametrize("status", [300, 302, 304, 307, 408, 421, 425, 500, 502, 503, 504, 520])
@pytest.mark.parametrize("data", [None, {"message": PRIVATE}, PRIVATE])
def test_what_was_not_answered_may_have_happened(status: int, data: Any) -> None:
    error = error_of(reply(status, data, Retry_After="7", X_RateLimit_Reset=unix(7)))
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert error.retry_at is None
    assert error.fault is Fault.PMS
    assert str(error) == f"Cliniko answered {status}."


@pytest.mark.parametrize("data", [None, PRIVATE, [PRIVATE], 7])
@pytest.mark.parametrize("status", [405, 409, 413, 422, 451, 499])
def test_a_refusal_without_an_object_is_not_from_cliniko_and_decides_nothing(
    status: int, data: Any
) -> None:
    error = error_of(reply(status, data))
    assert type(error) is NoAnswer
    assert str(error) == f"Cliniko answered {status}."


@pytest.mark.parametrize(
    ("status", "data"),
    [(200, {}), (200, {"errors": {}}), (201, {"id": "1", "message": PRIVATE}), (204, None)],
)
def test_a_success_is_an_object_or_nothing_in_a_204(status: int, data: Any) -> None:
    answers.raise_for_error(reply(status, data), NOW)


@pytest.mark.parametrize("data", [None, PRIVATE, [], [PRIVATE], True])
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_success_without_an_object_is_no_answer(status: int, data: Any) -> None:
    error = error_of(reply(status, data))
    assert type(error) is NoAnswer
    assert error.may_have_happened is True
    assert str(error) == f"Cliniko answered {status}."


#: Headers of a 429, and from when calls are taken again.
THROTTLED = [
    ({"X_RateLimit_Reset": unix(42)}, 42),
    ({"x_ratelimit_reset": unix(42)}, 42),
    ({"X_RateLimit_Reset": unix(42), "X_RateLimit_Remaining": "0"}, 42),
    ({"X_RateLimit_Reset": unix(42), "X_RateLimit_Remaining": "17"}, 42),
    ({"X_RateLimit_Reset": unix(0)}, 1),
    ({"X_RateLimit_Reset": unix(-2)}, 1),
    ({"X_RateLimit_Reset": unix(-600)}, 60),  # another clock than ours
    ({"X_RateLimit_Reset": unix(900_000)}, 86_400),
    ({"X_RateLimit_Reset": "42"}, 60),  # not a UNIX time
    ({"X_RateLimit_Reset": "soon"}, 60),
    ({"X_RateLimit_Reset": ""}, 60),
    ({"X_RateLimit_Remaining": "0"}, 60),
    ({}, 60),
    ({"Retry_After": "17"}, 17),
    ({"Retry_After": "Tue, 05 Mar 2030 15:00:17 GMT"}, 17),
    ({"Retry_After": "17", "X_RateLimit_Reset": unix(42)}, 42),
    ({"Retry_After": "120", "X_RateLimit_Reset": unix(42)}, 120),
    ({"Retry_After": "120", "X_RateLimit_Reset": "soon"}, 120),
    ({"Retry_After": "soon", "X_RateLimit_Reset": unix(42)}, 42),
    ({"Retry_After": "soon"}, 60),
]


@pytest.mark.parametrize(("headers", "wait"), THROTTLED)
def test_a_429_did_nothing_and_closes_the_key_until_its_reset(
    headers: dict[str, str], wait: int
) -> None:
    answer = reply(429, {"message": PRIVATE}, **headers)
    error = error_of(answer)
    assert type(error) is Throttled
    assert error.may_have_happened is False
    assert error.retry_at == after(wait)
    assert error.fault is Fault.NOBODY
    assert str(error) == "Cliniko answered 429: too many calls."
    assert answers.rate_signal(answer, NOW) == RateSignal(Scope.INTEGRATION, 0, after(wait))


@pytest.mark.parametrize(
    ("headers", "signal"),
    [
        ({}, None),
        ({"X_RateLimit_Remaining": "17"}, None),
        ({"X_RateLimit_Reset": unix(42)}, None),
        ({"X_RateLimit_Remaining": "17", "X_RateLimit_Reset": "42"}, None),
        ({"X_RateLimit_Remaining": "many", "X_RateLimit_Reset": unix(42)}, None),
        ({"X_RateLimit_Remaining": "-1", "X_RateLimit_Reset": unix(42)}, None),
        ({"Retry_After": "17"}, None),
        (
            {"X_RateLimit_Remaining": "17", "X_RateLimit_Reset": unix(42)},
            RateSignal(Scope.INTEGRATION, 17, after(42)),
        ),
        (
            {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": unix(0)},
            RateSignal(Scope.INTEGRATION, 0, after(1)),
        ),
    ],
)
@pytest.mark.parametrize("status", [200, 204, 404, 422, 503])
def test_any_answer_may_tell_what_is_left(
    status: int, headers: dict[str, str], signal: RateSignal | None
) -> None:
    assert answers.rate_signal(reply(status, None, **headers), NOW) == signal


def test_its_limits_are_the_documented_minute_and_our_own_hour() -> None:
    minute, hour = MANIFEST.limits
    assert minute == Limit(Scope.INTEGRATION, calls=200, seconds=60, reserve=50)
    assert hour == Limit(Scope.INTEGRATION, calls=5000, seconds=3600, reserve=1250)
    assert (minute.ceiling(Priority.HIGH), minute.ceiling(Priority.LOW)) == (200, 150)
    assert (hour.ceiling(Priority.HIGH), hour.ceiling(Priority.LOW)) == (5000, 3750)


def test_it_says_what_it_can_and_that_nothing_waits_to_be_taken_back() -> None:
    assert MANIFEST.operations == {
        "book", "reschedule", "cancel", "create_patient", "update_patient",
    }  # fmt: skip
    assert MANIFEST.withdraws is False
    assert MANIFEST.page_size == 100
    assert [field.name for field in MANIFEST.credential] == ["api_key"]
    assert MANIFEST.credential[0].is_secret is True
    assert set(MANIFEST.quality) == set(Rule)
    assert MANIFEST.quality[Rule.LIVE_TESTED].kind == "todo"
    assert set(MANIFEST.lists) == set(Resource) - {Resource.OPERATORIES}
