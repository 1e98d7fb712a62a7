"""Whole days on a virtual clock: what a sync costs where little happens, and how fresh our copy is.

`pytest tests/sync/test_days.py -s` prints the figures that docs/performance.md tells.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from statistics import median, quantiles

import pytest
from pytest_django.fixtures import Settings

from clinics.models import Appointment
from integrations.models import Integration
from integrations.profiles import start_profile
from sync import running, schedule, spare
from sync.models import SyncRun
from sync.states import OPEN, Status, Trigger
from tests.sync.practices import PMSS, Practice

OPENS, CLOSES = 8, 18


def tick(practice: Practice, *, with_spare: bool = False) -> None:
    """What beat and the workers do about syncs in a minute."""
    now = practice.clock.now
    schedule.make_nightly_runs(now)
    schedule.make_due_runs(now)
    if with_spare:
        spare.make_runs(now)
    for run in SyncRun.objects.filter(status__in=OPEN, due_at__lte=now):
        running.carry_on(run.pk, practice.now, shift=None)


@pytest.mark.parametrize("pms", PMSS)
def test_a_quiet_day_of_650_patients_costs_at_most_30_calls(
    open_practice: Callable[[str], Practice], pms: str
) -> None:
    practice = open_practice(pms)
    Integration.objects.update(sync_minutes=240, budget_calls=None, budget_reserve=None)
    practice.integration.refresh_from_db()
    practice.sync()
    zone = practice.integration.clinic.zone
    # To the next 3 AM: after a night, and until after the one that follows.
    start = practice.clock.now.astimezone(zone).replace(hour=3, minute=0) + timedelta(days=1)
    practice.clock.advance((start - practice.clock.now).total_seconds())
    practice.sync(is_full=True)
    before = len(practice.sandbox.control.calls(practice.office, limit=100_000))
    first = set(SyncRun.objects.values_list("pk", flat=True))
    for _ in range(24 * 12):
        practice.clock.advance(300)
        tick(practice)
    runs = SyncRun.objects.exclude(pk__in=first).order_by("created_at")
    assert {run.status for run in runs} == {Status.COMPLETED}
    nights = [run.checkpoint.calls for run in runs if run.trigger == Trigger.NIGHT]
    changes = [run.checkpoint.calls for run in runs if run.trigger == Trigger.SCHEDULE]
    made = len(practice.sandbox.control.calls(practice.office, limit=100_000)) - before
    sys.stdout.write(
        f"\n{pms}: {len(changes)} runs of {changes} calls, by night {nights}, {made} in all"
    )
    assert len(nights) == 1
    assert 4 <= len(changes) <= 6
    assert all(2 <= calls <= 5 for calls in changes)
    assert sum(changes) <= 30
    assert made <= sum(changes) + sum(nights) + 2  # keys are renewed beside it


@pytest.mark.parametrize("pms", ["cliniko", "sikka"])
def test_spare_calls_bring_a_change_within_a_minute_or_two_instead_of_hours(
    open_practice: Callable[[str], Practice], pms: str, settings: Settings
) -> None:
    ages = {}
    for with_spare in (False, True):
        practice = open_practice(pms)
        Integration.objects.update(sync_minutes=240, budget_calls=None, budget_reserve=None)
        practice.integration.refresh_from_db()
        practice.sync()
        profile = start_profile(practice.integration)
        open_all_day = [[f"{OPENS:02}:00", f"{CLOSES}:00"]]
        profile.hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), open_all_day)
        profile.save()
        # By the minute where that is what counts, and then for fewer hours.
        hours, minutes = (2, 1) if with_spare else (9, 10)
        ages[with_spare] = _ages(practice, hours, minutes, with_spare=with_spare)
    (slow, _), (fresh, calls) = ages[False], ages[True]
    for name, (seen, spent) in (("interval", ages[False]), ("spare calls", ages[True])):
        p95 = quantiles(seen, n=20)[-1]
        sys.stdout.write(
            f"\n{pms}, {name}: median {median(seen):.0f} s, p95 {p95:.0f} s, {spent:.0f} an hour"
        )
    assert median(fresh) <= 90
    assert quantiles(fresh, n=20)[-1] <= 180
    assert median(slow) > 1800
    limit = practice.integration.usual_limit
    assert calls <= (limit.calls - limit.reserve) * 3600 / limit.seconds


def _ages(
    practice: Practice, hours: int, minutes: int, *, with_spare: bool
) -> tuple[list[float], float]:
    """Let 30 visits be cancelled within some hours from opening, at random moments.

    Returns the age of each change when it was here, in seconds, and calls in an hour.
    """
    zone, rng = practice.integration.clinic.zone, random.Random(7)
    opening = practice.clock.now.astimezone(zone).replace(hour=OPENS, minute=0)
    while opening.weekday() > 4 or opening < practice.clock.now:
        opening += timedelta(days=1)
    practice.clock.advance((opening - practice.clock.now).total_seconds())
    tick(practice, with_spare=with_spare)
    before = len(practice.sandbox.control.calls(practice.office, limit=100_000))
    moments = sorted(rng.randrange(3600 * hours) for _ in range(30))
    truth = practice.sandbox.control.truth(practice.office)["appointments"]
    booked = sorted(key for key, one in truth.items() if one["status"] == "booked")
    unseen: dict[str, datetime] = {}
    ages: list[float] = []
    for moment, chosen in zip(moments, rng.sample(booked, len(moments)), strict=True):
        at = opening + timedelta(seconds=moment)
        _pass_until(practice, at, minutes, unseen, ages, with_spare=with_spare)
        practice.sandbox.control.change(practice.office, "appointment", "cancel", chosen)
        unseen[chosen] = practice.clock.now
    while unseen:
        until = practice.clock.now + timedelta(minutes=minutes)
        _pass_until(practice, until, minutes, unseen, ages, with_spare=with_spare)
    calls = len(practice.sandbox.control.calls(practice.office, limit=100_000)) - before
    return ages, calls / ((practice.clock.now - opening) / timedelta(hours=1))


def _pass_until(
    practice: Practice,
    until: datetime,
    minutes: int,
    unseen: dict[str, datetime],
    ages: list[float],
    *,
    with_spare: bool,
) -> None:
    """Go on to a moment, with a tick at every so many minutes of the clock on the way."""
    while practice.clock.now < until:
        now = practice.clock.now
        to_tick = minutes * 60 - now.timestamp() % (minutes * 60)
        practice.clock.advance(min(to_tick, (until - now).total_seconds()))
        if practice.clock.now.timestamp() % (minutes * 60):
            continue
        tick(practice, with_spare=with_spare)
        seen = Appointment.objects.filter(
            clinic=practice.integration.clinic_id, external_id__in=unseen, status="cancelled"
        )
        ages += [
            (practice.clock.now - unseen.pop(external_id)).total_seconds()
            for external_id in seen.values_list("external_id", flat=True)
        ]
