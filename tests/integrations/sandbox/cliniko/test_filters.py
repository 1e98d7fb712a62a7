"""Filters: operators by type, what is no filter, and what lists leave out unless one is given."""

from collections.abc import Callable
from typing import Any

import pytest

from .caller import Caller, linked

Test = Callable[[Any], bool]


@pytest.mark.parametrize(
    ("q", "test"),
    [
        ("date_of_birth:>=1990-01-01", lambda born: born >= "1990-01-01"),
        ("date_of_birth:<1950-06-01", lambda born: born < "1950-06-01"),
        ("date_of_birth:=****-05-**", lambda born: born[5:7] == "05"),
        ("date_of_birth:?", lambda born: True),
    ],
)
def test_dates_are_compared_or_matched_by_their_digits(caller: Caller, q: str, test: Test) -> None:
    everybody = caller.listed("patients")
    wanted = [item["id"] for item in everybody if test(item["date_of_birth"])]
    assert wanted
    assert caller.ids("patients", q=q) == wanted
    assert caller.ids("patients", q="date_of_birth:!?") == []


def test_date_times_are_compared_and_have_no_equal_sign(caller: Caller) -> None:
    moments = sorted(item["updated_at"] for item in caller.listed("patients"))
    middle = moments[300]
    for operator, count in (
        (">", sum(moment > middle for moment in moments)),
        (">=", sum(moment >= middle for moment in moments)),
        ("<", sum(moment < middle for moment in moments)),
        ("<=", sum(moment <= middle for moment in moments)),
    ):
        assert len(caller.ids("patients", q=f"updated_at:{operator}{middle}")) == count
    complaint = caller.complaint("/patients", q=f"updated_at:={middle}")
    assert complaint == "Filter operator for updated_at is not valid"


def test_numbers_can_be_one_several_or_others(caller: Caller) -> None:
    everybody = caller.ids("patients")
    first, second = everybody[:2]
    assert caller.ids("patients", q=f"id:={first}") == [first]
    assert caller.ids("patients", q=f"id:={first},{second}") == [first, second]
    assert caller.ids("patients", q=f"id:!={first}") == everybody[1:]
    assert caller.ids("patients", q=f"id:>{first}") == everybody[1:]
    assert caller.ids("patients", q=f"id:<{second}") == [first]


@pytest.mark.parametrize(
    ("q", "test"),
    [
        ("last_name:=Smith-Jones", lambda name: name == "Smith-Jones"),
        ("last_name:!=Smith-Jones", lambda name: name != "Smith-Jones"),
        ("last_name:~SON", lambda name: "son" in name.lower()),
        (
            "last_name:~~%m%th%",
            lambda name: "m" in name.partition("th")[0].lower() and "th" in name,
        ),
        ("last_name:~O'N", lambda name: "o'n" in name.lower()),
        ("last_name:~MÜL", lambda name: "mül" in name.lower()),
        ("last_name:~%", lambda name: "%" in name),
    ],
)
def test_strings_are_compared_searched_or_matched(caller: Caller, q: str, test: Test) -> None:
    wanted = [item["id"] for item in caller.listed("patients") if test(item["last_name"])]
    assert caller.ids("patients", q=q) == wanted


def test_what_is_missing_can_be_asked_for(caller: Caller) -> None:
    without = [item["id"] for item in caller.listed("patients") if item["email"] is None]
    assert without
    assert caller.ids("patients", q="email:!?") == without
    assert len(caller.ids("patients", q="email:?")) == len(caller.ids("patients")) - len(without)


def test_booleans_and_lists_of_ids_can_be_asked_for(caller: Caller) -> None:
    online = caller.ids("practitioners", q="show_in_online_bookings:=true")
    hidden = caller.ids("practitioners", q="show_in_online_bookings:!=true")
    assert sorted(online + hidden) == sorted(caller.ids("practitioners"))
    assert len(hidden) == 1
    kind = caller.first("appointment_types")
    assert len(caller.ids("businesses", q=f"appointment_type_ids:~{kind}")) == 2
    assert caller.ids("businesses", q="appointment_type_ids:~17") == []


def test_filters_are_all_applied(caller: Caller) -> None:
    one = caller.listed("individual_appointments")[100]
    patient, practitioner = linked(one["patient"]), linked(one["practitioner"])
    q = [
        f"patient_id:={patient}",
        f"practitioner_id:={practitioner}",
        f"starts_at:>={one['starts_at']}",
        f"starts_at:<={one['starts_at']}",
    ]
    assert caller.ids("individual_appointments", q=q) == [one["id"]]
    assert caller.ids("individual_appointments", q=[*q, f"id:!={one['id']}"]) == []


def test_the_single_q_of_older_documentation_still_filters(caller: Caller) -> None:
    headers = caller.headers(caller.keys["cliniko-1"])
    id = caller.first("patients")
    answer = caller.client.get(
        "/cliniko/v1/patients", headers=headers, query_string={"q": f"id:={id}"}
    )
    assert [item["id"] for item in answer.get_json()["patients"]] == [id]


@pytest.mark.parametrize(
    ("resource", "q", "complaint"),
    [
        ("patients", "phone:=0491570006", "phone is not filterable"),
        ("patients", "patient_phone_numbers:~0491", "patient_phone_numbers is not filterable"),
        ("patients", "deleted_at:*", "deleted_at is not filterable"),
        ("patients", "", " is not filterable"),
        ("individual_appointments", "notes:~knee", "notes is not filterable"),
        ("practitioners", "archived_at:*", "archived_at is not filterable"),
        ("patients", "id:=abc", "Filter value for id must be a number"),
        ("patients", "id:=1,", "Filter value for id must be a number"),
        ("patients", "id:=99999999999999999999", "Filter value for id must be a number"),
        ("patients", "id:1", "Filter operator for id is not valid"),
        ("patients", "id:?1", "Filter operator for id is not valid"),
        ("patients", "first_name", "Filter operator for first_name is not valid"),
        ("patients", "first_name:>A", "Filter operator for first_name is not valid"),
        ("patients", "updated_at:>2026-03-01", "Filter value for updated_at must be a date time"),
        (
            "patients",
            "updated_at:>2026-03-01T09:00:00+11:00",
            "Filter value for updated_at must be a date time",
        ),
        (
            "patients",
            "updated_at:>2026-02-30T09:00:00Z",
            "Filter value for updated_at must be a date time",
        ),
        ("patients", "date_of_birth:=1990-13-01", "Filter value for date_of_birth must be a date"),
        ("patients", "date_of_birth:>****-05-**", "Filter value for date_of_birth must be a date"),
        ("practitioners", "active:=yes", "Filter value for active must be a boolean"),
        ("practitioners", "active:?", "Filter operator for active is not valid"),
        (
            "businesses",
            "appointment_type_ids:~x",
            "Filter value for appointment_type_ids must be an array",
        ),
    ],
)
def test_a_filter_that_is_none_is_refused_with_a_plain_message(
    caller: Caller, resource: str, q: str, complaint: str
) -> None:
    assert caller.complaint(f"/{resource}", q=q) == complaint


def test_a_parameter_that_cliniko_does_not_know_is_passed_over(caller: Caller) -> None:
    everybody = caller.get("/patients")["total_entries"]
    answer = caller.get("/patients", updated_since="2030-01-01T00:00:00Z")
    assert answer["total_entries"] == everybody
