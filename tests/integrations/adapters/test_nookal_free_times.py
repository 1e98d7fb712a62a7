"""Nookal's free times: cells of the day's clock that make up a visit only where enough follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from integrations.commands import BookAppointment
from integrations.http.errors import NoAnswer
from integrations.queries import FreeTimes
from tests.integrations.adapters.nookal_practice import Practice, practising, success
from tests.integrations.guards import NOW

SYDNEY = ZoneInfo("Australia/Sydney")
DAY = date(2030, 3, 12)
ASKED = FreeTimes(
    practitioner_id="7",
    location_id="1",
    appointment_type="3",
    first=DAY,
    last=DAY,
    timezone="Australia/Sydney",
    minutes=45,
)
BOOKING = BookAppointment(
    patient_id="5",
    practitioner_id="7",
    operatory_id="",
    location_id="1",
    starts_at=datetime(2030, 3, 12, 9, 0, tzinfo=SYDNEY),
    ends_at=datetime(2030, 3, 12, 9, 30, tzinfo=SYDNEY),
    description="",
)


@pytest.fixture
def practice() -> Iterator[Practice]:
    with practising() as practice:
        yield practice


def cells(text: str) -> dict[str, str]:
    """Cells from a text: "9:00 9:15 -9:30" are two free ones and one that is not."""
    return {
        each.lstrip("-").zfill(5): "unavailable" if each[0] == "-" else "available"
        for each in text.split()
    }


def offers(practice: Practice, days: Any) -> None:
    practice.answers("getAppointmentAvailabilities", success({"availabilities": days}))


def starts(practice: Practice, asked: FreeTimes = ASKED, now: datetime = NOW) -> list[str] | None:
    found = practice.nookal.free_times(asked, now)
    if found is None:
        return None
    for each in found:
        lasts = each.ends_at.astimezone(UTC) - each.starts_at.astimezone(UTC)
        assert lasts == timedelta(minutes=asked.minutes)
    return [f"{each.starts_at:%d %H:%M}" for each in found]


def test_free_times_are_one_call(practice: Practice) -> None:
    offers(practice, {})
    assert starts(practice) == []
    assert practice.form(0) == {
        "location_id": "1",
        "practitioner_id": "7",
        "date_from": "2030-03-12",
        "date_to": "2030-03-12",
    }


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (15, ["12 09:00", "12 09:15", "12 09:30", "12 10:00"]),
        (20, ["12 09:00", "12 09:15"]),
        (30, ["12 09:00", "12 09:15"]),
        (45, ["12 09:00"]),
        (60, []),
    ],
)
def test_a_visit_needs_enough_free_cells_in_a_row(
    practice: Practice, minutes: int, expected: list[str]
) -> None:
    offers(practice, {"2030-03-12": cells("10:00 9:30 9:15 9:00 -9:45")})
    assert starts(practice, replace(ASKED, minutes=minutes)) == expected


def test_a_break_between_cells_ends_a_row(practice: Practice) -> None:
    offers(practice, {"2030-03-12": cells("11:30 11:45 13:00 13:15 13:30")})
    assert starts(practice) == ["12 13:00"]


def test_the_length_of_a_cell_is_what_the_keys_differ_by(practice: Practice) -> None:
    offers(practice, {"2030-03-12": cells("9:00 9:30 10:00 10:30 -11:00")})
    assert starts(practice) == ["12 09:00", "12 09:30", "12 10:00"]


def test_one_cell_tells_no_length(practice: Practice) -> None:
    offers(practice, {"2030-03-12": cells("9:00")})
    assert starts(practice) is None


@pytest.mark.parametrize("days", [{}, [], {"2030-03-12": []}, {"2030-03-12": {}}])
def test_no_cells_are_no_free_times(practice: Practice, days: Any) -> None:
    offers(practice, days)
    assert starts(practice) == []


def test_what_has_begun_and_other_days_are_left_out(practice: Practice) -> None:
    day = cells("9:00 9:15 9:30 9:45 10:00")
    offers(practice, {"2030-03-11": day, "2030-03-12": day, "2030-03-13": day})
    now = datetime(2030, 3, 12, 9, 0, tzinfo=SYDNEY)
    assert starts(practice, replace(ASKED, last=date(2030, 3, 12)), now) == ["12 09:15", "12 09:30"]


def test_cells_are_on_the_clock_of_the_site(practice: Practice) -> None:
    offers(practice, {"2030-03-12": cells("9:00 9:15 9:30")})
    (found,) = practice.nookal.free_times(ASKED, NOW) or []
    assert found.starts_at == datetime(2030, 3, 11, 22, 0, tzinfo=UTC)
    assert found.starts_at.tzinfo == SYDNEY


@pytest.mark.parametrize(
    ("day", "text", "expected"),
    [
        # From 2:00 to 3:00: there is no 2:00, and 3:00 follows 1:45.
        ("2030-10-06", "1:30 1:45 2:00 2:15 3:00 3:15", ["06 01:30", "06 01:45"]),
        # From 3:00 back to 2:00: after 2:45 comes an hour that nobody told of.
        ("2030-04-07", "2:00 2:15 2:30 2:45 3:00 3:15", ["07 02:00", "07 02:15"]),
    ],
)
def test_a_visit_takes_its_time_also_where_the_clocks_change(
    practice: Practice, day: str, text: str, expected: list[str]
) -> None:
    offers(practice, {day: cells(text)})
    on = date.fromisoformat(day)
    assert starts(practice, replace(ASKED, first=on, last=on)) == expected


@pytest.mark.parametrize(
    "results",
    [
        {},
        {"availabilities": None},
        {"availabilities": "none"},
        {"availabilities": ["2030-03-12"]},
        {"availabilities": {"Tuesday": cells("9:00")}},
        {"availabilities": {"2030-03-12": "closed"}},
        {"availabilities": {"2030-03-12": {"nine": "available"}}},
        {"availabilities": {"2030-03-12": ["09:00"]}},
    ],
)
def test_another_form_is_no_answer(practice: Practice, results: Any) -> None:
    practice.answers("getAppointmentAvailabilities", success(results))
    with pytest.raises(NoAnswer):
        practice.nookal.free_times(ASKED, NOW)


@pytest.mark.parametrize("word", ["unavailable", "Unavailable", "", None, True, "maybe", 1])
def test_only_the_known_word_is_free(practice: Practice, word: Any) -> None:
    offers(practice, {"2030-03-12": dict.fromkeys(("09:00", "09:15", "09:30"), word)})
    assert starts(practice) == []


# --- Is this time offered? ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("9:00 9:15 9:30", True),
        ("8:45 9:00 9:15 -9:30", True),
        ("8:45 9:00 -9:15 9:30", False),
        ("-8:45 9:15 9:30 9:45", False),
        ("14:00 14:15", False),
        ("8:30 9:00 9:30", True),
        ("8:50 9:10 9:30", True),
        ("8:50 9:10 -9:30", True),
        ("8:50 -9:10 9:30", False),
        # Closed and not told look alike.
        ("", None),
        ("9:00", None),
    ],
)
def test_a_time_is_offered_where_free_cells_cover_it(
    practice: Practice, text: str, expected: bool | None
) -> None:
    offers(practice, {"2030-03-12": cells(text)})
    assert practice.nookal.is_offered(BOOKING) is expected
    assert practice.asked == ["getAppointmentAvailabilities"]
