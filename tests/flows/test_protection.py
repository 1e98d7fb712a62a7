"""A busy practice's hour, call by call: people are served to its end, checks wait for the next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby

import pytest

from integrations.contract import Priority
from integrations.http.errors import BudgetExhausted
from integrations.models import BudgetWindow, Call, Integration
from integrations.queries import Resource
from integrations.session import open_session
from sync import by_hand
from sync.requesting import Wanted
from tests.conftest import START, Clock
from tests.flows.practices import Practice
from tests.integrations.lists import records
from writebacks.models import Writeback
from writebacks.tasks import dispatch

BOOK, LIST, STATUS = "POST /appointment", "GET /writebacks", "GET /writeback_status"
NOON = datetime.fromisoformat("2030-03-05T17:00:00+00:00")


def stand_at(clock: Clock, hour: int, minute: int, second: int = 0) -> None:
    """Move to this time of the clinic's day; New York is five hours behind UTC in March."""
    moment = START.replace(hour=hour + 5, minute=minute, second=second)
    clock.advance((moment - clock.now).total_seconds())


def tick(practice: Practice) -> list[str]:
    """Let beat tick once; returns what was asked of the PMS for it."""
    before = len(practice.calls())
    dispatch()
    return practice.calls()[before:]


def used(practice: Practice) -> int:
    """Calls of the practice in this hour, by our own count, which is the PMS's."""
    hour = practice.clock.now.replace(minute=0, second=0, microsecond=0)
    key = practice.integration.practice_counter().key
    windows = BudgetWindow.objects.filter(key=key, starts_at=hour)
    ours = sum(window.used for window in windows)
    assert ours == dict(by_hour(practice)).get(hour, 0)
    return ours


def by_hour(practice: Practice) -> Iterator[tuple[datetime, int]]:
    """How many calls the PMS heard from the practice in each hour."""
    heard = practice.sandbox.control.calls(practice.office)
    hours = (
        datetime.fromisoformat(call["at"]).replace(minute=0, second=0, microsecond=0)
        for call in heard
    )
    for hour, calls in groupby(hours):
        yield hour, len(list(calls))


def work(practice: Practice, calls: int, seconds: float, priority: Priority) -> None:
    """Make so many calls with the practice's key, so many seconds apart."""
    integration = Integration.objects.get()
    adapter = open_session(integration, priority, correlation="heavy usage").adapter
    for _ in range(calls):
        practice.clock.advance(seconds)
        assert len(records(adapter, Resource.PRACTITIONERS)) == 4


def nothing_went_above(practice: Practice, calls: int = 200, low: int = 150) -> None:
    """Walk through every call since 11:00, in the order in which they were made."""
    eleven = START + timedelta(hours=1)
    assert all(count <= calls for hour, count in by_hour(practice) if hour >= eleven)
    total, hour = 0, None
    made = Call.objects.filter(integration=practice.integration, at__gte=eleven).order_by("pk")
    of_the_practice = made.exclude(path__in=["/writebacks", "/authorized_practices"])
    for call in of_the_practice:
        if hour != call.at.replace(minute=0, second=0, microsecond=0):
            total, hour = 0, call.at.replace(minute=0, second=0, microsecond=0)
        total += 1
        assert total <= (calls if call.priority == Priority.HIGH else low)


def from_eleven_to_ten_to_twelve(practice: Practice) -> list[Writeback]:
    """Heavy usage, then six bookings around the moment from which the background has to wait."""
    clock = practice.clock
    practice.sandbox.control.knobs(delay="60-60")  # the practice's own computer is slow today

    # 11:00 to 11:43: heavy usage, one call every 18 seconds.
    stand_at(clock, 11, 0)
    work(practice, 145, 18, Priority.LOW)
    assert used(practice) == 145

    # 11:45:00: somebody books. People may use all 200.
    stand_at(clock, 11, 45)
    first = practice.book("first", hour=9)
    assert practice.see(first)["status"] == "pending"
    assert practice.calls()[-1] == BOOK
    assert used(practice) == 146

    # 11:45:30: its check is due. The plan skips it at 146 of 150; here the background has what
    # it was promised, up to 150.
    stand_at(clock, 11, 45, 30)
    assert tick(practice) == [STATUS]
    assert practice.see(first)["check_count"] == 1
    assert used(practice) == 147

    # 11:45:40 to 11:46:10: four more bookings. From 150 in total on, the background waits.
    later = []
    for number in range(4):
        stand_at(clock, 11, 45 + (40 + 10 * number) // 60, (40 + 10 * number) % 60)
        later.append(practice.book(f"later {number}", hour=10 + number, patient=number + 1))
        assert used(practice) == 148 + number
    assert [practice.see(booking)["status"] for booking in later] == ["pending"] * 4
    return [first, *later]


def test_from_a_quarter_to_twelve_to_noon(practice: Practice) -> None:
    """The plan's story: a list of an unknown closing word leaves each end to a call of its own."""
    clock = practice.clock
    practice.sandbox.control.knobs(closing_words=["done", "refused"])
    first, *later = from_eleven_to_ten_to_twelve(practice)

    # 11:46:30: the list says that the first is over; whether it went well has to wait for noon.
    stand_at(clock, 11, 46, 30)
    assert tick(practice)[-1] == LIST
    seen = practice.see(first)
    assert (seen["status"], seen["waiting_for"]) == ("pending", "waiting_for_budget")
    assert seen["next_check_at"] == "2030-03-05T17:00:00Z"
    assert seen["check_count"] == 1, "a check that could not be made is not spent"
    assert used(practice) == 151

    # An import is background work, too, and is refused before anything is asked.
    heard = len(practice.calls())
    with pytest.raises(BudgetExhausted) as refused:
        records(
            open_session(Integration.objects.get(), Priority.LOW).adapter, Resource.PRACTITIONERS
        )
    assert refused.value.retry_at == NOON
    sync = by_hand.carry_out(Integration.objects.get(), Wanted(is_forced=True), lambda: clock.now)
    assert (sync.status, sync.due_at) == ("waiting", NOON)
    assert practice.calls()[heard:] == []
    assert used(practice) == 151

    # 11:50: a booking goes through all the same.
    stand_at(clock, 11, 50)
    while tick(practice):
        clock.advance(5)
    late = practice.book("late", hour=15, patient=5)
    assert practice.see(late)["status"] == "pending"
    assert used(practice) == 152

    # Until noon nothing of the practice is asked; what is finished waits.
    asked = practice.calls().count(STATUS)
    practice.pass_time(int((NOON - clock.now).total_seconds()) - 5)
    assert practice.calls().count(STATUS) == asked == 1
    assert used(practice) == 152
    states = [(see["status"], see["waiting_for"]) for see in map(practice.see, [first, *later])]
    assert states == [("pending", "waiting_for_budget")] * 5
    assert practice.see(late)["status"] == "pending"
    assert len(practice.in_pms()) == 6

    # 12:00: a new hour, and with the practice's next check one list and a call for each that is
    # over: five at most by day, oldest first.
    heard = len(practice.calls())
    practice.pass_time(300)
    assert practice.calls()[heard:] == [LIST, *[STATUS] * 5]
    assert [practice.see(each)["status"] for each in [first, *later]] == ["completed"] * 5
    assert practice.see(late)["status"] == "pending"
    assert used(practice) == 5

    # The sixth comes with the check after that.
    practice.pass_until(NOON + timedelta(minutes=30))
    assert practice.see(late)["status"] == "completed"
    assert practice.calls()[-1] == STATUS
    assert used(practice) == 6
    assert Writeback.objects.exclude(status="completed").count() == 0
    nothing_went_above(practice)


def test_where_the_list_tells_the_end_only_the_ids_wait_for_noon(practice: Practice) -> None:
    """The list is the application's call: a practice that has none left is told all the same."""
    clock = practice.clock
    bookings = from_eleven_to_ten_to_twelve(practice)

    # 11:46:30: nothing is asked of the practice's spent budget, all of the list.
    stand_at(clock, 11, 46, 30)
    assert tick(practice) == [LIST]
    assert practice.see(bookings[0])["status"] == "completed"
    practice.pass_time(90)
    states = [practice.see(booking)["status"] for booking in bookings]
    assert states == ["completed"] * 4 + ["pending"], "the last one waits for the next check"
    assert practice.calls().count(STATUS) == 1
    assert used(practice) == 151
    assert set(Writeback.objects.values_list("created_external_id", flat=True)) == {""}

    practice.pass_time(int((NOON - clock.now).total_seconds()) - 5)
    assert used(practice) == 151, "their ids are background work, which waits"
    practice.pass_time(300)
    assert practice.see(bookings[-1])["status"] == "completed"
    ids = set(Writeback.objects.values_list("created_external_id", flat=True))
    assert ids == {made["appointment_sr_no"] for made in practice.in_pms()}
    assert len(ids) == 5
    assert used(practice) == 2, "one read for the four, one for the last with its end"
    nothing_went_above(practice)


def test_people_have_the_hours_last_call_and_not_one_more(practice: Practice) -> None:
    clock = practice.clock
    stand_at(clock, 11, 0)
    work(practice, 149, 20, Priority.LOW)
    work(practice, 50, 1, Priority.HIGH)
    assert used(practice) == 199

    stand_at(clock, 11, 57)
    last = practice.book("last", hour=9)
    too_many = practice.book("too many", hour=10)
    assert practice.see(last)["status"] == "pending"
    seen = practice.see(too_many)
    assert (seen["status"], seen["waiting_for"]) == ("queued", "waiting_for_budget")
    assert (seen["attempts"], seen["api_calls"]) == (1, 0)
    assert used(practice) == 200
    practice.pass_time(170)
    assert used(practice) == 200
    assert practice.calls().count(BOOK) == 1

    practice.pass_time(60)
    assert {practice.see(booking)["status"] for booking in (last, too_many)} == {"completed"}
    assert len(practice.in_pms()) == 2
    nothing_went_above(practice)


def test_a_practices_own_budget_counts_instead_of_the_usual_one(practice: Practice) -> None:
    stand_at(practice.clock, 11, 0)
    Integration.objects.update(budget_calls=5, budget_reserve=3)
    practice.integration.refresh_from_db()
    bookings = [practice.book(f"{hour}", hour=hour) for hour in (9, 10, 11)]
    practice.pass_time(120)
    assert used(practice) == 3, "three for people; at three the background waits"
    bookings += [practice.book(f"{hour}", hour=hour) for hour in (13, 14, 15)]
    assert [practice.see(each)["status"] for each in bookings[3:]] == ["pending"] * 2 + ["queued"]
    assert used(practice) == 5

    def done() -> tuple[int, int]:
        completed = Writeback.objects.filter(status="completed")
        return len(completed), len(completed.exclude(created_external_id=""))

    assert done() == (3, 0), "the list, which is not the practice's call, tells the end"
    hours = []
    for hour in range(12, 15):
        stand_at(practice.clock, hour, 0)
        practice.pass_time(60)
        hours.append((used(practice), *done()))
    # The hour's calls, bookings completed, ids read.
    assert hours == [(2, 6, 1), (1, 6, 6), (0, 6, 6)]
    assert len(practice.in_pms()) == 6
    nothing_went_above(practice, calls=5, low=2)
