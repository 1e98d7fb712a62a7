"""The invented world: its numbers, its plausibility, and that it is always the same."""

import re
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.management.commands.sandbox import _lines
from integrations.sandbox import running

from .caller import MONDAY, Caller

OFFICES = ["nookal-1", "nookal-2"]


def appointments(caller: Caller, office: str, **asked: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = caller.results(
        "getAppointments", office=office, page_length=200, **asked
    )["appointments"]
    return found


@pytest.mark.parametrize("office", OFFICES)
def test_87_appointments_are_to_come_and_60_are_past(caller: Caller, office: str) -> None:
    coming = appointments(caller, office, date_from="2026-03-03")
    past = appointments(caller, office, date_to="2026-03-01")
    assert (len(coming), len(past), len(appointments(caller, office))) == (87, 60, 147)
    assert {(item["status"], item["cancelled"], item["DNA"]) for item in coming} == {
        ("Pending", "0", "0")
    }
    assert len({(item["status"], item["cancelled"], item["DNA"]) for item in past}) == 3


@pytest.mark.parametrize("office", OFFICES)
def test_nobody_is_booked_twice_at_a_time_or_outside_opening_hours(
    caller: Caller, office: str
) -> None:
    sites = caller.results("getLocations", office=office)["locations"]
    zones = {site["ID"]: site["Timezone"] for site in sites}
    taken: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in appointments(caller, office):
        start, end = item["appointmentStartDateTimeUTC"], item["appointmentEndDateTimeUTC"]
        spans = taken[item["practitionerID"]]
        assert all(end <= other_start or other_end <= start for other_start, other_end in spans)
        spans.append((start, end))
        assert "08:00:00" <= item["appointmentStartTime"] < item["appointmentEndTime"] <= "17:00:00"
        local = (
            datetime.fromisoformat(start)
            .replace(tzinfo=UTC)
            .astimezone(ZoneInfo(zones[item["locationID"]]))
        )
        assert local.strftime("%Y-%m-%d %H:%M:%S") == (
            f"{item['appointmentDate']} {item['appointmentStartTime']}"
        )
        assert local.weekday() < 5


def test_the_inactive_have_no_appointments_and_both_sites_have_some(caller: Caller) -> None:
    found = appointments(caller, "nookal-2")
    assert {item["practitionerID"] for item in found} == {"1", "2", "3"}
    assert {item["locationID"] for item in found} == {"1", "2"}
    assert {item["locationID"] for item in found if item["practitionerID"] == "3"} == {"1", "2"}
    assert "5" not in {item["appointmentTypeID"] for item in found}


@pytest.mark.parametrize("office", OFFICES)
def test_the_650_people_are_invented(caller: Caller, office: str) -> None:
    phones: list[str] = []
    for page in range(1, 5):
        people = caller.results("getPatients", office=office, page=page, page_length=200)
        for person in people["patients"]:
            assert re.fullmatch(r"([a-z]+\.[a-z]+\d+@example\.(com|org))?", person["Email"])
            phones += [person["Mobile"], person["Home"]]
            assert person["DateCreated"] < person["DateModified"] < "2026-03-02"
    told = [phone for phone in phones if phone]
    assert all(re.fullmatch(r"0[37] 5550 \d{4}", phone) for phone in told)
    assert len(told) == len(set(told)) > 650


def test_the_same_seed_and_day_give_the_same_world(open_caller: Callable[..., Caller]) -> None:
    first, second = open_caller(), open_caller(now=MONDAY + timedelta(hours=1))
    later = open_caller(now=MONDAY + timedelta(days=1))
    for office in OFFICES:
        assert first.truth(office) == second.truth(office)
        assert first.truth(office) != later.truth(office)


def test_over_http_an_account_is_reached_by_what_the_command_prints() -> None:
    with running(now=MONDAY, frozen=True) as sandbox:
        first, second = sandbox.systems["nookal"]["offices"]
        lines = _lines(sandbox, None)
        assert f"Nookal   {sandbox.address}{'/nookal/production/v2'}" in lines
        (told,) = [line for line in lines if line.startswith("Account  nookal-2  ")]
        assert f"api_key {second['api_key']}" in told
        assert "name Border Coast Allied Health  timezone Australia/Brisbane" in told
        assert [site["timezone"] for site in second["locations"]] == [
            "Australia/Brisbane",
            "Australia/Sydney",
        ]
        assert first["api_key"] != second["api_key"]
        number = sandbox.control.change("nookal-1", "patient", "create", last_name="Weaver")
        assert sandbox.control.truth("nookal-1")["patients"][number]["last_name"] == "Weaver"
