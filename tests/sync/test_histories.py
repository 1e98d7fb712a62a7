"""Whatever a practice's people do, and whenever a sync is killed: our tables end as the PMS is.

Each PMS is simulated over real HTTP. People create, change, cancel, archive, merge and delete, also
while a sync reads; syncs are killed between any two pages and go on later. Where the PMS can tell
all that, incremental runs alone bring our tables to the truth; else one full run does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sync.states import Status
from tests.sync.practices import PMSS, Practice

#: What happens, with numbers that choose among what there is.
CHANGES = (
    ("patient", "create"),
    ("patient", "update"),
    ("patient", "archive"),
    ("patient", "merge"),
    ("patient", "delete"),
    ("appointment", "create"),
    ("appointment", "update"),
    ("appointment", "cancel"),
    ("appointment", "no_show"),
    ("appointment", "complete"),
    ("appointment", "archive"),
    ("appointment", "delete"),
)
change = st.tuples(st.just("change"), st.sampled_from(CHANGES), st.integers(0, 10_000))
wait = st.tuples(st.just("wait"), st.integers(1, 600), st.just(0))
sync = st.tuples(st.just("sync"), st.booleans(), st.just(0))
#: Killed when so many pages are stored, with changes made between two pages.
killed = st.tuples(st.just("kill"), st.booleans(), st.integers(0, 12))
meanwhile = st.tuples(st.just("meanwhile"), st.integers(0, 4), st.sampled_from(CHANGES))
history = st.lists(st.one_of(change, change, change, wait, sync, killed, meanwhile), max_size=14)


class Killed(BaseException):
    """As a kill -9: nothing of ours runs any more."""


@pytest.mark.parametrize("pms", PMSS)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=history)
def test_after_any_history_our_tables_are_as_the_pms_is(
    open_practice: Callable[[str], Practice], pms: str, history: list[Any]
) -> None:
    practice = open_practice(pms)
    first = practice.sync()
    assert (first.status, first.error_message) == (Status.COMPLETED, "")
    assert practice.differences() == {}
    for what, one, two in history:
        practice.clock.advance(1)
        match what:
            case "change":
                practice.change(one, two)
            case "wait":
                practice.clock.advance(one * 60)
            case "sync":
                practice.sync(is_full=one, may_remove=True)
            case "kill" | "meanwhile":
                _disturbed(practice, what, one, two)
    if practice.tells_all:
        practice.clock.advance(3600)
        ended = practice.sync()
        if not ended.is_full:
            practice.clock.advance(3600)
            ended = practice.sync()
    else:
        practice.clock.advance(3600)
        practice.carry_on(practice.sync())
        ended = practice.sync(is_full=True, may_remove=True)
    assert ended.status == Status.COMPLETED
    assert practice.differences() == {}


def _disturbed(practice: Practice, what: str, one: Any, two: Any) -> None:
    """A sync that is killed between two pages, or while people change things between them."""

    def between(pages: int) -> None:
        if what == "kill" and pages == two:
            raise Killed
        if what == "meanwhile" and pages == one:
            practice.change(two, 7)

    practice.between = between
    try:
        practice.sync(is_full=bool(one) if what == "kill" else False, may_remove=True)
    except Killed:
        practice.clock.advance(5)
    finally:
        practice.between = lambda pages: None
