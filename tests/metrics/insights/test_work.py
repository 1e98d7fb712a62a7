"""Insights are worked out when due, once at a time, kept, and told to who watches."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clinics.models import Clinic, Patient
from metrics import insights, tasks
from metrics.insights import lead_time, work
from metrics.insights.definitions import DEFINITIONS
from metrics.models import Insight, Standing, Told
from metrics.recounting import INSIGHTS_APART, recount
from tests import make
from tests.conftest import Clock
from tests.metrics.insights.rows import NOW, visit

pytestmark = pytest.mark.django_db


def test_a_clinic_of_which_nothing_is_known_has_no_number_and_no_zero(clinic: Clinic) -> None:
    figures = insights.work_out(clinic, NOW).figures
    assert set(figures) == {each.name for each in DEFINITIONS}
    for name, figure in figures.items():
        assert (figure["value"], figure["enough"], figure["n"]) == (None, False, 0), name
        assert figure["note"].startswith("Not enough data: "), name
        assert "failed" not in figure


def test_what_is_read_is_what_was_worked_out_in_the_order_of_the_definitions(
    clinic: Clinic,
) -> None:
    assert insights.of(clinic) == {"computedAt": None, "figures": {}}
    kept = insights.work_out(clinic, NOW)
    found = insights.of(clinic)
    assert found["computedAt"] == NOW.isoformat()
    assert found["figures"] == kept.figures
    assert list(found["figures"]) == [each.name for each in DEFINITIONS]


def test_a_figure_that_fails_is_not_available_and_stops_no_other(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(lead_time, "_MEDIAN", "SELECT 'Ada Invented'::int")
    figures = insights.work_out(clinic, NOW).figures
    assert figures["bookingLeadTime"]["failed"] is True
    assert figures["bookingLeadTime"]["value"] is None
    assert "Not available" in figures["bookingLeadTime"]["note"]
    assert not any("failed" in figure for name, figure in figures.items() if "Lead" not in name)
    (entry,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert "bookingLeadTime" in entry.getMessage()
    assert "Ada" not in caplog.text


def test_one_that_takes_too_long_is_ended_and_stops_no_other(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "LONGEST_MS", 20)
    monkeypatch.setattr(lead_time, "_MEDIAN", "SELECT pg_sleep(5)")
    figures = insights.work_out(clinic, NOW).figures
    assert [name for name, figure in figures.items() if "failed" in figure] == ["bookingLeadTime"]


def test_of_two_that_want_to_work_one_does_until_the_lease_lapses(clinic: Clinic) -> None:
    assert insights.claim(clinic, NOW)
    assert not insights.claim(clinic, NOW)
    assert not insights.claim(clinic, NOW + work.LEASE - timedelta(seconds=1))
    assert insights.claim(clinic, NOW + work.LEASE)


def test_it_is_due_again_in_an_hour(clinic: Clinic) -> None:
    insights.claim(clinic, NOW)
    assert insights.work_out(clinic, NOW).due_at == NOW + timedelta(hours=1)
    assert not insights.claim(clinic, NOW + timedelta(minutes=59))
    assert insights.claim(clinic, NOW + timedelta(minutes=60))


def test_a_change_makes_it_due_within_a_minute_also_while_it_is_worked_out(clinic: Clinic) -> None:
    insights.claim(clinic, NOW)
    visit(clinic, make.record(Patient, clinic), NOW)
    later = NOW + timedelta(seconds=1)
    recount(clinic, later)
    insights.work_out(clinic, NOW)
    assert Insight.objects.get().due_at == later + INSIGHTS_APART


def test_counting_all_anew_makes_it_due_within_a_minute(clinic: Clinic) -> None:
    recount(clinic, NOW)
    insights.work_out(clinic, NOW)
    Standing.objects.update(is_outdated=True)
    recount(clinic, NOW)
    assert Insight.objects.get().due_at == NOW + INSIGHTS_APART


def test_what_the_clinic_says_anew_can_make_it_due_at_once(clinic: Clinic) -> None:
    insights.work_out(clinic, NOW)
    later = NOW + timedelta(minutes=1)
    assert not insights.claim(clinic, later)
    insights.hasten(clinic, later)
    assert insights.claim(clinic, later)
    # What is being worked out now began before that: it is worked out once more.
    meanwhile = later + timedelta(seconds=1)
    insights.hasten(clinic, meanwhile)
    insights.work_out(clinic, later)
    assert insights.claim(clinic, meanwhile)


def test_what_was_worked_out_earlier_never_replaces_what_was_later(clinic: Clinic) -> None:
    later = NOW + timedelta(minutes=5)
    insights.work_out(clinic, later)
    assert insights.work_out(clinic, NOW).computed_at == later


def test_a_lease_outlasts_a_task_and_the_wait_after_a_change(settings: Any) -> None:
    longest = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)
    assert longest + INSIGHTS_APART < work.LEASE
    most = timedelta(milliseconds=work.LONGEST_MS) * len(work.WORKERS)
    assert most < timedelta(seconds=settings.CELERY_TASK_SOFT_TIME_LIMIT)


def test_who_watches_is_told_that_there_are_new_ones(clinic: Clinic, clock: Clock) -> None:
    recount(clinic, clock.now)
    assert Told.objects.latest("version").numbers["insightsAt"] is None
    tasks.insights(str(clinic.pk))
    assert Standing.objects.get().due_at <= clock.now
    recount(clinic, clock.now)
    assert Told.objects.latest("version").numbers["insightsAt"] == clock.now.isoformat()


def test_the_task_does_nothing_where_nothing_is_due(clinic: Clinic, clock: Clock) -> None:
    tasks.insights(str(clinic.pk))
    first = clock.now
    clock.advance(60)
    tasks.insights(str(clinic.pk))
    assert Insight.objects.get().computed_at == first


def test_the_dispatcher_asks_for_those_due_and_for_a_few_at_a_time(
    clinic: Clinic, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks.insights, "apply_async", lambda args, **options: asked.extend(args))
    others = [make.clinic() for _ in range(3)]
    insights.work_out(others[0], clock.now)
    monkeypatch.setattr(tasks, "INSIGHTS_AT_ONCE", 2)
    tasks.dispatch_insights()
    assert len(asked) == 2
    assert str(others[0].pk) not in asked
    tasks.dispatch_insights()
    assert len(asked) == 2
    clock.advance(3601)
    for each in (clinic, *others[1:]):
        insights.work_out(each, clock.now)
    tasks.dispatch_insights()
    assert asked[2:] == [str(others[0].pk)]


def test_it_takes_a_fixed_number_of_queries(clinic: Clinic) -> None:
    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as found:
            insights.work_out(clinic, NOW)
        return len(found)

    make.integration(clinic)
    first = queries()
    for days in (-400, -300, -200, -10, -1, 1, 2, 3):
        visit(clinic, make.record(Patient, clinic), NOW + timedelta(days=days))
    assert queries() == first
    assert first <= 45
