"""The four ways to cut a list into pages: each leads through all of it, once."""

from collections.abc import Callable
from typing import Any

import pytest

from .service import Service, wrong_fields

EVERYBODY = list(range(20001, 20651))


def ids(content: dict[str, Any]) -> list[int]:
    return [item["id"] for item in content["data"]]


def test_pages_are_numbered_from_one_and_tell_the_total(service: Service) -> None:
    first = service.one("/clients", per_page=100)
    assert {name: first[name] for name in first if name != "data"} == {
        "page": 1,
        "per_page": 100,
        "total": 650,
    }
    seen = [
        id for page in range(1, 8) for id in ids(service.one("/clients", page=page, per_page=100))
    ]
    assert seen == EVERYBODY
    beyond = service.one("/clients", page=8, per_page=100)
    assert (beyond["data"], beyond["total"]) == ([], 650)


def test_an_offset_counts_records(service: Service) -> None:
    service.turn(rest_paging="offset")
    page = service.one("/clients", offset=640, limit=50)
    assert ids(page) == EVERYBODY[640:]
    assert (page["offset"], page["limit"], page["total"]) == (640, 50, 650)


def test_a_cursor_leads_to_the_next_page_until_there_is_none(service: Service) -> None:
    service.turn(rest_paging="cursor")
    seen: list[int] = []
    page = service.one("/clients", limit=100)
    while True:
        seen += ids(page)
        if page["next_cursor"] is None:
            break
        page = service.one("/clients", limit=100, cursor=page["next_cursor"])
    assert seen == EVERYBODY
    assert set(page) == {"data", "next_cursor"}


def test_a_list_that_ends_with_a_full_page_has_no_next_one(service: Service) -> None:
    service.turn(rest_paging="cursor")
    assert service.one("/services", limit=5)["next_cursor"] is None
    assert service.one("/services", limit=4)["next_cursor"] is not None


def test_a_link_is_the_whole_next_address_with_everything_that_was_asked(service: Service) -> None:
    since = "2020-01-01T00:00:00+00:00"
    expected = ids({"data": service.data("/clients", updated_since=since)})
    service.turn(rest_paging="link")
    answer = service.get("/clients", limit=100, updated_since=since)
    seen: list[int] = []
    while True:
        content = answer.get_json()
        seen += ids(content)
        if content["next"] is None:
            break
        assert answer.headers["Link"] == f'<{content["next"]}>; rel="next"'
        assert "updated_since=2020-01-01T00%3A00%3A00%2B00%3A00" in content["next"]
        answer = service.call("GET", content["next"].removeprefix("http://localhost/rest"))
    assert "Link" not in answer.headers
    assert 100 < len(expected) < 650
    assert seen == expected


def test_a_cursor_does_not_lose_its_place_when_records_vanish_and_pages_do(
    open_service: Callable[..., Service],
) -> None:
    """What moves up while somebody pages is passed over by every way that counts."""
    seen = {}
    for way in ("page", "cursor"):
        service = open_service(rest_paging=way)
        first = service.one("/clients", per_page=100, limit=100)
        service.change("patient", "delete", "20001")
        where = {"page": 2} if way == "page" else {"cursor": first["next_cursor"]}
        seen[way] = ids(service.one("/clients", per_page=100, limit=100, **where))[0]
    assert seen == {"page": 20102, "cursor": 20101}


def test_the_usual_page_has_25_and_the_largest_100(service: Service) -> None:
    assert len(ids(service.one("/clients"))) == 25
    large = service.one("/clients", per_page=5000)
    assert (len(ids(large)), large["per_page"]) == (100, 100)


@pytest.mark.parametrize("path", ["/clients", "/appointments", "/staff", "/sites", "/services"])
@pytest.mark.parametrize("way", ["page", "offset", "cursor", "link"])
def test_every_list_is_cut_in_the_same_way(service: Service, way: str, path: str) -> None:
    service.turn(rest_paging=way)
    own = {
        "page": {"data", "page", "per_page", "total"},
        "offset": {"data", "offset", "limit", "total"},
        "cursor": {"data", "next_cursor"},
        "link": {"data", "next"},
    }
    content = service.one(path, per_page=1, limit=1)
    assert set(content) == own[way]
    assert len(content["data"]) == 1


def test_the_parameters_of_another_way_are_passed_over_in_silence(service: Service) -> None:
    assert ids(service.one("/clients", offset=100, limit=3, cursor="x"))[0] == 20001


@pytest.mark.parametrize(
    ("way", "query", "field"),
    [
        ("page", {"page": 0}, "page"),
        ("page", {"page": "two"}, "page"),
        ("page", {"per_page": 0}, "per_page"),
        ("offset", {"offset": -1}, "offset"),
        ("offset", {"limit": "all"}, "limit"),
        ("cursor", {"cursor": "20001"}, "cursor"),
        ("cursor", {"cursor": "é"}, "cursor"),
        ("link", {"after": "YWZ0ZXI6"}, "after"),
    ],
)
def test_nonsense_is_refused_by_its_name(
    service: Service, way: str, query: dict[str, object], field: str
) -> None:
    service.turn(rest_paging=way)
    assert list(wrong_fields(service.get("/clients", **query))) == [field]
