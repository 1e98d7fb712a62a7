"""Asking for numbers again: who has them is told so, who has others is not, and what each costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from clinics.models import Clinic
from integrations.models import Breaker, Integration
from metrics.models import Standing
from metrics.recounting import recount
from sync.models import Cursor
from tests.conftest import START, Clock
from tests.metrics.numbers import address, book, looked_at

pytestmark = pytest.mark.django_db


def again(reader: APIClient, clinic: Clinic, tag: str, **asked: str) -> Any:
    return reader.get(address(clinic, **asked), headers={"If-None-Match": tag})


def test_who_has_these_numbers_already_is_told_no_more_than_that(
    reader: APIClient, counted: Clinic, integration: Integration, clock: Clock
) -> None:
    looked_at(integration)
    first = reader.get(address(counted))
    assert first["Cache-Control"] == "private, no-cache"
    assert {each.strip() for each in first["Vary"].split(",")} >= {"Authorization", "Cookie"}
    clock.advance(60)  # the age grows by itself: that is nothing new
    answer = again(reader, counted, first["ETag"])
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer["ETag"] == first["ETag"]
    assert answer["Cache-Control"] == "private, no-cache"
    assert again(reader, counted, f'"other", {first["ETag"]}').status_code == 304
    assert again(reader, counted, "*").status_code == 304
    # As some proxies make it of a weak one; and nothing is changed here that If-Match could guard.
    assert again(reader, counted, first["ETag"].removeprefix("W/")).status_code == 304
    assert reader.get(address(counted), headers={"If-Match": '"other"'}).status_code == 200
    assert again(reader, counted, '"other"').status_code == 200
    assert again(reader, counted, "no tag at all").status_code == 200


def test_another_question_has_another_tag(reader: APIClient, counted: Clinic) -> None:
    asked: list[dict[str, str]] = [
        {},
        {"period": "month"},
        {"startDate": "2030-03-04", "endDate": "2030-03-10"},
        {"metrics": "bookings"},
        {"metrics": "bookings,insights"},
    ]
    tags = {reader.get(address(counted, **each))["ETag"] for each in asked}
    assert len(tags) == len(asked)
    named = reader.get(address(counted, period="week"))["ETag"]
    assert named == reader.get(address(counted))["ETag"]


@pytest.mark.parametrize(
    "change", ["a booking", "a new day", "stale", "away", "read anew", "outdated"]
)
def test_whatever_is_different_is_told_anew(
    reader: APIClient, counted: Clinic, integration: Integration, clock: Clock, change: str
) -> None:
    cursor = looked_at(integration)
    tag = reader.get(address(counted))["ETag"]
    if change == "a booking":
        book(counted)
        recount(counted, START)
    elif change == "a new day":
        Cursor.objects.update(looked_at=START + timedelta(hours=14))
        tag = reader.get(address(counted))["ETag"]
        clock.advance(14 * 3600)
    elif change == "stale":
        clock.advance(4.5 * 3600)
    elif change == "away":
        Breaker.objects.create(integration=integration, opened_at=START, failures=5)
    elif change == "read anew":
        cursor.looked_at = START + timedelta(seconds=1)
        cursor.save()
    else:
        Standing.objects.update(is_outdated=True)
    answer = again(reader, counted, tag)
    assert answer.status_code == 200
    assert answer["ETag"] != tag


def test_a_change_that_no_named_period_shows_is_told_to_who_asks_for_its_dates(
    reader: APIClient, counted: Clinic
) -> None:
    asked = {"startDate": "2029-01-01", "endDate": "2029-12-31", "metrics": "bookings"}
    before = reader.get(address(counted, **asked))
    assert again(reader, counted, before["ETag"], **asked).status_code == 304
    long_ago = START - timedelta(days=200)
    book(counted, patient=None, starts_at=long_ago, ends_at=long_ago + timedelta(minutes=30))
    assert recount(counted, START).version == before.json()["version"]
    after = again(reader, counted, before["ETag"], **asked)
    assert after.status_code == 200
    totals = [each.json()["metrics"]["totalBookings"] for each in (before, after)]
    assert totals == [0, 1]


def test_an_answer_takes_four_queries_and_a_304_three(
    reader: APIClient, counted: Clinic, integration: Integration, django_assert_num_queries: Any
) -> None:
    looked_at(integration)
    # The login's memberships; the clinic with its standing; how current it is; the numbers.
    with django_assert_num_queries(4):
        tag = reader.get(address(counted))["ETag"]
    with django_assert_num_queries(4):
        reader.get(address(counted, period="month", metrics="insights"))
    with django_assert_num_queries(3):
        assert again(reader, counted, tag).status_code == 304
