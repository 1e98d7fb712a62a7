"""The night's catch-up: at 2 AM of each practice's own zone, once for each of its dates."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from zoneinfo import ZoneInfo

import pytest

from integrations.models import Integration
from tests import make
from tests.integrations.threads import at_once
from writebacks.catching_up import catch_up
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
#: How often beat asks.
TICK = timedelta(minutes=5)
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def handed(monkeypatch: pytest.MonkeyPatch) -> dict[str, Mock]:
    """Stand in for the tasks, to see what is handed on."""
    tasks = {name: Mock() for name in ("check", "reconcile")}
    for name, delay in tasks.items():
        monkeypatch.setattr(f"writebacks.tasks.{name}.delay", delay)
    return tasks


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def practice(zone: str, caught_up_on: date | None = None) -> Integration:
    return make.integration(make.clinic(zone=zone), caught_up_on=caught_up_on)


def nights(start: datetime, end: datetime) -> Iterator[datetime]:
    """Tick as beat does; yield the ticks at which a catch-up began."""
    now = start
    while now < end:
        if catch_up(now):
            yield now
        now += TICK


def pending(of: Integration, due_at: datetime | None, **fields: Any) -> Writeback:
    """A write that the PMS has; a task for it may come early."""
    values = {"status": "pending", "external_id": str(Writeback.objects.count() + 1), "attempts": 1}
    return make.writeback(of, due_at=due_at, **(values | fields))


@pytest.mark.parametrize(
    ("zone", "first", "local"),
    [
        ("America/New_York", "2030-03-05", ["02:00", "02:00", "02:00"]),
        # The clocks jump over two o'clock: there is a catch-up all the same.
        ("America/New_York", "2030-03-09", ["02:00", "03:00", "02:00"]),
        ("Europe/Berlin", "2030-03-30", ["02:00", "03:00", "02:00"]),
        ("Australia/Adelaide", "2030-10-05", ["02:00", "03:00", "02:00"]),
        # They come back to it, or to the hour before: there is one, not two.
        ("America/New_York", "2030-11-02", ["02:00", "02:00", "02:00"]),
        ("Europe/Berlin", "2030-10-26", ["02:00", "02:00", "02:00"]),
        ("Australia/Adelaide", "2030-04-06", ["02:00", "02:00", "02:00"]),
        # Zones that are not whole hours from UTC.
        ("Asia/Kolkata", "2030-03-05", ["02:00", "02:00", "02:00"]),
        ("Asia/Kathmandu", "2030-03-05", ["02:00", "02:00", "02:00"]),
    ],
)
def test_it_begins_once_in_each_date_of_the_practice(
    zone: str, first: str, local: list[str]
) -> None:
    here = ZoneInfo(zone)
    midnight = datetime.fromisoformat(first).replace(tzinfo=here)
    practice(zone, caught_up_on=midnight.date() - timedelta(days=1))
    start, end = midnight, midnight + timedelta(days=3)
    began = [each.astimezone(here) for each in nights(start.astimezone(UTC), end.astimezone(UTC))]
    assert [f"{each:%H:%M}" for each in began] == local
    assert [each.date() - midnight.date() for each in began] == [timedelta(n) for n in range(3)]
    assert {each.fold for each in began} == {0}, "of two two-o'clocks it is the first"


def test_each_practice_has_its_own_night() -> None:
    east = practice("America/New_York", date(2030, 3, 4))
    west = practice("America/Los_Angeles", date(2030, 3, 4))
    assert catch_up(moment("2030-03-05T07:00")) == 1
    assert Integration.objects.get(pk=east.pk).caught_up_on == date(2030, 3, 5)
    assert Integration.objects.get(pk=west.pk).caught_up_on == date(2030, 3, 4)
    assert catch_up(moment("2030-03-05T10:00")) == 1


def test_a_beat_that_was_down_at_two_catches_up_when_it_is_back() -> None:
    one = practice("America/New_York", date(2030, 3, 4))
    writeback = pending(one, moment("2030-03-05T20:00"))
    assert list(nights(moment("2030-03-05T05:00"), moment("2030-03-05T06:30"))) == []
    five = moment("2030-03-05T10:00")  # 5:00 in New York
    assert list(nights(five, five + 19 * HOUR)) == [five]
    writeback.refresh_from_db()
    assert writeback.due_at == five


def test_a_practice_that_is_added_at_noon_has_nothing_to_catch_up_with_until_the_night() -> None:
    noon = moment("2030-03-05T17:00")
    one = practice("America/New_York")
    assert catch_up(noon) == 1, "with nothing that is open"
    due_at = noon + timedelta(days=2)
    writeback = pending(one, due_at)
    night = moment("2030-03-06T07:00")
    assert list(nights(noon + TICK, night)) == []
    writeback.refresh_from_db()
    assert writeback.due_at == due_at
    assert list(nights(night, night + 12 * HOUR)) == [night]
    writeback.refresh_from_db()
    assert writeback.due_at == night


def test_all_that_is_open_comes_due_and_nothing_else(
    handed: dict[str, Mock], django_capture_on_commit_callbacks: Any
) -> None:
    now = moment("2030-03-05T07:00")
    later, earlier = now + 5 * HOUR, now - HOUR
    one = practice("America/New_York", date(2030, 3, 4))
    due = [
        pending(one, later, submitted_at=now - timedelta(days=1)),
        pending(one, later, status="unconfirmed", submitted_at=now - timedelta(days=7)),
        pending(one, None, status="unconfirmed", external_id="", submitted_at=earlier),
        pending(one, later, status="completed", completed_at=earlier, submitted_at=earlier),
    ]
    longer = pending(one, earlier, submitted_at=earlier)
    untouched = {
        # The PMS tells nothing of what is older.
        pending(one, None, status="unconfirmed", submitted_at=now - timedelta(days=7, seconds=1)),
        pending(one, None, status="completed", completed_at=earlier, created_external_id="9"),
        pending(one, None, status="failed", completed_at=earlier, failure_code="refused"),
        pending(one, later, status="queued", external_id=""),
        pending(one, later, status="submitting", external_id=""),
    }
    before = {each.pk: each.due_at for each in untouched}
    with django_capture_on_commit_callbacks(execute=True):
        assert catch_up(now) == 1
    assert {Writeback.objects.get(pk=each.pk).due_at for each in due} == {now}
    assert Writeback.objects.get(pk=longer.pk).due_at == earlier, "longest waiting first"
    assert {each.pk: Writeback.objects.get(pk=each.pk).due_at for each in untouched} == before
    handed["check"].assert_called_once_with(str(one.pk))
    handed["reconcile"].assert_called_once_with(str(one.pk))


@pytest.mark.django_db(transaction=True)
def test_of_eight_processes_at_once_one_begins_it(handed: dict[str, Mock]) -> None:
    one = practice("America/New_York", date(2030, 3, 4))
    now = moment("2030-03-05T07:00")
    pending(one, now + HOUR, submitted_at=now - HOUR)
    assert sorted(at_once(8, lambda _: catch_up(now))) == [0] * 7 + [1]
    handed["check"].assert_called_once_with(str(one.pk))
