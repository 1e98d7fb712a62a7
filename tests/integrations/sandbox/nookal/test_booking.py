"""Appointments written through the API: booked, moved, cancelled, booked again."""

from typing import Any

import pytest

from .caller import BOOKING, Caller


def test_a_booking_takes_as_long_as_its_type_and_is_told_in_local_time_and_utc(
    caller: Caller,
) -> None:
    number = caller.book(notes="Comes by tram")
    assert caller.appointment(number) == {
        "ID": number,
        "patientID": "5",
        "practitionerID": "1",
        "locationID": "1",
        "appointmentType": "Initial Consultation",
        "appointmentTypeID": "1",
        "appointmentDate": "2026-03-08",
        "appointmentStartTime": "09:30:00",
        "appointmentEndTime": "10:15:00",
        "TimeZone": "Australia/Melbourne",
        "appointmentStartDateTimeUTC": "2026-03-07 22:30:00",
        "appointmentEndDateTimeUTC": "2026-03-07 23:15:00",
        "status": "Pending",
        "arrived": "0",
        "DNA": "0",
        "cancelled": "0",
        "cancellationDate": None,
        "invoiceGenerated": "0",
        "emailReminderSent": "0",
        "Notes": "Comes by tram",
        "dateCreated": "2026-03-02 01:00:00",
        "lastModified": "2026-03-02 01:00:00",
    }


def test_the_same_wall_clock_is_another_moment_across_the_border(caller: Caller) -> None:
    here, there = (
        caller.appointment(
            caller.book(office="nookal-2", practitioner_id="3", location_id=location_id),
            office="nookal-2",
        )
        for location_id in ("1", "2")
    )
    assert here["appointmentStartDateTimeUTC"] == "2026-03-07 23:30:00"
    assert there["appointmentStartDateTimeUTC"] == "2026-03-07 22:30:00"
    assert here["appointmentStartTime"] == there["appointmentStartTime"] == "09:30:00"


def test_what_a_booking_lacks_is_told_all_at_once(caller: Caller) -> None:
    assert caller.alerts("addAppointmentBooking", patient_id="5", start_time="") == [
        "Missing variable: location_id",
        "Missing variable: appointment_date",
        "Missing variable: start_time",
        "Missing variable: practitioner_id",
        "Missing variable: appointment_type_id",
    ]
    assert caller.made()["writebacks"] == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"location_id": "2"}, "location_id is unknown"),
        ({"practitioner_id": "9"}, "practitioner_id is unknown or inactive"),
        ({"practitioner_id": "4"}, "practitioner_id is unknown or inactive"),
        ({"appointment_type_id": "5"}, "appointment_type_id is unknown or inactive"),
        ({"patient_id": "651"}, "patient_id is unknown"),
        ({"start_time": "09:30"}, "start_time must be a time, HH:MM:SS"),
        ({"appointment_date": "2026-02-29"}, "appointment_date must be a date, YYYY-MM-DD"),
        # Clocks went from 2:00 to 3:00 that day.
        (
            {"appointment_date": "2026-10-04", "start_time": "02:30:00"},
            "start_time is no time on that day",
        ),
    ],
)
def test_what_cannot_be_booked_leaves_no_trace(
    caller: Caller, change: dict[str, str], complaint: str
) -> None:
    assert caller.alerts("addAppointmentBooking", **{**BOOKING, **change}) == [complaint]
    assert caller.made()["traces"] == []


def test_a_practitioner_who_works_elsewhere_cannot_be_booked_here(caller: Caller) -> None:
    given = {**BOOKING, "practitioner_id": "2"}
    details = caller.refusal("addAppointmentBooking", office="nookal-2", **given)
    assert details["errorMessage"] == "The practitioner does not work at this location."


def test_an_overlap_is_refused_unless_it_is_allowed(caller: Caller) -> None:
    first = caller.book()
    overlapping = {**BOOKING, "start_time": "10:00:00", "patient_id": "6"}
    details = caller.refusal("addAppointmentBooking", **overlapping)
    assert details["errorMessage"] == "The practitioner already has an appointment at this time."
    assert [item["ID"] for item in caller.made()["appointments"]] == [first]
    assert caller.book(**overlapping, allow_overlap_bookings=1) != first


def test_neighbours_other_practitioners_and_cancelled_ones_do_not_overlap(caller: Caller) -> None:
    first = caller.book()
    caller.book(start_time="10:15:00")
    caller.book(practitioner_id="2")
    caller.results("cancelAppointment", appointment_id=first, patient_id="5")
    caller.book()
    assert len(caller.made()["appointments"]) == 4


def test_somebody_who_works_at_two_sites_is_at_one_of_them_at_a_time(caller: Caller) -> None:
    there = {**BOOKING, "practitioner_id": "3", "location_id": "2"}
    caller.book(office="nookal-2", **there)
    same_moment = {**there, "location_id": "1", "start_time": "08:30:00"}
    details = caller.refusal("addAppointmentBooking", office="nookal-2", **same_moment)
    assert details["errorMessage"] == "The practitioner already has an appointment at this time."
    caller.book(office="nookal-2", **{**same_moment, "start_time": "09:30:00"})


def update(caller: Caller, number: str, **change: Any) -> dict[str, Any]:
    found = caller.results("updateAppointmentBooking", appointment_id=number, **change)
    assert found == {"appointment_id": number}
    return caller.appointment(number)


def test_an_update_moves_what_it_names_and_leaves_the_rest(caller: Caller) -> None:
    number = caller.book(notes="Parking")
    before = caller.appointment(number)
    after = update(caller, number, appointment_date="2026-03-15", practitioner_id="2")
    assert {name for name in after if after[name] != before[name]} == {
        "appointmentDate",
        "appointmentStartDateTimeUTC",
        "appointmentEndDateTimeUTC",
        "practitionerID",
    }
    longer = update(caller, number, appointment_type_id="3", notes="")
    assert (longer["appointmentEndTime"], longer["appointmentType"], longer["Notes"]) == (
        "10:30:00",
        "Long Consultation",
        None,
    )


def test_an_update_may_overlap_itself_but_no_other(caller: Caller) -> None:
    number = caller.book()
    caller.book(start_time="11:00:00")
    assert update(caller, number, start_time="09:45:00")["appointmentEndTime"] == "10:30:00"
    details = caller.refusal(
        "updateAppointmentBooking", appointment_id=number, start_time="10:30:00"
    )
    assert details["errorMessage"] == "The practitioner already has an appointment at this time."
    assert caller.appointment(number)["appointmentStartTime"] == "09:45:00"
    moved = update(caller, number, start_time="10:30:00", allow_overlap_bookings="true")
    assert moved["appointmentStartTime"] == "10:30:00"


def test_an_update_of_something_unknown_succeeds_and_does_nothing(caller: Caller) -> None:
    number = caller.book()
    before = caller.appointment(number)
    assert update(caller, number, appointmentDate="2026-04-01", startTime="12:00:00") == before


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("Completed", ("Completed", "1", "0", "0")),
        ("DNA", ("Pending", "0", "1", "0")),
        ("Cancelled", ("Pending", "0", "0", "1")),
        ("pending", ("Pending", "0", "0", "0")),
    ],
)
def test_a_status_shows_in_flags(caller: Caller, status: str, told: tuple[str, ...]) -> None:
    found = update(caller, caller.book(), status=status)
    names = ("status", "arrived", "DNA", "cancelled")
    assert tuple(found[name] for name in names) == told


def test_a_status_is_one_of_four(caller: Caller) -> None:
    number = caller.book()
    assert caller.alerts("updateAppointmentBooking", appointment_id=number, status="Late") == [
        "status must be one of Completed, Pending, Cancelled, DNA"
    ]
    assert caller.alerts("updateAppointmentBooking", status="DNA") == [
        "Missing variable: appointment_id"
    ]
    assert caller.alerts("updateAppointmentBooking", appointment_id="1", status="DNA") == [
        "appointment_id is unknown"
    ]


def test_a_cancelled_appointment_stays_listed(caller: Caller) -> None:
    number = caller.book()
    caller.clock.advance(60)
    found = caller.results("cancelAppointment", appointment_id=number, patient_id="5")
    assert found == {"ID": number, "patientID": "5"}
    shown = caller.appointment(number)
    assert (shown["cancelled"], shown["cancellationDate"]) == ("1", "2026-03-02 12:01:00")
    assert shown["status"] == "Pending"


def test_only_the_patients_own_appointment_is_cancelled_and_only_once(caller: Caller) -> None:
    number = caller.book()
    assert caller.alerts("cancelAppointment", appointment_id=number, patient_id="6") == [
        "patient_id is not the one of the appointment"
    ]
    assert caller.alerts("cancelAppointment", appointment_id=number) == [
        "Missing variable: patient_id"
    ]
    assert caller.appointment(number)["cancelled"] == "0"
    caller.results("cancelAppointment", appointment_id=number, patient_id="5")
    details = caller.refusal("cancelAppointment", appointment_id=number, patient_id="5")
    assert details["errorMessage"] == "The appointment is already cancelled."
    assert len(caller.made()["traces"]) == 2


def test_booking_again_makes_another_one_and_gives_the_first_up_if_asked(caller: Caller) -> None:
    first = caller.book(notes="Parking")
    again = {"appointment_id": first, "patient_id": "5"}
    second = caller.results("rebookAppointment", **again, appointment_date="2026-03-15")
    moved = caller.results("rebookAppointment", **again, start_time="09:45:00", cancel_first=1)

    shown = [caller.appointment(number["appointment_id"]) for number in (second, moved)]
    assert [(item["appointmentDate"], item["appointmentStartTime"]) for item in shown] == [
        ("2026-03-15", "09:30:00"),
        ("2026-03-08", "09:45:00"),
    ]
    assert [(item["Notes"], item["cancelled"]) for item in shown] == [("Parking", "0")] * 2
    assert caller.appointment(first)["cancelled"] == "1"


def test_booking_again_at_the_same_time_overlaps_unless_the_first_is_given_up(
    caller: Caller,
) -> None:
    again = {"appointment_id": caller.book(), "patient_id": "5"}
    for start in ({}, {"start_time": "09:40:00"}):
        details = caller.refusal("rebookAppointment", **again, **start)
        assert details["errorMessage"] == (
            "The practitioner already has an appointment at this time."
        )
    assert len(caller.made()["appointments"]) == 1
