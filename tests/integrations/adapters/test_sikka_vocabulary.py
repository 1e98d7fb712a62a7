"""The words that an office offers for a write: four lists, each of which may be refused."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.adapters.sikka.vocabulary import LONGEST_LIST
from integrations.contract import Scope, Term, Vocabulary
from integrations.http.errors import BudgetExhausted, NotAuthorized
from tests.integrations.adapters.conftest import Office, message

LISTS = ("/practice_variables", "/writeback_details", "/note_types", "/payment_types")
FORBIDDEN = message("API2004", 401)


def status(value: str, item: str = "", **more: str) -> dict[str, Any]:
    return {
        "practice_id": "1",
        "description": value,
        "service_name": "Appointment Status",
        "value": value,
        "service_item": item,
        **more,
    }


def detail(category: str, item: str, description: str = "") -> dict[str, Any]:
    return {"practice_id": "1", "category": category, "item": item, "description": description}


def nothing(office: Office, *paths: str) -> None:
    """Sikka's way to say that a list is empty."""
    for path in paths:
        office.answers("GET", path, status=204)


def test_each_list_becomes_the_values_that_a_write_takes_with_their_names(office: Office) -> None:
    office.lists("/practice_variables", status("open.confirm", "Confirmed"), status("broken"))
    office.lists("/writeback_details", detail("ApptType", "12", "Cleaning"))
    office.lists("/note_types", {"type": "PatNote", "description": ""}, {"type": "Clinical Note"})
    office.lists("/payment_types", {"code": "3", "description": "Check Payment' Thank You"})
    assert office.sikka.vocabulary() == Vocabulary(
        statuses=(Term("open.confirm", "Confirmed"), Term("broken", "broken")),
        appointment_types=(Term("12", "Cleaning"),),
        note_types=(Term("PatNote", "PatNote"), Term("Clinical Note", "Clinical Note")),
        payment_types=(Term("3", "Check Payment' Thank You"),),
    )
    assert office.asked == [f"GET {path}" for path in LISTS]
    first, second = office.params(0), office.params(1)
    assert (first["service_name"], first["fields"]) == ("Appointment Status", "get_all")
    assert (second["writeback_type"], second["category"]) == ("new_appointment", "appttype")
    assert office.spent == [(Scope.INTEGRATION, Scope.APPLICATION)] * 4


def test_an_empty_list_is_204_and_offers_nothing(office: Office) -> None:
    nothing(office, *LISTS)
    assert office.sikka.vocabulary() == Vocabulary()


@pytest.mark.parametrize(
    ("status_code", "code", "words"),
    [
        (401, "API2004", "Sikka answered 401 API2004: the application's plan does not"),
        (403, "API2007", "Sikka answered 403 API2007: check the integration's credential"),
        (404, "API2009", "Sikka answered 404 API2009: Short words"),
    ],
)
def test_a_list_that_is_refused_stays_empty_says_so_and_stops_no_other(
    office: Office, status_code: int, code: str, words: str
) -> None:
    office.lists("/practice_variables", status("broken"))
    office.answers("GET", "/writeback_details", message(code, status_code), status_code)
    nothing(office, "/note_types")
    office.lists("/payment_types", {"code": "3"})
    found = office.sikka.vocabulary()
    assert found.appointment_types == ()
    assert list(found.unread) == ["appointment_types"]
    assert found.unread["appointment_types"].startswith(words)
    assert found.statuses == (Term("broken", "broken"),)
    assert found.payment_types == (Term("3", "3"),)


def test_where_every_list_is_forbidden_it_is_the_credential(office: Office) -> None:
    for path in LISTS:
        office.answers("GET", path, FORBIDDEN, 401)
    with pytest.raises(NotAuthorized):
        office.sikka.vocabulary()


def test_without_budget_there_is_no_half_vocabulary(office: Office) -> None:
    office.lists("/practice_variables", status("broken"))

    def spend(scopes: Any) -> None:
        if len(office.requests) == 1:
            raise BudgetExhausted("All used.")

    office.guard.spend = spend
    with pytest.raises(BudgetExhausted):
        office.sikka.vocabulary()
    assert office.asked == ["GET /practice_variables"]


def test_a_value_that_all_practices_repeat_is_there_once(office: Office) -> None:
    office.lists(
        "/practice_variables",
        status("broken", "Broken"),
        status("broken", "Broken here too", practice_id="2"),
    )
    nothing(office, *LISTS[1:])
    assert office.sikka.vocabulary().statuses == (Term("broken", "Broken"),)


def test_other_kinds_in_the_same_list_are_left_out(office: Office) -> None:
    office.lists(
        "/practice_variables",
        status("paid", service_name="Claim Status"),
        status("broken", service_name="appointment status"),
    )
    office.lists("/writeback_details", detail("ApptProdType", "7"), detail("appttype", "8"))
    nothing(office, *LISTS[2:])
    found = office.sikka.vocabulary()
    assert found.statuses == (Term("broken", "broken"),)
    assert found.appointment_types == (Term("8", "8"),)


def test_a_value_stays_as_it_is_and_one_that_cannot_be_written_is_left_out(office: Office) -> None:
    nothing(office, *LISTS[:2])
    office.lists(
        "/note_types",
        {"type": " Padded "},
        {"type": ""},
        {"type": None},
        {"description": "no type"},
        {"type": "two\nlines"},
        {"type": "x" * 101},
    )
    nothing(office, "/payment_types")
    assert office.sikka.vocabulary().note_types == (Term(" Padded ", " Padded "),)


def test_a_list_without_end_is_no_list_of_choices(office: Office) -> None:
    nothing(office, *LISTS[:2])
    office.lists("/note_types", *({"type": str(number)} for number in range(LONGEST_LIST + 1)))
    nothing(office, "/payment_types")
    found = office.sikka.vocabulary()
    assert found.note_types == ()
    assert found.unread == {"note_types": "Sikka's list has more than 2,000 entries."}


def test_one_refused_list_among_forbidden_ones_is_not_the_credential(office: Office) -> None:
    for path in LISTS[:3]:
        office.answers("GET", path, FORBIDDEN, 401)
    office.answers("GET", "/payment_types", message("API2009", 404), 404)
    assert set(office.sikka.vocabulary().unread) == {
        "statuses",
        "appointment_types",
        "note_types",
        "payment_types",
    }
