"""A clinic's numbers over REST: what is told, and what is refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from rest_framework.test import APIClient

from accounts.keys import save
from accounts.models import ApiKey
from clinics import access
from clinics.models import Clinic, Role
from integrations.models import Breaker, Integration, IntegrationStatus
from metrics import figures, tasks
from metrics.calendar import between, week
from metrics.models import Insight, Preferences, Standing
from metrics.recounting import recount
from sync.models import SyncRun
from tests import make
from tests.conftest import START, Clock
from tests.metrics.numbers import address, book, looked_at

pytestmark = pytest.mark.django_db

#: Of the clock's START at the clinic.
TODAY = START.date()


def refused(answer: Any) -> dict[str, list[str]]:
    """Return which parameters a 400 is about, and what it says of them."""
    assert answer.status_code == 400, answer.content
    assert answer.json()["error"]["code"] == "invalid"
    found: dict[str, list[str]] = answer.json()["error"]["details"]
    return found


def test_the_week_is_told_with_how_current_it_is(
    reader: APIClient, counted: Clinic, integration: Integration, clock: Clock
) -> None:
    looked_at(integration)
    clock.advance(90)
    answer = reader.get(address(counted))
    assert answer.status_code == 200, answer.content
    assert answer.json() == {
        "clinicId": str(counted.pk),
        "clinicName": counted.name,
        "period": {"name": "week", "startDate": "2030-03-04", "endDate": "2030-03-10"},
        "metrics": {
            "totalBookings": 1,
            "totalBookingsChange": None,
            "activePatients": 1,
            "newPatients": 1,
            "dailyAverage": 1.0,
            "missedAppointments": 0,
            "missedAppointmentsPercentage": None,
            "bookingTrends": [
                {
                    "date": "2030-03-05",
                    "bookings": 1,
                    "missed": 0,
                    "cancelled": 0,
                    "newPatients": 1,
                }
            ],
            "peakHours": [{"dayOfWeek": 1, "hour": 10, "bookings": 1}],
        },
        "lastUpdated": "2030-03-05T15:00:00+00:00",
        "dataAgeSeconds": 90,
        "status": "live",
        "staleAt": "2030-03-05T19:30:00+00:00",
        "problem": None,
        "version": 1,
        "isBeingRecounted": False,
    }


def test_a_month_and_dates_are_the_clinics_own(reader: APIClient, counted: Clinic) -> None:
    month = reader.get(address(counted, period="month")).json()["period"]
    assert month == {"name": "month", "startDate": "2030-03-01", "endDate": "2030-03-31"}
    asked = reader.get(address(counted, startDate="2030-03-05", endDate="2030-03-05")).json()
    assert asked["period"] == {"name": None, "startDate": "2030-03-05", "endDate": "2030-03-05"}
    assert asked["metrics"] == figures.of(counted, between(TODAY, TODAY), TODAY)


def test_a_week_begins_when_the_clinic_says(reader: APIClient, counted: Clinic) -> None:
    Preferences.objects.create(
        organization_id=counted.organization_id, clinic=counted, week_starts_on=6
    )
    told = reader.get(address(counted, period="week")).json()
    assert told["period"]["startDate"] == "2030-03-03"
    assert told["metrics"] == figures.of(counted, week(TODAY, 6), TODAY)


def test_late_in_the_evening_it_is_still_the_clinics_own_today(
    reader: APIClient, counted: Clinic, clock: Clock
) -> None:
    # Sunday, 23:30 in New York, is Monday in UTC: another week.
    clock.advance((5 * 24 + 12.5) * 3600)
    assert reader.get(address(counted)).json()["period"]["startDate"] == "2030-03-04"
    clock.advance(1800)
    assert reader.get(address(counted)).json()["period"]["startDate"] == "2030-03-11"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("patients", {"activePatients", "newPatients"}),
        ("trends,patients", {"activePatients", "newPatients", "bookingTrends", "peakHours"}),
        ("trends, trends", {"bookingTrends", "peakHours"}),
        ("insights", {"insights"}),
    ],
)
def test_only_what_is_asked_for_is_told(
    reader: APIClient, counted: Clinic, asked: str, names: set[str]
) -> None:
    assert set(reader.get(address(counted, metrics=asked)).json()["metrics"]) == names


def test_insights_are_told_as_they_were_last_worked_out(reader: APIClient, counted: Clinic) -> None:
    nothing = reader.get(address(counted, metrics="insights"))
    assert nothing.json()["metrics"] == {"insights": {"computedAt": None, "figures": {}}}
    Insight.objects.update_or_create(
        clinic=counted,
        defaults={
            "organization_id": counted.organization_id,
            "computed_at": START,
            "figures": {"bookingLeadTime": {"value": 3}},
        },
    )
    told = reader.get(
        address(counted, metrics="insights"), headers={"If-None-Match": nothing["ETag"]}
    )
    assert told.json()["metrics"]["insights"] == {
        "computedAt": "2030-03-05T15:00:00+00:00",
        "figures": {"bookingLeadTime": {"value": 3}},
    }


@pytest.mark.parametrize(
    ("asked", "where", "words"),
    [
        ({"period": "week", "startDate": "2030-03-01"}, "period", "not for both"),
        (
            {"period": "month", "startDate": "2030-03-01", "endDate": "2030-03-02"},
            "period",
            "not for both",
        ),
        ({"startDate": "2030-03-01"}, "endDate", "give both"),
        ({"endDate": "2030-03-01"}, "startDate", "give both"),
        ({"startDate": "2030-03-02", "endDate": "2030-03-01"}, "endDate", "before startDate"),
        ({"startDate": "2020-03-01", "endDate": "2030-03-01"}, "endDate", "ask for 731"),
        ({"startDate": "0001-01-01", "endDate": "0001-01-02"}, "endDate", "too early"),
        ({"startDate": "2030-02-30", "endDate": "2030-03-01"}, "startDate", "YYYY-MM-DD"),
        ({"startDate": "2030-03-01", "endDate": "2030-03-01T10:00"}, "endDate", "YYYY-MM-DD"),
        ({"startDate": "", "endDate": "2030-03-01"}, "startDate", "YYYY-MM-DD"),
        ({"startDate": "%00", "endDate": "2030-03-01"}, "startDate", "YYYY-MM-DD"),
        ({"period": "year"}, "period", "ask for week or month"),
        ({"period": ""}, "period", "ask for week or month"),
        ({"metrics": "bookings,revenue"}, "metrics", "bookings, patients, trends, insights"),
        ({"metrics": ""}, "metrics", "bookings, patients, trends, insights"),
        ({"metrics": "bookings,,patients"}, "metrics", "bookings, patients, trends, insights"),
        ({"metrics": "%00"}, "metrics", ""),
        ({"start_date": "2030-03-01"}, "start_date", "period, startDate, endDate, metrics"),
    ],
)
def test_a_question_that_means_nothing_is_refused_with_what_to_do(
    reader: APIClient, counted: Clinic, asked: dict[str, str], where: str, words: str
) -> None:
    (said,) = refused(reader.get(address(counted, **asked)))[where]
    assert words in said


def test_the_longest_and_the_last_dates_are_answered(reader: APIClient, counted: Clinic) -> None:
    longest = address(counted, startDate="2028-03-01", endDate="2030-03-01")
    assert reader.get(longest).status_code == 200
    last = address(counted, startDate="9999-12-31", endDate="9999-12-31")
    assert reader.get(last).json()["metrics"]["totalBookings"] == 0


def test_another_organizations_clinic_is_unknown_whatever_is_asked(
    reader: APIClient, counted: Clinic
) -> None:
    theirs = make.clinic()
    recount(theirs, START)
    for asked in ({}, {"period": "year"}):
        answer = reader.get(address(theirs, **asked))
        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "not_found"


def test_numbers_that_were_never_added_up_are_no_zeros(
    reader: APIClient, clinic: Clinic, django_capture_on_commit_callbacks: Any
) -> None:
    book(clinic)
    with patch.object(tasks, "ask") as asked:
        answer = reader.get(address(clinic))
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer.json()["error"]["code"] == "not_counted_yet"
    assert "fallback_data" not in answer.json()["error"]
    asked.assert_called_once_with(clinic.pk)
    recount(clinic, START)
    assert reader.get(address(clinic)).json()["metrics"]["totalBookings"] == 1


def test_outdated_numbers_are_told_as_such_and_a_recount_is_asked_for(
    reader: APIClient, counted: Clinic
) -> None:
    Standing.objects.update(is_outdated=True)
    with patch.object(tasks, "ask") as asked:
        told = reader.get(address(counted)).json()
    assert (told["isBeingRecounted"], told["metrics"]["totalBookings"]) == (True, 1)
    asked.assert_called_once_with(counted.pk)
    recount(counted, START)
    with patch.object(tasks, "ask") as asked:
        assert reader.get(address(counted)).json()["isBeingRecounted"] is False
    asked.assert_not_called()


def test_a_clinic_without_a_pms_has_numbers_of_no_age(reader: APIClient, counted: Clinic) -> None:
    told = reader.get(address(counted)).json()
    assert [told[each] for each in ("status", "lastUpdated", "dataAgeSeconds", "staleAt")] == [
        "unconnected",
        None,
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "details"),
    [
        ("breaker", "The PMS failed several times and is left alone for a while."),
        ("credential", "The PMS rejects our credential."),
        ("run", "The PMS did not answer."),
    ],
)
def test_while_the_pms_is_away_the_last_numbers_are_told_with_what_it_does_not_do(
    reader: APIClient, counted: Clinic, clock: Clock, kind: str, details: str
) -> None:
    broken = IntegrationStatus.ERROR if kind == "credential" else IntegrationStatus.ACTIVE
    link = make.integration(counted, pms="cliniko", status=broken)
    looked_at(link)
    if kind == "breaker":
        Breaker.objects.create(integration=link, opened_at=START, failures=5)
    elif kind == "run":
        SyncRun.objects.create(
            organization_id=link.organization_id,
            clinic=counted,
            integration=link,
            mode="incremental",
            trigger="person",
            status="failed",
            waiting_for="no_answer",
            lock_key=1,
            finished_at=START,
        )
    clock.advance(3600)
    answer = reader.get(address(counted))
    assert answer.status_code == 200
    told = answer.json()
    assert (told["status"], told["dataAgeSeconds"]) == ("away", 3600)
    assert told["metrics"]["totalBookings"] == 1
    assert told["problem"] == {
        "code": "CLINIKO_API_UNAVAILABLE",
        "message": "Unable to fetch the latest data from Cliniko.",
        "details": details,
    }


def test_a_program_that_may_read_gets_them_and_one_that_may_only_sync_does_not(
    counted: Clinic, clock: Clock
) -> None:
    for scopes, status in ((["read"], 200), (["sync"], 403)):
        key = ApiKey(
            organization=counted.organization,
            name="A program",
            scopes=scopes,
            expires_at=START + timedelta(days=1),
        )
        program = APIClient()
        text = save(key, access.NOBODY, START).text
        program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        assert program.get(address(counted)).status_code == status


def test_who_belongs_to_one_clinic_does_not_see_the_other(counted: Clinic, clock: Clock) -> None:
    someone = make.member(counted.organization, Role.READ_ONLY)
    someone.memberships.update(clinics=[make.clinic(counted.organization).pk])
    client = APIClient()
    client.force_authenticate(someone)
    assert client.get(address(counted)).status_code == 404
