"""The numbers of an organization's clinics in one request."""

from __future__ import annotations

import random
from datetime import datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from clinics.models import Appointment, AppointmentStatus, Clinic, Organization, Patient, User
from integrations.queries import Resource
from metrics import figures, overview
from metrics.calendar import Name, Period, between, named
from metrics.models import Insight, Preferences
from metrics.recounting import recount
from sync.models import Cursor
from tests import make
from tests.conftest import START, Clock

pytestmark = pytest.mark.django_db

TODAY = START.date()
ZONES = ("America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/Dublin")


@pytest.fixture
def client(staff: User, clock: Clock) -> APIClient:
    client = APIClient()
    client.force_authenticate(staff)
    return client


def visits(clinic: Clinic, chance: random.Random, many: int) -> None:
    """Give a clinic appointments of every kind around today."""
    patients = [make.record(Patient, clinic) for _ in range(5)]
    for _ in range(many):
        day = TODAY + timedelta(days=chance.randint(-70, 40))
        hour = time(chance.randint(0, 23), tzinfo=clinic.zone)
        at = datetime.combine(day, hour)
        make.record(
            Appointment,
            clinic,
            patient=chance.choice([*patients, None]),
            starts_at=at,
            ends_at=at + timedelta(minutes=30),
            status=chance.choice(list(AppointmentStatus)),
        )


def counted(owner: Organization, zone: str = ZONES[0], seed: int = 1, many: int = 3) -> Clinic:
    clinic = make.clinic(owner, zone)
    visits(clinic, random.Random(seed), many)
    recount(clinic, START)
    return clinic


def address(owner: Organization, **asked: object) -> str:
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return f"/api/v1/organizations/{owner.pk}/metrics" + (f"?{query}" if query else "")


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [each["clinicId"] for each in answer.json()["results"]]


@pytest.mark.parametrize("groups", [("bookings", "patients", "trends"), ("patients",), ("trends",)])
def test_all_at_once_are_the_numbers_of_each(
    organization: Organization, clock: Clock, groups: tuple[str, ...]
) -> None:
    chance = random.Random(7)
    clinics = [counted(organization, zone, seed, 60) for seed, zone in enumerate(ZONES)]
    clinics.append(make.clinic(organization))  # without any day
    for _ in range(12):
        asked = [
            overview.Asked(
                clinic.pk, some_period(chance), TODAY + timedelta(days=chance.choice((0, 0, -9, 9)))
            )
            for clinic in clinics
        ]
        found = overview.of(asked, groups)
        assert found == {
            clinic.pk: figures.of(clinic, each.period, each.today, groups)
            for clinic, each in zip(clinics, asked, strict=True)
        }
    assert any(any(numbers.values()) for numbers in found.values())


def some_period(chance: random.Random) -> Period:
    if chance.random() < 0.4:
        return named(chance.choice(list(Name)), TODAY, chance.choice((0, 6)))
    first = TODAY + timedelta(days=chance.randint(-60, 10))
    return between(first, first + timedelta(days=chance.randint(0, 45)))


def test_nothing_is_asked_of_the_database_for_no_clinic(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert overview.of([]) == {}


def test_each_clinic_is_told_in_its_own_calendar(
    client: APIClient, organization: Organization, clock: Clock
) -> None:
    clock.advance((4 * 24 + 22) * 3600)  # Sunday, 9 AM in New York; Monday on Lord Howe
    there, here = counted(organization, ZONES[1]), counted(organization)
    Preferences.objects.create(organization=organization, clinic=here, week_starts_on=6)
    recount(there, clock.now)
    told = {each["clinicId"]: each for each in client.get(address(organization)).json()["results"]}
    assert told[str(there.pk)]["period"]["startDate"] == "2030-03-11"
    assert told[str(here.pk)]["period"]["startDate"] == "2030-03-10"
    assert told[str(here.pk)]["clinicName"] == here.name


def test_bookings_and_patients_are_told_unless_others_are_asked_for(
    client: APIClient, organization: Organization
) -> None:
    clinic = counted(organization)
    (told,) = client.get(address(organization, period="month")).json()["results"]
    assert told["metrics"] == figures.of(
        clinic, named(Name.MONTH, TODAY), TODAY, ("bookings", "patients")
    )
    Insight.objects.update_or_create(
        clinic=clinic,
        defaults={
            "organization": organization,
            "computed_at": START,
            "figures": {"fillRate": {"value": 1}},
        },
    )
    (told,) = client.get(address(organization, metrics="trends,insights")).json()["results"]
    assert set(told["metrics"]) == {"bookingTrends", "peakHours", "insights"}
    assert told["metrics"]["insights"]["figures"] == {"fillRate": {"value": 1}}


def test_the_number_of_queries_does_not_grow_with_the_clinics(
    client: APIClient, organization: Organization, django_assert_num_queries: Any
) -> None:
    counted(organization)
    everything = address(organization, metrics="bookings,patients,trends,insights")
    # Memberships, organization, clinics, how current they are, insights, numbers.
    with django_assert_num_queries(6):
        client.get(everything)
    for _ in range(4):
        link = make.integration(counted(organization))
        Cursor.objects.create(
            integration=link,
            organization=organization,
            resource=Resource.APPOINTMENTS,
            read_until=START,
            looked_at=START,
        )
    with django_assert_num_queries(6):
        answer = client.get(everything)
    assert [each["status"] for each in answer.json()["results"]].count("live") == 4
    with django_assert_num_queries(5):
        again = client.get(everything, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_a_change_at_one_clinic_is_told_anew(client: APIClient, organization: Organization) -> None:
    clinic, _ = counted(organization), counted(organization)
    tag = client.get(address(organization))["ETag"]
    make.record(
        Appointment,
        clinic,
        starts_at=START,
        ends_at=START + timedelta(minutes=30),
        status=AppointmentStatus.BOOKED,
    )
    recount(clinic, START)
    again = client.get(address(organization), headers={"If-None-Match": tag})
    assert again.status_code == 200


def test_pages_show_each_clinic_once(client: APIClient, organization: Organization) -> None:
    clinics = {str(counted(organization).pk) for _ in range(5)}
    seen: list[str] = []
    link = address(organization, page_size=2)
    tags = set()
    while link:
        answer = client.get(link)
        seen += ids(answer)
        tags.add(answer["ETag"])
        link = answer.json()["next"]
    assert (len(seen), set(seen), len(tags)) == (5, clinics, 3)


def test_some_of_the_clinics_may_be_chosen(client: APIClient, organization: Organization) -> None:
    one, two, _ = (counted(organization) for _ in range(3))
    answer = client.get(address(organization, clinics=f"{one.pk},%20{two.pk},{one.pk}"))
    assert set(ids(answer)) == {str(one.pk), str(two.pk)}


def test_another_organizations_clinic_cannot_be_chosen(
    client: APIClient, organization: Organization
) -> None:
    ours, theirs = counted(organization), counted(make.organization())
    for stranger in (theirs.pk, uuid4()):
        answer = client.get(address(organization, clinics=f"{ours.pk},{stranger}"))
        assert answer.status_code == 404
        assert str(stranger) in answer.json()["error"]["message"]
        assert str(ours.pk) not in answer.json()["error"]["message"]
    assert client.get(address(theirs.organization)).status_code == 404
    assert ids(client.get(address(organization))) == [str(ours.pk)]


def test_who_belongs_to_one_clinic_sees_that_one(organization: Organization, clock: Clock) -> None:
    ours, other = counted(organization), counted(organization)
    someone = make.member(organization)
    someone.memberships.update(clinics=[ours.pk])
    client = APIClient()
    client.force_authenticate(someone)
    assert ids(client.get(address(organization))) == [str(ours.pk)]
    assert client.get(address(organization, clinics=other.pk)).status_code == 404


def test_a_clinic_that_was_never_added_up_has_no_numbers_yet(
    client: APIClient, organization: Organization
) -> None:
    make.clinic(organization)
    (told,) = client.get(address(organization)).json()["results"]
    assert (told["metrics"], told["isBeingRecounted"], told["version"]) == (None, True, 0)


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        ({"clinics": "main-street"}, "clinics", "is no id"),
        ({"clinics": ""}, "clinics", "or leave this out"),
        ({"clinics": ",".join(str(uuid4()) for _ in range(201))}, "clinics", "200 clinics at most"),
        ({"page_size": "all"}, "page_size", "integer"),
        ({"period": "week", "endDate": "2030-03-01"}, "period", "not for both"),
        ({"metrics": "revenue"}, "metrics", "bookings, patients, trends, insights"),
        ({"clinic": "x"}, "clinic", "clinics, cursor, page_size"),
    ],
)
def test_a_question_that_means_nothing_is_refused_with_what_to_do(
    client: APIClient, organization: Organization, asked: dict[str, str], where: str, words: str
) -> None:
    answer = client.get(address(organization, **asked))
    assert answer.status_code == 400, answer.content
    (said,) = answer.json()["error"]["details"][where]
    assert words in said


def test_a_cursor_that_somebody_made_up_is_not_found(
    client: APIClient, organization: Organization
) -> None:
    counted(organization)
    assert client.get(address(organization, cursor="nonsense")).status_code == 404
