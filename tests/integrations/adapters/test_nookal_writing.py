"""Writes to Nookal: its own words, sent once, and believed only when the record shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.commands import (
    AddNote,
    BookAppointment,
    Command,
    CreatePatient,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite, Receipt, State, Term, Vocabulary
from integrations.http.errors import NoAnswer, NotAuthorized, Refused
from tests.integrations.adapters.nookal_practice import (
    Practice,
    appointment,
    failure,
    patient,
    practising,
    success,
)

SYDNEY = ZoneInfo("Australia/Sydney")
BOOK = BookAppointment(
    patient_id="5",
    practitioner_id="7",
    operatory_id="",
    location_id="1",
    starts_at=datetime(2030, 3, 12, 10, 0, tzinfo=SYDNEY),
    ends_at=datetime(2030, 3, 12, 10, 30, tzinfo=SYDNEY),
    description="Sore knee & back",
    type="3",
)
MOVE = RescheduleAppointment(
    appointment_id="10",
    practitioner_id="7",
    operatory_id="",
    location_id="1",
    starts_at=BOOK.starts_at,
    ends_at=BOOK.ends_at,
)
CANCEL = SetStatus(appointment_id="10", location_id="1", word="Cancelled", patient_id="5")
MISSED = replace(CANCEL, word="DNA")
REGISTER = CreatePatient(
    location_id="1",
    practitioner_id="7",
    first_name="Ada",
    last_name="Invented",
    birth_date=date(1980, 1, 31),
    email="ada@example.com",
    phone="0491 570 006",
)
EDIT = UpdatePatient(
    patient_id="5", location_id="1", changes={"email": "new@example.com", "phone": "0491 570 156"}
)

#: What is asked, the function, its whole form, and the list that is read back.
WRITES: list[tuple[Command, str, dict[str, str], str, dict[str, str]]] = [
    (
        BOOK,
        "addAppointmentBooking",
        {
            "patient_id": "5",
            "practitioner_id": "7",
            "location_id": "1",
            "appointment_type_id": "3",
            "appointment_date": "2030-03-12",
            "start_time": "10:00:00",
            "notes": "Sore knee & back",
        },
        "getAppointments",
        {"practitioner_id": "7", "date_from": "2030-03-12", "date_to": "2030-03-12"},
    ),
    (
        MOVE,
        "updateAppointmentBooking",
        {
            "appointment_id": "10",
            "practitioner_id": "7",
            "location_id": "1",
            "appointment_date": "2030-03-12",
            "start_time": "10:00:00",
        },
        "getAppointments",
        {"practitioner_id": "7", "date_from": "2030-03-12", "date_to": "2030-03-12"},
    ),
    (
        CANCEL,
        "cancelAppointment",
        {"appointment_id": "10", "patient_id": "5"},
        "getAppointments",
        {"patient_id": "5"},
    ),
    (
        MISSED,
        "updateAppointmentBooking",
        {"appointment_id": "10", "status": "DNA"},
        "getAppointments",
        {"patient_id": "5"},
    ),
    (
        REGISTER,
        "addPatient",
        {
            "first_name": "Ada",
            "last_name": "Invented",
            "date_of_birth": "1980-01-31",
            "email": "ada@example.com",
            "mobile": "0491 570 006",
        },
        "searchPatients",
        {"patient_id": "5"},
    ),
    (
        EDIT,
        "editPatient",
        {"patient_id": "5", "email": "new@example.com", "mobile": "0491 570 156"},
        "searchPatients",
        {"patient_id": "5"},
    ),
]
CHANGED = ":10:1898953200000000"
#: A record that shows what was asked, and the receipt.
SHOWN: list[tuple[Command, dict[str, Any], dict[str, Any], Receipt]] = [
    (
        BOOK,
        {"appointment_id": "10"},
        appointment(),
        Receipt(reference="appointment:10", state=State.COMPLETED, created_id="10"),
    ),
    (
        MOVE,
        {},
        appointment(),
        Receipt(reference=f"updateAppointmentBooking{CHANGED}", state=State.COMPLETED),
    ),
    (
        CANCEL,
        {"ID": "10", "patientID": "5"},
        appointment(cancelled="1"),
        Receipt(reference=f"cancelAppointment{CHANGED}", state=State.COMPLETED),
    ),
    (
        MISSED,
        {},
        appointment(DNA="1"),
        Receipt(reference=f"updateAppointmentBooking{CHANGED}", state=State.COMPLETED),
    ),
    (
        REGISTER,
        {"patient_id": 5},
        patient(),
        Receipt(reference="patient:5", state=State.COMPLETED, created_id="5"),
    ),
    (
        EDIT,
        {"patient_id": "5"},
        patient(Email="New@Example.com ", Mobile="+61 491 570 156"),
        Receipt(reference="editPatient:5:1898953200000000", state=State.COMPLETED),
    ),
]


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


def prepared(practice: Practice, command: Command) -> PreparedWrite:
    return practice.nookal.prepare(command)


def submit(practice: Practice, command: Command, results: Any, *rows: Any) -> Receipt:
    """Send a command that Nookal answers so, after which its list shows these rows."""
    write = prepared(practice, command)
    practice.answers(write.endpoint.strip("/"), success(results))
    if "atient" in write.endpoint:
        practice.lists("searchPatients", "patients", *rows)
    else:
        practice.lists("getAppointments", "appointments", *rows)
    return practice.nookal.submit(write)


@pytest.mark.parametrize(("command", "function", "form", "reading", "params"), WRITES)
def test_a_write_is_one_form_and_is_read_back_with_one_call(
    practice: Practice,
    command: Command,
    function: str,
    form: dict[str, str],
    reading: str,
    params: dict[str, str],
) -> None:
    submit(practice, command, {"appointment_id": "10", "patient_id": "5"})
    assert practice.asked == [function, reading]
    assert practice.form(0) == form
    assert practice.form(1) == params | {"page": "1", "page_length": "200"}


@pytest.mark.parametrize(("command", "results", "row", "receipt"), SHOWN)
def test_what_the_record_shows_is_completed(
    practice: Practice,
    command: Command,
    results: dict[str, Any],
    row: dict[str, Any],
    receipt: Receipt,
) -> None:
    others = [{"ID": "4"}, "no record"]
    assert submit(practice, command, results, *others, row) == receipt


@pytest.mark.parametrize(("command", "results", "row", "receipt"), SHOWN)
def test_what_no_record_shows_is_not_completed(
    practice: Practice, command: Command, results: Any, row: Any, receipt: Receipt
) -> None:
    found = submit(practice, command, results, row | {"ID": "11"})
    assert found == Receipt(reference=receipt.reference, state=State.PENDING)


#: Records that Nookal left as they were, though it said success.
IGNORED: list[tuple[Command, dict[str, Any]]] = [
    (MOVE, appointment(appointmentStartTime="11:00:00")),
    (MOVE, appointment(appointmentDate="2030-03-13")),
    (MOVE, appointment(practitionerID="8")),
    (MOVE, appointment(locationID="2")),
    (MOVE, appointment(cancelled="1")),
    (CANCEL, appointment()),
    (MISSED, appointment()),
    (MISSED, appointment(arrived="1")),
    (EDIT, patient()),
    (EDIT, patient(Email="new@example.com")),
    (EDIT, patient(Mobile="0491 570 156")),
    (EDIT, patient(Email="new@example.com", Mobile="")),
    (EDIT, patient(Email=None, Mobile=None)),
]


@pytest.mark.parametrize(("command", "row"), IGNORED)
def test_a_success_that_changed_nothing_is_not_completed(
    practice: Practice, command: Command, row: dict[str, Any]
) -> None:
    receipt = submit(practice, command, {}, row)
    assert (receipt.state, receipt.created_id) == (State.PENDING, "")
    assert "1898953200000000" in receipt.reference


@pytest.mark.parametrize("command", [BOOK, CANCEL, EDIT])
def test_a_write_that_cannot_be_read_back_now_is_pending(
    practice: Practice, command: Command
) -> None:
    write = prepared(practice, command)
    practice.answers(write.endpoint.strip("/"), success({"appointment_id": "10"}))
    reading = "searchPatients" if command is EDIT else "getAppointments"
    practice.answers(reading, failure("Too many requests"))
    receipt = practice.nookal.submit(write)
    assert receipt.state is State.PENDING
    assert practice.asked == [write.endpoint.strip("/"), reading]


# --- What people should know of it ---


def test_another_length_is_told(practice: Practice) -> None:
    row = appointment(appointmentEndTime="10:45:00")
    receipt = submit(practice, BOOK, {"appointment_id": "10"}, row)
    assert receipt.state is State.COMPLETED
    assert receipt.remark == "It ends at 10:45, not at 10:30: its type sets its length."


@pytest.mark.parametrize(
    ("start", "end", "fields", "told"),
    [
        ("10:15:00", "10:45:00", {}, True),
        ("09:30:00", "11:00:00", {}, True),
        ("10:00:00", "10:30:00", {"patientID": "5"}, True),
        ("09:30:00", "10:00:00", {}, False),
        ("10:30:00", "11:00:00", {}, False),
        ("10:15:00", "10:45:00", {"cancelled": "1"}, False),
        ("10:15:00", "10:45:00", {"DNA": "1"}, False),
        ("10:15:00", "10:45:00", {"appointmentDate": "2030-03-13"}, False),
    ],
)
@pytest.mark.parametrize("command", [BOOK, MOVE])
def test_an_overlap_is_told(
    practice: Practice,
    command: Command,
    start: str,
    end: str,
    fields: dict[str, str],
    told: bool,
) -> None:
    clock = {"appointmentStartTime": start, "appointmentEndTime": end}
    other = appointment(ID="11", patientID="6") | clock | fields
    receipt = submit(practice, command, {"appointment_id": "10"}, other, appointment())
    assert receipt.state is State.COMPLETED
    overlap = "It overlaps another appointment of the practitioner."
    assert receipt.remark == (overlap if told else "")


def test_a_booking_that_stands_elsewhere_is_one_and_says_so(practice: Practice) -> None:
    row = appointment(locationID="2")
    receipt = submit(practice, BOOK, {"appointment_id": 10}, row)
    assert (receipt.state, receipt.created_id) == (State.COMPLETED, "10")
    assert receipt.remark == "Nookal shows another time or place than was sent."


def test_a_patient_without_what_was_sent_is_registered_and_says_so(practice: Practice) -> None:
    row = patient(Mobile="", Email="")
    receipt = submit(practice, REGISTER, {"patient_id": "5"}, row)
    assert (receipt.state, receipt.created_id) == (State.COMPLETED, "5")
    assert receipt.remark == (
        "Nookal shows another email than was sent. Nookal shows another mobile than was sent."
    )


# --- Refusals and lost answers ---


def test_a_refusal_is_not_read_back(practice: Practice) -> None:
    practice.answers("addAppointmentBooking", failure("The time of Ada is taken"))
    with pytest.raises(Refused) as caught:
        practice.nookal.submit(prepared(practice, BOOK))
    assert "Ada" not in str(caught.value)
    assert practice.asked == ["addAppointmentBooking"]


def test_a_rejected_key_is_not_a_refusal(practice: Practice) -> None:
    practice.answers("addAppointmentBooking", failure("Invalid API key"))
    with pytest.raises(NotAuthorized):
        practice.nookal.submit(prepared(practice, BOOK))


def test_a_write_without_an_answer_is_not_sent_again(practice: Practice) -> None:
    practice.answers("addAppointmentBooking", status=502, body="<h1>Bad Gateway</h1>")
    with pytest.raises(NoAnswer):
        practice.nookal.submit(prepared(practice, BOOK))
    assert practice.asked == ["addAppointmentBooking"]


@pytest.mark.parametrize(
    "results",
    [None, {}, [], {"appointment_id": None}, {"appointment_id": ""}, {"appointment_id": True},
     {"appointment_id": "9" * 81}, {"appointment_id": ["10"]}, {"patient_id": "5"}],
)  # fmt: skip
def test_a_success_without_an_id_leaves_it_open(practice: Practice, results: Any) -> None:
    practice.answers("addAppointmentBooking", success(results))
    with pytest.raises(NoAnswer):
        practice.nookal.submit(prepared(practice, BOOK))
    assert practice.asked == ["addAppointmentBooking"]


# --- What is not sent at all ---


@pytest.mark.parametrize(
    ("command", "lack"),
    [
        (replace(BOOK, type=""), "type"),
        (replace(CANCEL, patient_id=""), "Whose appointment"),
        (replace(MISSED, patient_id=""), "Whose appointment"),
        (replace(CANCEL, word="Broken"), "no status of this name"),
        (replace(REGISTER, birth_date=None), "date of birth"),
        (replace(REGISTER, first_name=""), "first name"),
        (replace(REGISTER, last_name=""), "last name"),
        (replace(EDIT, changes={"last_name": ""}), "last name"),
    ],
)
def test_what_nookal_would_not_take_is_refused_before_it_is_sent(
    practice: Practice, command: Command, lack: str
) -> None:
    with pytest.raises(Refused, match=lack) as caught:
        practice.nookal.prepare(command)
    assert caught.value.may_have_happened is False
    assert practice.asked == []


def test_a_patient_may_have_neither_email_nor_telephone(practice: Practice) -> None:
    write = prepared(practice, replace(REGISTER, email="", phone=""))
    assert set(write.body) == {"first_name", "last_name", "date_of_birth"}


def test_a_field_can_be_emptied(practice: Practice) -> None:
    edit = replace(EDIT, changes={"email": ""})
    receipt = submit(practice, edit, {"patient_id": "5"}, patient(Email=""))
    assert practice.form(0) == {"patient_id": "5", "email": ""}
    assert receipt.state is State.COMPLETED


def test_what_nookal_has_not_is_a_mistake_of_ours(practice: Practice) -> None:
    note = AddNote(
        patient_id="5",
        practitioner_id="7",
        location_id="1",
        type="x",
        text="y",
        written_on=date(2030, 3, 5),
    )
    assert "add_note" not in practice.nookal.manifest.operations
    with pytest.raises(TypeError):
        practice.nookal.prepare(note)


@pytest.mark.parametrize(("command", "function", "form", "reading", "params"), WRITES)
def test_a_path_names_nobody_and_the_key_is_not_kept(
    practice: Practice,
    command: Command,
    function: str,
    form: Any,
    reading: Any,
    params: Any,
) -> None:
    write = prepared(practice, command)
    assert (write.method, write.endpoint) == ("POST", f"/{function}")
    assert "the-api-key" not in str(write.body)


def test_types_that_are_refused_leave_the_statuses(practice: Practice) -> None:
    practice.answers("getAppointmentTypes", failure("No"))
    found = practice.nookal.vocabulary()
    assert [str(each.value) for each in found.statuses] == [
        "Cancelled", "DNA", "Completed", "Pending",
    ]  # fmt: skip
    assert found.appointment_types == ()
    told = "Nookal answered 200 L000_9: it does not accept the request."
    assert found.unread == {"appointment_types": told}


def test_nothing_is_taken_back(practice: Practice) -> None:
    assert practice.nookal.manifest.withdraws is False
    assert practice.nookal.withdraw("appointment:10") is False
    assert practice.asked == []


def test_the_words_are_the_documented_statuses_and_the_types_in_use(practice: Practice) -> None:
    rows = [
        {"ID": "3", "Name": "Consultation", "Duration": "30", "active": "1"},
        {"ID": "4", "Name": "Old", "Duration": "30", "active": "0"},
        {"ID": "5", "Name": "", "Duration": "30", "active": "1"},
        {"Name": "Without a number"},
    ]
    practice.lists("getAppointmentTypes", "services", *rows)
    assert practice.nookal.vocabulary() == Vocabulary(
        statuses=(
            Term("Cancelled", "Cancelled"),
            Term("DNA", "Did not arrive"),
            Term("Completed", "Completed"),
            Term("Pending", "Pending"),
        ),
        appointment_types=(Term("3", "Consultation"), Term("5", "5")),
    )
