"""Whatever a PMS or the way to it does, is one of our errors, and says whether it may have been."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from integrations.http.errors import (
    NoAnswer,
    NotAuthorized,
    NotReached,
    PmsError,
    Throttled,
)
from integrations.quality import Rule
from integrations.queries import Resource
from tests.integrations.contract.practices import Practice
from tests.integrations.contract.writes import Desk

#: A read without an answer is tried so often (integrations/http/retry.py).
ATTEMPTS = 3
#: What the sandbox does to a call, and what we call that.
FAULTS = {
    "lost_answer": (NoAnswer,),
    "dropped_request": (NoAnswer, NotReached),
    "error": (NoAnswer,),
    "unavailable": (NoAnswer,),
    "garbage": (NoAnswer,),
    "throttled": (Throttled,),
}
#: The call did nothing, and this is certain.
HARMLESS = {"throttled"}


@pytest.fixture(params=sorted(FAULTS))
def fault(request: pytest.FixtureRequest, practice: Practice) -> str:
    practice.skip_unless(Rule.TYPED_ERRORS)
    return str(request.param)


def test_a_read_that_fails_is_an_error_of_ours_and_never_an_empty_list(
    practice: Practice, fault: str
) -> None:
    practice.keys.current()
    feed, adapter = practice.feed(Resource.PATIENTS), practice.adapter()
    practice.sandbox.control.fault("*", fault, count=ATTEMPTS)
    with pytest.raises(FAULTS[fault]) as caught:
        adapter.page(feed, "", practice.now)
    assert isinstance(caught.value, PmsError)
    assert str(caught.value)
    if fault == "throttled":
        assert caught.value.retry_at is not None
        assert caught.value.retry_at > practice.now
    practice.sandbox.control.clear_faults()
    practice.later(hours=1)
    assert adapter.page(feed, "", practice.now).records, "and afterwards it goes on"


def test_a_read_that_fails_once_is_tried_again(practice: Practice) -> None:
    practice.keys.current()
    feed, before = practice.feed(Resource.PATIENTS), practice.calls
    practice.sandbox.control.fault("*", "unavailable", count=1)
    assert practice.adapter().page(feed, "", practice.now).records
    assert practice.calls == before + 2


def test_a_write_that_fails_is_sent_once_and_says_whether_it_may_have_happened(
    desk: Desk, practice: Practice, fault: str
) -> None:
    practice.skip_unless(Rule.BOOKS)
    prepared = practice.adapter().prepare(desk.booking())
    practice.sandbox.control.fault(f"{prepared.method} {prepared.endpoint}", fault)
    before = len(of_this(practice, prepared.method, prepared.endpoint))
    with pytest.raises(FAULTS[fault]) as caught:
        practice.adapter().submit(prepared)
    assert caught.value.may_have_happened is (fault not in HARMLESS)
    assert len(of_this(practice, prepared.method, prepared.endpoint)) == before + 1


def of_this(practice: Practice, method: str, endpoint: str) -> list[object]:
    return [
        call
        for call in practice.sandbox.control.calls()
        if call["method"] == method and call["path"].endswith(endpoint)
    ]


def test_a_wrong_credential_is_told_by_each_way_to_use_it(practice: Practice) -> None:
    ways: list[Callable[..., object]] = [
        lambda adapter: adapter.verify(),
        lambda adapter: adapter.issue_token(""),
    ]
    for name, value in practice.credential.items():
        wrong = {name: wrongly(str(value))}
        for way in ways:
            with pytest.raises(NotAuthorized) as caught:
                way(practice.adapter(**wrong))
            assert caught.value.may_have_happened is False
            assert str(value) not in str(caught.value)
            assert wrong[name] not in str(caught.value)


def wrongly(secret: str) -> str:
    """Return a secret of the same form with another letter or figure in its middle."""
    middle = len(secret) // 2
    at = next(n for n in range(middle, len(secret)) if secret[n].isalnum())
    other = "0" if secret[at] != "0" else "1"
    return secret[:at] + other + secret[at + 1 :]


def test_a_credential_without_one_of_its_parts_is_unusable(practice: Practice) -> None:
    for name in practice.credential:
        before = practice.calls
        with pytest.raises(ValueError, match=name):
            practice.adapter(**{name: ""})
        assert practice.calls == before


def test_no_secret_shows_in_a_repr(practice: Practice) -> None:
    shown = repr(practice.adapter())
    secret = {each.name for each in practice.manifest.credential if each.is_secret}
    for name, value in practice.credential.items():
        if name in secret:
            assert str(value) not in shown
