"""Sikka's free slots, of the few systems that tell them, as times that can be booked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from integrations.queries import FreeTime, FreeTimes
from tests.integrations.adapters.conftest import Office
from tests.integrations.guards import NOW

ASKED = FreeTimes(
    practitioner_id="DMD2",
    location_id="1",
    appointment_type="",
    first=date(2030, 3, 5),
    last=date(2030, 3, 6),
    timezone="America/New_York",
    minutes=60,
)


def slot(clock: str, day: str = "2030-03-05", **changes: Any) -> dict[str, Any]:
    hour, minute = clock.split(":")
    end = f"{int(hour) + (minute == '30'):02}:{'00' if minute == '30' else '30'}"
    item = {
        "provider_id": "DMD2",
        "practice_id": "1",
        "date": f"{day}T00:00:00",
        "time": clock,
        "end_time": end,
        "operatory": "OP1",
    }
    return item | changes


def starts(found: list[FreeTime] | None) -> list[str]:
    assert found is not None
    return [f"{each.starts_at:%d %H:%M}" for each in found]


def test_free_times_are_starts_from_which_one_operatory_is_free_long_enough(
    office: Office,
) -> None:
    office.lists(
        "/appointments_available_slots",
        slot("11:00"),
        slot("11:30"),
        slot("12:00"),
        slot("13:00"),  # alone
        slot("14:00"),
        slot("14:30", operatory="OP2"),  # another chair
        slot("15:00", operatory=""),
        slot("15:30", operatory="OP2"),  # any chair, then this one
        slot("09:00"),
        slot("09:30"),  # past already: it is 10:00 there
        slot("10:00", day="2030-03-06"),
        slot("10:30", day="2030-03-06"),
        slot("10:00", day="2030-03-07"),
        slot("10:30", day="2030-03-07"),  # not asked for
        slot("16:00", provider_id="DMD1"),
        slot("16:30", provider_id="DMD1"),
    )
    found = office.sikka.free_times(ASKED, NOW)
    assert starts(found) == ["05 11:00", "05 11:30", "05 14:30", "05 15:00", "06 10:00"]
    assert found is not None
    assert found[0] == FreeTime(
        starts_at=datetime(2030, 3, 5, 16, tzinfo=UTC), ends_at=datetime(2030, 3, 5, 17, tzinfo=UTC)
    )
    asked = {name: office.params(0)[name] for name in ("provider_id", "practice_id", "enddate")}
    assert asked == {"provider_id": "DMD2", "practice_id": "1", "enddate": "2030-03-06"}


@pytest.mark.parametrize("rows", [[], [slot("11:00", provider_id="DMD1")]])
def test_a_list_that_says_nothing_of_the_practitioner_offers_nothing_and_denies_nothing(
    office: Office, rows: list[dict[str, Any]]
) -> None:
    office.lists("/appointments_available_slots", *rows)
    assert office.sikka.free_times(ASKED, NOW) is None


def test_slots_that_are_all_too_short_are_no_free_time(office: Office) -> None:
    office.lists("/appointments_available_slots", slot("11:00"), slot("12:00"))
    assert office.sikka.free_times(ASKED, NOW) == []


@pytest.mark.parametrize(
    "changes",
    [{"date": "soon"}, {"time": None}, {"end_time": "", "time_units": ""}, {"end_time": "99:00"}],
)
def test_slots_in_another_form_say_nothing(office: Office, changes: dict[str, Any]) -> None:
    office.lists("/appointments_available_slots", slot("11:00"), slot("11:30") | changes)
    assert office.sikka.free_times(ASKED, NOW) is None


def test_an_hour_that_is_skipped_is_no_time_to_come(office: Office) -> None:
    spring = "2030-03-10"
    office.lists("/appointments_available_slots", slot("01:30", spring), slot("03:00", spring))
    asked = replace(ASKED, first=date(2030, 3, 10), last=date(2030, 3, 10))
    (found,) = office.sikka.free_times(asked, NOW) or []
    assert found.ends_at.astimezone(UTC) - found.starts_at.astimezone(UTC) == timedelta(hours=1)
