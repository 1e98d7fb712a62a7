"""Lists: pages, their envelope and links, their order, and how a record is written."""

from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

import pytest

from .caller import PREFIX, Caller, linked


def followed(caller: Caller, address: str) -> dict[str, object]:
    parts = urlsplit(address)
    headers = caller.headers(caller.keys["cliniko-1"])
    answer = caller.client.get(f"{parts.path}?{parts.query}", headers=headers)
    assert answer.status_code == 200
    return answer.get_json()


def test_a_page_has_50_records_unless_told_and_its_links_lead_on(caller: Caller) -> None:
    first = caller.get("/patients")
    assert set(first) == {"patients", "total_entries", "links"}
    assert len(first["patients"]) == 50
    assert set(first["links"]) == {"self", "next"}

    second = followed(caller, first["links"]["next"])
    assert set(second["links"]) == {"self", "next", "previous"}
    assert followed(caller, second["links"]["previous"])["patients"] == first["patients"]
    assert followed(caller, second["links"]["self"]) == second


def test_links_that_lead_nowhere_are_left_out(caller: Caller) -> None:
    total = caller.get("/patients")["total_entries"]
    last = caller.get("/patients", per_page=100, page=-(-total // 100))
    assert len(last["patients"]) == total % 100
    assert set(last["links"]) == {"self", "previous"}
    assert set(caller.get("/businesses")["links"]) == {"self"}


def test_following_next_visits_every_record_once_with_the_filters_kept(caller: Caller) -> None:
    answer = caller.get("/patients", q=["archived_at:*", "id:>0"], per_page=100, sort="updated_at")
    seen = [item["id"] for item in answer["patients"]]
    while "next" in answer["links"]:
        query = dict(parse_qsl(urlsplit(answer["links"]["next"]).query))
        assert (query["per_page"], query["sort"]) == ("100", "updated_at")
        answer = followed(caller, answer["links"]["next"])
        seen += [item["id"] for item in answer["patients"]]
    assert len(seen) == len(set(seen)) == 650


def test_a_page_past_the_end_is_empty_and_still_tells_the_total(caller: Caller) -> None:
    answer = caller.get("/businesses", page=9)
    assert (answer["businesses"], answer["total_entries"]) == ([], 2)
    assert set(answer["links"]) == {"self", "previous"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("per_page", 0), ("per_page", 101), ("per_page", "all"), ("page", 0), ("page", -1)],
)
def test_a_page_or_a_size_out_of_bounds_is_refused(
    caller: Caller, name: str, value: object
) -> None:
    assert name in caller.complaint("/patients", **{name: value})


def test_the_oldest_come_first_unless_told(caller: Caller) -> None:
    created = [item["created_at"] for item in caller.listed("patients")]
    assert created == sorted(created)


def test_lists_are_sorted_by_fields_in_either_direction(caller: Caller) -> None:
    def told(**query: object) -> list[tuple[str, str]]:
        found = caller.listed("individual_appointments", **query)
        return [(item["starts_at"], item["id"]) for item in found]

    ascending = told(sort="starts_at")
    assert ascending == sorted(ascending)
    starts = [start for start, _ in told(sort="starts_at:desc")]
    assert starts == sorted(starts, reverse=True)
    assert told(sort="starts_at", order="desc") == told(sort="starts_at:desc")
    people = caller.listed("patients", sort="last_name:desc,first_name:asc")
    names = [(item["last_name"], item["first_name"]) for item in people]
    assert [last for last, _ in names] == sorted((last for last, _ in names), reverse=True)
    smiths = [first for last, first in names if last == names[0][0]]
    assert smiths == sorted(smiths)


@pytest.mark.parametrize("sort", ["phone", "updated_at:up", "updated_at asc"])
def test_an_order_that_is_none_is_refused(caller: Caller, sort: str) -> None:
    assert caller.complaint("/patients", sort=sort) == f"{sort} is not sortable"


def test_ids_are_strings_beyond_what_a_floating_point_number_tells_apart(caller: Caller) -> None:
    first, second = caller.ids("patients")[:2]
    assert (len(first), len(second)) == (19, 19)
    assert first != second
    assert int(float(first)) != int(first) or int(float(second)) != int(second)


def test_relations_are_links_and_times_are_utc_in_whole_seconds(caller: Caller) -> None:
    item = caller.get("/individual_appointments")["individual_appointments"][0]
    for name, resource in (
        ("patient", "patients"),
        ("practitioner", "practitioners"),
        ("business", "businesses"),
        ("appointment_type", "appointment_types"),
    ):
        assert f"{name}_id" not in item
        address = item[name]["links"]["self"]
        assert address == f"http://localhost{PREFIX}/{resource}/{linked(item[name])}"
    assert item["links"]["self"].endswith(f"/individual_appointments/{item['id']}")
    for name in ("starts_at", "ends_at", "created_at", "updated_at"):
        assert datetime.strptime(item[name], "%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007 (Z is UTC)


def test_a_single_record_is_written_as_in_its_list(caller: Caller) -> None:
    for resource in (
        *("patients", "individual_appointments", "practitioners", "businesses"),
        *("appointment_types", "daily_availabilities"),
    ):
        item = caller.get(f"/{resource}")[resource][0]
        assert caller.get(f"/{resource}/{item['id']}") == item


def test_a_record_that_is_not_there_is_a_404_in_json(caller: Caller) -> None:
    for path in ("/patients/17", "/practitioners/abc", "/businesses/17/practitioners"):
        answer = caller.call("GET", path)
        assert answer.status_code == 404
        assert answer.get_json() == {"status": "404", "error": "Not Found"}


def test_telephone_numbers_have_a_type_and_a_normalized_form(caller: Caller) -> None:
    numbers = [
        number
        for patient in caller.listed("patients", office="cliniko-2")
        for number in patient["patient_phone_numbers"]
    ]
    assert {number["phone_type"] for number in numbers} == {"Mobile", "Home"}
    for number in numbers:
        digits = number["number"].replace(" ", "").removeprefix("0")
        assert number["normalized_number"] == f"44{digits}"
