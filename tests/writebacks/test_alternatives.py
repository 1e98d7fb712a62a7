"""Where a slot is taken others are named: near, free, open, and never by a guess unmarked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinics.models import (
    Appointment,
    AppointmentStatus,
    Clinic,
    Location,
    Operatory,
    Practitioner,
)
from integrations.models import Integration
from tenancy import scope
from tests import make
from writebacks.alternatives import Alternatives, alternatives
from writebacks.free_time import OpeningHours
from writebacks.slots import hold

pytestmark = pytest.mark.django_db
NEW_YORK = ZoneInfo("America/New_York")
WEDNESDAY = date(2030, 3, 6)
HALF = timedelta(minutes=30)
#: Monday to Friday, eight to five.
OFFICE = OpeningHours(zone=NEW_YORK, weekly={day: [(time(8), time(17))] for day in range(5)})


def at(clock: str, day: date = WEDNESDAY) -> datetime:
    """That time of the clocks in New York."""
    return datetime.combine(day, time.fromisoformat(clock), NEW_YORK).astimezone(UTC)


NOW = at("10:00", date(2030, 3, 5))


@pytest.fixture
def mara(clinic: Clinic) -> Practitioner:
    return make.record(Practitioner, clinic, first_name="Mara")


@pytest.fixture
def chair(clinic: Clinic) -> Operatory:
    return make.record(Operatory, clinic, name="Chair 1")


@pytest.fixture
def site(clinic: Clinic) -> Location:
    return make.record(Location, clinic, name="Main street", timezone="America/New_York")


@pytest.fixture
def visit(mara: Practitioner, chair: Operatory, site: Location) -> Callable[..., Appointment]:
    """Make a visit of Mara's in the chair at the site, unless said otherwise."""

    def make_one(start: str, end: str, day: date = WEDNESDAY, **fields: Any) -> Appointment:
        values = {"practitioner": mara, "operatory": chair, "location": site}
        values |= {"starts_at": at(start, day), "ends_at": at(end, day)}
        values |= {"status": AppointmentStatus.BOOKED}
        return make.record(Appointment, mara.clinic, **(values | fields))

    return make_one


@pytest.fixture
def offer(mara: Practitioner, chair: Operatory, site: Location) -> Callable[..., Alternatives]:
    """Ask for others than a time of that Wednesday, by default than nine to half past."""

    def ask(start: str = "09:00", end: str = "09:30", **more: Any) -> Alternatives:
        values = {"operatory": chair, "now": NOW, "location": site} | more
        operatory, now = values.pop("operatory"), values.pop("now")
        day = values.pop("day", WEDNESDAY)
        return alternatives(
            mara.clinic, mara, operatory, at(start, day), at(end, day), now, **values
        )

    return ask


def times(answer: Alternatives) -> list[str]:
    """What is offered, by the clocks in New York."""
    return [f"{slot.starts_at.astimezone(NEW_YORK):%a %H:%M}" for slot in answer.slots]


def test_the_nearest_free_times_within_opening_hours_are_offered(
    visit: Any, offer: Any, mara: Practitioner, chair: Operatory
) -> None:
    visit("09:00", "09:30")
    answer = offer(hours=OFFICE)
    assert times(answer) == ["Wed 08:30", "Wed 09:30", "Wed 08:15"]
    assert answer.inferred is False
    first = answer.slots[0]
    assert (first.starts_at, first.ends_at) == (at("08:30"), at("09:00"))
    assert (first.practitioner_id, first.operatory_id) == (mara.pk, chair.pk)


def test_a_busy_day_leads_to_the_days_beside_it(visit: Any, offer: Any) -> None:
    visit("08:00", "17:00")
    assert times(offer("16:00", "16:30", hours=OFFICE, count=2)) == ["Thu 08:00", "Thu 08:15"]


def test_over_a_change_of_clocks_the_hours_of_the_wall_clock_count(visit: Any, offer: Any) -> None:
    friday = date(2030, 3, 8)  # clocks change on the Sunday after
    visit("08:00", "17:00", friday)
    visit("08:00", "17:00", date(2030, 3, 7))
    now = at("16:50", friday)
    answer = offer("16:30", "17:00", day=friday, now=now, hours=OFFICE)
    assert times(answer) == ["Mon 08:00", "Mon 08:15", "Mon 08:30"]


def test_nothing_in_the_past_is_offered(visit: Any, offer: Any) -> None:
    visit("09:00", "09:30")
    assert times(offer(now=at("08:20"), hours=OFFICE)) == ["Wed 08:30", "Wed 09:30", "Wed 09:45"]
    assert times(offer(now=at("08:31"), hours=OFFICE)) == ["Wed 09:30", "Wed 09:45", "Wed 10:00"]


def test_nothing_further_than_two_weeks_away_is_offered(visit: Any, offer: Any) -> None:
    only = date(2030, 3, 20)  # two weeks later
    hours = OpeningHours(zone=NEW_YORK, weekly={2: [(time(8), time(17))]})
    visit("08:00", "17:00")
    visit("08:00", "17:00", date(2030, 3, 13))
    # Two weeks later the clocks have changed: what was 9:00 is then 10:00.
    answer = offer(hours=hours, count=100)
    assert times(answer)[0] == "Wed 08:00"
    assert {slot.starts_at.astimezone(NEW_YORK).date() for slot in answer.slots} == {only}
    assert times(answer)[-1] == "Wed 10:00"


def test_long_after_the_time_asked_for_there_is_nothing_to_offer(
    offer: Any, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        answer = offer(now=at("09:00", date(2030, 4, 6)), hours=OFFICE)
    assert answer == Alternatives(slots=(), inferred=False)


def test_times_held_for_bookings_under_way_are_not_offered(
    visit: Any, offer: Any, integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    visit("09:00", "09:30")
    hold(make.writeback(integration), mara, None, at("08:30"), at("09:00"))
    someone = make.record(Practitioner, mara.clinic)
    hold(make.writeback(integration), someone, chair, at("09:30"), at("10:00"))
    assert times(offer(hours=OFFICE)) == ["Wed 08:00", "Wed 10:00", "Wed 10:15"]


def test_only_visits_that_take_their_time_are_in_the_way(visit: Any, offer: Any) -> None:
    visit("09:00", "09:30")
    for status in ("cancelled", "noshow", "entered-in-error"):
        visit("08:30", "09:00", status=status)
    assert times(offer(hours=OFFICE, count=1)) == ["Wed 08:30"]


def test_another_chair_of_the_location_comes_in_place_of_one_that_is_taken(
    visit: Any, offer: Any, clinic: Clinic, chair: Operatory
) -> None:
    second, elsewhere = (make.record(Operatory, clinic, name=name) for name in ("2", "3"))
    ines = make.record(Practitioner, clinic, first_name="Ines")
    there = make.record(Location, clinic, name="Hill", timezone="America/New_York")
    visit("08:00", "12:00", practitioner=ines)
    visit("15:00", "15:30", practitioner=ines, operatory=second)
    visit("15:00", "15:30", practitioner=ines, operatory=elsewhere, location=there)
    answer = offer(hours=OFFICE)
    assert times(answer) == ["Wed 09:00", "Wed 08:45", "Wed 09:15"]
    assert {slot.operatory_id for slot in answer.slots} == {second.pk}
    # At a time at which the one asked for is free, it stays.
    answer = offer("11:45", "12:15", hours=OFFICE)
    assert times(answer) == ["Wed 11:45", "Wed 11:30", "Wed 12:00"]
    assert [slot.operatory_id for slot in answer.slots] == [second.pk, second.pk, chair.pk]


def test_without_a_chair_none_is_offered_and_none_is_in_the_way(
    visit: Any, offer: Any, clinic: Clinic
) -> None:
    visit("09:00", "09:30")
    visit("08:00", "17:00", practitioner=make.record(Practitioner, clinic))
    answer = offer(operatory=None, hours=OFFICE)
    assert times(answer) == ["Wed 08:30", "Wed 09:30", "Wed 08:15"]
    assert {slot.operatory_id for slot in answer.slots} == {None}


def test_the_visit_that_moves_is_not_in_its_own_way(visit: Any, offer: Any) -> None:
    moves = visit("08:30", "09:00")
    visit("09:00", "09:30")
    assert times(offer(hours=OFFICE, count=1)) == ["Wed 09:30"]
    answer = offer(hours=OFFICE, count=1, ignore_appointment=moves)
    assert times(answer) == ["Wed 08:30"]


def test_without_known_hours_the_span_of_the_days_visits_stands_in_and_says_so(
    visit: Any, offer: Any, clinic: Clinic
) -> None:
    visit("09:00", "12:00")
    visit("14:00", "15:00")
    visit("10:00", "10:30", date(2030, 3, 7))
    visit("11:00", "11:30", date(2030, 3, 7))
    # None of these says when Mara is at work here.
    visit("08:00", "18:00", date(2030, 3, 8), practitioner=make.record(Practitioner, clinic))
    visit("08:00", "18:00", date(2030, 3, 11), status="cancelled")
    there = make.record(Location, clinic, name="Hill", timezone="America/New_York")
    visit("08:00", "08:30", date(2030, 3, 12), location=there)
    visit("17:00", "18:00", date(2030, 3, 12), location=there)
    answer = offer("11:00", "11:30", count=100)
    assert answer.inferred is True
    assert times(answer) == [
        *("Wed 12:00", "Wed 12:15", "Wed 12:30", "Wed 12:45", "Wed 13:00", "Wed 13:15"),
        "Wed 13:30",
        "Thu 10:30",
    ]


def test_on_an_empty_day_the_times_beside_the_one_asked_for_stand_in(
    offer: Any, integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    hold(make.writeback(integration), mara, chair, at("09:00"), at("09:30"))
    answer = offer()
    assert (times(answer), answer.inferred) == (["Wed 08:30", "Wed 09:30"], True)
    # Also for a length that no step is a part of.
    assert times(offer("09:00", "09:07")) == ["Wed 08:50"]


def test_what_stands_in_for_hours_ends_at_midnight(
    offer: Any, integration: Integration, mara: Practitioner, chair: Operatory
) -> None:
    hold(make.writeback(integration), mara, chair, at("23:15"), at("23:45"))
    assert times(offer("23:15", "23:45")) == ["Wed 22:45"]


def test_a_morning_that_is_over_still_tells_when_the_day_began(visit: Any, offer: Any) -> None:
    visit("08:00", "08:30")
    visit("13:00", "13:30")
    answer = offer("13:00", "13:30", now=at("11:00"), count=20)
    assert "Wed 11:00" in times(answer)


def test_other_tenants_are_never_looked_at(
    visit: Any, offer: Any, clinic: Clinic, integration: Integration
) -> None:
    visit("09:00", "09:30")
    with scope.organizations(make.organization().pk):
        assert times(offer(hours=OFFICE, count=1)) == ["Wed 08:45"]
    with scope.organizations(clinic.organization_id):
        assert times(offer(hours=OFFICE, count=1)) == ["Wed 08:30"]


def test_two_queries_answer_however_full_the_book_is(
    visit: Any, offer: Any, clinic: Clinic, django_assert_num_queries: Any
) -> None:
    for number in range(12):
        day = WEDNESDAY + timedelta(days=number)
        visit("08:00", "17:00", day, operatory=make.record(Operatory, clinic, name=str(number)))
    with django_assert_num_queries(2):
        assert len(offer(hours=OFFICE).slots) == 3
    with django_assert_num_queries(2):
        offer()
