"""Free slots, where the practice-management system tells them."""

import pytest

from .gateway import Gateway, code

DAY = {"startdate": "2026-03-10", "enddate": "2026-03-10"}


@pytest.fixture
def dolphin(gateway: Gateway) -> Gateway:
    gateway.turn(dolphin=["D10001"])
    return gateway


def slots(gateway: Gateway, **query: object) -> list[tuple[str, str, str]]:
    query = {**DAY, "limit": 5000, "fields": "get_all", **query}
    items = gateway.items("/appointments_available_slots", **query)
    return [(item["provider_id"], item["operatory"], item["time"]) for item in items]


def test_most_systems_tell_no_slots(dolphin: Gateway) -> None:
    answer = dolphin.get("/appointments_available_slots", office="D10002", **DAY)
    assert (answer.status_code, answer.data) == (204, b"")
    dolphin.turn(dolphin=False)
    assert dolphin.get("/appointments_available_slots", **DAY).status_code == 204


def test_a_slot_is_free_for_its_provider_and_its_chair(dolphin: Gateway) -> None:
    busy = dolphin.items("/appointments", **DAY, limit=5000, fields="operatory")
    assert busy
    free = slots(dolphin)

    expected = set()
    for provider in ("DMD1", "DMD2", "HYG1"):
        for chair in ("OP1", "OP2", "OP3", "OP4", "OP5"):
            for start in range(8 * 60, 17 * 60, 30):
                clashes = [
                    item
                    for item in busy
                    if provider == item["provider_id"] or chair == item["operatory"]
                    if minutes(item["time"]) < start + 30
                    and start < minutes(item["time"]) + int(item["length"])
                ]
                if not clashes:
                    expected.add((provider, chair, f"{start // 60:02}:{start % 60:02}"))
    assert set(free) == expected
    assert len(free) == len(expected)


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def test_a_booking_takes_its_slot_and_giving_it_up_frees_it(dolphin: Gateway) -> None:
    provider, chair, start = slots(dolphin)[0]
    booking = {"provider_id": provider, "operatory": chair, "time": start}
    created = dolphin.done(dolphin.book(**booking))["created_id"]
    assert (provider, chair, start) not in slots(dolphin)

    body = {
        "op": "replace",
        "path": "/appointment_status",
        "value": "no show",
        "practice_id": "1",
        "appointment_sr_no": created,
    }
    dolphin.done(dolphin.write("PATCH", f"/appointments/{created}", body))
    assert (provider, chair, start) in slots(dolphin)


def test_slots_are_asked_for_by_provider_chair_and_days(dolphin: Gateway) -> None:
    some = slots(dolphin, provider_id="DMD2", operatory="OP3")
    assert some
    assert {(provider, chair) for provider, chair, _ in some} == {("DMD2", "OP3")}
    assert slots(dolphin, provider_id="HYG2") == []
    assert slots(dolphin, startdate="2026-03-07", enddate="2026-03-08") == []  # a weekend
    unasked = dolphin.items("/appointments_available_slots", limit=5000)
    days = {item["date"][:10] for item in unasked}
    assert days == {f"2026-03-{day:02}" for day in (2, 3, 4, 5, 6)}
    # It is 10:00 in Portland; what has begun is not free any more.
    assert min(item["time"] for item in unasked if item["date"][:10] == "2026-03-02") == "10:30"


@pytest.mark.parametrize("end", ["2026-03-09", "2027-03-11"])
def test_the_days_must_be_in_order_and_within_a_year(dolphin: Gateway, end: str) -> None:
    answer = dolphin.get("/appointments_available_slots", startdate="2026-03-10", enddate=end)
    assert code(answer) == (400, "API1026")


def test_the_chair_and_the_end_come_only_when_asked_for(dolphin: Gateway) -> None:
    query = {**DAY, "limit": 1}
    (default,) = dolphin.items("/appointments_available_slots", **query)
    (whole,) = dolphin.items("/appointments_available_slots", **query, fields="get_all")
    assert set(whole) - set(default) == {
        *("end_time", "time_units", "operatory", "sr_no", "cust_id"),
    }
    assert minutes(whole["end_time"]) - minutes(whole["time"]) == int(whole["time_units"]) == 30
    assert default["date"] == "2026-03-10T00:00:00"
