"""Whether a failed call is made again, as a table."""

from __future__ import annotations

import pytest

from integrations.http.errors import (
    AgentOffline,
    BudgetExhausted,
    CircuitOpen,
    KeyExpired,
    NoAnswer,
    NotAuthorized,
    NotReached,
    PmsError,
    Refused,
    Throttled,
    TokenBusy,
)
from integrations.http.retry import Again, Stop, decide

LOST, UNREACHED = NoAnswer("x"), NotReached("x")
DOUBT = "it may have happened: to be looked up, not repeated"
ENOUGH = "3 attempts are enough for one task"


@pytest.mark.parametrize(
    ("attempt", "error", "method", "decision"),
    [
        (1, LOST, "GET", Again(0.2)),
        (2, LOST, "GET", Again(0.4)),
        (3, LOST, "GET", Stop(ENOUGH)),
        (4, LOST, "GET", Stop(ENOUGH)),
        (1, LOST, "HEAD", Again(0.2)),
        (1, UNREACHED, "GET", Again(0.2)),
        (3, UNREACHED, "GET", Stop(ENOUGH)),
        # A write is repeated only where no connection came about.
        (1, LOST, "POST", Stop(DOUBT)),
        (1, LOST, "PUT", Stop(DOUBT)),
        (1, LOST, "PATCH", Stop(DOUBT)),
        (1, LOST, "DELETE", Stop(DOUBT)),
        (2, LOST, "POST", Stop(DOUBT)),
        (1, UNREACHED, "POST", Again(0.2)),
        (2, UNREACHED, "PATCH", Again(0.4)),
        (3, UNREACHED, "DELETE", Stop(ENOUGH)),
        # A method that nobody has thought of is a write.
        (1, LOST, "MERGE", Stop(DOUBT)),
    ],
)
def test_what_failed_on_the_way_is_tried_again_where_that_is_harmless(
    attempt: int, error: PmsError, method: str, decision: Again | Stop
) -> None:
    assert decide(attempt, error, method, 0.5) == decision


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "error",
    [
        AgentOffline, BudgetExhausted, CircuitOpen, KeyExpired, NotAuthorized, Refused, Throttled,
        TokenBusy,
    ],
)  # fmt: skip
def test_an_answer_or_our_own_refusal_is_not_tried_again_at_once(
    error: type[PmsError], method: str
) -> None:
    stop = Stop(f"{error.code}: trying at once would not help")
    assert decide(1, error("x"), method, 0.5) == stop


@pytest.mark.parametrize(
    ("attempt", "jitter", "wait"), [(1, 0.0, 0.1), (1, 0.999, 0.2998), (2, 0.0, 0.2)]
)
def test_the_wait_is_spread_around_its_middle(attempt: int, jitter: float, wait: float) -> None:
    assert decide(attempt, LOST, "GET", jitter) == Again(pytest.approx(wait))


def test_a_task_waits_for_less_than_a_second_in_all() -> None:
    waits = [decide(attempt, LOST, "GET", 0.999_999) for attempt in (1, 2)]
    assert sum(again.wait for again in waits if isinstance(again, Again)) < 1


@pytest.mark.parametrize(("took", "again"), [(0.0, True), (2.0, True), (2.1, False), (25, False)])
def test_an_attempt_that_took_long_is_not_repeated_in_the_same_task(
    took: float, again: bool
) -> None:
    assert isinstance(decide(1, LOST, "GET", 0.5, took), Again) is again
