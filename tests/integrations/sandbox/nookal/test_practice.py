"""What the practice's own people do, and what of it a reader can see."""

from datetime import datetime

import pytest

from .caller import Caller


def test_the_truth_is_what_the_lists_say(caller: Caller) -> None:
    truth = caller.truth("nookal-2")
    assert len(truth["patients"]) == 650
    assert len(truth["appointments"]) == 147
    shown = caller.patient("17", office="nookal-2")
    assert truth["patients"]["17"] == {
        "first_name": shown["FirstName"],
        "last_name": shown["LastName"],
        "birth_date": shown["DOB"],
        "email": shown["Email"],
        "phone": shown["Mobile"] or shown["Home"],
        "is_active": shown["active"] == "1",
    }
    for item in caller.results("getAppointments", office="nookal-2", page_length=200)[
        "appointments"
    ]:
        told = truth["appointments"][item["ID"]]
        assert told["starts_at"] == item["appointmentStartDateTimeUTC"].replace(" ", "T") + "+00:00"
        assert datetime.fromisoformat(told["ends_at"]) > datetime.fromisoformat(told["starts_at"])
        assert told["description"] == (item["Notes"] or "")


def test_a_patient_is_registered_and_changed(caller: Caller) -> None:
    number = caller.change("patient", "create", last_name="Weaver", birth_date="", phone="1234")
    assert caller.truth()["patients"][number] == {
        "first_name": "Newcomer",
        "last_name": "Weaver",
        "birth_date": "",
        "email": "",
        "phone": "1234",
        "is_active": True,
    }
    caller.clock.advance(60)
    assert caller.change("patient", "update", number, first_name="Anna") == number
    shown = caller.patient(number)
    assert (shown["FirstName"], shown["LastName"]) == ("Anna", "Weaver")
    assert (shown["DateCreated"], shown["DateModified"]) == (
        "2026-03-02 01:00:00",
        "2026-03-02 01:01:00",
    )


def test_an_archived_patient_is_listed_as_inactive_until_they_come_back(caller: Caller) -> None:
    number = caller.change("patient", "create")
    caller.change("patient", "archive", number)
    assert caller.patient(number)["active"] == "0"
    assert caller.truth()["patients"][number]["is_active"] is False
    caller.change("patient", "unarchive", number)
    assert caller.truth()["patients"][number]["is_active"] is True


def test_a_deleted_patient_is_not_listed_any_more_nor_their_appointments(caller: Caller) -> None:
    number = caller.book(patient_id="5")
    caller.change("patient", "delete", "5")
    assert caller.ask("getPatients")["details"]["totalItems"] == 649
    assert caller.ids("searchPatients", "patients", patient_id="5") == []
    assert number not in caller.ids("getAppointments", "appointments")
    assert "5" not in caller.truth()["patients"]
    assert number not in caller.truth()["appointments"]
    # Nothing tells of it, however far one looks back.
    assert "5" not in caller.ids("getPatients", "patients", last_modified="2000-01-01 00:00:00")


def test_a_merge_leaves_one_patient_with_the_appointments_of_both(caller: Caller) -> None:
    number = caller.book(patient_id="5")
    caller.clock.advance(60)
    assert caller.change("patient", "merge", "5", into="6") == "5"
    assert "5" not in caller.truth()["patients"]
    shown = caller.appointment(number)
    assert (shown["patientID"], shown["lastModified"]) == ("6", "2026-03-02 01:01:00")
    assert caller.alerts("editPatient", patient_id="5", email="") == ["patient_id is unknown"]


def test_an_appointment_is_made_and_moved_to_any_minute(caller: Caller) -> None:
    number = caller.change(
        "appointment",
        "create",
        office="nookal-2",
        patient_id="7",
        practitioner_id="3",
        location_id="2",
        starts_at="2026-03-09T23:10:00+00:00",
        minutes=25,
        description="Bring shoes",
    )
    assert caller.truth("nookal-2")["appointments"][number] == {
        "patient_id": "7",
        "practitioner_id": "3",
        "location_id": "2",
        "starts_at": "2026-03-09T23:10:00+00:00",
        "ends_at": "2026-03-09T23:35:00+00:00",
        "status": "booked",
        "description": "Bring shoes",
    }
    caller.change("appointment", "update", number, office="nookal-2", location_id="1", minutes=60)
    shown = caller.appointment(number, office="nookal-2")
    assert (shown["appointmentStartTime"], shown["appointmentEndTime"]) == ("09:10:00", "10:10:00")
    assert (shown["TimeZone"], shown["appointmentType"]) == (
        "Australia/Brisbane",
        "Long Consultation",
    )


def test_an_appointment_that_nobody_described_is_a_usual_one_tomorrow(caller: Caller) -> None:
    number = caller.change("appointment", "create")
    assert caller.truth()["appointments"][number] == {
        "patient_id": "1",
        "practitioner_id": "1",
        "location_id": "1",
        "starts_at": "2026-03-03T01:00:00+00:00",
        "ends_at": "2026-03-03T01:30:00+00:00",
        "status": "booked",
        "description": "",
    }


def test_the_last_word_on_an_appointment_counts(caller: Caller) -> None:
    number = caller.change("appointment", "create")

    def told(action: str) -> tuple[str, str, str]:
        caller.change("appointment", action, number)
        shown = caller.appointment(number)
        assert shown["lastModified"] == "2026-03-02 01:00:00"
        return caller.truth()["appointments"][number]["status"], shown["cancelled"], shown["DNA"]

    assert told("cancel") == ("cancelled", "1", "0")
    assert told("no_show") == ("noshow", "0", "1")
    assert told("complete") == ("fulfilled", "0", "0")
    assert told("cancel") == ("cancelled", "1", "0")


def test_a_deleted_appointment_is_gone(caller: Caller) -> None:
    number = caller.book()
    caller.change("appointment", "delete", number)
    assert number not in caller.ids("getAppointments", "appointments")
    assert number not in caller.truth()["appointments"]
    assert caller.alerts("cancelAppointment", appointment_id=number, patient_id="5") == [
        "appointment_id is unknown"
    ]
    # Its time is free, and its number stays its own.
    assert caller.book() == str(int(number) + 1)


@pytest.mark.parametrize(
    ("kind", "action", "id", "values", "complaint"),
    [
        ("patient", "update", "9999", {"email": "x"}, "there is no patient 9999"),
        ("patient", "merge", "5", {"into": "5"}, "a patient cannot be merged into themselves"),
        ("patient", "merge", "5", {"into": "9999"}, "there is no patient 9999"),
        ("patient", "create", "", {"nickname": "x"}, "patient has no nickname"),
        (
            "appointment",
            "archive",
            "3001",
            {},
            "Nookal cannot archive a record of kind appointment",
        ),
        ("appointment", "create", "", {"practitioner_id": "9"}, "there is no practitioner 9"),
        ("appointment", "create", "", {"location_id": "9"}, "there is no location 9"),
        ("appointment", "create", "", {"operatory_id": "1"}, "Nookal has no operatories"),
        ("appointment", "update", "3001", {"patient_id": "9999"}, "there is no patient 9999"),
    ],
)
def test_what_cannot_be_done_is_refused_and_not_done(
    caller: Caller, kind: str, action: str, id: str, values: dict[str, str], complaint: str
) -> None:
    before = caller.truth()
    assert complaint in caller.refused_change(kind, action, id, **values)
    assert caller.truth() == before


def test_changes_at_the_practice_are_no_writes(caller: Caller) -> None:
    caller.change("patient", "create")
    caller.change("appointment", "create")
    books = caller.made()
    assert (books["patients"], books["appointments"], books["traces"], books["writebacks"]) == (
        [],
        [],
        [],
        [],
    )
