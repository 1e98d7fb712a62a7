"""Writes to Cliniko: how each is put, what its answer means, and what is read after it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.commands import (
    AddNote,
    BookAppointment,
    CreatePatient,
    RecordPayment,
    RescheduleAppointment,
    SetStatus,
    UpdatePatient,
)
from integrations.contract import PreparedWrite, Receipt, State
from integrations.http.errors import (
    BudgetExhausted,
    NoAnswer,
    NotAuthorized,
    NotReached,
    PmsError,
    Refused,
    Throttled,
)
from tests.integrations.adapters.cliniko_account import Account, appointment, patient

SYDNEY = ZoneInfo("Australia/Sydney")
STARTS = datetime(2030, 3, 7, 10, 0, tzinfo=SYDNEY)
ENDS = datetime(2030, 3, 7, 10, 45, tzinfo=SYDNEY)

BOOKING = BookAppointment(
    patient_id="82",
    practitioner_id="3",
    operatory_id="OP1",
    location_id="1",
    starts_at=STARTS,
    ends_at=ENDS,
    description="Bring the referral.",
    type="5",
)
BOOKED = {
    "starts_at": "2030-03-06T23:00:00Z",
    "ends_at": "2030-03-06T23:45:00Z",
    "patient_id": "82",
    "practitioner_id": "3",
    "business_id": "1",
    "appointment_type_id": "5",
    "notes": "Bring the referral.",
}
MOVE = RescheduleAppointment(
    appointment_id="7",
    practitioner_id="3",
    operatory_id="OP1",
    location_id="1",
    starts_at=STARTS,
    ends_at=ENDS,
)
MOVED = {name: BOOKED[name] for name in ("starts_at", "ends_at", "practitioner_id", "business_id")}
APPOINTMENTS, CONFLICTS = "/individual_appointments", "/individual_appointments/7/conflicts"
OVERLAPS = "It overlaps another appointment of the practitioner."
UNKNOWN = "Whether it overlaps another appointment could not be read."


def cancelling(word: str = "50") -> SetStatus:
    return SetStatus(appointment_id="7", location_id="1", word=word)


def prepared(account: Account, command: Any) -> PreparedWrite:
    made = account.cliniko.prepare(command)
    assert account.requests == []
    return made


def no_conflict(account: Account, exist: Any = False) -> None:
    account.answers("GET", CONFLICTS, {"conflicts": {"exist": exist}})


# --- Putting it ----------------------------------------------------------------------------------


def test_a_booking_is_put_in_utc_with_its_type_and_notes(account: Account) -> None:
    assert prepared(account, BOOKING) == PreparedWrite(
        method="POST", endpoint=APPOINTMENTS, body=BOOKED
    )


def test_what_a_booking_does_not_say_is_not_sent(account: Account) -> None:
    values = {name: getattr(BOOKING, name) for name in BOOKING.__slots__}
    body = prepared(account, BookAppointment(**{**values, "type": "", "description": ""})).body
    assert set(body) == set(BOOKED) - {"appointment_type_id", "notes"}


def test_a_time_in_the_hour_that_comes_twice_is_put_as_it_was_meant(account: Account) -> None:
    values = {name: getattr(MOVE, name) for name in MOVE.__slots__}
    # 7 April 2030: Sydney's clocks go from 3:00 back to 2:00.
    second = datetime(2030, 4, 7, 2, 30, fold=1, tzinfo=SYDNEY)
    body = prepared(account, RescheduleAppointment(**{**values, "starts_at": second})).body
    assert body["starts_at"] == "2030-04-06T16:30:00Z"


def test_a_move_names_time_practitioner_and_site(account: Account) -> None:
    assert prepared(account, MOVE) == PreparedWrite(
        method="PATCH", endpoint=f"{APPOINTMENTS}/7", body=MOVED
    )


@pytest.mark.parametrize("word", ["10", "20", "30", "40", "50", "60"])
def test_a_cancellation_has_a_reasons_code(account: Account, word: str) -> None:
    assert prepared(account, cancelling(word)) == PreparedWrite(
        method="PATCH",
        endpoint=f"{APPOINTMENTS}/7/cancel",
        body={"cancellation_reason": int(word)},
    )


@pytest.mark.parametrize("word", ["", "31", "cancelled", "5", "050", "50 "])
def test_another_word_cancels_nothing(account: Account, word: str) -> None:
    with pytest.raises(ValueError, match="no such reason"):
        account.cliniko.prepare(cancelling(word))


def test_a_new_patient_has_what_is_known(account: Account) -> None:
    whole = CreatePatient(
        location_id="1",
        practitioner_id="3",
        first_name=" Ada ",
        last_name="Invented",
        birth_date=date(1984, 12, 10),
        email="ada@example.org",
        phone="0491 570 156",
    )
    assert prepared(account, whole) == PreparedWrite(
        method="POST",
        endpoint="/patients",
        body={
            "first_name": "Ada",
            "last_name": "Invented",
            "date_of_birth": "1984-12-10",
            "email": "ada@example.org",
            "patient_phone_numbers": [{"phone_type": "Mobile", "number": "0491 570 156"}],
        },
    )
    bare = CreatePatient(
        location_id="1",
        practitioner_id="3",
        first_name="Ada",
        last_name="Invented",
        birth_date=None,
        email="",
        phone="",
    )
    assert prepared(account, bare).body == {"first_name": "Ada", "last_name": "Invented"}


def updating(**changes: Any) -> UpdatePatient:
    return UpdatePatient(patient_id="82", location_id="1", changes=changes)


def test_a_changed_patient_has_only_what_changes_and_null_for_what_is_emptied(
    account: Account,
) -> None:
    asked = updating(last_name="Lovelace", email="", birth_date=date(1984, 12, 11), phone="")
    assert prepared(account, asked) == PreparedWrite(
        method="PATCH",
        endpoint="/patients/82",
        body={
            "last_name": "Lovelace",
            "email": None,
            "date_of_birth": "1984-12-11",
            "patient_phone_numbers": [],
        },
    )


def test_an_id_cannot_lead_to_another_address(account: Account) -> None:
    asked = SetStatus(appointment_id="7/archive?x", location_id="1", word="50")
    endpoint = prepared(account, asked).endpoint
    assert endpoint == f"{APPOINTMENTS}/7%2Farchive%3Fx/cancel"


@pytest.mark.parametrize(
    "command",
    [
        AddNote(
            patient_id="82",
            practitioner_id="3",
            location_id="1",
            type="x",
            text="x",
            written_on=date(2030, 3, 5),
        ),
        RecordPayment(
            patient_id="82",
            guarantor_id="82",
            practitioner_id="3",
            location_id="1",
            type="x",
            description="x",
            amount=Decimal(1),
            paid_on=date(2030, 3, 5),
        ),
    ],
)
def test_what_cliniko_cannot_do_is_not_put(account: Account, command: Any) -> None:
    with pytest.raises(TypeError, match="Cliniko knows no"):
        account.cliniko.prepare(command)


# --- Booking -------------------------------------------------------------------------------------


def book(account: Account) -> Receipt:
    return account.cliniko.submit(account.cliniko.prepare(BOOKING))


def test_a_booking_is_done_at_once_and_then_asked_whether_it_overlaps(account: Account) -> None:
    account.answers("POST", APPOINTMENTS, appointment(), 201)
    no_conflict(account)
    assert book(account) == Receipt(reference="book:7", state=State.COMPLETED, created_id="7")
    assert account.asked == [f"POST {APPOINTMENTS}", f"GET {CONFLICTS}"]
    assert account.body(0) == BOOKED
    assert account.requests[0].headers["Content-Type"] == "application/json"


def test_a_booking_that_overlaps_is_done_with_a_remark(account: Account) -> None:
    account.answers("POST", APPOINTMENTS, appointment(), 201)
    no_conflict(account, exist=True)
    receipt = book(account)
    assert (receipt.state, receipt.created_id, receipt.remark) == (State.COMPLETED, "7", OVERLAPS)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 401},
        {"status": 404},
        {"status": 429},
        {"status": 500},
        {"body": "no JSON"},
        {"json": {}},
        {"json": {"conflicts": None}},
        {"json": {"conflicts": {"exist": None}}},
        {"json": {"conflicts": {"exist": "yes"}}},
    ],
)
def test_whatever_the_question_for_overlaps_runs_into_the_booking_is_done(
    account: Account, answer: dict[str, Any]
) -> None:
    account.answers("POST", APPOINTMENTS, appointment(), 201)
    repeats = 3 if answer.get("status") == 500 or "body" in answer else 1
    for _ in range(repeats):
        account.answers("GET", CONFLICTS, **answer)
    receipt = book(account)
    assert (receipt.state, receipt.created_id, receipt.remark) == (State.COMPLETED, "7", UNKNOWN)
    assert account.asked.count(f"POST {APPOINTMENTS}") == 1


def test_a_spent_budget_after_the_booking_does_not_undo_it(account: Account) -> None:
    account.answers("POST", APPOINTMENTS, appointment(), 201)

    def spend(scopes: Any) -> None:
        if account.requests:
            raise BudgetExhausted("All used.")

    account.guard.spend = spend
    receipt = book(account)
    assert (receipt.state, receipt.created_id, receipt.remark) == (State.COMPLETED, "7", UNKNOWN)


@pytest.mark.parametrize("answer", [{}, {"id": None}, {"id": "abc"}, {"id": []}])
def test_a_booking_without_an_id_may_stand_and_is_not_sent_again(
    account: Account, answer: Any
) -> None:
    account.answers("POST", APPOINTMENTS, answer, 201)
    with pytest.raises(NoAnswer) as caught:
        book(account)
    assert caught.value.may_have_happened is True
    assert len(account.requests) == 1


@pytest.mark.parametrize(
    ("status", "json", "kind", "may_have_happened"),
    [
        (422, {"errors": {"patient_id": "must exist"}}, Refused, False),
        (404, None, Refused, False),
        (401, None, NotAuthorized, False),
        (403, None, NotAuthorized, False),
        (429, None, Throttled, False),
        (500, None, NoAnswer, True),
        (204, None, NoAnswer, True),
    ],
)
def test_a_booking_that_is_not_taken_is_sent_once_and_asks_nothing_more(
    account: Account, status: int, json: Any, kind: type[PmsError], may_have_happened: bool
) -> None:
    account.answers("POST", APPOINTMENTS, json, status)
    with pytest.raises(kind) as caught:
        book(account)
    assert caught.value.may_have_happened is may_have_happened
    assert len(account.requests) == 1


# --- Moving --------------------------------------------------------------------------------------


def move(account: Account) -> Receipt:
    return account.cliniko.submit(account.cliniko.prepare(MOVE))


def test_a_move_is_done_where_the_answer_shows_it(account: Account) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7", appointment())
    no_conflict(account, exist=True)
    assert move(account) == Receipt(
        reference="reschedule:7:2030-03-05T15:00:00Z", state=State.COMPLETED, remark=OVERLAPS
    )
    assert account.body(0) == MOVED


@pytest.mark.parametrize(
    "changes",
    [
        {"starts_at": "2030-03-06T22:00:00Z"},
        {"ends_at": None},
        {"practitioner": None},
        {"business": {"links": {"self": "https://x/businesses/2"}}},
        {"cancelled_at": "2030-03-05T15:00:00Z"},
    ],
)
def test_a_move_that_the_answer_does_not_show_is_not_done_yet(
    account: Account, changes: dict[str, Any]
) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7", appointment(**changes))
    receipt = move(account)
    assert (receipt.state, receipt.remark) == (State.PENDING, "")
    assert len(account.requests) == 1


def test_two_moves_that_change_nothing_are_told_apart_by_when_they_were_sent(
    account: Account,
) -> None:
    before = appointment(updated_at="2030-03-05T12:00:00Z")
    account.answers("PATCH", f"{APPOINTMENTS}/7", before)
    no_conflict(account)
    # NOW in UNIX seconds.
    assert move(account).reference == "reschedule:7:2030-03-05T12:00:00Z:1898953200"


def test_an_answer_about_another_appointment_is_none(account: Account) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7", appointment("8"))
    with pytest.raises(NoAnswer, match="another record"):
        move(account)


# --- Cancelling ----------------------------------------------------------------------------------

CANCELLED = {"cancelled_at": "2030-03-05T15:00:00Z", "cancellation_reason": 50}
DONE = Receipt(reference="cancel:7:2030-03-05T15:00:00Z", state=State.COMPLETED)


def cancel(account: Account) -> Receipt:
    return account.cliniko.submit(account.cliniko.prepare(cancelling()))


def test_a_cancellation_is_answered_without_a_word_and_read_back(account: Account) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", status=204)
    account.lists(APPOINTMENTS, appointment(**CANCELLED))
    assert cancel(account) == DONE
    assert account.body(0) == {"cancellation_reason": 50}
    assert account.asked == [f"PATCH {APPOINTMENTS}/7/cancel", f"GET {APPOINTMENTS}"]
    shown = ["cancelled_at:*", "archived_at:*", "deleted_at:*"]
    assert account.filters() == [*shown, "id:=7"]


@pytest.mark.parametrize("answer", [{"status": 429}, {"status": 403}, {"json": {"odd": 1}}])
def test_a_cancellation_is_done_although_it_cannot_be_read_back(
    account: Account, answer: dict[str, Any]
) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", status=204)
    account.answers("GET", APPOINTMENTS, **answer)
    receipt = cancel(account)
    assert receipt == Receipt(reference="cancel:7:1898953200", state=State.COMPLETED)


def test_a_cancellation_that_the_record_does_not_show_is_not_done_yet(account: Account) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", status=204)
    account.lists(APPOINTMENTS, appointment())
    assert cancel(account).state is State.PENDING


@pytest.mark.parametrize("status", [404, 422])
def test_what_is_cancelled_already_is_as_it_was_asked_to_be(account: Account, status: int) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", {"errors": {}}, status)
    account.lists(APPOINTMENTS, appointment(**CANCELLED))
    assert cancel(account) == DONE


@pytest.mark.parametrize("items", [[], [appointment()], [appointment("8", **CANCELLED)]])
def test_a_cancellation_that_is_refused_and_not_so_is_refused(
    account: Account, items: list[Any]
) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", status=404)
    account.lists(APPOINTMENTS, *items)
    with pytest.raises(Refused):
        cancel(account)


def test_a_lost_answer_to_a_cancellation_is_not_read_back_at_once(account: Account) -> None:
    account.answers("PATCH", f"{APPOINTMENTS}/7/cancel", status=502)
    with pytest.raises(NoAnswer):
        cancel(account)
    assert len(account.requests) == 1


# --- Patients ------------------------------------------------------------------------------------


def test_a_new_patient_is_done_at_once(account: Account) -> None:
    account.answers("POST", "/patients", patient("83"), 201)
    write = PreparedWrite(method="POST", endpoint="/patients", body={"first_name": "Ada"})
    assert account.cliniko.submit(write) == Receipt(
        reference="create_patient:83", state=State.COMPLETED, created_id="83"
    )
    assert account.asked == ["POST /patients"]


def change(account: Account, **changes: Any) -> Receipt:
    return account.cliniko.submit(account.cliniko.prepare(updating(**changes)))


def numbers(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {
        "patient_phone_numbers": [{"phone_type": kind, "number": number} for kind, number in pairs]
    }


def test_a_change_without_a_number_is_one_call(account: Account) -> None:
    changed = patient(last_name="Lovelace", updated_at="2030-03-05T15:00:01Z")
    account.answers("PATCH", "/patients/82", changed)
    assert change(account, last_name="Lovelace") == Receipt(
        reference="update_patient:82:2030-03-05T15:00:01Z", state=State.COMPLETED
    )
    assert account.body() == {"last_name": "Lovelace"}
    assert len(account.requests) == 1


def test_a_change_that_the_answer_does_not_show_is_not_done_yet(account: Account) -> None:
    account.answers("PATCH", "/patients/82", patient())
    assert change(account, last_name="Lovelace").state is State.PENDING


@pytest.mark.parametrize(
    ("before", "phone", "after"),
    [
        ([], "9", [("Mobile", "9")]),
        ([("Mobile", "1")], "9", [("Mobile", "9")]),
        (
            [("Home", "1"), ("Mobile", "2"), ("Work", "3")],
            "9",
            [("Home", "1"), ("Mobile", "9"), ("Work", "3")],
        ),
        ([("Home", "1"), ("Work", "2")], "9", [("Home", "9"), ("Work", "2")]),
        ([("Fax", "1")], "9", [("Mobile", "9"), ("Fax", "1")]),
        ([("Home", "1"), ("Mobile", "2")], "", [("Home", "1")]),
        ([("Mobile", "2")], "", []),
        ([], "", []),
    ],
)
def test_a_new_number_takes_the_first_ones_place_and_leaves_the_others(
    account: Account,
    before: list[tuple[str, str]],
    phone: str,
    after: list[tuple[str, str]],
) -> None:
    held = numbers(*before)
    for each in held["patient_phone_numbers"]:
        each["normalized_number"] = "61"  # read only
    account.answers("GET", "/patients/82", patient(**held))
    account.answers("PATCH", "/patients/82", patient(**numbers(*after)))
    assert change(account, phone=phone).state is State.COMPLETED
    assert account.body() == numbers(*after)
    assert account.asked == ["GET /patients/82", "PATCH /patients/82"]


def test_a_number_that_stays_although_it_was_taken_out_is_not_done(account: Account) -> None:
    held = numbers(("Home", "1"), ("Mobile", "2"))
    account.answers("GET", "/patients/82", patient(**held))
    account.answers("PATCH", "/patients/82", patient(**held))
    assert change(account, phone="").state is State.PENDING


def test_without_the_other_numbers_nothing_is_sent_that_could_lose_them(account: Account) -> None:
    for _ in range(3):
        account.answers("GET", "/patients/82", status=500)
    with pytest.raises(NotReached, match="nothing was sent") as caught:
        change(account, phone="9", last_name="Lovelace")
    assert caught.value.may_have_happened is False
    assert account.asked == ["GET /patients/82"] * 3


@pytest.mark.parametrize(("status", "kind"), [(404, Refused), (401, NotAuthorized)])
def test_a_refused_look_at_the_other_numbers_is_the_refusal_of_the_write(
    account: Account, status: int, kind: type[PmsError]
) -> None:
    account.answers("GET", "/patients/82", status=status)
    with pytest.raises(kind):
        change(account, phone="9")
    assert len(account.requests) == 1


def test_nothing_is_ever_withdrawn(account: Account) -> None:
    assert account.cliniko.withdraw("book:7") is False
    assert account.requests == []


def test_the_clock_of_these_tests_is_what_the_references_say() -> None:
    assert datetime.fromtimestamp(1898953200, UTC) == datetime(2030, 3, 5, 15, tzinfo=UTC)
