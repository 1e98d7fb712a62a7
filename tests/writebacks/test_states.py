"""The state machine as data: what it allows, and that nothing else can happen."""

from __future__ import annotations

import pytest

from writebacks.states import (
    RESULTS,
    TERMINAL,
    TRANSITIONS,
    Event,
    IllegalMove,
    Status,
    next_status,
)


def test_nothing_leads_out_of_a_terminal_state() -> None:
    assert {after for (before, _), after in TRANSITIONS.items() if before == "failed"} == set()
    assert {after for (before, _), after in TRANSITIONS.items() if before == "cancelled"} == set()
    # Only what the PMS calls it may still be read.
    after_completed = {key[1]: after for key, after in TRANSITIONS.items() if key[0] == "completed"}
    assert after_completed == dict.fromkeys([Event.IDENTIFIED, Event.NOT_IDENTIFIED], "completed")
    assert {Status.COMPLETED, Status.FAILED, Status.CANCELLED} == TERMINAL


def test_every_state_but_the_first_is_reached_and_every_event_but_the_request_is_used() -> None:
    assert set(TRANSITIONS.values()) == set(Status)
    assert {event for _, event in TRANSITIONS} == set(Event) - {Event.REQUESTED}


def test_a_write_that_may_have_happened_is_never_sent_again_without_proof() -> None:
    """From unconfirmed only proven absence or a person leads back to the queue."""
    back = {
        event
        for (before, event), after in TRANSITIONS.items()
        if before == Status.UNCONFIRMED and after == Status.QUEUED
    }
    assert back == {Event.ABSENT, Event.DECIDED_AGAIN}


def test_only_the_pms_or_a_person_completes() -> None:
    completing = {
        event
        for (before, event), after in TRANSITIONS.items()
        if after == Status.COMPLETED and before != after
    }
    assert completing == {Event.DONE, Event.DECIDED_COMPLETED}


@pytest.mark.parametrize("status", Status)
def test_every_pair_that_is_not_listed_is_refused(status: Status) -> None:
    for event in Event:
        if (status, event) in TRANSITIONS:
            assert next_status(status, event) == TRANSITIONS[status, event]
        else:
            with pytest.raises(IllegalMove):
                next_status(status, event)


def test_every_state_has_one_of_the_three_result_words() -> None:
    assert set(RESULTS) == set(Status)
    assert RESULTS[Status.UNCONFIRMED] == "failed"
    assert {status for status in Status if RESULTS[status] == "completed"} == {Status.COMPLETED}
