"""The invented world: its numbers, its plausibility, and that it is always the same."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from .caller import NOW, Caller, linked

OFFICES = ["cliniko-1", "cliniko-2"]
NOW_TEXT = "2026-03-02T15:00:00Z"
EVERYTHING = ["cancelled_at:*", "archived_at:*"]


@pytest.mark.parametrize("office", OFFICES)
def test_87_appointments_are_to_come_and_60_are_past(caller: Caller, office: str) -> None:
    def count(*q: str) -> int:
        return len(caller.ids("individual_appointments", office=office, q=list(q)))

    assert count(f"starts_at:>{NOW_TEXT}") == 87
    assert count(f"starts_at:<{NOW_TEXT}", *EVERYTHING) == 60
    assert 50 <= count(f"starts_at:<{NOW_TEXT}") < 60


@pytest.mark.parametrize("office", OFFICES)
def test_they_lie_in_working_hours_and_nobody_is_booked_twice(caller: Caller, office: str) -> None:
    zones = {
        item["id"]: ZoneInfo(item["time_zone_identifier"])
        for item in caller.listed("businesses", office=office)
    }
    hours = {
        (linked(item["practitioner"]), linked(item["business"]), item["day_of_week"]): [
            (part["starts_at"], part["ends_at"]) for part in item["availabilities"]
        ]
        for item in caller.listed("daily_availabilities", office=office)
    }
    taken: dict[str, list[tuple[str, str]]] = defaultdict(list)
    coming = caller.listed("individual_appointments", office=office, q=f"starts_at:>{NOW_TEXT}")
    for item in coming:
        who, where = linked(item["practitioner"]), linked(item["business"])
        start, end = (
            datetime.fromisoformat(item[name]).astimezone(zones[where])
            for name in ("starts_at", "ends_at")
        )
        assert any(
            opens <= f"{start:%H:%M}" < f"{end:%H:%M}" <= closes
            for opens, closes in hours[who, where, start.isoweekday() % 7]
        )
        span = item["starts_at"], item["ends_at"]
        assert all(span[1] <= since or until <= span[0] for since, until in taken[who])
        taken[who].append(span)


@pytest.mark.parametrize("office", OFFICES)
def test_they_belong_to_people_places_and_types_that_are_there(caller: Caller, office: str) -> None:
    patients = set(caller.ids("patients", office=office))
    kinds = {item["id"]: item for item in caller.listed("appointment_types", office=office)}
    active = set(caller.ids("practitioners", office=office))
    inactive = set(caller.ids("practitioners", office=office, q="active:=false"))
    treated = set()
    for item in caller.listed("individual_appointments", office=office, q=EVERYTHING):
        start, end = (datetime.fromisoformat(item[name]) for name in ("starts_at", "ends_at"))
        assert linked(item["patient"]) in patients
        length = kinds[linked(item["appointment_type"])]["duration_in_minutes"]
        assert end - start == timedelta(minutes=length)
        assert item["created_at"] <= item["updated_at"] <= NOW_TEXT
        treated.add(linked(item["practitioner"]))
    # Who is inactive today has treated before.
    assert treated == active | inactive


@pytest.mark.parametrize(("office", "code"), [("cliniko-1", "61"), ("cliniko-2", "44")])
def test_the_650_people_are_invented_and_plausible(caller: Caller, office: str, code: str) -> None:
    people = caller.listed("patients", office=office, q="archived_at:*")
    assert len(people) == 650
    numbers = []
    for person in people:
        assert re.fullmatch(
            r"[a-z]+\.[a-z]+\d+@example\.(com|org)", person["email"] or "a.a1@example.com"
        )
        assert person["created_at"] <= person["updated_at"] < NOW_TEXT
        for number in person["patient_phone_numbers"]:
            assert number["normalized_number"].startswith(code)
            numbers.append(number["normalized_number"])
    assert len(numbers) == len(set(numbers))
    archived = [person for person in people if person["archived_at"]]
    assert 20 < len(archived) < 100


def test_numbers_are_of_the_blocks_that_are_kept_free_for_fiction(caller: Caller) -> None:
    fiction = r"\(02\) 5550 \d{4}|\(08\) 7010 \d{4}|07700 900\d{3}|020 7946 0\d{3}"
    for office in OFFICES:
        for person in caller.listed("patients", office=office):
            for number in person["patient_phone_numbers"]:
                assert re.fullmatch(fiction, number["number"])


def test_one_account_has_two_sites_in_two_zones(caller: Caller) -> None:
    told = [
        [item["time_zone_identifier"] for item in caller.listed("businesses", office=office)]
        for office in OFFICES
    ]
    assert told == [
        ["Australia/Sydney", "Australia/Adelaide"],
        ["Europe/London", "Europe/London"],
    ]


def test_who_works_where_and_offers_what_is_told_from_both_sides(caller: Caller) -> None:
    for resource, name in (("businesses", "practitioners"), ("appointment_types", "practitioners")):
        for id in caller.ids(resource):
            assert caller.get(f"/{resource}/{id}/{name}")["total_entries"] >= 1
    for who in caller.ids("practitioners"):
        offered = caller.get(f"/practitioners/{who}/appointment_types")["appointment_types"]
        assert offered
        for kind in offered:
            offering = caller.get(f"/appointment_types/{kind['id']}/practitioners")
            assert who in [item["id"] for item in offering["practitioners"]]
        week = caller.get(f"/practitioners/{who}/daily_availabilities")["daily_availabilities"]
        assert {item["day_of_week"] for item in week} == set(range(7))
    site = caller.ids("businesses")[1]
    there = caller.get(f"/businesses/{site}/daily_availabilities")["daily_availabilities"]
    assert {linked(item["business"]) for item in there} == {site}
    assert {item["time_zone_identifier"] for item in there} == {"Australia/Adelaide"}


def test_the_same_seed_and_day_give_the_same_world(open_caller: Callable[..., Caller]) -> None:
    first, second = open_caller(), open_caller()
    for office in OFFICES:
        assert first.truth(office) == second.truth(office)
    later = open_caller(now=NOW + timedelta(days=1))
    assert later.truth() != first.truth()


def test_the_world_begins_on_each_accounts_own_day(open_caller: Callable[..., Caller]) -> None:
    """An hour before midnight UTC, Sydney is at work already, and nothing of it is over."""
    caller = open_caller(now=datetime.fromisoformat("2026-03-02T23:00:00+00:00"))
    for office in OFFICES:
        q = "starts_at:>2026-03-02T23:00:00Z"
        assert len(caller.ids("individual_appointments", office=office, q=q)) == 87
        people = caller.listed("patients", office=office)
        assert max(person["updated_at"] for person in people) < "2026-03-02T23:00:00Z"
