"""How full the coming 14 days are, and what the empty time is worth by the clinic's own figure."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinics.models import AppointmentStatus, Clinic, Practitioner
from integrations.models import Integration
from integrations.timetable import WEEKDAYS
from tests import make
from tests.metrics.insights.rows import MON_TO_FRI, NOW, at, figure, hours, prefers, visit

pytestmark = pytest.mark.django_db

#: From Tuesday at 10 on: 7 hours of today, and 9 whole days of 9 hours.
OPEN = (7 + 9 * 9) * 60


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, first_name="Mara", last_name="Dentist")


def test_it_is_the_booked_share_of_the_open_minutes_from_now_on(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    hours(integration, hours=MON_TO_FRI)
    visit(clinic, None, at(3, 6, 9), 132, practitioner=mara)
    visit(clinic, None, at(3, 18, 9), 132, practitioner=mara)
    found = figure(clinic, "fillRate")
    assert (found["value"], found["n"]) == (5, 1)
    assert (found["bookedMinutes"], found["openMinutes"]) == (264, OPEN)
    assert found["perPractitioner"] == [
        {
            "id": str(mara.pk),
            "name": "Mara Dentist",
            "value": 5,
            "bookedMinutes": 264,
            "openMinutes": OPEN,
        }
    ]


def test_an_empty_calendar_is_a_real_zero(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    hours(integration, hours=MON_TO_FRI)
    found = figure(clinic, "fillRate")
    assert (found["value"], found["enough"], found["openMinutes"]) == (0, True, OPEN)


def test_minutes_are_counted_once_and_within_hours_only(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    hours(integration, hours=MON_TO_FRI)
    visit(clinic, None, at(3, 6, 9), 60, practitioner=mara)
    visit(clinic, None, at(3, 6, 9, 30), 60, practitioner=mara)  # overlaps by 30
    visit(clinic, None, at(3, 6, 16, 30), 60, practitioner=mara)  # 30 within
    visit(clinic, None, at(3, 5, 9, 30), 60, practitioner=mara)  # 30 are over
    visit(clinic, None, at(3, 9, 9), 60, practitioner=mara)  # Saturday
    visit(clinic, None, at(3, 19, 9), 60, practitioner=mara)  # the 15th date
    assert figure(clinic, "fillRate")["bookedMinutes"] == 90 + 30 + 30


def test_what_does_not_stand_is_not_booked(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    hours(integration, hours=MON_TO_FRI)
    for status in ("cancelled", "proposed", "waitlist", "entered-in-error"):
        visit(clinic, None, at(3, 6, 9), practitioner=mara, status=AppointmentStatus(status))
    visit(clinic, None, at(3, 6, 9), practitioner=mara, removed_at=NOW)
    visit(clinic, None, at(3, 6, 9), practitioner=None)
    assert figure(clinic, "fillRate")["bookedMinutes"] == 0


def test_without_hours_nothing_is_said_and_who_lacks_them_is_named(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    visit(clinic, None, at(3, 6, 9), practitioner=mara)
    prefers(clinic, value_per_hour=Decimal(100))
    for name in ("fillRate", "emptySlotsValue"):
        found = figure(clinic, name)
        assert (found["value"], found["enough"], found["n"]) == (None, False, 0)
        assert "nobody has said when" in found["note"]
    assert figure(clinic, "fillRate")["hoursUnknown"] == ["Mara Dentist"]


def test_who_has_hours_counts_beside_who_has_none(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    make.record(Practitioner, clinic, first_name="Otto")
    hours(integration, practitioner_hours={str(mara.pk): {"wed": [["09:00", "10:00"]]}})
    visit(clinic, None, at(3, 6, 9), 30, practitioner=mara)
    found = figure(clinic, "fillRate")
    assert (found["value"], found["openMinutes"], found["hoursUnknown"]) == (25, 120, ["Otto"])


def test_own_hours_go_before_the_clinics_and_closures_before_both(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    otto = make.record(Practitioner, clinic, first_name="Otto", last_name="Zahn")
    hours(
        integration,
        hours=MON_TO_FRI,
        practitioner_hours={str(mara.pk): {"wed": [["09:00", "10:00"]]}},
        closures=[
            {"first_date": "2030-03-06", "last_date": "2030-03-06", "reason": "Holiday"},
            {
                "first_date": "2030-03-07",
                "last_date": "2030-03-18",
                "reason": "Leave",
                "practitioner": str(otto.pk),
            },
        ],
    )
    found = figure(clinic, "fillRate")["perPractitioner"]
    assert [(row["name"], row["openMinutes"]) for row in found] == [
        ("Mara Dentist", 60),
        ("Otto Zahn", 7 * 60),
    ]


def test_who_never_works_in_these_days_has_no_rate(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    closure = {"first_date": "2030-03-01", "last_date": "2030-04-01", "reason": "Leave"}
    hours(integration, hours=MON_TO_FRI, closures=[closure])
    prefers(clinic, value_per_hour=Decimal(100))
    found = figure(clinic, "fillRate")
    assert (found["value"], found["perPractitioner"][0]["value"]) == (None, None)
    assert "no practitioner works" in found["note"]
    assert "no practitioner works" in figure(clinic, "emptySlotsValue")["note"]


def test_who_is_not_active_or_gone_is_left_out(clinic: Clinic, integration: Integration) -> None:
    hours(integration, hours=MON_TO_FRI)
    make.record(Practitioner, clinic, is_active=False)
    make.record(Practitioner, clinic, removed_at=NOW)
    assert figure(clinic, "fillRate")["n"] == 0


@pytest.mark.parametrize("day", [3, 10])
def test_a_day_on_which_the_clocks_go_forward_is_shorter(
    clinic: Clinic, integration: Integration, mara: Practitioner, day: int
) -> None:
    # The two Sundays from 3 or from 10 March on, whole; the clocks change on the 10th.
    hours(integration, hours={"sun": [["00:00", "24:00"]]})
    found = figure(clinic, "fillRate", at(3, day))
    assert found["openMinutes"] == 47 * 60


def test_money_is_the_clinics_own_figure_and_says_so(
    clinic: Clinic, integration: Integration, mara: Practitioner
) -> None:
    hours(integration, practitioner_hours={str(mara.pk): {"wed": [["09:00", "10:30"]]}})
    visit(clinic, None, at(3, 6, 9), 20, practitioner=mara)
    found = figure(clinic, "emptySlotsValue")
    assert (found["value"], found["enough"]) == (None, False)
    assert "has not said what an hour is worth" in found["note"]
    prefers(clinic, value_per_hour=Decimal("99.99"), currency="AUD")
    found = figure(clinic, "emptySlotsValue")
    # 160 empty minutes.
    assert (found["value"], found["currency"], found["emptyMinutes"]) == (266.64, "AUD", 160)
    assert found["note"].startswith("By the clinic's own figure of 99.99 AUD an hour.")


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_share_that_counting_minute_by_minute_gives(seed: int) -> None:
    rng = random.Random(seed)
    clinic = make.clinic(zone=rng.choice(["America/New_York", "Europe/Berlin", "Asia/Kolkata"]))
    integration = make.integration(clinic)
    now = datetime(2030, rng.choice([3, 10]), rng.randint(20, 31), 9, 7, tzinfo=UTC)
    people = [make.record(Practitioner, clinic, last_name=name) for name in "AB"]
    week: dict[str, Any] = {}
    for day in WEEKDAYS:
        if rng.random() < 0.8:
            starts = sorted(rng.sample(range(24), 4))
            week[day] = [
                [f"{low:02}:{rng.choice((0, 30)):02}", f"{high:02}:00"]
                for low, high in (starts[:2], starts[2:])
            ]
    closed = (now + timedelta(days=4)).astimezone(clinic.zone).date().isoformat()
    closure = {"first_date": closed, "last_date": closed, "reason": "Holiday"}
    hours(integration, hours=week, closures=[closure])
    taken: dict[Any, list[tuple[datetime, datetime]]] = {who.pk: [] for who in people}
    for _ in range(150):
        who = rng.choice(people)
        start = now + timedelta(minutes=rng.randint(-300, 15 * 1440))
        minutes = rng.choice([15, 30, 45, 90])
        visit(clinic, None, start, minutes, practitioner=who)
        taken[who.pk].append((start, start + timedelta(minutes=minutes)))
    opened = {who.pk: 0 for who in people}
    booked = {who.pk: 0 for who in people}
    last = now.astimezone(clinic.zone).date() + timedelta(days=14)
    moment = now
    while (wall := moment.astimezone(clinic.zone)).date() < last:
        clock = wall.strftime("%H:%M")
        spans = week.get(WEEKDAYS[wall.weekday()], [])
        if wall.date().isoformat() != closed and any(low <= clock < high for low, high in spans):
            for who in people:
                opened[who.pk] += 1
                booked[who.pk] += any(low <= moment < high for low, high in taken[who.pk])
        moment += timedelta(minutes=1)
    found = figure(clinic, "fillRate", now)
    assert [(row["openMinutes"], row["bookedMinutes"]) for row in found["perPractitioner"]] == [
        (opened[who.pk], booked[who.pk]) for who in people
    ]
    assert found["value"] == round(100 * sum(booked.values()) / sum(opened.values()), 1)
