"""Sikka's lists page by page: what is asked for, in how many calls, and where it goes on."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.adapters.sikka import reading
from integrations.http.errors import BudgetExhausted, NoAnswer, NotAuthorized, Refused, Throttled
from integrations.queries import Feed, Resource
from tests.integrations.adapters.conftest import URL, Office, envelope, message
from tests.integrations.adapters.sikka_items import NEW_YORK, appointment, patient
from tests.integrations.guards import NOW

NEXT = f"{URL}/patients?offset=1&limit=5000"
PATIENTS = Feed(resource=Resource.PATIENTS)


# --- Pages ---------------------------------------------------------------------------------------


def test_pages_are_asked_for_by_their_number_until_no_next_one_is_named(office: Office) -> None:
    office.lists("/patients", patient(1), patient(2), following=NEXT)
    office.lists("/patients", patient(3), following=NEXT)
    office.lists("/patients", patient(4), following="")

    found = [record.external_id for record in office.read(Resource.PATIENTS)]

    assert found == ["1", "2", "3", "4"]
    assert [office.params(number) for number in range(3)] == [
        {"fields": "get_all", "offset": page, "limit": "5000"} for page in ("0", "1", "2")
    ]
    assert len(office.spent) == 3


def test_each_page_is_one_call_and_any_process_can_go_on_from_its_position(
    office: Office,
) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    first = office.sikka.page(PATIENTS, "", NOW)
    assert (len(office.requests), first.total) == (1, 1)
    office.lists("/patients", patient(2))
    last = office.sikka.page(PATIENTS, first.next, NOW)
    assert [record.external_id for record in last.records] == ["2"]
    assert last.next == ""
    assert office.params(1)["offset"] == "1"


def test_a_page_is_found_by_its_number_and_never_by_the_link_to_it(office: Office) -> None:
    elsewhere = "https://elsewhere.example/v4/patients?offset=1"
    office.lists("/patients", patient(1), following=elsewhere)
    office.lists("/patients", patient(2))
    office.read(Resource.PATIENTS)
    assert office.asked == ["GET /patients", "GET /patients"]


def test_a_list_that_names_no_further_page_is_one_call(office: Office) -> None:
    answer = envelope(patient(1))
    del answer["pagination"]
    office.answers("GET", "/patients", answer)
    assert len(office.read(Resource.PATIENTS)) == 1
    assert len(office.requests) == 1


def test_where_pages_are_not_named_their_end_is_counted(office: Office) -> None:
    office.answers(
        "GET", "/patients", {**envelope(patient(1)), "pagination": "", "total_count": "5001"}
    )
    office.answers(
        "GET", "/patients", {**envelope(patient(2)), "pagination": "", "total_count": "5001"}
    )
    assert len(office.read(Resource.PATIENTS)) == 2


@pytest.mark.parametrize("total", ["", "many", None, "-1", "9" * 13, "\u0661"])
def test_a_count_that_is_none_is_not_told(office: Office, total: str | None) -> None:
    office.answers("GET", "/patients", {**envelope(patient(1)), "total_count": total})
    assert office.sikka.page(PATIENTS, "", NOW).total is None


def test_an_empty_list_has_no_body(office: Office) -> None:
    office.answers("GET", "/patients", status=204)
    assert office.read(Resource.PATIENTS) == []
    assert len(office.requests) == 1


def test_an_empty_page_ends_the_list_whatever_it_names_next(office: Office) -> None:
    office.lists("/patients", following=NEXT)
    assert office.read(Resource.PATIENTS) == []
    assert len(office.requests) == 1


def test_a_list_that_ends_on_a_full_page_is_ended_by_204(office: Office) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", status=204)
    assert len(office.read(Resource.PATIENTS)) == 1
    assert len(office.requests) == 2


@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=UTF-8"])
@pytest.mark.parametrize("wrap", [lambda answer: answer, lambda answer: [answer]])
def test_an_envelope_may_come_in_an_array_and_as_text(
    office: Office, content_type: str, wrap: Any
) -> None:
    first, last = envelope(patient(1), following=NEXT), envelope(patient(2))
    office.answers("GET", "/patients", wrap(first), content_type=content_type)
    office.answers("GET", "/patients", wrap(last), content_type=content_type)
    assert [record.external_id for record in office.read(Resource.PATIENTS)] == ["1", "2"]


def test_an_error_is_never_the_end_of_a_list(office: Office) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", status=429)
    position = office.sikka.page(PATIENTS, "", NOW).next
    with pytest.raises(Throttled):
        office.sikka.page(PATIENTS, position, NOW)


def test_every_page_spends_before_it_is_asked_for(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    position = office.sikka.page(PATIENTS, "", NOW).next

    def used_up(scopes: object) -> None:
        raise BudgetExhausted("All used.")

    monkeypatch.setattr(office.guard, "spend", used_up)
    with pytest.raises(BudgetExhausted):
        office.sikka.page(PATIENTS, position, NOW)
    assert len(office.requests) == 1


def test_a_key_that_ends_between_two_pages_is_renewed_and_no_page_is_skipped(
    office: Office,
) -> None:
    office.lists("/patients", patient(1), following=NEXT)
    office.answers("GET", "/patients", {"error_code": "API1025"}, 400)
    office.lists("/patients", patient(2))
    assert [record.external_id for record in office.read(Resource.PATIENTS)] == ["1", "2"]
    assert [office.params(number)["offset"] for number in range(3)] == ["0", "1", "1"]


def test_a_list_that_is_read_in_one_go_and_has_no_end_is_no_answer(office: Office) -> None:
    office.answers("GET", "/transactions", envelope(patient(1), following=NEXT))
    with pytest.raises(NoAnswer):
        office.sikka.payments("1")
    assert len(office.requests) == 100


# --- Lists that are asked for in several ways ----------------------------------------------------


def test_the_customers_are_asked_for_first_and_every_page_is_one_call(office: Office) -> None:
    feed = Feed(resource=Resource.OPERATORIES)
    office.lists("/practices", {"cust_id": "2"}, {"cust_id": "1"}, {"cust_id": "2"}, {})
    office.lists("/operatories", {"operatory": "OP1"}, following=NEXT)
    office.lists("/operatories", {"operatory": "OP2"})
    office.lists("/operatories", {"operatory": "OP3"})
    found, position, calls = [], "", 0
    while calls == 0 or position:
        page = office.sikka.page(feed, position, NOW)
        calls, position = calls + 1, page.next
        assert len(office.requests) == calls
        found.append([record.external_id for record in page.records])
    assert found == [[], ["OP1"], ["OP2"], ["OP3"]]
    asked = [(office.params(n).get("cust_id"), office.params(n)["offset"]) for n in range(4)]
    assert asked == [(None, "0"), ("1", "0"), ("1", "1"), ("2", "0")]


def test_an_office_without_a_customer_has_no_operatories(office: Office) -> None:
    office.lists("/practices", {"cust_id": ""}, {}, None)
    assert office.read(Resource.OPERATORIES) == []


def test_more_customers_than_a_position_holds_are_no_answer(office: Office) -> None:
    office.lists("/practices", *({"cust_id": str(number)} for number in range(300)))
    with pytest.raises(NoAnswer):
        office.read(Resource.OPERATORIES)


def test_types_of_appointment_that_there_are_not_are_none(office: Office) -> None:
    office.answers("GET", "/writeback_details", message("API1020"), 400)
    assert office.read(Resource.APPOINTMENT_TYPES) == []


def test_types_that_the_plan_does_not_include_are_none(office: Office) -> None:
    office.answers("GET", "/writeback_details", message("API2004", 401), 401)
    assert office.read(Resource.APPOINTMENT_TYPES) == []


@pytest.mark.parametrize("resource", [Resource.PRACTITIONERS, Resource.PATIENTS])
@pytest.mark.parametrize(
    ("status", "code", "error"), [(401, "API2004", NotAuthorized), (404, "API2009", Refused)]
)
def test_any_other_list_that_is_refused_is_not_empty(
    office: Office, resource: Resource, status: int, code: str, error: type[Exception]
) -> None:
    path = "/providers" if resource is Resource.PRACTITIONERS else "/patients"
    office.answers("GET", path, message(code, status), status)
    with pytest.raises(error):
        office.read(resource)


def test_a_rejected_credential_is_not_an_empty_list_of_types(office: Office) -> None:
    office.answers("GET", "/writeback_details", message("API2003", 401), 401)
    with pytest.raises(NotAuthorized):
        office.read(Resource.APPOINTMENT_TYPES)


# --- All appointments ----------------------------------------------------------------------------


def test_all_appointments_are_those_of_a_year_back_and_a_year_ahead(office: Office) -> None:
    office.lists("/appointments", appointment(), following=NEXT)
    office.lists("/appointments", appointment(appointment_sr_no="2"))
    office.answers("GET", "/appointments", status=204)
    found = office.read(Resource.APPOINTMENTS, timezones=NEW_YORK)
    assert [record.external_id for record in found] == ["70670", "2"]
    asked = [(office.params(n)["startdate"], office.params(n)["enddate"]) for n in range(3)]
    assert asked == [
        ("2029-03-05", "2030-03-04"),
        ("2029-03-05", "2030-03-04"),
        ("2030-03-05", "2031-03-04"),
    ]
    assert [office.params(number)["offset"] for number in range(3)] == ["0", "1", "0"]


def test_the_manifest_says_which_days_a_full_pass_covers(office: Office) -> None:
    covers = office.sikka.lists[Resource.APPOINTMENTS].covers
    assert covers is not None
    today, (back, ahead) = NOW.date(), covers
    first = reading.question(Feed(resource=Resource.APPOINTMENTS), "", NOW)
    second = reading.question(Feed(resource=Resource.APPOINTMENTS), first.rest, NOW)
    assert first.params["startdate"] == (today - timedelta(days=back)).isoformat()
    assert second.params["enddate"] == (today + timedelta(days=ahead)).isoformat()


def test_a_full_pass_that_goes_on_tomorrow_keeps_to_its_days() -> None:
    feed = Feed(resource=Resource.APPOINTMENTS)
    position = reading.question(feed, "", NOW).more
    asked = reading.question(feed, position, NOW + timedelta(days=1))
    assert (asked.params["startdate"], asked.page) == ("2029-03-05", 1)


DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@given(first=DAYS, length=st.integers(0, 2000))
def test_every_day_is_asked_for_once_and_no_more_than_a_year_at_a_time(
    first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    feed, position, asked = Feed(resource=Resource.APPOINTMENTS, first=first, last=last), "", []
    while True:
        question = reading.question(feed, position, NOW)
        since, until = (
            date.fromisoformat(question.params[name]) for name in ("startdate", "enddate")
        )
        assert (until - since).days < 365
        asked.append((since, until))
        position = question.rest
        if not position:
            break
    assert asked[0][0] == first
    assert asked[-1][1] == last
    for (_, until), (since, _) in pairwise(asked):
        assert since == until + timedelta(days=1)


@pytest.mark.parametrize(
    ("bounds", "startdate", "enddate"),
    [
        ({"first": date(2030, 3, 1)}, "2030-03-01", "2031-02-28"),
        ({"last": date(2030, 3, 1)}, "2029-03-01", "2030-02-28"),
        ({"first": date(2035, 1, 1)}, "2035-01-01", "2035-12-31"),
        ({"last": date(2020, 1, 1)}, "2019-01-01", "2019-12-31"),
    ],
)
def test_a_bound_on_one_side_leaves_a_year_on_the_other(
    bounds: dict[str, date], startdate: str, enddate: str
) -> None:
    asked = reading.question(Feed(resource=Resource.APPOINTMENTS, **bounds), "", NOW)
    assert (asked.params["startdate"], asked.params["enddate"]) == (startdate, enddate)
