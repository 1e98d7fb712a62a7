"""Patients written through the API, and that names are written otherwise than read."""

import pytest

from .caller import PERSON, Caller


def test_a_new_patient_is_read_back_by_other_names(caller: Caller) -> None:
    number = caller.register(
        email="ngozi@example.com",
        mobile="03 5550 1234",
        home="03 5550 1235",
        work="03 5550 1236",
        address_line_1="1 Elm Street",
        city="Melbourne",
        postcode="3000",
        client_notes="Prefers mornings",
        alert_notes="Latex",
    )
    assert number == "651"
    shown = caller.patient(number)
    told = {name: value for name, value in shown.items() if value}
    assert told == {
        "ID": "651",
        "FirstName": "Ngozi",
        "LastName": "O'Hara",
        "DOB": "1988-02-29",
        "Email": "ngozi@example.com",
        "Mobile": "03 5550 1234",
        "Home": "03 5550 1235",
        "Work": "03 5550 1236",
        "Addr1": "1 Elm Street",
        "City": "Melbourne",
        "Postcode": "3000",
        "Notes": "Prefers mornings",
        "Alerts": "Latex",
        "LocationID": "1",
        "consent": "1",
        "allowOnlineBookings": "1",
        "active": "1",
        "deceased": "0",
        "DateCreated": "2026-03-02 01:00:00",
        "DateModified": "2026-03-02 01:00:00",
    }
    assert shown["extras"] == []


def test_a_name_and_a_birth_date_are_needed(caller: Caller) -> None:
    assert caller.alerts("addPatient", first_name="Ngozi", last_name=" ") == [
        "Missing variable: last_name",
        "Missing variable: date_of_birth",
    ]
    assert caller.made()["patients"] == []


@pytest.mark.parametrize("born", ["29/02/1988", "1989-02-29", "2026-03-03", "1988-2-9"])
def test_a_birth_date_is_a_day_that_has_been(caller: Caller, born: str) -> None:
    details = caller.refusal("addPatient", **{**PERSON, "date_of_birth": born})
    assert details["errorMessage"] == "Invalid variable: date_of_birth"
    assert caller.made()["patients"] == []


def test_today_is_the_practices_own(caller: Caller) -> None:
    caller.clock.advance(13 * 3600)  # 14:00 in UTC, 1:00 of the next day in Melbourne
    assert caller.register(date_of_birth="2026-03-03") == "651"


def test_names_as_they_are_read_are_ignored_in_silence(caller: Caller) -> None:
    before = caller.patient("9")
    found = caller.results(
        "editPatient", patient_id="9", DOB="1990-01-01", Email="x@example.com", phone="1"
    )
    assert found == {"patient_id": "9"}
    assert caller.patient("9") == before
    assert caller.patient(caller.register(phone="03 5550 1234"))["Mobile"] == ""


def test_an_edit_changes_what_it_names_and_empties_what_it_names_without_a_value(
    caller: Caller,
) -> None:
    before = caller.patient("9")
    caller.results("editPatient", patient_id="9", date_of_birth="1990-01-01", email="")
    changes = {"DOB": "1990-01-01", "Email": "", "DateModified": "2026-03-02 01:00:00"}
    assert caller.patient("9") == {**before, **changes}


def test_what_cannot_be_edited_is_a_failure(caller: Caller) -> None:
    assert caller.alerts("editPatient", email="x@example.com") == ["Missing variable: patient_id"]
    assert caller.alerts("editPatient", patient_id="651") == ["patient_id is unknown"]
    assert caller.alerts("editPatient", patient_id="9", last_name="") == [
        "last_name must not be empty"
    ]
    assert caller.made()["traces"] == []


def test_the_same_person_can_be_registered_twice(caller: Caller) -> None:
    assert [caller.register(), caller.register()] == ["651", "652"]


def test_writes_are_numbered_and_traced_without_the_key(caller: Caller) -> None:
    number = caller.register(email="ngozi@example.com")
    caller.clock.advance(5)
    caller.results("editPatient", patient_id=number, email="o.hara@example.com")
    books = caller.made()

    (made,) = books["patients"]
    assert (made["ID"], made["writeback_id"], made["changed_by"]) == ("651", 1, [2])
    created, changed = books["traces"]
    assert (created["before"], created["version"]) == (None, 1)
    assert changed["before"] == {
        "Email": "ngozi@example.com",
        "DateModified": "2026-03-02 01:00:00",
    }
    assert [
        (item["function"], item["state"], item["created_id"]) for item in books["writebacks"]
    ] == [
        ("addPatient", "completed", "651"),
        ("editPatient", "completed", ""),
    ]
    assert books["writebacks"][0]["body"] == {**PERSON, "email": "ngozi@example.com"}
