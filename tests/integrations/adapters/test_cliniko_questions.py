"""Single questions to Cliniko: one record, who somebody is, free times, and the words to choose."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinics.records import AppointmentRecord, PatientRecord, Removed, Unreadable
from integrations.commands import BookAppointment
from integrations.contract import Term
from integrations.http.errors import NoAnswer, NotAuthorized, PmsError, Refused, Throttled
from integrations.queries import FreeTime, FreeTimes, PatientQuery, Resource
from tests.integrations.adapters.cliniko_account import (
    Account,
    appointment,
    envelope,
    link,
    patient,
)
from tests.integrations.guards import NOW

SYDNEY = ZoneInfo("Australia/Sydney")
TIMES = "/businesses/1/practitioners/3/appointment_types/5/available_times"
NOT_FOUND = {"status": "404", "error": "Not Found"}


# --- One record ----------------------------------------------------------------------------------


def test_a_patient_is_read_by_id_archived_or_not(account: Account) -> None:
    account.answers("GET", "/patients/82", patient())
    record = account.cliniko.lookup(Resource.PATIENTS, "82")
    assert isinstance(record, PatientRecord)
    assert record.external_id == "82"
    assert account.filters() == ["archived_at:*"]
    assert len(account.requests) == 1


def test_an_appointment_is_read_by_id_cancelled_or_not(account: Account) -> None:
    account.answers("GET", "/individual_appointments/7", appointment())
    record = account.cliniko.lookup(Resource.APPOINTMENTS, "7")
    assert isinstance(record, AppointmentRecord)
    assert account.filters() == ["cancelled_at:*", "archived_at:*", "deleted_at:*"]


@pytest.mark.parametrize("answer", [{"json": NOT_FOUND}, {}, {"body": "<html></html>"}])
def test_a_record_that_there_is_not_is_removed(account: Account, answer: dict[str, Any]) -> None:
    account.answers("GET", "/patients/82", status=404, **answer)
    assert account.cliniko.lookup(Resource.PATIENTS, "82") == Removed(external_id="82")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deleted_at": "2030-01-01T00:00:00Z"}, Removed(external_id="82")),
        (
            {"merged_with_patient": link("patients/9")},
            Removed(external_id="82", merged_into="9"),
        ),
        (
            {"date_of_birth": "1984-02-31"},
            Unreadable("has a date_of_birth that cannot be read", "82"),
        ),
    ],
)
def test_one_that_is_no_more_or_unreadable_is_told_as_in_a_list(
    account: Account, changes: dict[str, Any], told: Removed | Unreadable
) -> None:
    account.answers("GET", "/patients/82", patient(**changes))
    assert account.cliniko.lookup(Resource.PATIENTS, "82") == told


@pytest.mark.parametrize("id", ["", "abc", "../user", "82/archive", "8 2", "82?x=1", "9" * 21])
def test_an_id_that_cliniko_cannot_have_costs_no_call(account: Account, id: str) -> None:
    assert account.cliniko.lookup(Resource.PATIENTS, id) == Removed(external_id=id)
    assert account.requests == []


@pytest.mark.parametrize("answer", [patient("83"), {}, {"id": None}, patient("abc")])
def test_an_answer_about_somebody_else_is_none(account: Account, answer: Any) -> None:
    account.answers("GET", "/patients/82", answer)
    with pytest.raises(NoAnswer):
        account.cliniko.lookup(Resource.PATIENTS, "82")


@pytest.mark.parametrize(("status", "kind"), [(401, NotAuthorized), (429, Throttled)])
def test_a_refusal_is_not_taken_for_absence(
    account: Account, status: int, kind: type[PmsError]
) -> None:
    account.answers("GET", "/patients/82", status=status)
    with pytest.raises(kind):
        account.cliniko.lookup(Resource.PATIENTS, "82")


# --- Who somebody is -----------------------------------------------------------------------------


def found(records: list[PatientRecord]) -> list[str]:
    return [record.external_id for record in records]


def test_somebody_is_searched_for_by_email(account: Account) -> None:
    account.lists("/patients", patient())
    query = PatientQuery(email=" Ada@Example.org ")
    assert found(account.cliniko.search_patients(query)) == ["82"]
    assert account.filters() == ["archived_at:*", "email:=Ada@Example.org"]
    assert len(account.requests) == 1


def test_somebody_is_searched_for_by_name_and_birth_date(account: Account) -> None:
    account.lists("/patients", patient(), patient("83", archived_at="2030-01-01T00:00:00Z"))
    query = PatientQuery(
        first_name="ada", last_name="Invented", birth_date=date(1984, 12, 10), phone="0491"
    )
    assert found(account.cliniko.search_patients(query)) == ["82", "83"]
    assert account.filters() == [
        "archived_at:*",
        "first_name:=ada",
        "last_name:=Invented",
        "date_of_birth:=1984-12-10",
    ]


@pytest.mark.parametrize(
    "query",
    [
        PatientQuery(),
        PatientQuery(phone="0491 570 156"),
        PatientQuery(email="  "),
        PatientQuery(first_name="Ada", last_name="Invented"),
        PatientQuery(last_name="Invented", birth_date=date(1984, 12, 10)),
        PatientQuery(birth_date=date(1984, 12, 10)),
    ],
)
def test_what_does_not_name_anybody_asks_nothing(account: Account, query: PatientQuery) -> None:
    assert account.cliniko.search_patients(query) == []
    assert account.requests == []


@pytest.mark.parametrize(
    "query",
    [
        PatientQuery(email="ada@example.org"),
        PatientQuery(first_name="Ada", last_name="Invented", birth_date=date(1984, 12, 10)),
    ],
)
def test_a_filter_that_was_passed_over_shows_nobody_else(
    account: Account, query: PatientQuery
) -> None:
    stranger = patient("83", first_name="Bo", email="bo@example.org", date_of_birth="1990-01-01")
    nameless = patient("84", first_name=None, email=None)
    merged = patient("85", merged_with_patient=link("patients/82"))
    account.lists("/patients", stranger, nameless, patient(), merged, "x", patient(None))
    assert found(account.cliniko.search_patients(query)) == ["82"]


# --- Free times ----------------------------------------------------------------------------------


def asked(first: date, last: date, **changes: Any) -> FreeTimes:
    values = {
        "practitioner_id": "3",
        "location_id": "1",
        "appointment_type": "5",
        "first": first,
        "last": last,
        "timezone": "Australia/Sydney",
        "minutes": 45,
    }
    return FreeTimes(**(values | changes))


def offers(*starts: str, has_more: bool = False) -> dict[str, Any]:
    return envelope(
        "available_times", *({"appointment_start": each} for each in starts), has_more=has_more
    )


def test_free_times_are_starts_that_last_as_long_as_asked(account: Account) -> None:
    account.answers("GET", TIMES, offers("2030-03-10T22:00:00Z", "2030-03-10T22:45:00Z"))
    day = date(2030, 3, 11)
    assert account.cliniko.free_times(asked(day, day), NOW) == [
        FreeTime(
            starts_at=datetime(2030, 3, 10, 22, 0, tzinfo=UTC),
            ends_at=datetime(2030, 3, 10, 22, 45, tzinfo=UTC),
        ),
        FreeTime(
            starts_at=datetime(2030, 3, 10, 22, 45, tzinfo=UTC),
            ends_at=datetime(2030, 3, 10, 23, 30, tzinfo=UTC),
        ),
    ]
    assert account.params() == {
        "from": "2030-03-11", "to": "2030-03-11", "page": "1", "per_page": "100",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "windows"),
    [
        (1, [("2030-03-11", "2030-03-11")]),
        (7, [("2030-03-11", "2030-03-17")]),
        (8, [("2030-03-11", "2030-03-17"), ("2030-03-18", "2030-03-18")]),
        (14, [("2030-03-11", "2030-03-17"), ("2030-03-18", "2030-03-24")]),
    ],
)
def test_a_long_range_is_asked_for_in_parts_of_six_days_between_dates(
    account: Account, days: int, windows: list[tuple[str, str]]
) -> None:
    for _ in windows:
        account.answers("GET", TIMES, offers())
    first = date(2030, 3, 11)
    assert account.cliniko.free_times(asked(first, first + timedelta(days - 1)), NOW) == []
    params = [account.params(number) for number in range(len(windows))]
    assert [(each["from"], each["to"]) for each in params] == windows
    assert len(account.requests) == len(windows)


def test_pages_of_free_times_are_read_to_their_end_and_each_time_is_told_once(
    account: Account,
) -> None:
    account.answers("GET", TIMES, offers("2030-03-10T23:00:00Z", has_more=True))
    account.answers("GET", TIMES, offers("2030-03-10T22:00:00Z", "2030-03-10T23:00:00Z"))
    day = date(2030, 3, 11)
    times = account.cliniko.free_times(asked(day, day), NOW)
    assert times is not None
    assert [each.starts_at.hour for each in times] == [22, 23]
    assert [account.params(number)["page"] for number in range(2)] == ["1", "2"]


def test_times_of_other_local_dates_are_left_out(account: Account) -> None:
    edges = ("2030-03-10T12:59:00Z", "2030-03-10T13:00:00Z", "2030-03-11T12:59:00Z")
    account.answers("GET", TIMES, offers(*edges, "2030-03-11T13:00:00Z"))
    day = date(2030, 3, 11)
    times = account.cliniko.free_times(asked(day, day), NOW)
    assert times is not None
    assert [f"{each.starts_at:%d %H:%M}" for each in times] == ["10 13:00", "11 12:59"]


def test_what_is_not_open_to_online_booking_says_nothing(account: Account) -> None:
    account.answers("GET", TIMES, status=404)
    day = date(2030, 3, 11)
    assert account.cliniko.free_times(asked(day, day), NOW) is None


def test_without_a_type_there_is_nothing_to_ask(account: Account) -> None:
    day = date(2030, 3, 11)
    assert account.cliniko.free_times(asked(day, day, appointment_type=""), NOW) is None
    assert account.requests == []


def test_days_that_have_passed_are_not_asked_for(account: Account) -> None:
    # NOW is 2:00 on 6 March in Sydney.
    account.answers("GET", TIMES, offers())
    account.cliniko.free_times(asked(date(2030, 3, 1), date(2030, 3, 7)), NOW)
    assert (account.params()["from"], account.params()["to"]) == ("2030-03-06", "2030-03-07")


def test_a_range_that_has_passed_has_no_free_times_and_costs_nothing(account: Account) -> None:
    assert account.cliniko.free_times(asked(date(2030, 3, 1), date(2030, 3, 5)), NOW) == []
    assert account.requests == []


def test_a_today_that_has_passed_in_the_accounts_zone_is_asked_for_as_tomorrow(
    account: Account,
) -> None:
    account.answers("GET", TIMES, status=400, body="Invalid time frame definition.")
    account.answers("GET", TIMES, offers("2030-03-06T12:30:00Z", "2030-03-06T13:30:00Z"))
    today = date(2030, 3, 6)
    times = account.cliniko.free_times(asked(today, today), NOW)
    assert times is not None
    assert [each.starts_at.hour for each in times] == [12]
    params = [account.params(number) for number in range(2)]
    assert [(each["from"], each["to"]) for each in params] == [
        ("2030-03-06", "2030-03-06"), ("2030-03-07", "2030-03-07"),
    ]  # fmt: skip


def test_another_refusal_of_a_range_is_one(account: Account) -> None:
    account.answers("GET", TIMES, status=400)
    with pytest.raises(Refused):
        account.cliniko.free_times(asked(date(2030, 3, 11), date(2030, 3, 11)), NOW)
    assert len(account.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"available_times": []},
        {"available_times": [{}], "links": {}},
        {"available_times": ["2030-03-10T22:00:00Z"], "links": {}},
        {"available_times": [{"appointment_start": "soon"}], "links": {}},
    ],
)
def test_free_times_in_another_form_are_no_answer(account: Account, answer: Any) -> None:
    account.answers("GET", TIMES, answer)
    with pytest.raises(NoAnswer):
        account.cliniko.free_times(asked(date(2030, 3, 11), date(2030, 3, 11)), NOW)


def test_ids_cannot_lead_to_another_address(account: Account) -> None:
    path = TIMES.replace("practitioners/3", "practitioners/..%2F..%2Fuser%3Fx")
    account.answers("GET", path, status=404)
    day = date(2030, 3, 11)
    strange = asked(day, day, practitioner_id="../../user?x")
    assert account.cliniko.free_times(strange, NOW) is None


def booking(hour: int, kind: str = "5") -> BookAppointment:
    starts_at = datetime(2030, 3, 11, hour, tzinfo=SYDNEY)
    return BookAppointment(
        patient_id="82",
        practitioner_id="3",
        operatory_id="",
        location_id="1",
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=45),
        description="",
        type=kind,
    )


@pytest.mark.parametrize(("hour", "is_offered"), [(9, True), (10, False)])
def test_a_time_is_offered_where_cliniko_lists_it(
    account: Account, hour: int, is_offered: bool
) -> None:
    account.answers("GET", TIMES, offers("2030-03-10T22:00:00Z"))
    assert account.cliniko.is_offered(booking(hour)) is is_offered
    assert (account.params()["from"], account.params()["to"]) == ("2030-03-11", "2030-03-11")


def test_whether_a_time_is_offered_is_not_said_of_what_is_not_bookable_online(
    account: Account,
) -> None:
    account.answers("GET", TIMES, status=404)
    assert account.cliniko.is_offered(booking(9)) is None
    assert account.cliniko.is_offered(booking(9, kind="")) is None
    assert len(account.requests) == 1


# --- Words ---------------------------------------------------------------------------------------

REASONS = ["10", "20", "30", "40", "50", "60"]


def test_the_words_are_the_reasons_to_cancel_and_the_practices_own_types(account: Account) -> None:
    account.lists(
        "/appointment_types",
        {"id": "5", "name": "Long consultation"},
        {"id": "6", "name": None},
        {"id": "7", "name": "two\nlines"},
        {"id": "8", "name": "Hydro", "archived_at": "2030-01-01T00:00:00Z"},
        {"id": "9", "name": ["x"]},
    )
    words = account.cliniko.vocabulary()
    assert [term.value for term in words.statuses] == REASONS
    assert all(term.label.startswith("Cancelled: ") for term in words.statuses)
    assert words.appointment_types == (
        Term("5", "Long consultation"), Term("6", "6"), Term("7", "7"), Term("9", "9"),
    )  # fmt: skip
    assert (words.note_types, words.payment_types, words.unread) == ((), (), {})
    assert len(account.requests) == 1


@pytest.mark.parametrize("status", [403, 404])
def test_types_that_the_role_may_not_see_stop_no_reasons(account: Account, status: int) -> None:
    account.answers("GET", "/appointment_types", status=status)
    words = account.cliniko.vocabulary()
    assert [term.value for term in words.statuses] == REASONS
    assert words.appointment_types == ()
    assert set(words.unread) == {"appointment_types"}
    assert f"Cliniko answered {status}" in words.unread["appointment_types"]


@pytest.mark.parametrize(("status", "kind"), [(401, NotAuthorized), (429, Throttled)])
def test_half_a_vocabulary_is_not_told_as_a_whole_one(
    account: Account, status: int, kind: type[PmsError]
) -> None:
    account.answers("GET", "/appointment_types", status=status)
    with pytest.raises(kind):
        account.cliniko.vocabulary()


def test_a_list_with_something_unreadable_in_it_is_not_told_as_a_whole_one(
    account: Account,
) -> None:
    account.lists("/appointment_types", {"id": "5", "name": "Long"}, {"name": "nameless"})
    words = account.cliniko.vocabulary()
    assert words.appointment_types == ()
    assert set(words.unread) == {"appointment_types"}


# --- What Cliniko does not tell ------------------------------------------------------------------


@pytest.mark.parametrize("question", ["balance", "payments", "coverages"])
def test_money_and_insurance_are_refused_and_not_answered_with_nothing(
    account: Account, question: str
) -> None:
    with pytest.raises(Refused, match="Cliniko's API tells no"):
        getattr(account.cliniko, question)("82")
    assert account.requests == []
