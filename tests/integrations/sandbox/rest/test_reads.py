"""What the lists and the single records show, and what selects them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from .service import BOOKING, MONDAY, Service, wrong_fields


def ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def test_a_client_has_numbers_for_ids_and_null_for_nothing(service: Service) -> None:
    people = service.data("/clients")
    assert set(people[0]) == {
        *("id", "first_name", "last_name", "date_of_birth", "email", "phone", "active"),
        *("created_at", "updated_at"),
    }
    assert all(isinstance(item["id"], int) for item in people)
    assert {type(item["email"]) for item in people} == {str, type(None)}
    assert {item["active"] for item in people} == {True, False}


def test_a_single_record_is_the_one_of_the_list(service: Service) -> None:
    for path in ("/clients", "/appointments"):
        item = service.data(path)[7]
        assert service.one(f"{path}/{item['id']}") == item
        assert service.get(f"{path}/7").status_code == 404


def test_staff_sites_and_services_are_those_of_the_account(service: Service) -> None:
    staff = service.data("/staff", account="rest-2")
    sites = service.data("/sites", account="rest-2")
    offers = service.data("/services", account="rest-2")

    assert [(item["last_name"], item["active"]) for item in staff][-1] == ("Menon", False)
    assert [item["site_ids"] for item in staff] == [[11], [11, 12], [12], [12]]
    assert [(item["id"], item["timezone"]) for item in sites] == [
        (11, "America/Vancouver"),
        (12, "America/Vancouver"),
    ]
    assert offers[1] == {
        "id": 302,
        "name": "Follow-up",
        "duration_minutes": 30,
        "active": True,
    }
    assert ids(service.data("/sites")) == [11]


def test_the_same_id_is_somebody_else_at_the_other_account(service: Service) -> None:
    here, there = (service.one("/clients/20001", account=id) for id in ("rest-1", "rest-2"))
    assert here["date_of_birth"] != there["date_of_birth"]


def test_times_are_the_wall_clock_until_the_knob_gives_them_an_offset(service: Service) -> None:
    visit = service.write("POST", "/appointments", BOOKING)
    assert (visit["starts_at"], visit["ends_at"]) == ("2026-03-10T19:30:00", "2026-03-10T20:15:00")
    assert visit["created_at"] == "2026-03-02T09:00:00"

    service.turn(rest_zoned=True)
    zoned = service.one(f"/appointments/{visit['id']}")
    # The clocks go forward in between.
    assert zoned["starts_at"] == "2026-03-10T19:30:00-05:00"
    assert zoned["ends_at"] == "2026-03-10T20:15:00-05:00"
    assert zoned["updated_at"] == "2026-03-02T09:00:00-06:00"


def test_changed_records_are_found_by_when_they_changed(service: Service) -> None:
    assert service.data("/clients", updated_since="2026-03-02T09:00:00") == []
    service.change("patient", "update", "20005", last_name="Okonkwo")
    service.clock.advance(1)

    for since, found in (
        ("2026-03-02T09:00:00", [20005]),  # the wall clock in Chicago
        ("2026-03-02T15:00:00Z", [20005]),
        ("2026-03-02T15:00:00+00:00", [20005]),
        ("2026-03-02T09:00:01", []),
        ("2026-03-02T15:00:01Z", []),
    ):
        assert ids(service.data("/clients", updated_since=since)) == found


def test_a_service_that_does_not_know_changes_passes_over_the_question(
    open_service: Callable[..., Service],
) -> None:
    service = open_service(rest_updated_since=False)
    assert len(service.data("/clients", updated_since="2030-01-01T00:00:00")) == 650
    assert len(service.data("/clients", updated_since="whenever")) == 650


def test_appointments_are_found_by_when_they_begin(service: Service) -> None:
    visit = service.write("POST", "/appointments", BOOKING)["id"]
    day = service.data("/appointments", from_="2026-03-10", to="2026-03-11")
    assert visit in ids(day)
    assert {item["starts_at"][:10] for item in day} == {"2026-03-10"}

    def found(start: str, end: str) -> bool:
        return visit in ids(service.data("/appointments", from_=start, to=end))

    assert found("2026-03-10T19:30:00", "2026-03-10T19:31:00")
    assert found("2026-03-11T00:30:00Z", "2026-03-11T00:31:00Z")
    assert not found("2026-03-10T19:31:00", "2026-03-11")
    assert not found("2026-03-10", "2026-03-10T19:30:00")


def test_appointments_are_found_by_people_places_and_status(service: Service) -> None:
    everything = service.data("/appointments", account="rest-2")
    one = everything[0]
    for name in ("client_id", "staff_id", "site_id", "status"):
        found = service.data("/appointments", account="rest-2", **{name: one[name]})
        assert ids(found) == [item["id"] for item in everything if item[name] == one[name]]
        assert len(found) < len(everything)


def test_clients_are_found_by_name_mail_telephone_and_birthday(service: Service) -> None:
    people = service.data("/clients")
    one = next(item for item in people if item["email"] and item["phone"])
    digits = one["phone"].replace("-", "")
    for query in (
        {"email": one["email"].upper()},
        {"phone": f"+1{digits}"},
        {"first_name": one["first_name"].upper(), "last_name": one["last_name"]},
        {"date_of_birth": one["date_of_birth"], "last_name": one["last_name"].lower()},
    ):
        assert one["id"] in ids(service.data("/clients", **query))
    assert ids(service.data("/clients", email=one["email"])) == [one["id"]]
    assert service.data("/clients", phone="none") == []


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("/clients", {"updated_since": "yesterday"}, "updated_since"),
        ("/appointments", {"from_": "10/03/2026"}, "from"),
        ("/appointments", {"client_id": "me"}, "client_id"),
        # Two o'clock does not come that night.
        ("/appointments", {"to": "2026-03-08T02:30:00"}, "to"),
        ("/slots", {"from_": "2026-03-10", "to": "2026-03-09"}, "to"),
        ("/slots", {"from_": "2026-03-10", "to": "2026-04-11"}, "to"),
    ],
)
def test_a_wrong_filter_is_refused_by_its_name(
    service: Service, path: str, query: dict[str, object], field: str
) -> None:
    assert list(wrong_fields(service.get(path, **query))) == [field]


def test_an_offset_that_was_not_escaped_is_no_time(service: Service) -> None:
    answer = service.call("GET", "/clients?updated_since=2026-03-02T15:00:00+00:00")
    assert wrong_fields(answer) == {"updated_since": ["must be a time in ISO 8601"]}


def test_the_same_seed_and_day_give_the_same_world_whenever_it_is_first_looked_at(
    open_service: Callable[..., Service],
) -> None:
    first, second = open_service(), open_service()
    second.clock.advance(3 * 86_400)
    assert first.data("/appointments") == second.data("/appointments")
    later = open_service(now=MONDAY + timedelta(days=1))
    assert first.data("/appointments") != later.data("/appointments")


@pytest.mark.parametrize("account", ["rest-1", "rest-2"])
def test_there_are_87_appointments_to_come_and_60_past_and_nobody_is_in_two_places(
    service: Service, account: str
) -> None:
    visits = service.data("/appointments", account=account)
    staff = {item["id"]: item for item in service.data("/staff", account=account)}
    people = set(ids(service.data("/clients", account=account)))
    coming = [item for item in visits if item["starts_at"] > "2026-03-02"]

    assert (len(coming), len(visits), len(people)) == (87, 147, 650)
    assert {item["status"] for item in coming} == {"booked"}
    ended: dict[int, str] = {}
    for item in sorted(visits, key=lambda item: item["starts_at"]):
        assert item["client_id"] in people
        assert item["site_id"] in staff[item["staff_id"]]["site_ids"]
        assert staff[item["staff_id"]]["active"]
        assert "09:00:00" <= item["starts_at"][11:] < item["ends_at"][11:] <= "18:00:00"
        assert ended.get(item["staff_id"], "") <= item["starts_at"]
        ended[item["staff_id"]] = item["ends_at"]
