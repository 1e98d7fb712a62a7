"""Each operation in Sikka's own words, what they created, and taking one back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations import commands
from integrations.adapters.sikka import log
from integrations.contract import PreparedWrite, SentWrite
from integrations.http.errors import AgentOffline, Throttled
from tests.integrations.adapters.conftest import Office, envelope, message

NEW_YORK = ZoneInfo("America/New_York")
SENT = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
NOW = SENT + timedelta(seconds=30)
AGENT = {"check_spu": "true"}
BOOKING = commands.BookAppointment(
    patient_id="5383",
    practitioner_id="DMD1",
    operatory_id="OP1",
    location_id="1",
    starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=NEW_YORK),
    ends_at=datetime(2030, 3, 6, 9, 45, tzinfo=NEW_YORK),
    description="Check-up",
)


@pytest.mark.parametrize(
    ("command", "method", "endpoint", "body"),
    [
        (
            commands.RescheduleAppointment(
                appointment_id="70001",
                practitioner_id="DMD1",
                operatory_id="OP1",
                location_id="1",
                starts_at=datetime(2030, 3, 6, 9, 0, tzinfo=NEW_YORK),
                ends_at=datetime(2030, 3, 6, 9, 45, tzinfo=NEW_YORK),
            ),
            "PUT",
            "/appointments/70001",
            {
                "provider_id": "DMD1", "practice_id": "1", "operatory": "OP1",
                "date": "2030-03-06", "time": "09:00", "length": "45",
            },
        ),
        (
            commands.SetStatus(appointment_id="70001", location_id="1", word="broken"),
            "PATCH",
            "/appointments/70001",
            {
                "op": "replace", "path": "/appointment_status", "value": "broken",
                "practice_id": "1", "appointment_sr_no": "70001",
            },
        ),
        (
            commands.CreatePatient(
                location_id="1", practitioner_id="DMD1", first_name="Ada", last_name="Núñez",
                birth_date=date(1990, 2, 3), email="", phone="207-555-0199",
            ),
            "POST",
            "/patient",
            {
                "practice_id": "1", "provider_id": "DMD1", "firstname": "Ada",
                "lastname": "Núñez", "birthdate": "1990-02-03", "cell": "207-555-0199",
            },
        ),
        (
            commands.UpdatePatient(
                patient_id="1001", location_id="1", changes={"last_name": "Ng", "email": ""}
            ),
            "PATCH",
            "/patient/1001",
            {"practice_id": "1", "lastname": "Ng", "email": ""},
        ),
        (
            commands.AddNote(
                patient_id="1001", practitioner_id="DMD1", location_id="1", type="Clinical Note",
                text="Asked to be called back.", written_on=date(2030, 3, 5),
            ),
            "POST",
            "/medical_notes",
            {
                "patient_id": "1001", "provider_id": "DMD1", "practice_id": "1",
                "type": "Clinical Note", "text": "Asked to be called back.", "date": "2030-03-05",
            },
        ),
        (
            commands.RecordPayment(
                patient_id="1001", guarantor_id="1000", practitioner_id="DMD1", location_id="1",
                type="1", description="Cash", amount=Decimal("20.50"), paid_on=date(2030, 3, 5),
            ),
            "POST",
            "/transaction",
            {
                "patient_id": "1001", "guarantor_id": "1000", "provider_id": "DMD1",
                "practice_id": "1", "procedure_code": "1", "procedure_description": "Cash",
                "amount": "20.50", "transaction_date": "2030-03-05",
            },
        ),
    ],
)  # fmt: skip
def test_each_operation_has_its_call(
    office: Office, command: Any, method: str, endpoint: str, body: dict[str, str]
) -> None:
    prepared = office.sikka.prepare(command)
    assert (prepared.method, prepared.endpoint) == (method, endpoint)
    assert prepared.body == body | AGENT
    assert office.requests == []


def test_an_appointment_type_is_sent_only_where_one_is_asked_for(office: Office) -> None:
    values = {name: getattr(BOOKING, name) for name in BOOKING.__slots__}
    asked = commands.BookAppointment(**{**values, "type": "Hygiene"})
    assert office.sikka.prepare(asked).body["type"] == "Hygiene"
    assert "type" not in office.sikka.prepare(BOOKING).body


# --- What a write has created --------------------------------------------------------------------


def booked(office: Office, reference: str, **changes: Any) -> SentWrite:
    values = {name: getattr(BOOKING, name) for name in BOOKING.__slots__} | changes
    prepared = office.sikka.prepare(commands.BookAppointment(**values))
    return SentWrite(prepared=prepared, sent_at=SENT, reference=reference)


def appointment(number: str, **changes: str) -> dict[str, str]:
    return {
        "appointment_sr_no": number, "patient_id": "5383", "provider_id": "DMD1",
        "practice_id": "1", "operatory": "OP1", "date": "2030-03-06T00:00:00", "time": "09:00",
        "cancelled": "False",
    } | changes  # fmt: skip


def three(office: Office) -> list[SentWrite]:
    """Bookings of three patients at one time."""
    return [booked(office, each, patient_id=f"53{each}") for each in ("81", "82", "83")]


def test_many_ids_are_read_with_one_call_for_the_appointments_made_since(office: Office) -> None:
    rows = [appointment(f"7{each}", patient_id=f"53{each}") for each in ("81", "82", "83")]
    office.lists("/appointments", *rows, appointment("999", patient_id="1"))
    assert dict(office.sikka.created_ids(three(office), NOW)) == {
        "81": "781",
        "82": "782",
        "83": "783",
    }
    assert office.asked == ["GET /appointments"]
    assert office.params(0)["date_filter_on"] == "appointment_made_date"
    assert (office.params(0)["startdate"], office.params(0)["enddate"]) == (
        "2030-03-04",
        "2030-03-06",
    )


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [appointment("781", patient_id="5381", time="09:15")],
        [appointment("781", patient_id="5381", operatory="OP2")],
        [appointment("781", patient_id="5381", cancelled="True")],
        # Two that fit: which is ours, nobody can tell from here.
        [appointment("781", patient_id="5381"), appointment("799", patient_id="5381")],
    ],
)
def test_what_is_not_certain_is_asked_for_by_itself(
    office: Office, rows: list[dict[str, str]]
) -> None:
    others = [appointment(f"7{each}", patient_id=f"53{each}") for each in ("82", "83")]
    office.lists("/appointments", *rows, *others)
    office.lists("/writeback_status", {"id": "81", "is_completed": "True", "created_id": "790"})
    found = dict(office.sikka.created_ids(three(office), NOW))
    assert {key: found[key] for key in ("82", "83")} == {"82": "782", "83": "783"}
    assert office.asked == ["GET /appointments", "GET /writeback_status"]


def test_the_id_of_the_write_is_never_taken_for_the_appointments(office: Office) -> None:
    office.lists("/writeback_status", {"id": "81", "is_completed": "True", "status": "Success"})
    assert list(office.sikka.created_ids([booked(office, "81")], NOW)) == []


def test_a_patients_id_is_asked_for_by_itself(office: Office) -> None:
    prepared = PreparedWrite(method="POST", endpoint="/patient", body={})
    status = {"id": "9", "is_completed": "True", "status": "Success", "created_id": "1700"}
    office.lists("/writeback_status", status)
    write = SentWrite(prepared=prepared, sent_at=SENT, reference="9")
    assert list(office.sikka.created_ids([write], NOW)) == [("9", "1700")]


# --- Looking for a change whose answer was lost --------------------------------------------------


def change(office: Office, number: str = "70001") -> PreparedWrite:
    command = commands.SetStatus(appointment_id=number, location_id="1", word="broken")
    return office.sikka.prepare(command)


def echoed(prepared: PreparedWrite, **more: str) -> dict[str, str]:
    """A row of the list as the documentation's sample of a PATCH looks."""
    fields = {k: v for k, v in prepared.body.items() if k != "check_spu"} | more
    return {
        "id": "9", "result": "pending", "office_id": "D1", "method": prepared.method,
        "completed_time": "", "api_name": "appointment", "command_time": "2030-03-05T15:00:00",
        "api_request_body": "&".join(f"{name}={value}" for name, value in fields.items()),
    }  # fmt: skip


def test_a_change_is_found_by_what_it_says_and_whom_it_names(office: Office) -> None:
    office.lists("/writebacks", echoed(change(office), id="70001"))
    (found,) = office.sikka.find([SentWrite(prepared=change(office), sent_at=SENT)], NOW)
    assert (found.same, found.similar) == (("9",), ())


def test_the_same_change_of_another_appointment_is_neither_it_nor_like_it(office: Office) -> None:
    office.lists("/writebacks", echoed(change(office, "70002"), id="70002"))
    (found,) = office.sikka.find([SentWrite(prepared=change(office), sent_at=SENT)], NOW)
    assert (found.same, found.similar, found.covered) == ((), (), True)


def test_a_move_whose_echo_does_not_say_what_was_moved_may_be_it(office: Office) -> None:
    move = commands.RescheduleAppointment(
        appointment_id="70001", practitioner_id="DMD1", operatory_id="OP1", location_id="1",
        starts_at=BOOKING.starts_at, ends_at=BOOKING.ends_at,
    )  # fmt: skip
    prepared = office.sikka.prepare(move)
    office.lists("/writebacks", echoed(prepared))
    (found,) = office.sikka.find([SentWrite(prepared=prepared, sent_at=SENT)], NOW)
    assert (found.same, found.similar) == ((), ("9",)), "left to a person, never adopted"


# --- Taking one back -----------------------------------------------------------------------------


def test_a_pending_write_is_withdrawn_with_the_applications_key(office: Office) -> None:
    office.lists("/writeback_status", {"id": "275495", "is_completed": "", "status": "Pending"})
    office.answers("DELETE", "/writebacks", message("API4006"))
    assert office.sikka.withdraw("275495") is True
    assert office.asked == ["GET /writeback_status", "DELETE /writebacks"]
    assert office.params(1) == {"id": "275495"}
    assert "Request-Key" not in office.requests[1].headers


@pytest.mark.parametrize(
    "told", [{"is_completed": "True", "status": "Success"}, {"has_error": "True"}]
)
def test_what_is_carried_out_is_never_deleted(office: Office, told: dict[str, str]) -> None:
    office.lists("/writeback_status", {"id": "275495"} | told)
    assert office.sikka.withdraw("275495") is False
    assert office.asked == ["GET /writeback_status"]


@pytest.mark.parametrize(("code", "status"), [("API2009", 404), ("API1020", 400)])
def test_one_that_is_finished_or_gone_is_not_withdrawn(
    office: Office, code: str, status: int
) -> None:
    office.lists("/writeback_status", {"id": "275495", "is_completed": "", "status": "Pending"})
    office.answers("DELETE", "/writebacks", message(code), status)
    assert office.sikka.withdraw("275495") is False


def test_a_withdrawal_that_was_not_answered_is_neither(office: Office) -> None:
    office.lists("/writeback_status", {"id": "275495", "is_completed": "", "status": "Pending"})
    office.answers("DELETE", "/writebacks", status=429)
    with pytest.raises(Throttled):
        office.sikka.withdraw("275495")


def test_an_offline_agent_refuses_each_operation_before_it_happens(office: Office) -> None:
    office.answers("PUT", "/appointments/70001", message("API2017"), 412)
    write = PreparedWrite(method="PUT", endpoint="/appointments/70001", body=AGENT)
    with pytest.raises(AgentOffline) as caught:
        office.sikka.submit(write)
    assert caught.value.may_have_happened is False


# --- Free slots ----------------------------------------------------------------------------------


def slot(time: str, end: str, **changes: str) -> dict[str, str]:
    return {
        "provider_id": "DMD1", "practice_id": "1", "date": "2030-03-06T00:00:00", "time": time,
        "end_time": end, "operatory": "OP1",
    } | changes  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "offered"),
    [
        ([slot("09:00", "09:45")], True),
        ([slot("09:30", "10:00"), slot("09:00", "09:30")], True),
        ([slot("09:00", "10:00", operatory="")], True),
        ([slot("09:00", "09:30")], False),
        ([slot("09:00", "09:30"), slot("09:40", "10:00")], False),
        ([slot("09:00", "10:00", operatory="OP2")], False),
        ([slot("10:00", "11:00")], False),
        # Of somebody else, or in a form that nobody knows: that says nothing.
        ([slot("09:00", "10:00", provider_id="DMD2")], None),
        ([{"provider_id": "DMD1", "date": "soon", "time": "9"}], None),
    ],
)
def test_a_time_is_offered_where_free_slots_cover_it(
    office: Office, rows: list[dict[str, str]], offered: bool | None
) -> None:
    office.lists("/appointments_available_slots", *rows)
    assert office.sikka.is_offered(BOOKING) is offered
    assert office.params(0)["startdate"] == "2030-03-06"


def test_an_empty_list_of_slots_says_nothing(office: Office) -> None:
    office.answers("GET", "/appointments_available_slots", status=204)
    assert office.sikka.is_offered(BOOKING) is None


def test_an_envelope_alone_is_no_slot(office: Office) -> None:
    office.answers("GET", "/appointments_available_slots", envelope())
    assert office.sikka.is_offered(BOOKING) is None


@pytest.mark.parametrize(
    ("resource", "kind", "similar"),
    [
        ("/transaction", "payment", True),
        ("/transaction", "transactions", True),
        ("/transaction", "", True),
        ("/transaction", "something new", True),
        ("/medical_notes", "note", True),
        ("/medical_notes", "medical note", True),
        ("/transaction", "medical_note", False),
        ("/medical_notes", "patient", False),
        ("/patient", "appointment", False),
    ],
)
def test_only_a_kind_that_is_known_to_be_another_rules_a_row_out(
    resource: str, kind: str, similar: bool
) -> None:
    write = PreparedWrite(method="POST", endpoint=resource, body={"patient_id": "5"})
    row = {"method": "POST", "api_name": kind, "api_request_body": "patient_id=5"}
    assert log.resembles(row, write) is similar


def test_a_day_that_we_did_not_send_rules_nothing_out() -> None:
    write = PreparedWrite(method="POST", endpoint="/transaction", body={"patient_id": "5"})
    echo = "patient_id=5&date=2030-03-05&time=10:00"
    row = {"method": "POST", "api_name": "transaction", "api_request_body": echo}
    assert log.resembles(row, write) is True


def test_ids_that_were_read_before_the_budget_ended_are_not_lost(office: Office) -> None:
    prepared = PreparedWrite(method="POST", endpoint="/patient", body={})
    done = {"is_completed": "True", "status": "Success"}
    office.lists("/writeback_status", {"id": "1", "created_id": "71"} | done)
    office.answers("GET", "/writeback_status", status=429)
    writes = [SentWrite(prepared=prepared, sent_at=SENT, reference=each) for each in ("1", "2")]
    found = office.sikka.created_ids(writes, NOW)
    assert next(found) == ("1", "71")
    with pytest.raises(Throttled):
        next(found)


def test_no_more_ids_are_read_in_calls_of_their_own_than_allowed(office: Office) -> None:
    prepared = PreparedWrite(method="POST", endpoint="/patient", body={})
    done = {"is_completed": "True", "status": "Success"}
    office.lists("/writeback_status", {"id": "1", "created_id": "71"} | done)
    writes = [SentWrite(prepared=prepared, sent_at=SENT, reference=each) for each in ("1", "2")]
    assert list(office.sikka.created_ids(writes, NOW, singly=1)) == [("1", "71")]
