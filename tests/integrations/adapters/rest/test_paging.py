"""A list is read to its end, in whatever way it is cut, and never anywhere else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integrations.http.errors import NoAnswer, Refused
from integrations.queries import Feed, Resource
from tests.integrations.adapters.rest.conftest import URL, Service, client_item, read
from tests.integrations.guards import NOW

PATIENTS = Feed(resource=Resource.PATIENTS)
ADDRESS = f"{URL}/clients"


def clients(*ids: int) -> list[dict[str, Any]]:
    return [client_item(id=each) for each in ids]


def by(style: str, **more: Any) -> dict[str, Any]:
    return {"paging": {"style": style, "size": 2, **more}}


def ids(service: Service, options: dict[str, Any]) -> list[str]:
    return [record.external_id for record in read(service.rest(options), PATIENTS)]


def page(service: Service, *ids: int, **envelope: Any) -> None:
    headers = envelope.pop("headers", {})
    service.answers("GET", "/clients", {"data": clients(*ids), **envelope}, headers=headers)


def all_params(service: Service) -> list[dict[str, str]]:
    return [service.params(number) for number in range(len(service.requests))]


def test_numbered_pages_are_read_until_the_total_is_seen(service: Service) -> None:
    page(service, 1, 2, total=3)
    page(service, 3, total=3)
    assert ids(service, by("page")) == ["1", "2", "3"]
    assert all_params(service) == [{"per_page": "2"} | {"page": number} for number in ("1", "2")]


def test_offsets_count_the_records_that_came(service: Service) -> None:
    page(service, 1, 2, total=3)
    page(service, 3, total=3)
    assert ids(service, by("offset")) == ["1", "2", "3"]
    assert all_params(service) == [{"limit": "2"} | {"offset": place} for place in ("0", "2")]


def test_a_service_that_gives_fewer_than_asked_for_loses_nothing(service: Service) -> None:
    for number in range(1, 4):
        page(service, number, total=3)
    assert ids(service, by("offset", size=50)) == ["1", "2", "3"]
    assert [each["offset"] for each in all_params(service)] == ["0", "1", "2"]


def test_a_total_that_is_too_low_ends_no_list_whose_pages_are_full(service: Service) -> None:
    page(service, 1, 2, total=1)
    page(service, 3, 4, total=1)
    page(service, 5, total=1)
    assert ids(service, by("page")) == ["1", "2", "3", "4", "5"]


def test_a_total_that_is_too_high_ends_with_an_empty_page(service: Service) -> None:
    page(service, 1, 2, total=99)
    page(service, total=99)
    assert ids(service, by("page")) == ["1", "2"]


@pytest.mark.parametrize("total", [None, "many", True, -3, [1]])
def test_without_a_total_only_an_empty_page_is_the_last(service: Service, total: Any) -> None:
    page(service, 1, total=total)
    page(service, total=total)
    assert ids(service, by("page")) == ["1"]


def test_a_short_page_is_the_last_where_the_description_says_so(service: Service) -> None:
    page(service, 1, 2)
    page(service, 3)
    assert ids(service, by("page", total="", ends="short")) == ["1", "2", "3"]


def test_a_service_may_say_itself_whether_there_is_more(service: Service) -> None:
    page(service, 1, 2, meta={"more": True})
    page(service, 3, meta={"more": False})
    assert ids(service, by("page", next="meta.more", first=0)) == ["1", "2", "3"]
    assert [each["page"] for each in all_params(service)] == ["0", "1"]


def test_a_total_in_a_header_counts_too(service: Service) -> None:
    service.answers("GET", "/clients", clients(1), headers={"X-Total-Count": "1"})
    rest = service.rest(by("page", items="", total="header:X-Total-Count"))
    found = rest.page(PATIENTS, "", NOW)
    assert (len(found.records), found.next, found.total) == (1, "", 1)


def test_a_list_without_pages_is_one_call(service: Service) -> None:
    service.answers("GET", "/clients", clients(1, 2, 3))
    assert ids(service, by("none", items="")) == ["1", "2", "3"]
    assert all_params(service) == [{}]


@pytest.mark.parametrize("end", [None, "", False])
def test_cursors_are_followed_as_they_come(service: Service, end: Any) -> None:
    page(service, 1, 2, next_cursor="a+b/=")
    page(service, next_cursor=77)  # an empty page is not the last as long as there is a cursor
    page(service, 3, next_cursor=end)
    assert ids(service, by("cursor")) == ["1", "2", "3"]
    assert all_params(service) == [
        {"limit": "2"},
        {"limit": "2", "cursor": "a+b/="},
        {"limit": "2", "cursor": "77"},
    ]


@pytest.mark.parametrize(
    "link",
    [
        f"{ADDRESS}?after=x%3D&limit=2&empty=",
        "/api/clients?after=x%3D&limit=2&empty=",
        "?after=x%3D&limit=2&empty=",
    ],
)
def test_links_are_followed_by_their_own_parameters_alone(service: Service, link: str) -> None:
    page(service, 1, 2, next=link)
    page(service, 3, next=None)
    assert ids(service, by("link")) == ["1", "2", "3"]
    assert all_params(service) == [{"limit": "2"}, {"after": "x=", "limit": "2", "empty": ""}]


def test_the_link_may_stand_in_a_header(service: Service) -> None:
    link = f'<{ADDRESS}?after=0>; rel="prev", <{ADDRESS}?after=2>; rel="next"'
    page(service, 1, 2, headers={"Link": link})
    page(service, 3, headers={"Link": f'<{ADDRESS}?after=0>; rel="prev"'})
    assert ids(service, by("link", next="header:Link")) == ["1", "2", "3"]


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/clients?after=2",
        "http://service.example/api/clients?after=2",
        "https://service.example:444/api/clients?after=2",
        "https://service.example@evil.example/api/clients?after=2",
        "https://ada@service.example/api/clients?after=2",
        "https://service.example/api/admin?after=2",
        "//evil.example/api/clients?after=2",
        "https://[broken/api/clients?after=2",
        "file:///etc/passwd",
        {"href": ADDRESS},
    ],
)
def test_a_link_to_anywhere_else_is_not_followed(service: Service, link: Any) -> None:
    page(service, 1, 2, next=link)
    with pytest.raises(NoAnswer):
        service.rest(by("link")).page(PATIENTS, "", NOW)
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    ("style", "envelope"),
    [
        ("page", {"total": 99}),
        ("offset", {"total": 99}),
        ("cursor", {"next_cursor": "same"}),
        ("link", {"next": "?after=2"}),
    ],
)
def test_a_list_that_goes_in_a_circle_ends(
    service: Service, style: str, envelope: dict[str, Any]
) -> None:
    for _ in range(2):
        page(service, 1, 2, **envelope)
    rest = service.rest(by(style))
    first = rest.page(PATIENTS, "", NOW)
    with pytest.raises(NoAnswer, match="circle"):
        rest.page(PATIENTS, first.next, NOW)


@pytest.mark.parametrize("cursor", ["x" * 1001, {"a": 1}, ["a"]])
def test_a_cursor_that_cannot_be_kept_is_no_answer(service: Service, cursor: Any) -> None:
    page(service, 1, 2, next_cursor=cursor)
    with pytest.raises(NoAnswer):
        service.rest(by("cursor")).page(PATIENTS, "", NOW)


@pytest.mark.parametrize("data", [None, {}, {"data": None}, {"data": {}}, {"data": "x"}, [1], "x"])
@pytest.mark.parametrize("style", ["none", "page", "offset", "cursor", "link"])
def test_a_page_of_another_shape_is_no_answer_and_never_an_empty_one(
    service: Service, data: Any, style: str
) -> None:
    service.answers("GET", "/clients", data)
    with pytest.raises(NoAnswer):
        service.rest(by(style)).page(PATIENTS, "", NOW)


def test_a_place_in_the_old_pages_is_none_in_the_new_ones(service: Service) -> None:
    page(service, 1, 2, total=9)
    kept = service.rest(by("page")).page(PATIENTS, "", NOW).next
    with pytest.raises(Refused):
        service.rest(by("cursor")).page(PATIENTS, kept, NOW)
    assert len(service.requests) == 1


def test_a_position_survives_a_process_and_tells_nothing_of_a_patient(service: Service) -> None:
    page(service, 1, 2, total=9)
    kept = service.rest(by("page")).page(PATIENTS, "", NOW).next
    assert set(json.loads(kept)) == {"style", "at", "seen", "last"}
    assert "Ada" not in kept
    page(service, 3, total=3)
    assert service.rest(by("page")).page(PATIENTS, kept, NOW).next == ""
    assert service.params()["page"] == "2"
