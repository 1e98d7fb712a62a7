"""One booking from request to proof, and every way in which the PMS can get in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kombu.exceptions import OperationalError

from clinics.models import Appointment
from integrations.adapters.sikka import adapter
from integrations.models import BudgetWindow, Integration, IntegrationStatus
from tests.flows.practices import Practice
from writebacks.models import LEASE, Writeback
from writebacks.states import Event, Status
from writebacks.tasks import dispatch, submit

BOOK = "POST /appointment"


def test_a_booking_is_pending_at_once_and_completed_at_its_first_check(practice: Practice) -> None:
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["appointment"]) == ("pending", "pending", None)
    assert not practice.in_pms()

    practice.pass_time(25)
    assert practice.calls() == [BOOK], "nothing is asked before 30 seconds have passed"

    practice.pass_time(5)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"]) == ("completed", "completed")
    assert practice.events(writeback) == ["requested", "claimed", "accepted", "done"]
    assert practice.calls() == [BOOK, "GET /writeback_status"]
    assert (seen["api_calls"], seen["check_count"], seen["attempts"]) == (2, 1, 1)

    (made,) = practice.in_pms()
    ours = Appointment.objects.get(pk=seen["appointment"])
    assert ours.external_id == made["appointment_sr_no"]
    assert (made["date"][:10], made["time"], made["length"]) == ("2030-03-06", "09:00", "30")
    assert made["patient_id"] == ours.patient.external_id
    assert ours.starts_at.isoformat() == "2030-03-06T14:00:00+00:00"
    assert ours.status == "booked"


def test_our_count_of_calls_is_the_sandboxs_own(practice: Practice) -> None:
    practice.book()
    practice.pass_time(30)
    books = practice.sandbox.control.books()
    counted = BudgetWindow.objects.filter(key=practice.integration.practice_counter().key)
    assert sum(window.used for window in counted) == books["offices"][practice.office]["calls"]


def test_several_bookings_share_one_list_of_outcomes(practice: Practice) -> None:
    bookings = [practice.book(f"key {hour}", hour=hour, patient=hour) for hour in (9, 10, 11)]
    practice.pass_time(30)
    assert {practice.see(booking)["status"] for booking in bookings} == {"completed"}
    assert practice.calls().count("GET /writebacks") == 1
    assert sum(Writeback.objects.values_list("api_calls", flat=True)) == len(practice.calls())


def test_the_same_key_and_body_book_once(practice: Practice) -> None:
    first, second = practice.book("same"), practice.book("same")
    assert first.pk == second.pk
    practice.pass_time(30)
    assert len(practice.in_pms()) == 1
    assert practice.calls().count(BOOK) == 1


def test_a_slow_agent_is_asked_on_the_schedule(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="300-300")
    writeback = practice.book()
    practice.pass_time(29 * 60)
    seen = practice.see(writeback)
    # 30 s, 1 min and 2 min see it pending; the one 5 minutes later sees it done.
    assert practice.events(writeback) == [
        "requested", "claimed", "accepted", *["still_pending"] * 3, "done",
    ]  # fmt: skip
    took = [event["at"][11:19] for event in seen["events"][2:]]
    assert took == ["15:00:00", "15:00:30", "15:01:30", "15:03:30", "15:08:30"]


def test_a_write_that_the_practice_rejects_fails_with_its_reason(practice: Practice) -> None:
    practice.sandbox.control.knobs(failures=1.0)
    writeback = practice.book()
    practice.pass_time(30)
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["failure_code"]) == (
        "failed",
        "failed",
        "pms_failed",
    )
    assert seen["error_message"]
    assert not practice.in_pms()
    assert not Appointment.objects.filter(external_id=seen["created_external_id"]).exists()


def test_a_lost_answer_is_found_in_the_pms_and_never_sent_again(practice: Practice) -> None:
    practice.sandbox.control.fault(BOOK, "lost_answer")
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["failure_code"]) == (
        "unconfirmed",
        "failed",
        "unconfirmed",
    )
    practice.pass_time(30)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.events(writeback)[2:] == ["no_answer", "found", "done"]
    assert practice.calls().count(BOOK) == 1
    assert len(practice.in_pms()) == 1


def test_two_identical_lost_bookings_adopt_a_write_each(practice: Practice) -> None:
    practice.sandbox.control.fault(BOOK, "lost_answer", count=2)
    bookings = [practice.book(key, allow_overlap=True) for key in ("one", "two")]
    practice.pass_time(180)
    assert {practice.see(booking)["status"] for booking in bookings} == {"completed"}
    assert len({practice.see(booking)["external_id"] for booking in bookings}) == 2
    assert practice.calls().count(BOOK) == 2
    assert len(practice.in_pms()) == 2


@pytest.mark.parametrize("fault", ["dropped_request", "error", "unavailable"])
def test_a_request_that_never_arrived_is_sent_again_once_its_absence_is_proven(
    practice: Practice, fault: str
) -> None:
    practice.sandbox.control.fault(BOOK, fault)
    writeback = practice.book()
    assert practice.see(writeback)["status"] == "unconfirmed"
    practice.pass_time(30)
    assert practice.calls().count(BOOK) == 1, "one look proves nothing"
    practice.pass_time(120)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.events(writeback)[2:7] == [
        "no_answer", "not_found_yet", "absent", "claimed", "accepted",
    ]  # fmt: skip
    assert practice.calls().count(BOOK) == 2
    assert len(practice.in_pms()) == 1


def test_a_refused_connection_is_simply_sent_later(practice: Practice) -> None:
    Integration.objects.update(base_url="http://127.0.0.1:9/sikka/v4")
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("queued", "not_reached")
    Integration.objects.update(base_url=practice.sandbox.url)
    practice.pass_time(60)
    assert practice.see(writeback)["status"] == "completed"
    assert len(practice.in_pms()) == 1


def test_a_worker_killed_while_sending_leaves_a_write_that_is_looked_for(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What a kill -9 looks like from here: nothing after the call runs."""

    def write_id(reply: object) -> str:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(adapter.answers, "write_id", write_id)
        with pytest.raises(Killed):
            practice.book()
    writeback = Writeback.objects.get()
    assert practice.see(writeback)["status"] == "submitting"

    practice.pass_time(int(LEASE.total_seconds()) - 5)
    assert practice.see(writeback)["status"] == "submitting", "the lease still holds"
    practice.pass_time(30)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.events(writeback)[2:4] == ["lease_lapsed", "found"]
    assert practice.calls().count(BOOK) == 1
    assert len(practice.in_pms()) == 1


def test_a_request_without_a_broker_is_found_by_the_dispatcher(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_broker(*args: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(submit, "delay", no_broker)
        writeback = practice.book()
    assert practice.see(writeback)["status"] == "queued"
    practice.pass_time(5)
    assert practice.see(writeback)["status"] == "pending"


def test_an_offline_agent_keeps_the_write_queued_until_it_is_back(practice: Practice) -> None:
    practice.sandbox.control.knobs(agent_offline=True)
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["result"], seen["waiting_for"]) == (
        "queued",
        "pending",
        "agent_offline",
    )
    practice.sandbox.control.knobs(agent_offline=False)
    practice.pass_time(60)
    assert practice.see(writeback)["status"] == "completed"
    assert len(practice.in_pms()) == 1


def test_what_cannot_be_delivered_before_its_time_fails_as_not_delivered(
    practice: Practice,
) -> None:
    practice.sandbox.control.knobs(agent_offline=True)
    writeback = practice.book(hour=9)
    practice.clock.advance(timedelta(hours=24).total_seconds())
    practice.pass_time(5)
    seen = practice.see(writeback)
    assert (seen["status"], seen["failure_code"]) == ("failed", "not_delivered")
    practice.sandbox.control.knobs(agent_offline=False)
    practice.pass_time(60)
    assert not practice.in_pms()


def test_an_expired_key_is_renewed_once_and_the_booking_goes_through(practice: Practice) -> None:
    practice.sandbox.control.expire_keys(practice.office)
    writeback = practice.book()
    assert practice.see(writeback)["status"] == "pending"
    assert practice.calls() == [BOOK, "POST /request_key", BOOK]
    practice.integration.refresh_from_db()
    assert practice.integration.status == IntegrationStatus.ACTIVE


def test_a_spent_budget_moves_the_due_time_and_costs_neither_a_call_nor_a_check(
    practice: Practice,
) -> None:
    writeback = practice.book()
    counter = practice.integration.practice_counter()
    BudgetWindow.objects.filter(key=counter.key).update(used_low=150)
    # The list of outcomes is the application's call; let its minute be used up, too.
    application = practice.integration.counters(["application"])[0]
    BudgetWindow.objects.filter(key=application.key).update(used_low=200)
    practice.clock.advance(-practice.clock.now.second)
    Writeback.objects.update(due_at=practice.clock.now)
    dispatch()
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("pending", "waiting_for_budget")
    assert seen["check_count"] == 0
    assert practice.calls() == [BOOK]
    assert seen["next_check_at"] == "2030-03-05T15:01:00Z"
    practice.pass_time(60 * 60)
    assert practice.see(writeback)["status"] == "completed"


def test_twenty_checks_make_it_unconfirmed_and_it_is_still_looked_for(practice: Practice) -> None:
    practice.sandbox.control.knobs(delay="90000-90000")  # 25 hours
    writeback = practice.book(hour=9)
    for _ in range(20):
        writeback.refresh_from_db()
        wait = writeback.due_at - practice.clock.now
        practice.clock.advance(wait.total_seconds())
        dispatch()
    seen = practice.see(writeback)
    assert (seen["status"], seen["check_count"]) == ("unconfirmed", 20)
    assert practice.events(writeback)[-1] == Event.CHECKS_USED_UP
    practice.clock.advance(12 * 3600)
    practice.pass_time(5)
    assert practice.see(writeback)["status"] == Status.COMPLETED
    assert len(practice.in_pms()) == 1
