"""Where nobody can be sure: nothing is sent twice, nothing is called done, no other is held up."""

from __future__ import annotations

import socket
import time
from datetime import timedelta
from typing import Any

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from clinics.models import Appointment
from config.celery import app
from integrations.models import Integration
from integrations.sandbox.sikka import writebacks as sandbox_writebacks
from integrations.tokens import StoredTokens
from tests import make
from tests.flows.practices import Practice
from writebacks import keeping
from writebacks.models import Writeback
from writebacks.tasks import submit

BOOK = "POST /appointment"
DAY = 24 * 3600


def test_a_log_that_no_longer_reaches_back_to_the_sending_proves_nothing(
    practice: Practice,
) -> None:
    practice.sandbox.control.fault(BOOK, "lost_answer")
    writeback = practice.book(days=30)
    practice.clock.advance(6 * DAY + 22 * 3600)  # Frontdesk was away
    practice.pass_time(300)
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"], seen["next_check_at"]) == (
        "unconfirmed",
        "person",
        None,
    )
    assert "does not reach back" in seen["events"][-1]["note"]
    assert practice.calls().count(BOOK) == 1
    assert len(practice.in_pms()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_request_body", ""),
        ("api_request_body", "patient_id={patient}&date=2030-03-06&time=09:00:00"),
        ("api_request_body", "Appointment for {patient}"),
        ("api_name", "new_appointment"),
        ("method", ""),
    ],
)
def test_a_log_that_words_it_otherwise_than_we_know_is_no_proof_of_absence(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    patient = practice.integration.clinic.patients.order_by("external_id")[0].external_id
    listed = sandbox_writebacks._list_item

    def other_words(*arguments: Any) -> dict[str, str]:
        return listed(*arguments) | {field: value.format(patient=patient)}

    monkeypatch.setattr(sandbox_writebacks, "_list_item", other_words)
    practice.sandbox.control.fault(BOOK, "lost_answer")
    writeback = practice.book()
    practice.pass_time(600)
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("unconfirmed", "person")
    assert practice.calls().count(BOOK) == 1
    assert len(practice.in_pms()) == 1


def test_another_booking_of_the_same_patient_does_not_hide_that_this_one_is_absent(
    practice: Practice,
) -> None:
    practice.book("earlier", hour=11)
    practice.sandbox.control.fault(BOOK, "dropped_request")
    writeback = practice.book("lost", hour=9)
    practice.pass_time(180)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.calls().count(BOOK) == 3
    assert sorted(made["time"] for made in practice.in_pms()) == ["09:00", "11:00"]


def test_several_lost_bookings_are_looked_for_in_one_list(practice: Practice) -> None:
    practice.sandbox.control.fault(BOOK, "lost_answer", count=4)
    for hour in (9, 10, 11, 12):
        practice.book(f"key {hour}", hour=hour)
    practice.pass_time(15)
    assert practice.calls().count("GET /writebacks") == 1
    practice.pass_time(60)
    assert {practice.see(each)["status"] for each in Writeback.objects.all()} == {"completed"}
    assert len(practice.in_pms()) == 4


def test_one_write_that_cannot_be_settled_holds_up_no_other(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    bookings = [practice.book(f"key {hour}", hour=hour) for hour in (9, 10, 11)]
    keep = keeping.keep

    def broken(writeback: Writeback, now: Any) -> None:
        if writeback.pk == bookings[0].pk:
            raise ValueError("something in this one that the database will not take")
        keep(writeback, now)

    with monkeypatch.context() as patch:
        patch.setattr(keeping, "keep", broken)
        practice.pass_time(35)
    assert [practice.see(each)["status"] for each in bookings] == [
        "pending",
        "completed",
        "completed",
    ]
    assert practice.see(bookings[0])["check_count"] == 1, "it has used up a check"
    practice.pass_time(90)
    assert practice.see(bookings[0])["status"] == "completed"


def test_a_sender_that_slept_past_its_claim_does_not_send(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = StoredTokens.current

    def sleepy(tokens: StoredTokens) -> str:
        practice.clock.advance(600)
        return current(tokens)

    with monkeypatch.context() as patch:
        patch.setattr(StoredTokens, "current", sleepy)
        writeback = practice.book()
    assert practice.calls() == []
    assert practice.see(writeback)["status"] == "queued"
    practice.pass_time(60)
    assert practice.see(writeback)["status"] == "completed"
    assert practice.calls().count(BOOK) == 1


def test_a_message_that_comes_twice_or_late_costs_no_call(practice: Practice) -> None:
    practice.sandbox.control.knobs(agent_offline=True)
    writeback = practice.book()
    for _ in range(3):
        submit(str(writeback.pk), writeback.created_at.isoformat())
    assert practice.calls() == [BOOK]


def test_an_id_that_another_writeback_holds_already_is_not_taken(practice: Practice) -> None:
    make.writeback(practice.integration, status="pending", external_id="275495", due_at=None)
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["external_id"]) == ("unconfirmed", "")


def test_failures_to_ask_become_rarer_and_leave_one_event(practice: Practice) -> None:
    practice.sandbox.control.fault(BOOK, "lost_answer")
    writeback = practice.book()
    credential = practice.integration.credential
    Integration.objects.update(credential=credential | {"app_key": "wrong"})
    practice.pass_time(600)
    assert practice.events(writeback)[2:] == ["no_answer", "lookup_failed"]
    assert practice.calls().count("GET /writebacks") == 4  # after 10 s, then 1, 2 and 5 min
    Integration.objects.update(credential=credential)
    practice.pass_time(900)
    assert practice.see(writeback)["status"] == "completed"
    assert len(practice.in_pms()) == 1


@pytest.mark.parametrize("changes", [{"credential": {}}, {"pms": "unknown"}])
def test_a_set_up_that_broke_sends_nothing_and_says_so(
    practice: Practice, changes: dict[str, Any]
) -> None:
    writeback = make.writeback(practice.integration)
    Integration.objects.update(**changes)
    submit(str(writeback.pk), writeback.due_at.isoformat())
    writeback.refresh_from_db()
    assert (writeback.status, writeback.waiting_for) == ("queued", "not_authorized")


def test_what_a_sync_has_brought_is_newer_than_what_was_asked_for(practice: Practice) -> None:
    writeback = practice.book()
    practice.clock.advance(25)
    practice.sandbox.control.books()  # the agent has done it
    (made,) = practice.in_pms()
    Appointment.objects.create(
        organization=practice.integration.organization,
        clinic=practice.integration.clinic,
        external_id=made["appointment_sr_no"],
        starts_at=practice.clock.now + timedelta(days=1),
        ends_at=practice.clock.now + timedelta(days=1, hours=1),
        status="cancelled",
    )
    practice.pass_time(10)
    seen = practice.see(writeback)
    assert seen["status"] == "completed"
    assert Appointment.objects.get(pk=seen["appointment"]).status == "cancelled"


def test_a_broker_that_is_silent_is_given_up_within_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        options = app.conf.broker_transport_options
        started = time.monotonic()
        connection = Connection(address, transport_options=options)
        with connection, pytest.raises(OperationalError):
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=5)
        assert time.monotonic() - started < 15
