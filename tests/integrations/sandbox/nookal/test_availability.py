"""Availability in cells of a quarter of an hour, on the site's wall clock."""

from typing import Any

import pytest

from .caller import Caller

ASKED = {
    "location_id": "1",
    "practitioner_id": "1",
    "date_from": "2026-03-09",
    "date_to": "2026-03-09",
}


def cells(caller: Caller, **changes: Any) -> dict[str, dict[str, str]]:
    office = changes.pop("office", "nookal-1")
    found = caller.results("getAppointmentAvailabilities", office=office, **{**ASKED, **changes})
    days: dict[str, dict[str, str]] = found["availabilities"]
    return days


def taken(day: dict[str, str]) -> set[str]:
    return {time for time, told in day.items() if told == "unavailable"}


def test_a_day_is_told_in_quarters_of_an_hour(caller: Caller) -> None:
    found = caller.results("getAppointmentAvailabilities", **ASKED)
    assert {name: found[name] for name in ASKED} == ASKED
    (day,) = found["availabilities"].values()
    assert list(day)[:3] == ["08:00", "08:15", "08:30"]
    assert list(day)[-1] == "17:45"
    assert set(day.values()) <= {"available", "unavailable"}
    assert len(day) == 40


def test_closed_days_are_left_out(caller: Caller) -> None:
    assert list(cells(caller, date_from="2026-03-06")) == ["2026-03-06", "2026-03-09"]


def test_a_booking_takes_every_cell_it_touches_until_it_is_cancelled(caller: Caller) -> None:
    before = taken(cells(caller)["2026-03-09"])
    day = {"appointment_date": "2026-03-09", "start_time": "17:05:00"}
    number = caller.book(**day, appointment_type_id=4, allow_overlap_bookings=1)
    assert taken(cells(caller)["2026-03-09"]) == before | {"17:00", "17:15"}
    caller.results("cancelAppointment", appointment_id=number, patient_id="5")
    assert taken(cells(caller)["2026-03-09"]) == before


def test_the_worlds_appointments_take_their_cells(caller: Caller) -> None:
    coming = caller.results("getAppointments", practitioner_id=1, date_from="2026-03-03")
    item = coming["appointments"][0]
    day = item["appointmentDate"]
    assert item["appointmentStartTime"][:5] in taken(cells(caller, date_from=day, date_to=day)[day])


def test_what_has_begun_is_unavailable(caller: Caller) -> None:
    today = cells(caller, date_from="2026-03-02", date_to="2026-03-02")["2026-03-02"]
    assert {time for time in today if time <= "12:00"} <= taken(today)
    assert today["12:15"] == "available"


def test_a_booking_at_one_site_shows_at_the_other_in_its_own_time(caller: Caller) -> None:
    caller.book(
        office="nookal-2",
        location_id=2,
        practitioner_id=3,
        appointment_date="2026-03-09",
        start_time="17:30:00",
        appointment_type_id=2,
        allow_overlap_bookings=1,
    )
    brisbane = cells(caller, office="nookal-2", practitioner_id=3)["2026-03-09"]
    sydney = cells(caller, office="nookal-2", practitioner_id=3, location_id=2)["2026-03-09"]
    assert {"17:30", "17:45"} <= taken(sydney)
    assert {"16:30", "16:45"} <= taken(brisbane)
    assert {"17:30", "17:45"}.isdisjoint(taken(brisbane))


@pytest.mark.parametrize(
    ("changes", "alerts"),
    [
        ({"date_to": ""}, ["Missing variable: date_to"]),
        (
            {"date_to": "2026-03-08"},
            ["date_to must not be before date_from nor more than a year after it"],
        ),
        ({"practitioner_id": "4"}, ["practitioner_id is unknown or inactive"]),
        ({"location_id": "7"}, ["location_id is unknown"]),
        ({"date_from": "soon"}, ["date_from must be a date, YYYY-MM-DD"]),
    ],
)
def test_what_cannot_be_told_is_a_failure(
    caller: Caller, changes: dict[str, str], alerts: list[str]
) -> None:
    assert caller.alerts("getAppointmentAvailabilities", **{**ASKED, **changes}) == alerts
