"""A booking's 90 seconds, step by step: each call, and what its asker sees meanwhile."""

from __future__ import annotations

from integrations.models import BudgetWindow, Call
from tests.flows.practices import Practice
from writebacks.models import Writeback

BOOK, STATUS = "POST /appointment", "GET /writeback_status"


def used(practice: Practice) -> int:
    """Calls of the practice in this hour, by our own count."""
    key = practice.integration.practice_counter().key
    hour = practice.clock.now.replace(minute=0, second=0, microsecond=0)
    return sum(each.used for each in BudgetWindow.objects.filter(key=key, starts_at=hour))


def test_from_the_booking_to_its_confirmation_in_ninety_seconds(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="60-60")
    before = used(practice)  # the import of this hour

    # 10:00:00: asked for and sent at once. The asker sees that it is not confirmed yet.
    writeback = practice.book(hour=10)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["appointment"]) == ("pending", "pending", None)
    assert seen["external_id"], "the PMS's id of the write"
    assert seen["next_check_at"] == "2030-03-05T15:00:30Z"
    assert used(practice) == before + 1

    # 10:00:25: too early to ask.
    practice.pass_time(25)
    assert practice.calls() == [BOOK]

    # 10:00:30: the first check. The practice's computer is still at it.
    practice.pass_time(5)
    seen = practice.see(writeback)
    assert (seen["status"], seen["check_count"]) == ("pending", 1)
    assert seen["next_check_at"] == "2030-03-05T15:01:30Z"
    assert used(practice) == before + 2

    # 10:01:25: again too early.
    practice.pass_time(55)
    assert practice.calls() == [BOOK, STATUS]

    # 10:01:30: the second check. It is done, and its id in the PMS came with the answer.
    practice.pass_time(5)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["check_count"]) == ("completed", "completed", 2)
    assert seen["completed_at"] == "2030-03-05T15:01:30Z"
    assert seen["created_external_id"] == practice.in_pms()[0]["appointment_sr_no"]
    assert seen["appointment"], "our own copy has it"
    assert used(practice) == before + 3

    # Three calls in all, the booking's for a person and the checks' for nobody who waits. The plan
    # counts as many; its "6/200" and "13/200" are other traffic's.
    made = Call.objects.filter(integration=practice.integration).order_by("pk")
    assert list(made.values_list("priority", flat=True))[-3:] == ["high", "low", "low"]
    assert practice.calls() == [BOOK, STATUS, STATUS]
    assert seen["api_calls"] == 3
    assert practice.events(writeback) == [
        "requested", "claimed", "accepted", "still_pending", "done",
    ]  # fmt: skip

    # And that is all: nothing is left to be done, and nothing more is asked.
    practice.pass_time(600)
    assert practice.calls() == [BOOK, STATUS, STATUS]
    assert not Writeback.objects.filter(due_at__isnull=False).exists()
