"""Cliniko's lists page by page: what is asked for, where the next page begins, and when it ends."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from clinics.records import PatientRecord, PractitionerRecord, Unreadable
from integrations.adapters.cliniko.manifest import MANIFEST
from integrations.contract import Scope
from integrations.http.errors import NoAnswer, Throttled
from integrations.queries import Feed, Page, Resource
from tests.integrations.adapters.cliniko_account import (
    APPOINTMENTS,
    PATIENTS,
    URL,
    Account,
    appointment,
    envelope,
    patient,
)

SINCE = datetime(2030, 3, 5, 10, 55, tzinfo=UTC)
CHANGED = Feed(resource=Resource.PATIENTS, changed_since=SINCE)
#: By the contract: a position is kept in a column.
LONGEST_POSITION = 1000


def at(second: int) -> str:
    return (datetime(2030, 1, 1, tzinfo=UTC) + timedelta(seconds=second)).strftime(
        "%Y-%m-%dT%H:%M:%SZ"
    )


def made(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    """Patients by their ids and the second in which they were made."""
    return [patient(id, created_at=at(second)) for id, second in pairs]


def ids(page: Page) -> list[str]:
    return [record.external_id for record in page.records]


# --- What is asked for ---------------------------------------------------------------------------


def test_a_full_pass_goes_by_what_never_changes_and_asks_for_archived_ones_too(
    account: Account,
) -> None:
    account.lists("/patients", patient("82"))
    page = account.page(PATIENTS)
    assert ids(page) == ["82"]
    assert (page.next, page.total) == ("", 1)
    assert account.params() == {"page": "1", "per_page": "100", "sort": "created_at:asc"}
    assert account.filters() == ["archived_at:*"]
    assert account.spent == [(Scope.INTEGRATION,)]


def test_changes_are_asked_for_by_when_they_were_made(account: Account) -> None:
    account.lists("/patients")
    page = account.page(CHANGED)
    assert (page.records, page.next) == ((), "")
    assert account.params()["sort"] == "updated_at:asc"
    assert account.filters() == ["updated_at:>=2030-03-05T10:55:00Z", "archived_at:*"]


def test_a_moment_is_asked_for_in_utc_and_rounded_down(account: Account) -> None:
    account.lists("/patients")
    moment = datetime.fromisoformat("2030-03-05T21:55:00.999999+11:00")
    account.page(Feed(resource=Resource.PATIENTS, changed_since=moment))
    assert account.filters()[0] == "updated_at:>=2030-03-05T10:55:00Z"


@pytest.mark.parametrize("since", [None, SINCE])
@pytest.mark.parametrize(
    ("resource", "path", "name", "filters"),
    [
        (Resource.LOCATIONS, "/businesses", "businesses", ["archived_at:*", "deleted_at:*"]),
        (Resource.PRACTITIONERS, "/practitioners", "practitioners", []),
        (
            Resource.APPOINTMENT_TYPES,
            "/appointment_types",
            "appointment_types",
            ["archived_at:*"],
        ),
        (
            Resource.APPOINTMENTS,
            "/individual_appointments",
            "individual_appointments",
            ["cancelled_at:*", "archived_at:*", "deleted_at:*"],
        ),
    ],
)
def test_each_list_is_asked_for_what_it_hides(
    account: Account,
    resource: Resource,
    path: str,
    name: str,
    filters: list[str],
    since: datetime | None,
) -> None:
    account.lists(path, name=name)
    account.page(Feed(resource=resource, changed_since=since))
    bound = ["updated_at:>=2030-03-05T10:55:00Z"] if since else []
    assert account.filters() == [*bound, *filters]
    assert account.asked == [f"GET {path}"]


def test_practitioners_are_those_who_are_active_and_then_those_who_are_not(
    account: Account,
) -> None:
    feed = Feed(resource=Resource.PRACTITIONERS)
    account.lists("/practitioners", {"id": "3", "first_name": "Greta", "active": True})
    account.lists("/practitioners/inactive", {"id": "4", "active": False}, name="practitioners")
    first = account.page(feed)
    last = account.page(feed, first.next)
    assert last.next == ""
    assert [*first.records, *last.records] == [
        PractitionerRecord(external_id="3", first_name="Greta", last_name="", is_active=True),
        PractitionerRecord(external_id="4", first_name="", last_name="", is_active=False),
    ]
    assert account.asked == ["GET /practitioners", "GET /practitioners/inactive"]


def test_a_window_reaches_over_the_dates_of_every_site(account: Account) -> None:
    account.lists("/individual_appointments")
    account.page(
        Feed(
            resource=Resource.APPOINTMENTS,
            first=date(2030, 3, 5),
            last=date(2030, 3, 6),
            timezones={"1": "Australia/Sydney", "2": "Australia/Perth", "3": "Australia/Sydney"},
        )
    )
    # Sydney is at +11 by summer time, Perth at +8.
    assert account.filters()[-2:] == [
        "starts_at:>=2030-03-04T13:00:00Z",
        "starts_at:<2030-03-06T16:00:00Z",
    ]
    assert account.params()["sort"] == "created_at:asc"


@pytest.mark.parametrize(
    ("day", "starts", "ends"),
    [
        # Sydney: summer time ends on 7 April 2030 and begins on 6 October.
        (date(2030, 4, 7), "2030-04-06T13:00:00Z", "2030-04-07T14:00:00Z"),
        (date(2030, 10, 6), "2030-10-05T14:00:00Z", "2030-10-06T13:00:00Z"),
    ],
)
def test_a_window_of_a_day_on_which_clocks_change_has_all_its_hours(
    account: Account, day: date, starts: str, ends: str
) -> None:
    account.lists("/individual_appointments")
    zones = {"1": "Australia/Sydney"}
    account.page(Feed(resource=Resource.APPOINTMENTS, first=day, last=day, timezones=zones))
    assert account.filters()[-2:] == [f"starts_at:>={starts}", f"starts_at:<{ends}"]


def test_a_window_before_any_site_is_known_reaches_over_every_zone(account: Account) -> None:
    account.lists("/individual_appointments")
    account.page(
        Feed(resource=Resource.APPOINTMENTS, first=date(2030, 3, 5), last=date(2030, 3, 5))
    )
    assert account.filters()[-2:] == [
        "starts_at:>=2030-03-04T10:00:00Z",
        "starts_at:<2030-03-06T12:00:00Z",
    ]


def test_only_appointments_have_a_window(account: Account) -> None:
    account.lists("/patients")
    account.page(Feed(resource=Resource.PATIENTS, first=date(2030, 3, 5), last=date(2030, 3, 5)))
    assert account.filters() == ["archived_at:*"]


# --- The next page -------------------------------------------------------------------------------


def test_the_next_page_begins_with_the_last_value_and_drops_what_was_told(
    account: Account,
) -> None:
    account.lists("/patients", *made(("1", 1), ("2", 2), ("3", 2)), has_more=True)
    account.lists("/patients", *made(("2", 2), ("3", 2), ("4", 2), ("5", 3)))
    first = account.page(PATIENTS)
    last = account.page(PATIENTS, first.next)
    assert (ids(first), ids(last), last.next) == (["1", "2", "3"], ["4", "5"], "")
    assert account.params(1)["page"] == "1"
    assert account.filters(1) == [f"created_at:>={at(2)}", "archived_at:*"]
    assert [page.total for page in (first, last)] == [3, 3]
    assert len(account.requests) == 2


def test_the_pages_number_rises_while_all_records_share_one_value(account: Account) -> None:
    account.lists("/patients", *made(("1", 1), ("2", 2)), has_more=True)
    account.lists("/patients", *made(("2", 2), ("3", 2)), has_more=True)
    account.lists("/patients", *made(("4", 2), ("5", 2)), has_more=True)
    account.lists("/patients", *made(("6", 2), ("7", 3)), has_more=True)
    account.lists("/patients", *made(("7", 3)))
    position, told = "", []
    for _ in range(5):
        page = account.page(PATIENTS, position)
        told += ids(page)
        position = page.next
    assert told == ["1", "2", "3", "4", "5", "6", "7"]
    assert position == ""
    assert [account.params(number)["page"] for number in range(5)] == ["1", "1", "2", "3", "1"]
    since = [account.filters(number)[0] for number in range(1, 5)]
    assert since == [f"created_at:>={at(second)}" for second in (2, 2, 2, 3)]


def test_a_first_page_of_one_value_is_followed_by_the_second(account: Account) -> None:
    account.lists("/patients", *made(("1", 1), ("2", 1)), has_more=True)
    account.lists("/patients", *made(("3", 1)))
    first = account.page(PATIENTS)
    assert ids(account.page(PATIENTS, first.next)) == ["3"]
    assert account.params(1)["page"] == "2"
    assert account.filters(1) == ["archived_at:*"]


def test_changes_go_on_from_where_they_were_asked_for(account: Account) -> None:
    same = {"updated_at": "2030-03-05T11:00:00Z"}
    account.lists("/patients", patient("1", **same), patient("2", **same), has_more=True)
    account.lists("/patients", patient("3", updated_at="2030-03-05T12:00:00Z"))
    first = account.page(CHANGED)
    assert ids(account.page(CHANGED, first.next)) == ["3"]
    assert account.params(1)["page"] == "2"
    assert account.filters(1)[0] == "updated_at:>=2030-03-05T10:55:00Z"


def test_a_record_that_changed_since_it_was_told_is_told_again(account: Account) -> None:
    def changed(id: str, second: int, **more: Any) -> dict[str, Any]:
        return patient(id, updated_at=at(second), **more)

    account.lists("/patients", changed("1", 1), changed("2", 2), has_more=True)
    account.lists("/patients", changed("3", 3), changed("2", 4, email="new@example.org"))
    first = account.page(CHANGED)
    page = account.page(CHANGED, first.next)
    assert ids(page) == ["3", "2"]
    assert isinstance(page.records[1], PatientRecord)
    assert page.records[1].email == "new@example.org"


def test_fractions_of_a_second_are_rounded_down_so_that_nothing_is_skipped(
    account: Account,
) -> None:
    fine = [patient(id, created_at=f"2030-01-01T00:00:0{id}.75+00:00") for id in "12"]
    account.lists("/patients", *fine, has_more=True)
    account.lists("/patients", fine[1], patient("3", created_at=at(9)))
    first = account.page(PATIENTS)
    assert ids(account.page(PATIENTS, first.next)) == ["3"]
    assert account.filters(1)[0] == f"created_at:>={at(2)}"


def test_a_list_that_is_not_in_order_is_read_by_page_numbers(account: Account) -> None:
    account.lists("/patients", *made(("1", 5), ("2", 1)), has_more=True)
    account.lists("/patients", *made(("3", 3)))
    first = account.page(PATIENTS)
    assert ids(account.page(PATIENTS, first.next)) == ["3"]
    assert (account.params(1)["page"], account.filters(1)) == ("2", ["archived_at:*"])


@pytest.mark.parametrize("value", [None, "soon", "2030-13-45T00:00:00Z", 7, {}])
def test_a_record_without_a_sort_value_stops_nothing(account: Account, value: Any) -> None:
    odd = patient("2", created_at=value)
    account.lists("/patients", *made(("1", 1)), odd, *made(("3", 3)), has_more=True)
    account.lists("/patients", *made(("3", 3), ("4", 4)))
    first = account.page(PATIENTS)
    assert ids(first) == ["1", "2", "3"]
    assert ids(account.page(PATIENTS, first.next)) == ["4"]
    assert account.filters(1)[0] == f"created_at:>={at(3)}"


def test_a_position_stays_short_and_what_does_not_fit_is_told_twice(account: Account) -> None:
    many = [(str(10**18 + number), 2) for number in range(99)]
    account.lists("/patients", *made(("1", 1), *many), has_more=True)
    account.lists("/patients", *made(*many, ("9", 3)))
    first = account.page(PATIENTS)
    assert len(first.next) <= LONGEST_POSITION
    again = ids(account.page(PATIENTS, first.next))
    assert again[-1] == "9"
    assert 0 < len(again) - 1 < 99
    assert set(again) <= {id for id, _ in many} | {"9"}


def test_a_position_tells_nothing_of_a_patient(account: Account) -> None:
    account.lists("/patients", *made(("1", 1), ("2", 2)), has_more=True)
    position = account.page(PATIENTS).next
    for value in ("Ada", "Invented", "1984", "ada@example.org", "0491"):
        assert value not in position


# --- The end, and what is no page ----------------------------------------------------------------


def test_the_address_of_a_next_page_is_never_followed(account: Account) -> None:
    answer = envelope("patients", *made(("1", 1), ("2", 2)))
    answer["links"]["next"] = "https://evil.example/v1/patients?page=2"
    account.answers("GET", "/patients", answer)
    account.lists("/patients", *made(("2", 2), ("3", 3)))
    first = account.page(PATIENTS)
    assert "evil" not in first.next
    assert ids(account.page(PATIENTS, first.next)) == ["3"]
    assert all(request.url.startswith(f"{URL}/patients?") for request in account.requests)


def test_a_full_page_without_a_next_one_is_the_last(account: Account) -> None:
    account.lists("/patients", *made(*((str(number), number) for number in range(1, 101))))
    page = account.page(PATIENTS)
    assert (len(page.records), page.next) == (MANIFEST.page_size, "")


@pytest.mark.parametrize("total", [0, 7, 10**9])
def test_a_total_that_lies_decides_nothing(account: Account, total: int) -> None:
    answer = envelope("patients", *made(("1", 1))) | {"total_entries": total}
    account.answers("GET", "/patients", answer)
    page = account.page(PATIENTS)
    assert (ids(page), page.next, page.total) == (["1"], "", total)


@pytest.mark.parametrize("total", [None, "7", -1, True, 1.5, []])
def test_a_total_that_is_no_number_is_not_told(account: Account, total: Any) -> None:
    answer = envelope("patients", *made(("1", 1))) | {"total_entries": total}
    account.answers("GET", "/patients", answer)
    assert account.page(PATIENTS).total is None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([("1", 1), ("2", 2)], [("1", 1), ("2", 2)]),  # passes the filter over
        ([("1", 1), ("2", 1)], [("1", 1), ("2", 1)]),  # passes the page's number over
    ],
)
def test_a_page_that_repeats_itself_is_an_error_and_no_end(
    account: Account, first: list[tuple[str, int]], second: list[tuple[str, int]]
) -> None:
    account.lists("/patients", *made(*first), has_more=True)
    account.lists("/patients", *made(*second), has_more=True)
    position = account.page(PATIENTS).next
    with pytest.raises(NoAnswer, match="repeats a page"):
        account.page(PATIENTS, position)
    assert len(account.requests) == 2


def test_an_empty_page_that_names_a_next_one_is_an_error_and_no_end(account: Account) -> None:
    account.lists("/patients", has_more=True)
    with pytest.raises(NoAnswer, match="behind an empty one"):
        account.page(PATIENTS)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"patients": []},
        {"patients": [], "links": None},
        {"patients": [], "links": []},
        {"patients": None, "links": {}},
        {"patients": {}, "links": {}},
        {"patients": "none", "links": {}},
        {"appointments": [], "links": {}},
        {"errors": [], "links": {}},
    ],
)
def test_what_is_no_list_is_no_answer_and_never_an_empty_page(
    account: Account, answer: Any
) -> None:
    account.answers("GET", "/patients", answer)
    with pytest.raises(NoAnswer, match="not in its documented form"):
        account.page(PATIENTS)


@pytest.mark.parametrize("body", ["[]", "null", '"x"', "<html></html>", "7", "["])
def test_what_is_no_object_is_no_answer(account: Account, body: str) -> None:
    for _ in range(3):  # a read is tried again
        account.answers("GET", "/patients", body=body)
    with pytest.raises(NoAnswer):
        account.page(PATIENTS)


def test_nothing_at_all_is_no_answer(account: Account) -> None:
    account.answers("GET", "/patients", status=204)
    with pytest.raises(NoAnswer, match="not in its documented form"):
        account.page(PATIENTS)


def test_a_page_that_is_throttled_can_be_asked_for_again_by_its_position(
    account: Account,
) -> None:
    account.lists("/patients", *made(("1", 1), ("2", 2)), has_more=True)
    account.answers("GET", "/patients", status=429)
    account.lists("/patients", *made(("2", 2), ("3", 3)))
    position = account.page(PATIENTS).next
    with pytest.raises(Throttled):
        account.page(PATIENTS, position)
    assert ids(account.page(PATIENTS, position)) == ["3"]


def test_a_record_that_cannot_be_read_stops_no_other(account: Account) -> None:
    account.lists(
        "/individual_appointments",
        appointment("1"),
        appointment("2", starts_at="2030-02-31T10:00:00Z"),
        appointment(None),
        "a text",
        None,
        [],
        appointment("6"),
    )
    page = account.page(APPOINTMENTS)
    assert ids(page) == ["1", "2", "", "", "", "", "6"]
    assert list(page.records[1:6]) == [
        Unreadable("has a starts_at that cannot be read", "2"),
        Unreadable("has no usable id"),
        *[Unreadable("is no record")] * 3,
    ]
