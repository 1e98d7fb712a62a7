"""Writes: accepted, carried out later, and told about in two ways."""

from collections.abc import Callable

import pytest

from .gateway import BOOKING, Gateway, code, receipt_number


def test_a_booking_is_only_queued_and_its_number_stands_in_a_sentence(gateway: Gateway) -> None:
    answer = gateway.call("POST", "/appointment", json=BOOKING)

    assert answer.status_code == 201
    assert answer.content_type == "text/html; charset=UTF-8"
    assert answer.get_json(force=True) == {
        "http_code": "201",
        "http_code_desc": "Created",
        "error_code": "API2016",
        "short_message": "New resource created successfully",
        "long_message": "Id:275495",
        "more_information": "http://localhost/sikka/v4/writeback_status?id=275495",
    }
    pending = gateway.status_of(275495)
    assert (pending["status"], pending["is_completed"], pending["has_error"]) == ("Pending", "", "")
    assert pending["current_status"] == "2026-03-02T15:00:00 : Writeback request received"
    assert gateway.booked() == []


def test_after_its_delay_the_appointment_stands_in_the_book(gateway: Gateway) -> None:
    write = gateway.book(status="open.confirm", note="window seat")
    gateway.clock.advance(9.9)
    assert gateway.status_of(write)["status"] == "Pending"
    gateway.clock.advance(10.1)

    done = gateway.status_of(write)
    (booked,) = gateway.items(
        "/appointments", appointment_sr_no=done["created_id"], fields="get_all"
    )

    assert (done["status"], done["is_completed"], done["has_error"]) == ("Success", "True", "False")
    assert done["result"] == "New Appointment inserted successfully"
    assert done["created_id"] == "70148"
    assert "2026-03-02T15:00:10" <= done["completed_time"] <= "2026-03-02T15:00:20"
    expected = {**BOOKING, "date": "2026-03-10T00:00:00", "length": "30", "status": "Confirmed"}
    assert {name: booked[name] for name in expected} == expected
    assert booked["note"] == "window seat"
    # The change is dated by the practice's wall clock, five hours behind UTC.
    assert booked["last_changed_date"].startswith("2026-03-02T10:00:")
    assert [item["writeback_id"] for item in gateway.booked()] == [write]


def test_the_outcome_does_not_depend_on_who_looks_when(
    open_gateway: Callable[..., Gateway],
) -> None:
    def day(steps: list[float]) -> list[dict[str, str]]:
        gateway = open_gateway(failures=0.4)
        for number in range(12):
            gateway.book(time=f"{8 + number % 9:02}:15")
        for seconds in steps:
            gateway.clock.advance(seconds)
            gateway.get("/appointments")
        return gateway.listed()

    assert day([60.0]) == day([1.0] * 60)


def test_a_status_change_is_only_a_status_change(gateway: Gateway) -> None:
    (before,) = gateway.items("/appointments", appointment_sr_no="70120", fields="get_all")
    body = {
        "op": "replace",
        "path": "/appointment_status",
        "value": "cancelled",
        "practice_id": "1",
        "appointment_sr_no": "70120",
    }
    answer = gateway.call("PATCH", "/appointments/70120", json=body)
    assert code(answer) == (200, "API0007")
    assert receipt_number(answer) == 275495
    gateway.clock.advance(20)

    (after,) = gateway.items("/appointments", appointment_sr_no="70120", fields="get_all")
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {
        *("status", "cancelled", "cancelled_date", "is_confirmed"),
        *("last_changed_date", "rowhash"),
    }
    assert (after["status"], after["cancelled"]) == ("Cancelled", "True")


def test_an_appointment_can_be_moved(gateway: Gateway) -> None:
    body = {"practice_id": "1", "provider_id": "DMD2", "date": "2026-03-19", "time": "07:45"}
    answer = gateway.call("PUT", "/appointments/70120", json=body)
    assert code(answer) == (200, "API0007")
    gateway.clock.advance(20)
    (moved,) = gateway.items("/appointments", appointment_sr_no="70120")
    assert (moved["date"], moved["time"]) == ("2026-03-19T00:00:00", "07:45")
    assert moved["provider_id"] == "DMD2"


def test_a_new_patient_gets_an_id_only_when_it_is_done(gateway: Gateway) -> None:
    body = {
        "firstname": "Ngozi",
        "lastname": "O'Hara",
        "birthdate": "1990-05-17",
        "cell": "207-555-0123",
        "email": "ngozi@example.org",
        "provider_id": "DMD1",
        "practice_id": "1",
    }
    write = receipt_number(gateway.call("POST", "/patient", json=body))
    assert gateway.status_of(write)["created_id"] == ""
    assert gateway.items("/patients", lastname="O'Hara") == []
    gateway.clock.advance(20)

    created = gateway.status_of(write)["created_id"]
    (patient,) = gateway.items("/patients", lastname="O'Hara")
    assert created == patient["patient_id"] == "1651"
    assert patient["birthdate"] == "1990-05-17T00:00:00"
    assert gateway.book(patient_id=created) == write + 1


@pytest.mark.parametrize("missing", ["patient_id", "date", "time", "length", "operatory"])
def test_a_missing_field_is_named(gateway: Gateway, missing: str) -> None:
    body = {name: value for name, value in BOOKING.items() if name != missing}
    refused = gateway.call("POST", "/appointment", json=body)
    assert code(refused) == (400, "API1026")
    assert refused.get_json()["long_message"] == f"Parameter {missing} is required."
    assert gateway.listed() == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"date": "03/10/2026"}, (400, "API1026")),
        ({"time": "9:30"}, (400, "API1026")),
        ({"length": "half an hour"}, (400, "API1026")),
        ({"status": "Confirmed"}, (400, "API1026")),
        ({"practice_id": "2"}, (401, "API2007")),
    ],
)
def test_a_wrong_field_is_refused_at_once(
    gateway: Gateway, change: dict[str, str], expected: tuple[int, str]
) -> None:
    assert code(gateway.call("POST", "/appointment", json={**BOOKING, **change})) == expected
    assert gateway.listed() == []


def test_an_empty_field_is_as_good_as_none(gateway: Gateway) -> None:
    gateway.book(status="", note="")
    body = {"practice_id": "1", "provider_id": "DMD1", "date": "", "length": "", "status": ""}
    gateway.call("PUT", "/appointments/70120", json=body)
    (before,) = gateway.items("/appointments", appointment_sr_no="70120")
    gateway.clock.advance(20)
    (after,) = gateway.items("/appointments", appointment_sr_no="70120")
    assert gateway.booked()[0]["status"] == "Unconfirmed"
    assert (after["date"], after["length"]) == (before["date"], before["length"])


def test_a_body_that_is_no_json_object_is_refused(gateway: Gateway) -> None:
    headers = {"Request-Key": gateway.key("D10001")}
    form = gateway.client.post("/sikka/v4/appointment", headers=headers, data=BOOKING)
    assert code(form) == (415, "API1006")
    assert code(gateway.call("POST", "/appointment", json=[BOOKING])) == (400, "API1026")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"patient_id": "9"}, "Patient 9 does not exist"),
        ({"provider_id": "HYG2"}, "Provider HYG2 does not exist or is inactive"),
        ({"operatory": "Op 1"}, "Operatory Op 1 does not exist"),
    ],
)
def test_what_the_practice_does_not_know_fails_there_and_not_at_the_gateway(
    gateway: Gateway, change: dict[str, str], reason: str
) -> None:
    write = gateway.book(**change)
    gateway.clock.advance(20)
    failed = gateway.status_of(write)
    assert (failed["status"], failed["is_completed"], failed["has_error"]) == (
        "Failed",
        "True",
        "True",
    )
    assert (failed["result"], failed["created_id"]) == (reason, "")
    assert gateway.booked() == []


def test_failures_come_with_a_reason_and_leave_nothing_behind(
    open_gateway: Callable[..., Gateway],
) -> None:
    gateway = open_gateway(failures=1.0)
    write = gateway.book()
    gateway.turn(failures=0.0)
    gateway.clock.advance(20)
    assert gateway.status_of(write)["result"] in (
        "appointment already scheduled",
        "PMS database locked",
        "Appointment book is open on another workstation",
    )
    assert [item["result"] for item in gateway.listed()] == ["failed"]
    assert gateway.booked() == []


def test_a_repeated_booking_is_a_second_booking_unless_overlaps_are_refused(
    gateway: Gateway,
) -> None:
    gateway.book()
    gateway.book()
    gateway.clock.advance(20)
    assert len(gateway.booked()) == 2

    gateway.turn(reject_overlaps=True)
    third = gateway.book(time="18:45")
    beside = gateway.book(time="19:00")
    gateway.clock.advance(20)
    assert gateway.status_of(third)["result"] == "appointment already scheduled"
    assert gateway.status_of(beside)["status"] == "Success"


def test_an_offline_agent_refuses_only_those_who_ask(gateway: Gateway) -> None:
    gateway.turn(agent_offline=["D10001"])
    asked = gateway.call("POST", "/appointment", json={**BOOKING, "check_spu": "true"})
    assert code(asked) == (412, "API2017")
    write = gateway.book()
    gateway.book(office="D10002", patient_id="901", operatory="CHAIR1")
    gateway.clock.advance(3600)

    assert gateway.status_of(write)["status"] == "Pending"
    assert gateway.booked() == []
    assert len(gateway.booked("D10002")) == 1

    gateway.turn(agent_offline=False)
    done = gateway.status_of(write)
    assert (done["status"], done["completed_time"]) == ("Success", "2026-03-02T16:00:00")
    assert len(gateway.booked()) == 1


def test_going_offline_does_not_undo_what_was_due_before(gateway: Gateway) -> None:
    write = gateway.book()
    gateway.clock.advance(20)
    gateway.turn(agent_offline=True)
    assert gateway.status_of(write)["status"] == "Success"


def test_reads_lag_behind_while_the_status_knows_already(
    open_gateway: Callable[..., Gateway],
) -> None:
    gateway = open_gateway(refresh_lag=900)
    write = gateway.book()
    gateway.clock.advance(20)
    created = gateway.status_of(write)["created_id"]
    assert created == "70148"
    assert gateway.items("/appointments", appointment_sr_no=created) == []
    assert len(gateway.booked()) == 1
    gateway.clock.advance(900)
    assert len(gateway.items("/appointments", appointment_sr_no=created)) == 1
