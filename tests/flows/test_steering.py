"""What people do with a writeback that is under way: take it back, repeat it, decide it."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.models import Integration
from tests.flows.practices import Practice
from writebacks import services, steering
from writebacks.models import SlotHold, Writeback

BOOK, STATUS = "POST /appointment", "GET /writeback_status"
WITHDRAW = "DELETE /writebacks"


def fresh(writeback: Writeback) -> Writeback:
    return Writeback.objects.get(pk=writeback.pk)


def asker(key: str) -> services.Asker:
    return services.Asker(idempotency_key=key, request_hash="0" * 64)


# --- Taking back ---------------------------------------------------------------------------------


def test_what_was_not_sent_is_taken_back_at_once(practice: Practice) -> None:
    practice.sandbox.control.knobs(agent_offline=True)
    writeback = practice.book()
    steering.withdraw(fresh(writeback), practice.clock.now)
    assert practice.see(writeback)["status"] == "cancelled"
    assert not SlotHold.objects.exists()
    practice.sandbox.control.knobs(agent_offline=False)
    practice.pass_time(120)
    assert not practice.in_pms()
    assert practice.calls() == [BOOK]


def test_what_the_pms_has_not_carried_out_is_taken_back_there(practice: Practice) -> None:
    writeback = practice.book("first")
    steering.withdraw(fresh(writeback), practice.clock.now)
    assert practice.calls() == [BOOK, STATUS, WITHDRAW], "only what is still pending is deleted"
    assert practice.see(writeback)["status"] == "cancelled"
    assert practice.events(writeback)[-2:] == ["withdraw_asked", "cancelled"]

    # Its slot is free again, and the PMS does not have it.
    second = practice.book("second", patient=1)
    practice.pass_time(120)
    assert practice.see(second)["status"] == "completed"
    assert len(practice.in_pms()) == 1


def test_what_was_carried_out_already_ends_as_completed_and_says_so(practice: Practice) -> None:
    writeback = practice.book()
    practice.clock.advance(25)  # the agent has done it, and nobody has asked yet
    steering.withdraw(fresh(writeback), practice.clock.now)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"]) == ("completed", "completed")
    assert practice.events(writeback)[-2:] == ["withdraw_asked", "done"]
    assert len(practice.in_pms()) == 1
    assert practice.calls().count(WITHDRAW) == 0


def test_a_withdrawal_whose_answer_is_lost_is_cleared_up(practice: Practice) -> None:
    practice.sandbox.control.fault(WITHDRAW, "lost_answer")
    writeback = practice.book()
    steering.withdraw(fresh(writeback), practice.clock.now)
    practice.pass_time(300)
    assert practice.see(writeback)["status"] == "cancelled"
    assert not practice.in_pms()
    assert not SlotHold.objects.exists()


def test_a_withdrawal_that_never_arrived_is_asked_for_again(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="600-600")
    practice.sandbox.control.fault(WITHDRAW, "dropped_request")
    writeback = practice.book()
    steering.withdraw(fresh(writeback), practice.clock.now)
    practice.pass_time(300)
    assert practice.see(writeback)["status"] == "cancelled"
    assert practice.calls().count(WITHDRAW) == 2
    practice.pass_time(600)
    assert not practice.in_pms()


@pytest.mark.parametrize("again", [False, True])
def test_what_has_ended_cannot_be_taken_back(practice: Practice, again: bool) -> None:
    writeback = practice.book()
    practice.pass_time(30)
    # With the newest row, and with one that is older than the end.
    held = fresh(writeback) if again else writeback
    with pytest.raises(services.Conflict) as refused:
        steering.withdraw(held, practice.clock.now)
    assert refused.value.code == ("cannot_withdraw" if again else "moved_on")
    assert practice.see(writeback)["status"] == "completed"
    assert WITHDRAW not in practice.calls()


# --- Repeating -----------------------------------------------------------------------------------


def test_a_failed_one_is_repeated_once_as_a_new_one_that_names_it(practice: Practice) -> None:
    practice.sandbox.control.knobs(failures=1.0)
    writeback = practice.book()
    practice.pass_time(30)
    practice.sandbox.control.knobs(failures=0.0)
    failed = fresh(writeback)
    again, is_new = steering.retry(failed, asker("again"), practice.clock.now)
    assert (is_new, again.retry_of_id, again.pk == failed.pk) == (True, failed.pk, False)
    with pytest.raises(services.Conflict):
        steering.retry(fresh(writeback), asker("once more"), practice.clock.now)
    practice.pass_time(60)
    assert practice.see(again)["status"] == "completed"
    assert practice.see(writeback)["status"] == "failed", "an end is an end"
    assert len(practice.in_pms()) == 1
    assert practice.calls().count(BOOK) == 2


def test_only_what_failed_can_be_repeated(practice: Practice) -> None:
    writeback = practice.book()
    with pytest.raises(services.Conflict) as refused:
        steering.retry(fresh(writeback), asker("again"), practice.clock.now)
    assert refused.value.code == "not_failed"
    practice.clock.advance(2 * 24 * 3600)
    Writeback.objects.filter(pk=writeback.pk).update(
        status="failed", failure_code="x", due_at=None, completed_at=practice.clock.now
    )
    with pytest.raises(services.Conflict) as refused:
        steering.retry(fresh(writeback), asker("again"), practice.clock.now)
    assert refused.value.code == "time_passed"
    assert Writeback.objects.count() == 1


# --- Deciding ------------------------------------------------------------------------------------


@pytest.fixture
def in_doubt(practice: Practice) -> Writeback:
    """A write whose answer was lost, while nobody can look for it."""
    practice.sandbox.control.fault(BOOK, "dropped_request")
    writeback = practice.book(days=30)
    credential = practice.integration.credential
    Integration.objects.update(credential=credential | {"app_key": "wrong"})
    practice.pass_time(15)
    assert fresh(writeback).status == "unconfirmed"
    Integration.objects.update(credential=credential)
    return fresh(writeback)


@pytest.mark.parametrize(
    ("decision", "status", "code", "posts"),
    [
        ("completed", "completed", "", 1),
        ("failed", "failed", "decided_failed", 1),
        ("again", "completed", "", 2),
    ],
)
def test_a_person_who_looked_decides(
    practice: Practice, in_doubt: Writeback, decision: str, status: str, code: str, posts: int
) -> None:
    now: Any = practice.clock.now
    person = practice.integration.organization.memberships.first().user
    steering.decide(in_doubt, decision, "Looked in the book.", now, person)
    practice.pass_time(120)
    seen = practice.see(in_doubt)
    assert (seen["status"], seen["failure_code"]) == (status, code)
    assert practice.calls().count(BOOK) == posts
    assert len(practice.in_pms()) == posts - 1
    # The PMS's id of one that a person found is not known: its time stays held, since our copy does
    # not have the visit yet.
    assert SlotHold.objects.exists() == (decision == "completed")
    event = in_doubt.events.get(event=f"decided_{decision}")
    assert (event.note, event.person) == ("Looked in the book.", person)


def test_what_is_not_in_doubt_is_not_decided(practice: Practice) -> None:
    writeback = practice.book()
    with pytest.raises(services.Conflict) as refused:
        steering.decide(fresh(writeback), "failed", "No.", practice.clock.now, None)
    assert refused.value.code == "not_unconfirmed"
    assert fresh(writeback).status == "pending"
