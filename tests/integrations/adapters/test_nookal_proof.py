"""What became of a write, read from the records: Nookal keeps no list of writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from integrations.commands import Command, CreatePatient, UpdatePatient
from integrations.contract import Lookup, Outcome, SentWrite, State
from integrations.http.errors import NoAnswer
from tests.integrations.adapters.nookal_practice import (
    Practice,
    appointment,
    failure,
    patient,
    practising,
)
from tests.integrations.adapters.test_nookal_writing import (
    BOOK,
    CANCEL,
    EDIT,
    MISSED,
    MOVE,
    REGISTER,
)
from tests.integrations.guards import NOW

DONE, PENDING = Outcome(state=State.COMPLETED), Outcome(state=State.PENDING)
NOT_SHOWN = Outcome(
    state=State.FAILED, message="Nookal said success, and the record does not show the change."
)
#: How long a change may take to show.
SETTLED = timedelta(minutes=10)


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


def sent(
    practice: Practice, command: Command, reference: str = "", sent_at: datetime = NOW
) -> SentWrite:
    return SentWrite(
        prepared=practice.nookal.prepare(command), sent_at=sent_at, reference=reference
    )


def outcomes(
    practice: Practice, *writes: SentWrite, after: timedelta = timedelta(0), **more: Any
) -> dict[str, Outcome]:
    return dict(practice.nookal.outcomes(writes, NOW + after, **more))


# --- Of a write that was taken ---


@pytest.mark.parametrize(
    ("command", "reference", "row", "expected"),
    [
        (BOOK, "appointment:10", appointment(), replace(DONE, created_id="10")),
        # It was made, whatever people have done to it since.
        (BOOK, "appointment:10", appointment(cancelled="1"), replace(DONE, created_id="10")),
        (BOOK, "appointment:10", appointment(ID="11"), PENDING),
        (MOVE, "x", appointment(), DONE),
        (MOVE, "x", appointment(appointmentStartTime="11:00:00"), PENDING),
        (CANCEL, "x", appointment(cancelled="1"), DONE),
        (CANCEL, "x", appointment(status="Cancelled"), DONE),
        (CANCEL, "x", appointment(), PENDING),
        (MISSED, "x", appointment(DNA="1"), DONE),
        (MISSED, "x", appointment(), PENDING),
        (replace(MISSED, word="Completed"), "x", appointment(status="Completed"), DONE),
        (replace(MISSED, word="Pending"), "x", appointment(arrived="1"), DONE),
        (replace(MISSED, word="Pending"), "x", appointment(DNA="1"), PENDING),
    ],
)
def test_an_appointment_is_read_back(
    practice: Practice, command: Command, reference: str, row: Any, expected: Outcome
) -> None:
    practice.lists("getAppointments", "appointments", row)
    assert outcomes(practice, sent(practice, command, reference)) == {reference: expected}
    assert practice.asked == ["getAppointments"]


@pytest.mark.parametrize(
    ("command", "reference", "row", "expected"),
    [
        (REGISTER, "patient:5", patient(), replace(DONE, created_id="5")),
        (REGISTER, "patient:5", patient(LastName="Married"), replace(DONE, created_id="5")),
        (REGISTER, "patient:5", patient(ID="6"), PENDING),
        (EDIT, "x", patient(Email="new@example.com", Mobile="0491570156"), DONE),
        (EDIT, "x", patient(Email="new@example.com"), PENDING),
    ],
)
def test_a_patient_is_read_back(
    practice: Practice, command: Command, reference: str, row: Any, expected: Outcome
) -> None:
    practice.lists("searchPatients", "patients", row)
    assert outcomes(practice, sent(practice, command, reference)) == {reference: expected}
    assert practice.form(0)["patient_id"] == "5"


@pytest.mark.parametrize(
    ("after", "expected"),
    [(SETTLED - timedelta(seconds=1), PENDING), (SETTLED, NOT_SHOWN)],
)
def test_a_change_that_does_not_show_after_a_while_was_not_made(
    practice: Practice, after: timedelta, expected: Outcome
) -> None:
    practice.lists("getAppointments", "appointments", appointment())
    write = sent(practice, CANCEL, "x")
    assert outcomes(practice, write, after=after) == {"x": expected}


def test_what_should_have_been_created_is_never_given_up(practice: Practice) -> None:
    practice.lists("getAppointments", "appointments")
    write = sent(practice, BOOK, "appointment:10")
    assert outcomes(practice, write, after=timedelta(days=5)) == {"appointment:10": PENDING}


def test_one_list_answers_for_all_that_it_shows(practice: Practice) -> None:
    rows = [appointment(), appointment(ID="11", cancelled="1"), appointment(ID="12", DNA="1")]
    practice.lists("getAppointments", "appointments", *rows)
    found = outcomes(
        practice,
        sent(practice, replace(CANCEL, appointment_id="11"), "cancelled"),
        sent(practice, replace(MISSED, appointment_id="12"), "missed"),
        sent(practice, BOOK, "appointment:10"),
    )
    assert found == {
        "cancelled": DONE,
        "missed": DONE,
        "appointment:10": replace(DONE, created_id="10"),
    }
    assert practice.asked == ["getAppointments"]


def test_no_more_calls_are_made_than_there_are_to_make_and_the_oldest_come_first(
    practice: Practice,
) -> None:
    practice.lists("getAppointments", "appointments", appointment(cancelled="1"))
    younger = sent(practice, replace(CANCEL, patient_id="6"), "younger")
    older = sent(practice, CANCEL, "older", NOW - timedelta(minutes=1))
    found = outcomes(practice, younger, older, singly=1)
    assert found == {"older": DONE, "younger": PENDING}
    assert [practice.form(0)["patient_id"], len(practice.asked)] == ["5", 1]


def test_one_that_nookal_will_not_show_stops_no_other(practice: Practice) -> None:
    practice.answers("getAppointments", failure("Unknown patient"))
    practice.lists("getAppointments", "appointments", appointment(cancelled="1"))
    first = sent(practice, replace(CANCEL, patient_id="6"), "first", NOW - timedelta(minutes=1))
    found = outcomes(practice, first, sent(practice, CANCEL, "second"))
    assert found == {"first": PENDING, "second": DONE}


def test_a_long_list_is_read_to_its_end(practice: Practice) -> None:
    practice.lists("getAppointments", "appointments", appointment(ID="1"), following="2")
    practice.lists("getAppointments", "appointments", appointment(cancelled="1"), page="2")
    assert outcomes(practice, sent(practice, CANCEL, "x")) == {"x": DONE}
    assert [practice.form(number)["page"] for number in (0, 1)] == ["1", "2"]


def test_a_list_without_end_is_no_answer(practice: Practice) -> None:
    for page in range(1, 11):
        practice.lists(
            "getAppointments", "appointments", appointment(), page=page, following=page + 1
        )
    with pytest.raises(NoAnswer):
        outcomes(practice, sent(practice, CANCEL, "x"))
    assert len(practice.asked) == 10


def test_ids_of_what_was_created_stand_in_the_references(practice: Practice) -> None:
    writes = [
        sent(practice, BOOK, "appointment:10"),
        sent(practice, CANCEL, "cancelAppointment:10:1"),
        sent(practice, REGISTER, "patient:5"),
    ]
    found = list(practice.nookal.created_ids(writes, NOW))
    assert found == [("appointment:10", "10"), ("patient:5", "5")]
    assert practice.asked == []


# --- Of a write whose answer was lost ---


def find(practice: Practice, command: Command, *rows: Any) -> Lookup:
    if isinstance(command, CreatePatient | UpdatePatient):
        practice.lists("searchPatients", "patients", *rows)
    else:
        practice.lists("getAppointments", "appointments", *rows)
    (found,) = practice.nookal.find([sent(practice, command)], NOW)
    return found


ABSENT = Lookup(covered=True)


def test_a_booking_is_found_by_who_when_and_where(practice: Practice) -> None:
    others = [
        appointment(ID="1", practitionerID="8"),
        appointment(ID="2", patientID="6"),
        appointment(ID="3", appointmentDate="2030-03-13"),
        appointment(ID="4", appointmentStartTime="10:15:00"),
        appointment(ID="5", locationID="2"),
        appointment(ID="6", appointmentTypeID="4"),
        "no record",
    ]
    found = find(practice, BOOK, *others, appointment(ID="100"), appointment(ID="99"))
    assert found == Lookup(same=("appointment:99", "appointment:100"), covered=True)
    assert practice.form(0) == {"patient_id": "5", "page": "1", "page_length": "200"}


@pytest.mark.parametrize("command", [BOOK, MOVE, CANCEL, MISSED, REGISTER, EDIT])
def test_what_the_records_do_not_show_was_not_done(practice: Practice, command: Command) -> None:
    assert find(practice, command) == ABSENT


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        # Sent at 15:00 UTC; the zone of the record's time may be any.
        ("2030-03-05 15:00:00", ("appointment:10",)),
        ("2030-03-06 05:00:00", ("appointment:10",)),
        ("2030-03-05 02:55:00", ("appointment:10",)),
        ("2030-03-05 02:54:59", ()),
        ("2029-03-05 15:00:00", ()),
    ],
)
def test_what_stood_there_before_is_not_ours(
    practice: Practice, made: str, expected: tuple[str, ...]
) -> None:
    found = find(practice, BOOK, appointment(dateCreated=made))
    assert found == Lookup(same=expected, covered=True)


@pytest.mark.parametrize("odd", [{"cancelled": "1"}, {"dateCreated": None}, {"dateCreated": "now"}])
def test_what_could_be_ours_is_adopted_by_nobody_and_proves_no_absence(
    practice: Practice, odd: dict[str, Any]
) -> None:
    found = find(practice, BOOK, appointment(**odd))
    assert found == Lookup(similar=("appointment:10",), covered=True)


def test_a_new_patient_is_found_by_name_and_date_of_birth(practice: Practice) -> None:
    made = {"DateCreated": "2030-03-05 15:00:01"}
    others = [
        patient(ID="1", FirstName="Adaline", **made),
        patient(ID="2", DOB="1980-01-30", **made),
        patient(ID="3", LastName="", **made),
        patient(ID="4"),  # of the same name, and older
    ]
    found = find(practice, REGISTER, *others, patient(FirstName="ADA ", Email="", **made))
    assert found == Lookup(same=("patient:5",), covered=True)
    assert practice.form(0) == {
        "first_name": "Ada",
        "last_name": "Invented",
        "date_of_birth": "1980-01-31",
        "page": "1",
        "page_length": "200",
    }


@pytest.mark.parametrize(
    ("command", "row", "function"),
    [
        (MOVE, appointment(), "updateAppointmentBooking:10"),
        (CANCEL, appointment(cancelled="1"), "cancelAppointment:10"),
        (MISSED, appointment(DNA="1"), "updateAppointmentBooking:10"),
        (EDIT, patient(Email="new@example.com", Mobile="0491 570 156"), "editPatient:5"),
    ],
)
def test_a_change_that_shows_is_found_and_is_told_apart_from_the_next_one(
    practice: Practice, command: Command, row: Any, function: str
) -> None:
    found = find(practice, command, row)
    assert found == Lookup(same=(f"{function}:{int(NOW.timestamp())}000000",), covered=True)


def test_lost_writes_share_a_call_where_one_list_shows_them(practice: Practice) -> None:
    practice.lists("getAppointments", "appointments", appointment())
    missed = replace(MISSED, appointment_id="12")
    writes = [sent(practice, each) for each in (BOOK, CANCEL, missed)]
    found = practice.nookal.find(writes, NOW)
    assert found == [Lookup(same=("appointment:10",), covered=True), ABSENT, ABSENT]
    assert practice.asked == ["getAppointments"]


def test_a_list_that_nookal_will_not_show_proves_nothing(practice: Practice) -> None:
    practice.answers("getAppointments", failure("Unknown patient"))
    practice.lists("searchPatients", "patients")
    found = practice.nookal.find([sent(practice, BOOK), sent(practice, EDIT)], NOW)
    assert found == [Lookup(covered=False), ABSENT]


def test_a_reference_fits_its_column_and_holds_nothing_of_a_patient(practice: Practice) -> None:
    long = "9" * 200
    found = find(
        practice, replace(CANCEL, appointment_id=long), appointment(ID=long, cancelled="1")
    )
    (reference,) = found.same
    assert len(reference) <= 100
    edit = replace(EDIT, changes={"first_name": "Ada", "birth_date": date(1980, 1, 31)})
    (reference,) = find(practice, edit, patient()).same
    assert "Ada" not in reference
    assert "1980" not in reference
