"""`last_modified`: what it finds, in which zone, and that a cancellation may escape it."""

from typing import Any

import pytest

from .caller import Caller


def changed(caller: Caller, function: str, key: str, since: str, **options: Any) -> list[str]:
    return caller.ids(function, key, last_modified=since, **options)


def test_it_finds_what_changed_at_that_second_or_later(caller: Caller) -> None:
    assert changed(caller, "getPatients", "patients", "2026-03-01 00:00:00") == []
    caller.results("editPatient", patient_id="9", mobile="03 5550 9999")
    assert changed(caller, "getPatients", "patients", "2026-03-02 01:00:00") == ["9"]
    assert changed(caller, "getPatients", "patients", "2026-03-02 01:00:01") == []
    assert changed(caller, "getPatients", "patients", "2026-03-02") == ["9"]
    assert caller.patient("9")["DateModified"] == "2026-03-02 01:00:00"


def test_each_change_of_an_appointment_moves_it(caller: Caller) -> None:
    number = caller.book()
    for seconds, change in enumerate(
        (
            {"start_time": "11:00:00"},
            {"notes": "Brings a friend"},
            {"appointment_type_id": "3"},
            {"status": "Completed"},
        ),
        start=1,
    ):
        caller.clock.advance(1)
        caller.results("updateAppointmentBooking", appointment_id=number, **change)
        assert caller.appointment(number)["lastModified"] == f"2026-03-02 01:00:0{seconds}"
    assert caller.appointment(number)["dateCreated"] == "2026-03-02 01:00:00"


def test_a_change_to_what_is_there_already_moves_nothing(caller: Caller) -> None:
    number = caller.book(notes="Parking")
    caller.clock.advance(60)
    caller.results("updateAppointmentBooking", appointment_id=number, notes="Parking")
    caller.results("editPatient", patient_id="9", nickname="Nobody reads this")
    since = "2026-03-02 01:00:01"
    assert changed(caller, "getAppointments", "appointments", since) == []
    assert changed(caller, "getPatients", "patients", since) == []


@pytest.mark.parametrize("covers", [False, True])
def test_whether_it_covers_cancellations_is_a_knob(caller: Caller, covers: bool) -> None:
    caller.turn(nookal_modified_covers_cancellations=covers)
    numbers = [caller.book(start_time=f"1{hour}:00:00") for hour in range(3)]
    caller.clock.advance(3600)
    caller.results("cancelAppointment", appointment_id=numbers[0], patient_id="5")
    caller.results("updateAppointmentBooking", appointment_id=numbers[1], status="Cancelled")
    caller.change("appointment", "cancel", numbers[2])

    found = changed(caller, "getAppointments", "appointments", "2026-03-02 02:00:00")

    assert found == (numbers if covers else [])
    assert {caller.appointment(number)["cancelled"] for number in numbers} == {"1"}


def test_its_zone_is_a_knob_that_the_records_times_follow(caller: Caller) -> None:
    caller.results("editPatient", patient_id="9", mobile="03 5550 9999")
    caller.turn(nookal_modified_zone="Australia/Brisbane")
    assert caller.patient("9")["DateModified"] == "2026-03-02 11:00:00"
    assert changed(caller, "getPatients", "patients", "2026-03-02 11:00:00") == ["9"]
    assert changed(caller, "getPatients", "patients", "2026-03-02 11:00:01") == []


def test_a_zone_must_exist(caller: Caller) -> None:
    for name in ("Mars/Olympus", "", "../etc"):
        answer = caller.client.patch("/control/knobs", json={"nookal_modified_zone": name})
        assert "must be the IANA name of a time zone" in answer.get_json()["error"]
