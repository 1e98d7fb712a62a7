"""A write that the practice does not carry out: twenty checks, then the night, then the morning."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

from tests.flows.practices import Practice
from writebacks import steering
from writebacks.models import WritebackEvent

BOOK, STATUS = "POST /appointment", "GET /writeback_status"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
#: 10:00 in New York.
TEN = datetime.fromisoformat("2030-03-05T15:00:00+00:00")


def asked_at(practice: Practice) -> list[timedelta]:
    """When the sandbox was asked for the write, counted from 10:00."""
    made = practice.sandbox.control.calls(practice.office)
    return [
        datetime.fromisoformat(call["at"]) - TEN
        for call in made
        if call["path"].endswith("/writeback_status")
    ]


def test_twenty_checks_on_the_schedule_then_unconfirmed_then_the_night(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="200000-200000")
    writeback = practice.book(hour=15, days=3)

    # 10:00:30, 10:01:30, 10:03:30, 10:08:30, 10:18:30, 10:33:30, 11:03:30, then each hour to
    # 24:03:30, which is half past midnight and not, as the plan has it, 24 hours later.
    practice.pass_until(TEN + timedelta(hours=14, minutes=3, seconds=25))
    seen = practice.see(writeback)
    assert (seen["status"], seen["check_count"]) == ("pending", 19)
    practice.pass_until(TEN + timedelta(hours=14, minutes=3, seconds=30))
    checks = asked_at(practice)
    waits = [after - before for before, after in pairwise([timedelta(), *checks])]
    assert waits[:7] == [0.5 * MINUTE, MINUTE, 2 * MINUTE, *(n * MINUTE for n in (5, 10, 15, 30))]
    assert waits[7:] == [HOUR] * 13
    assert checks[-1] == timedelta(hours=14, minutes=3, seconds=30)

    # The plan gives up here and calls it failed. Nobody knows that: it may be carried out yet.
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"]) == ("unconfirmed", "failed")
    assert (seen["failure_code"], seen["check_count"]) == ("unconfirmed", 20)
    assert practice.events(writeback)[-1] == "checks_used_up"
    assert practice.calls() == [BOOK, *[STATUS] * 20]
    assert seen["next_check_at"] == "2030-03-06T07:00:00Z", "2 AM of the practice"

    # At 2:00 it is looked at once more, and so each night until the PMS's log ends.
    practice.pass_until(TEN + 16 * HOUR)
    assert len(asked_at(practice)) == 21
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("unconfirmed", "pms")
    assert seen["next_check_at"] == "2030-03-07T07:00:00Z"
    practice.pass_until(TEN + 40 * HOUR)
    assert len(asked_at(practice)) == 22, "one look a night"
    assert practice.see(writeback)["status"] == "unconfirmed"

    # On the third day the practice's computer is back; the night after finds it done.
    practice.pass_until(TEN + 64 * HOUR)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["failure_code"]) == ("completed", "completed", "")
    assert len(practice.in_pms()) == 1
    assert practice.calls().count(BOOK) == 1, "it was never sent again"
    steps = WritebackEvent.objects.filter(writeback=writeback).values_list("event", flat=True)
    assert list(steps) == [
        "requested", "claimed", "accepted", *["still_pending"] * 19, "checks_used_up",
        *["still_pending"] * 2, "done",
    ]  # fmt: skip


def test_a_person_may_say_what_became_of_it_before_the_night(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="90000-90000")
    writeback = practice.book(hour=15, days=3)
    practice.pass_until(TEN + 15 * HOUR)
    writeback.refresh_from_db()
    assert writeback.status == "unconfirmed"
    heard = len(practice.calls())
    steering.decide(writeback, "failed", "Looked in the book.", practice.clock.now, None)
    practice.pass_until(TEN + 40 * HOUR)
    assert practice.see(writeback)["failure_code"] == "decided_failed"
    assert len(practice.calls()) == heard, "an end is an end"
