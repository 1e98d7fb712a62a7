"""Nookal's lists, page by page: what is asked, and what of the answers is a page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from clinics.records import (
    AppointmentTypeRecord,
    PractitionerRecord,
)
from integrations.contract import Scope
from integrations.http.errors import NoAnswer
from integrations.queries import Feed, Page, Resource
from tests.integrations.adapters.nookal_practice import (
    Practice,
    listing,
    location,
    patient,
    practising,
    read,
    success,
    utc,
)
from tests.integrations.guards import NOW


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


# --- What is asked ---


def test_a_page_is_one_call_for_as_many_as_nookal_gives(practice: Practice) -> None:
    practice.lists("getPatients", "patients", patient(), following=2, total="201")
    page = practice.nookal.page(Feed(resource=Resource.PATIENTS), "", NOW)
    assert (page.next, page.total, len(page.records)) == ("2", 201, 1)
    assert practice.asked == ["getPatients"]
    assert practice.form(0) == {"page": "1", "page_length": "200"}
    assert practice.spent == [(Scope.INTEGRATION,)]


def test_a_position_survives_as_text_and_goes_on_where_it_was(practice: Practice) -> None:
    practice.lists("getPatients", "patients", patient(), page=2)
    page = practice.nookal.page(Feed(resource=Resource.PATIENTS), "2", NOW)
    assert page.next == ""
    assert practice.form(0)["page"] == "2"


def test_changes_are_asked_for_in_utc_without_a_zone(practice: Practice) -> None:
    since = utc(2030, 3, 4, 7, 8, 9) + timedelta(microseconds=999)
    read(practice, Resource.APPOINTMENTS, changed_since=since)
    assert practice.form(0)["last_modified"] == "2030-03-04 07:08:09"
    assert "date_from" not in practice.form(0)


def test_a_window_is_asked_for_by_local_dates(practice: Practice) -> None:
    read(practice, Resource.APPOINTMENTS, first=date(2030, 2, 26), last=date(2030, 4, 4))
    sent = practice.form(0)
    assert (sent["date_from"], sent["date_to"]) == ("2030-02-26", "2030-04-04")
    assert "last_modified" not in sent


def test_practitioners_who_have_left_are_asked_for_too(practice: Practice) -> None:
    rows = [
        {"ID": 7, "FirstName": "Lee", "LastName": "Made", "status": "1"},
        {"ID": "8", "FirstName": "Sam", "LastName": "Upton", "status": "0"},
    ]
    assert read(practice, Resource.PRACTITIONERS, *rows) == [
        PractitionerRecord(external_id="7", first_name="Lee", last_name="Made", is_active=True),
        PractitionerRecord(external_id="8", first_name="Sam", last_name="Upton", is_active=False),
    ]
    assert practice.form(0)["include_inactive_practitioners"] == "1"


def test_appointment_types_come_under_the_name_of_services(practice: Practice) -> None:
    rows = [
        {"ID": "3", "Name": "Consultation", "Duration": "45", "active": "1"},
        {"ID": "4", "Name": "Old", "Duration": 20, "active": "0"},
        *({"ID": str(n), "Name": "", "Duration": odd} for n, odd in enumerate(["", "-1", "1e9"])),
    ]
    found = read(practice, Resource.APPOINTMENT_TYPES, *rows)
    assert found[:2] == [
        AppointmentTypeRecord(external_id="3", name="Consultation", minutes=45, is_active=True),
        AppointmentTypeRecord(external_id="4", name="Old", minutes=20, is_active=False),
    ]
    assert [each.minutes for each in found[2:]] == [None, None, None]


# --- What is answered ---


def test_a_list_may_be_an_object_keyed_by_position(practice: Practice) -> None:
    rows = {"10": patient(ID="11"), "9": patient(ID="10"), "0": patient(ID="1")}
    practice.answers("getPatients", listing("patients") | success({"patients": rows}))
    page = practice.nookal.page(Feed(resource=Resource.PATIENTS), "", NOW)
    assert [each.external_id for each in page.records] == ["1", "10", "11"]


@pytest.mark.parametrize("last", [None, "", "0", 0, False])
def test_what_stands_for_no_further_page_ends_the_list(practice: Practice, last: Any) -> None:
    practice.lists("getPatients", "patients", patient(), following=last)
    assert practice.nookal.page(Feed(resource=Resource.PATIENTS), "", NOW).next == ""


def test_behind_an_empty_page_there_is_nothing(practice: Practice) -> None:
    practice.lists("getPatients", "patients", page=2, following=3)
    page = practice.nookal.page(Feed(resource=Resource.PATIENTS), "2", NOW)
    assert page == Page(records=(), next="", total=0)


def test_a_total_that_lies_ends_no_list(practice: Practice) -> None:
    practice.lists("getPatients", "patients", patient(), following="2", total=1)
    assert practice.nookal.page(Feed(resource=Resource.PATIENTS), "", NOW).next == "2"


NAMELESS = success({"patients": [patient()]})

#: What is no page: it must not pass for an empty one, after which everybody would have vanished.
NO_PAGES = [
    {"status": "success"},
    {"status": "success", "data": None},
    {"status": "success", "data": []},
    {"status": "success", "data": {"results": []}},
    {"status": "success", "data": {"patients": [patient()]}},
    success({}),
    success({"patients": None}),
    success({"patients": "none"}),
    success({"patients": patient()}),
    success({"Patients": []}),
    NAMELESS,
    NAMELESS | {"settings": []},
    NAMELESS | {"settings": {"currentPage": "1"}},
    NAMELESS | {"settings": {"nextPage": "https://elsewhere.example/2"}},
    NAMELESS | {"settings": {"nextPage": True}},
    NAMELESS | {"settings": {"nextPage": [2]}},
    NAMELESS | {"settings": {"nextPage": 1}},
    NAMELESS | {"settings": {"nextPage": "-2"}},
    NAMELESS | {"settings": {"nextPage": None, "currentPage": "7"}},
]


@pytest.mark.parametrize("answer", NO_PAGES)
def test_another_form_is_no_answer(practice: Practice, answer: Any) -> None:
    practice.answers("getPatients", answer)
    with pytest.raises(NoAnswer) as caught:
        practice.nookal.page(Feed(resource=Resource.PATIENTS), "", NOW)
    assert "Ada" not in str(caught.value)
    assert practice.asked == ["getPatients"]


def test_a_server_that_ignores_the_page_is_found_out(practice: Practice) -> None:
    practice.lists("getPatients", "patients", patient(), page="1", following="2")
    with pytest.raises(NoAnswer, match="another page"):
        practice.nookal.page(Feed(resource=Resource.PATIENTS), "2", NOW)


def test_a_read_that_broke_is_made_again_though_it_is_a_post(practice: Practice) -> None:
    practice.answers("getLocations", status=503, body="<h1>Service Unavailable</h1>")
    practice.lists("getLocations", "locations", location())
    page = practice.nookal.page(Feed(resource=Resource.LOCATIONS), "", NOW)
    assert [each.external_id for each in page.records] == ["1"]
    assert practice.asked == ["getLocations"] * 2
