"""What is asked and what goes wrong: the same for the same seed, and all of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.chaos.asks import Ask, Clinic, Effect, Named, Room
from tests.chaos.faults import PROCESSES, SPACING, STRIKES, schedule
from tests.chaos.plan import KINDS, plan

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)
ROOMS = [Room(Named(f"p{n}", f"P{n}"), Named(f"o{n}", f"O{n}"), Named("l", "1")) for n in (1, 2)]


def clinic(number: int) -> Clinic:
    return Clinic(
        id=f"c{number}",
        office=f"D{number}",
        zone=ZoneInfo("America/New_York"),
        patients=[Named(f"patient-{n}", str(n)) for n in range(1001, 1601)],
        rooms=ROOMS,
        appointments=[(Named(f"visit-{n}", str(n)), ROOMS[0]) for n in range(70001, 70081)],
    )


def asks(count: int, seed: int) -> list[Ask]:
    return plan([clinic(1), clinic(2)], count, seed, NOW)


def test_the_same_seed_asks_the_same_and_another_one_does_not() -> None:
    assert asks(100, 1) == asks(100, 1)
    assert asks(100, 1) != asks(100, 2)
    assert asks(500, 1)[:100] == asks(100, 1)


def test_five_hundred_asks_have_every_kind_and_each_can_be_told_from_all_others() -> None:
    made = asks(500, 1)
    assert set(Counter(ask.kind for ask in made)) == set(KINDS)
    effects = [effect for ask in made for effect in ask.effects]
    for number, effect in enumerate(effects):
        write = {
            "method": effect.method,
            "api": effect.api,
            "target": effect.target,
            "body": effect.body,
        }
        fitting = [
            other
            for other, each in enumerate(effects)
            if each.office == effect.office and each.fits(write)
        ]
        assert fitting == [number]


def test_no_two_bookings_share_a_slot_except_those_that_may_be_refused_for_it() -> None:
    slots = Counter(ask.slot for ask in asks(500, 1) if ask.slot)
    contended = {slot for slot, count in slots.items() if count > 1}
    assert contended
    assert all("slot_taken" in ask.may_be_refused for ask in asks(500, 1) if ask.slot in contended)


def test_a_booking_in_the_past_must_be_refused() -> None:
    late = [ask for ask in asks(500, 1) if ask.must_be_refused]
    assert late
    assert all(datetime.fromisoformat(ask.body["starts_at"]) < NOW for ask in late)


@pytest.mark.parametrize("seconds", [60, 600])
def test_every_fault_strikes_and_every_process_is_killed_but_none_too_often(seconds: float) -> None:
    faults = schedule(seconds, 1, ["D1", "D2"])
    assert faults == schedule(seconds, 1, ["D1", "D2"])
    ordered = {(fault.details["on"], fault.details["fault"]) for fault in faults if
               fault.what == "strike"}  # fmt: skip
    assert ordered >= {(on, fault) for on, fault, *_ in STRIKES}
    kills = [fault for fault in faults if fault.what == "kill"]
    assert {fault.name for fault in kills} == set(PROCESSES)
    for name in PROCESSES:
        times = [fault.at for fault in kills if fault.name == name]
        assert all(later - earlier >= SPACING for earlier, later in pairwise(times))
    assert all(0 <= fault.at < seconds for fault in faults)


def test_every_agent_that_goes_away_comes_back() -> None:
    turns = [each.details for each in schedule(600, 1, ["D1", "D2"]) if each.what == "knobs"]
    assert [each["agent_offline"] for each in turns] == [
        ["D1"], False, ["D2"], False, True, False
    ]  # fmt: skip


def test_a_write_of_another_practice_or_to_another_record_is_not_the_effect() -> None:
    effect = Effect("cancel", "D1", "PATCH", "appointments", {"value": "cancelled"}, target="7")
    write = {"method": "PATCH", "api": "appointments", "body": {"value": "cancelled", "op": "x"}}
    assert effect.fits({**write, "target": "7"})
    assert not effect.fits({**write, "target": "8"})
