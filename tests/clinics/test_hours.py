"""The practice's own clock: its day, and 2 AM of each of its dates."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinics.hours import by_day, next_catch_up

ZONES = st.sampled_from(
    [
        "America/New_York",
        "America/Los_Angeles",
        "America/St_Johns",
        "America/Santiago",
        "America/Phoenix",
        "Europe/London",
        "Europe/Berlin",
        "Asia/Kolkata",
        "Asia/Kathmandu",
        "Australia/Adelaide",
        "Australia/Lord_Howe",
        "Pacific/Auckland",
        "Pacific/Chatham",
        "UTC",
    ]
).map(ZoneInfo)
MOMENTS = st.datetimes(
    datetime(2028, 1, 1),  # noqa: DTZ001 (the zone is the strategy's)
    datetime(2032, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("local", "busy"),
    [("00:00:00", False), ("05:59:59", False), ("06:00:00", True), ("23:59:59", True)],
)
def test_the_day_is_from_six_to_midnight_of_the_practice(local: str, busy: bool) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    wall = datetime.fromisoformat(f"2030-03-05T{local}").replace(tzinfo=zone)
    assert by_day(wall.astimezone(UTC), zone) is busy


@pytest.mark.parametrize(
    ("zone", "now", "expected"),
    [
        ("America/New_York", "2030-03-05T06:59:59", "2030-03-05T07:00:00"),
        ("America/New_York", "2030-03-05T07:00:00", "2030-03-06T07:00:00"),
        # 10 March: the clocks jump from 2:00 to 3:00, and that is the moment.
        ("America/New_York", "2030-03-10T05:00:00", "2030-03-10T07:00:00"),
        ("America/New_York", "2030-03-10T07:00:00", "2030-03-11T06:00:00"),
        # 3 November: 1:00 to 2:00 comes twice, 2:00 once.
        ("America/New_York", "2030-11-03T05:30:00", "2030-11-03T07:00:00"),
        # In Berlin the clocks jump over 2:00 on 31 March, and 2:00 comes twice on 27 October.
        ("Europe/Berlin", "2030-03-31T00:59:59", "2030-03-31T01:00:00"),
        ("Europe/Berlin", "2030-03-31T01:00:00", "2030-04-01T00:00:00"),
        ("Europe/Berlin", "2030-10-26T23:59:59", "2030-10-27T00:00:00"),
        ("Europe/Berlin", "2030-10-27T00:30:00", "2030-10-28T01:00:00"),
        ("Asia/Kolkata", "2030-03-05T00:00:00", "2030-03-05T20:30:00"),
        ("Australia/Adelaide", "2030-10-05T12:00:00", "2030-10-05T16:30:00"),
        ("Australia/Adelaide", "2030-10-05T16:30:00", "2030-10-06T15:30:00"),
    ],
)
def test_the_next_two_in_the_night(zone: str, now: str, expected: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    found = next_catch_up(moment, ZoneInfo(zone))
    assert found.isoformat() == f"{expected}+00:00"


@given(MOMENTS, ZONES)
def test_it_is_the_first_moment_of_its_date_at_which_two_has_come(
    now: datetime, zone: ZoneInfo
) -> None:
    moment = next_catch_up(now, zone)
    assert now < moment <= now + timedelta(hours=25)
    here, before = moment.astimezone(zone), (moment - INSTANT).astimezone(zone)
    assert here.time() >= time(2)
    assert before.time() < time(2)
    assert before.date() == here.date()


@given(MOMENTS, ZONES)
def test_each_date_has_one_and_none_is_left_out(now: datetime, zone: ZoneInfo) -> None:
    first = next_catch_up(now, zone)
    second = next_catch_up(first, zone)
    assert second.astimezone(zone).date() - first.astimezone(zone).date() == timedelta(days=1)
    assert next_catch_up(second - INSTANT, zone) == second
