"""Free times: half hours of the opening times that nobody has yet."""

from itertools import pairwise
from typing import Any

from .service import Service


def slots(service: Service, **query: Any) -> list[dict[str, Any]]:
    return service.one("/slots", **query)["data"]


def starts(found: list[dict[str, Any]]) -> list[str]:
    return [item["starts_at"] for item in found]


def test_a_slot_is_free_for_its_member_of_staff(service: Service) -> None:
    day = {"from_": "2026-03-10", "to": "2026-03-11"}
    visits = service.data("/appointments", **day, staff_id=101, status="booked")
    busy = [(item["starts_at"], item["ends_at"]) for item in visits]
    hours = [f"2026-03-10T{hour:02d}" for hour in range(9, 19)]
    half_hours = [f"{hour}:{minute}:00" for hour in hours for minute in ("00", "30")]
    expected = [
        start
        for start, end in pairwise(half_hours[:19])
        if not any(begins < end and start < ends for begins, ends in busy)
    ]
    assert busy
    assert starts(slots(service, **day, staff_id=101, site_id=11)) == expected


def test_a_booking_takes_its_slot_and_giving_it_up_frees_it(service: Service) -> None:
    day = {"from_": "2026-03-10", "to": "2026-03-11", "staff_id": 102}
    free = slots(service, **day)[0]
    where = {name: free[name] for name in ("staff_id", "site_id", "starts_at")}
    visit = service.write("POST", "/appointments", {**where, "client_id": 20001})
    assert free not in slots(service, **day)
    service.write("PATCH", f"/appointments/{visit['id']}", {"status": "cancelled"})
    assert free in slots(service, **day)
    service.write("PATCH", f"/appointments/{visit['id']}", {"status": "booked"})
    service.change("appointment", "delete", str(visit["id"]))
    assert free in slots(service, **day)


def test_whoever_works_at_two_sites_is_free_at_both(service: Service) -> None:
    day = {"from_": "2026-03-10", "to": "2026-03-11", "account": "rest-2"}
    both = slots(service, **day, staff_id=102)
    assert {item["site_id"] for item in both} == {11, 12}
    assert starts(slots(service, **day, staff_id=102, site_id=12)) == starts(both)[1::2]
    assert {item["staff_id"] for item in slots(service, **day, site_id=11)} == {101, 102}
    assert slots(service, **day, staff_id=104) == []


def test_the_next_week_is_told_unasked_and_the_past_never(service: Service) -> None:
    service.clock.advance(5 * 3600 + 60)  # 14:01 in Chicago
    told = starts(slots(service))
    assert told[0] >= "2026-03-02T14:30:00"
    # Seven times 24 hours, in which the clocks go forward.
    assert told[-1] == "2026-03-09T15:00:00"
    since_morning = starts(slots(service, from_="2026-03-02", to="2026-03-04"))
    assert since_morning == [start for start in told if start < "2026-03-04"]
    weekend = slots(service, from_="2026-03-07", to="2026-03-09")
    assert weekend == []


def test_a_day_after_the_clocks_went_forward_opens_on_time(service: Service) -> None:
    service.turn(rest_zoned=True)
    told = starts(slots(service, from_="2026-03-09", to="2026-03-10"))
    assert told[0] == "2026-03-09T09:00:00-05:00"
