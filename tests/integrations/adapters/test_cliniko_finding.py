"""What became of writes to Cliniko: read back from the records that they are about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from integrations.contract import Lookup, Outcome, PreparedWrite, SentWrite, State
from integrations.http.errors import NoAnswer, Throttled
from tests.integrations.adapters.cliniko_account import Account, appointment, link, patient
from tests.integrations.guards import NOW

APPOINTMENTS = "/individual_appointments"
#: A record as it is asked for below, made and changed when the write was sent.
SENT = NOW - timedelta(minutes=1)
AT = "2030-03-05T14:59:00Z"
BODY = {
    "starts_at": "2030-03-06T23:00:00Z",
    "ends_at": "2030-03-06T23:45:00Z",
    "patient_id": "82",
    "practitioner_id": "3",
    "business_id": "1",
    "appointment_type_id": "5",
    "notes": "Bring the referral.",
}
ADA = {
    "first_name": "Ada",
    "last_name": "Invented",
    "date_of_birth": "1984-12-10",
    "email": "ada@example.org",
    "patient_phone_numbers": [{"phone_type": "Mobile", "number": "0491 570 156"}],
}
LATER = {"starts_at": "2030-03-06T23:30:00Z"}


def write(method: str, endpoint: str, body: Mapping[str, Any], reference: str = "") -> SentWrite:
    prepared = PreparedWrite(method=method, endpoint=endpoint, body=body)
    return SentWrite(prepared=prepared, sent_at=SENT, reference=reference)


def booking(reference: str = "", **changes: Any) -> SentWrite:
    return write("POST", APPOINTMENTS, BODY | changes, reference)


def moving(reference: str = "", id: str = "7", **changes: Any) -> SentWrite:
    names = ("starts_at", "ends_at", "practitioner_id", "business_id")
    body = {name: BODY[name] for name in names} | changes
    return write("PATCH", f"{APPOINTMENTS}/{id}", body, reference)


def cancelling(reference: str = "", id: str = "7") -> SentWrite:
    return write("PATCH", f"{APPOINTMENTS}/{id}/cancel", {"cancellation_reason": 50}, reference)


def creating(reference: str = "", **changes: Any) -> SentWrite:
    return write("POST", "/patients", ADA | changes, reference)


def updating(reference: str = "", **changes: Any) -> SentWrite:
    return write("PATCH", "/patients/82", changes, reference)


def made(id: str = "7", **changes: Any) -> dict[str, Any]:
    return appointment(id, **{"created_at": AT, "updated_at": AT} | changes)


def ada(id: str = "82", **changes: Any) -> dict[str, Any]:
    return patient(id, **{"created_at": AT, "updated_at": AT} | changes)


def outcomes(account: Account, *writes: SentWrite) -> dict[str, Outcome]:
    return dict(account.cliniko.outcomes(writes, NOW))


PENDING = Outcome(state=State.PENDING)
DONE = Outcome(state=State.COMPLETED)


# --- Outcomes ------------------------------------------------------------------------------------


def test_many_writes_are_read_back_with_one_call_for_each_list(account: Account) -> None:
    account.lists(
        APPOINTMENTS, made("7"), made("8", cancelled_at=AT), made("9", **LATER), made("10")
    )
    account.lists("/patients", ada("82", email="new@example.org"), ada("83"))
    assert outcomes(
        account,
        booking("book:7"),
        cancelling("cancel:8:x", "8"),
        moving("reschedule:9:x", "9"),
        moving("reschedule:10:x", "10"),
        creating("create_patient:83"),
        updating("update_patient:82:x", email="NEW@example.org"),
    ) == {
        "book:7": Outcome(state=State.COMPLETED, created_id="7"),
        "cancel:8:x": DONE,
        "reschedule:9:x": PENDING,
        "reschedule:10:x": DONE,
        "create_patient:83": Outcome(state=State.COMPLETED, created_id="83"),
        "update_patient:82:x": DONE,
    }
    assert account.asked == [f"GET {APPOINTMENTS}", "GET /patients"]
    shown = ["cancelled_at:*", "archived_at:*", "deleted_at:*"]
    assert account.filters(0) == [*shown, "id:=10,7,8,9"]
    assert account.filters(1) == ["archived_at:*", "id:=82,83"]


def test_what_cliniko_does_not_list_is_left_out(account: Account) -> None:
    account.lists(APPOINTMENTS, made("70"), {"id": None}, "x")
    assert outcomes(account, booking("book:7"), cancelling("cancel:8:x", "8")) == {}


def test_what_is_no_reference_is_not_asked_for(account: Account) -> None:
    assert outcomes(account, booking(""), booking("7"), booking("book:abc")) == {}
    assert account.requests == []


@pytest.mark.parametrize(
    ("changes", "done"),
    [
        ({}, True),
        ({"notes": None}, True),
        # It was made, and somebody has called it off since.
        ({"cancelled_at": AT}, True),
        ({"archived_at": AT}, True),
        ({"starts_at": "2030-03-06T23:00:00.000+00:00"}, True),
        (LATER, False),
        ({"ends_at": "2030-03-07T00:00:00Z"}, False),
        ({"ends_at": None}, False),
        ({"patient": link("patients/83")}, False),
        ({"patient": None}, False),
        ({"practitioner": link("practitioners/4")}, False),
        ({"business": link("businesses/2")}, False),
        ({"appointment_type": link("appointment_types/6")}, False),
        ({"appointment_type": {"links": {"self": "x"}}}, False),
    ],
)
def test_a_booking_is_completed_only_where_the_record_shows_it(
    account: Account, changes: dict[str, Any], done: bool
) -> None:
    account.lists(APPOINTMENTS, made(**changes))
    found = outcomes(account, booking("book:7"))["book:7"]
    assert found.state is (State.COMPLETED if done else State.PENDING)
    assert found.created_id == ("7" if done else "")


@pytest.mark.parametrize(
    ("changes", "done"),
    [
        ({}, True),
        ({"patient": link("patients/99")}, True),
        (LATER, False),
        ({"cancelled_at": AT}, False),
        ({"archived_at": AT}, False),
        ({"deleted_at": AT}, False),
        ({"practitioner": link("practitioners/4")}, False),
    ],
)
def test_a_move_is_completed_only_where_the_record_shows_it(
    account: Account, changes: dict[str, Any], done: bool
) -> None:
    account.lists(APPOINTMENTS, made(**changes))
    found = outcomes(account, moving("reschedule:7:x"))
    assert found == {"reschedule:7:x": DONE if done else PENDING}


@pytest.mark.parametrize(
    ("asked", "has", "done"),
    [
        ({"last_name": "Lovelace"}, {"last_name": " lovelace"}, True),
        ({"last_name": "Lovelace"}, {}, False),
        ({"email": None}, {"email": None}, True),
        ({"email": None}, {"email": ""}, True),
        ({"email": None}, {}, False),
        ({"date_of_birth": "1984-12-11"}, {"date_of_birth": "1984-12-11"}, True),
        ({"date_of_birth": "1984-12-11"}, {}, False),
        ({"last_name": "Lovelace", "email": "x@example.org"}, {"last_name": "Lovelace"}, False),
        ({"last_name": "Lovelace"}, {"last_name": {}}, False),
        ({"patient_phone_numbers": [{"phone_type": "Mobile", "number": "0491-570-156"}]}, {}, True),
        ({"patient_phone_numbers": [{"phone_type": "Mobile", "number": "9"}]}, {}, False),
        ({"patient_phone_numbers": []}, {}, False),
        ({"patient_phone_numbers": []}, {"patient_phone_numbers": None}, True),
    ],
)
def test_a_changed_patient_is_completed_only_where_the_record_shows_it(
    account: Account, asked: dict[str, Any], has: dict[str, Any], done: bool
) -> None:
    account.lists("/patients", ada(**has))
    found = outcomes(account, updating("update_patient:82:x", **asked))
    assert found == {"update_patient:82:x": DONE if done else PENDING}


def test_no_answer_completes_nothing(account: Account) -> None:
    account.answers("GET", APPOINTMENTS, {"odd": True})
    with pytest.raises(NoAnswer):
        outcomes(account, booking("book:7"))


def test_more_than_a_hundred_are_asked_for_by_the_hundred(account: Account) -> None:
    account.lists(APPOINTMENTS)
    account.lists(APPOINTMENTS)
    writes = [cancelling(f"cancel:{number}:x", str(number)) for number in range(1001, 1151)]
    assert outcomes(account, *writes) == {}
    asked = [account.filters(number)[-1].count(",") + 1 for number in range(2)]
    assert asked == [100, 50]


def test_the_id_of_what_was_made_stands_in_the_reference(account: Account) -> None:
    writes = [booking("book:7"), creating("create_patient:83"), moving("reschedule:9:x"), booking()]
    found = list(account.cliniko.created_ids(writes, NOW))
    assert found == [("book:7", "7"), ("create_patient:83", "83")]
    assert account.requests == []


# --- Lost answers --------------------------------------------------------------------------------


def find(account: Account, *writes: SentWrite) -> list[Lookup]:
    return account.cliniko.find(writes, NOW)


def found(*same: str, similar: tuple[str, ...] = ()) -> Lookup:
    return Lookup(same=same, similar=similar, covered=True)


ABSENT = found()


def test_a_lost_booking_is_found_by_its_patient_and_time(account: Account) -> None:
    account.lists(APPOINTMENTS, made())
    assert find(account, booking()) == [found("book:7")]
    assert account.filters() == [
        "cancelled_at:*",
        "archived_at:*",
        "deleted_at:*",
        "created_at:>=2030-03-05T14:54:00Z",
        "patient_id:=82",
    ]
    assert account.asked == [f"GET {APPOINTMENTS}"]


def test_a_lost_booking_that_is_not_there_is_absent(account: Account) -> None:
    account.lists(APPOINTMENTS)
    assert find(account, booking()) == [ABSENT]


def test_twins_are_found_the_oldest_first(account: Account) -> None:
    account.lists(
        APPOINTMENTS,
        made("9", created_at="2030-03-05T14:59:02Z"),
        made("10", created_at="2030-03-05T14:59:01Z"),
        made("11", created_at="2030-03-05T14:59:02Z"),
    )
    assert find(account, booking(), booking()) == [found("book:10", "book:9", "book:11")] * 2


def test_an_appointment_that_was_there_before_is_another(account: Account) -> None:
    account.lists(APPOINTMENTS, made(created_at="2030-03-05T14:53:59Z"))
    assert find(account, booking()) == [ABSENT]


def test_one_that_was_made_and_called_off_since_was_carried_out(account: Account) -> None:
    account.lists(APPOINTMENTS, made("7", cancelled_at=AT), made("8", archived_at=AT))
    assert find(account, booking()) == [found("book:7", "book:8")]


@pytest.mark.parametrize(
    ("changes", "lookup"),
    [
        # It may be ours, moved by somebody since.
        (LATER, found(similar=("book:7",))),
        ({"practitioner": link("practitioners/4")}, found(similar=("book:7",))),
        ({"created_at": None} | LATER, found(similar=("book:7",))),
        # Made a while after a request could still have been under way.
        ({"created_at": "2030-03-05T15:14:01Z"} | LATER, ABSENT),
        ({"patient": link("patients/83")}, ABSENT),
    ],
)
def test_what_could_be_a_lost_booking_is_not_adopted_and_not_passed_over(
    account: Account, changes: dict[str, Any], lookup: Lookup
) -> None:
    account.lists(APPOINTMENTS, made(**changes))
    assert find(account, booking()) == [lookup]


def test_lost_bookings_of_several_patients_are_one_question(account: Account) -> None:
    account.lists(APPOINTMENTS, made("7"), made("8", patient=link("patients/83")))
    assert find(account, booking(), booking(patient_id="83")) == [found("book:7"), found("book:8")]
    assert account.filters()[-1] == "patient_id:=82,83"
    assert len(account.requests) == 1


def test_a_list_of_several_pages_is_read_to_its_end(account: Account) -> None:
    account.lists(APPOINTMENTS, made("1", **LATER), has_more=True)
    account.lists(APPOINTMENTS, made("7"))
    lookups = find(account, booking())
    assert lookups == [found("book:7", similar=("book:1",))]
    assert account.params(1)["page"] == "2"


def test_absence_is_not_proved_by_a_list_with_something_unreadable_in_it(account: Account) -> None:
    account.lists(APPOINTMENTS, {"id": None})
    assert find(account, booking()) == [Lookup(covered=False)]


def test_a_refusal_proves_nothing(account: Account) -> None:
    account.answers("GET", APPOINTMENTS, status=429)
    with pytest.raises(Throttled):
        find(account, booking())


def test_a_lost_patient_is_found_among_the_new_ones_without_a_name_in_an_address(
    account: Account,
) -> None:
    stranger = ada(
        "84",
        first_name="Bo",
        last_name="Other",
        email="bo@example.org",
        date_of_birth=None,
        patient_phone_numbers=[],
    )
    account.lists("/patients", stranger, ada("83", email="ADA@example.org"))
    assert find(account, creating()) == [found("create_patient:83")]
    assert account.filters() == ["archived_at:*", "created_at:>=2030-03-05T14:54:00Z"]


@pytest.mark.parametrize(
    "changes",
    [
        {"first_name": "Adah"},
        {"email": None},
        {"date_of_birth": "1984-12-11"},
        {"last_name": "Lovelace", "email": None},
    ],
)
def test_a_new_patient_who_shares_something_could_be_the_lost_one(
    account: Account, changes: dict[str, Any]
) -> None:
    account.lists("/patients", ada("83", **changes))
    assert find(account, creating()) == [found(similar=("create_patient:83",))]


def test_a_lost_move_is_found_by_the_appointment_itself(account: Account) -> None:
    account.lists(APPOINTMENTS, made())
    assert find(account, moving()) == [found(f"reschedule:7:{AT}")]
    assert account.filters()[-1] == "id:=7"


def test_a_move_to_where_it_was_already_is_as_asked(account: Account) -> None:
    account.lists(APPOINTMENTS, made(updated_at="2030-03-05T12:00:00Z"))
    unix = int(SENT.timestamp())
    assert find(account, moving()) == [found(f"reschedule:7:2030-03-05T12:00:00Z:{unix}")]


def test_an_appointment_that_nobody_touched_since_was_not_moved(account: Account) -> None:
    account.lists(APPOINTMENTS, made(**LATER, updated_at="2030-03-05T14:58:49Z"))
    assert find(account, moving()) == [ABSENT]


def test_one_that_was_touched_since_could_have_been_moved_and_moved_on(account: Account) -> None:
    account.lists(APPOINTMENTS, made(**LATER))
    assert find(account, moving()) == [found(similar=(f"reschedule:7:{AT}",))]


def test_a_lost_cancellation_is_found_by_when_it_was_cancelled(account: Account) -> None:
    account.lists(APPOINTMENTS, made(cancelled_at="2030-03-05T14:59:01Z"))
    assert find(account, cancelling()) == [found("cancel:7:2030-03-05T14:59:01Z")]


def test_one_that_is_not_cancelled_can_be_asked_for_again(account: Account) -> None:
    account.lists(APPOINTMENTS, made())
    assert find(account, cancelling()) == [ABSENT]


def test_a_change_of_what_is_not_listed_is_absent(account: Account) -> None:
    account.lists(APPOINTMENTS)
    assert find(account, moving(), cancelling(id="8")) == [ABSENT, ABSENT]
    assert account.filters()[-1] == "id:=7,8"
    assert len(account.requests) == 1


def test_a_lost_change_of_a_patient_is_found_by_the_patient(account: Account) -> None:
    account.lists("/patients", ada(last_name="Lovelace"))
    assert find(account, updating(last_name="Lovelace")) == [found(f"update_patient:82:{AT}")]


def test_an_emptied_number_is_not_emptied_twice_where_another_one_is_left(
    account: Account,
) -> None:
    account.lists("/patients", ada())
    lookups = find(account, updating(patient_phone_numbers=[]))
    assert lookups == [found(similar=(f"update_patient:82:{AT}",))]


def test_every_kind_of_lost_write_is_looked_for_in_one_go_and_told_in_order(
    account: Account,
) -> None:
    account.lists(APPOINTMENTS, made("7"))
    account.lists("/patients", ada("83"))
    account.lists(APPOINTMENTS, made("8", cancelled_at=AT))
    account.lists("/patients", ada("82"))
    lookups = find(account, updating(first_name="Ada"), cancelling(id="8"), creating(), booking())
    assert lookups == [
        found(f"update_patient:82:{AT}"),
        found(f"cancel:8:{AT}"),
        found("create_patient:83"),
        found("book:7"),
    ]
    assert len(account.requests) == 4


def test_nothing_lost_asks_nothing(account: Account) -> None:
    assert find(account) == []
    assert account.requests == []


def test_the_moment_of_sending_is_what_these_tests_say() -> None:
    assert datetime.fromisoformat(AT) == SENT
