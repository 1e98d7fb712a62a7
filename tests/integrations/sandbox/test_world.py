"""The invented world: its numbers, its plausibility, and that it is always the same."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from .gateway import Gateway

OFFICES = ["D10001", "D10002"]


def appointments(gateway: Gateway, office: str, **query: object) -> list[dict[str, str]]:
    return gateway.items("/appointments", office=office, limit=5000, fields="get_all", **query)


@pytest.mark.parametrize("office", OFFICES)
def test_there_are_87_appointments_to_come_in_opening_hours_without_overlaps(
    gateway: Gateway, office: str
) -> None:
    coming = appointments(gateway, office, startdate="2026-03-02", enddate="2026-03-30")
    assert len(coming) == 87
    assert len(appointments(gateway, office)) == 147

    taken: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for item in coming:
        day = date.fromisoformat(item["date"][:10])
        hours, minutes = map(int, item["time"].split(":"))
        start, end = hours * 60 + minutes, hours * 60 + minutes + int(item["length"])
        assert day.weekday() < 5
        assert 8 * 60 <= start < end <= 17 * 60
        for who in (item["provider_id"], item["operatory"]):
            assert all(end <= other[0] or other[1] <= start for other in taken[item["date"], who])
            taken[item["date"], who].append((start, end))
        assert item["status"] in ("Unconfirmed", "Confirmed")


@pytest.mark.parametrize("office", OFFICES)
def test_the_650_people_are_invented_and_plausible(gateway: Gateway, office: str) -> None:
    people = gateway.items("/patients", office=office, limit=5000, fields="get_all")
    assert len(people) == 650
    for person in people:
        born = date.fromisoformat(person["birthdate"][:10])
        assert timedelta(days=2 * 365) < date(2026, 3, 2) - born < timedelta(days=91 * 365)
        assert re.fullmatch(r"([a-z]+\.[a-z]+\d+@example\.(com|org))?", person["email"])
        for phone in (person["cell"], person["homephone"]):
            assert re.fullmatch(r"(\d{3}-555-01\d\d)?", phone)
    names = {person["firstname"] for person in people} | {person["lastname"] for person in people}
    assert {"José", "Zoë", "Łukasz", "O'Neil"} <= names
    cells = [person["cell"] for person in people if person["cell"]]
    assert len(cells) == len(set(cells))


def test_the_same_seed_and_day_give_the_same_world(open_gateway: Callable[..., Gateway]) -> None:
    first, second = open_gateway(), open_gateway()
    for office in OFFICES:
        assert appointments(first, office) == appointments(second, office)
    later = open_gateway(now=first.clock.now() + timedelta(days=1))
    assert appointments(first, "D10001") != appointments(later, "D10001")


def test_every_appointment_belongs_to_known_people_and_chairs(gateway: Gateway) -> None:
    for office in OFFICES:
        people = {
            item["patient_id"] for item in gateway.items("/patients", office=office, limit=5000)
        }
        active = gateway.items("/providers", office=office, status="Active")
        practices = {item["provider_id"]: item["practice_id"] for item in active}
        for item in appointments(gateway, office):
            assert item["patient_id"] in people
            assert item["practice_id"] == practices[item["provider_id"]]
