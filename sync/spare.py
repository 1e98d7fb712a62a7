"""Freshness for calls that would be left over: in opening hours, today's and tomorrow's visits.

A practice's background calls that nobody uses are gone with their window. Where the setting
SYNC_WITH_SPARE_CALLS is on, they are spread evenly over what is left of it, on what is likely to
change. It takes from LOW alone, and leaves a part of that to the checks of writebacks; people's
calls stay theirs.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from clinics import hours
from integrations.contract import Limit, Priority
from integrations.http.budget import window_start
from integrations.models import BudgetWindow, Integration
from integrations.profiles import open_intervals, profile_of
from integrations.queries import Resource
from sync.asking import ask
from sync.requesting import COOL_DOWN, Wanted
from sync.schedule import active, apart
from sync.states import Mode, Status, Trigger

#: Never more often than this, however much is left.
SHORTEST: Final = timedelta(minutes=1)
#: The share of background calls that is left to checks of writebacks and the like.
KEPT: Final = 0.2
#: Patients come to be booked shortly before the doors open.
BEFORE_OPENING: Final = timedelta(hours=1)


def make_runs(now: datetime, among: Iterable[Integration] | None = None) -> int:
    """Make a run for each practice that is open and has calls left for it; return how many.

    `among` is what `sync.schedule.active` has read; else it is read now.
    """
    made = 0
    for integration in active() if among is None else among:
        with apart(integration):
            if not _is_due(integration, now):
                continue
            wanted = Wanted(mode=Mode.UPCOMING, trigger=Trigger.SPARE, is_forced=True)
            made += len(ask([integration], wanted, now).made)
    return made


def _is_due(integration: Integration, now: datetime) -> bool:
    """Return whether the next reading of an open practice is due: some time after the last of any
    kind, longer after one of these that failed. What was never read whole has to be so first."""
    looked_at = next(
        (
            cursor.looked_at
            for cursor in integration.cursors.all()
            if cursor.resource == Resource.APPOINTMENTS
        ),
        None,
    )
    if looked_at is None:
        return False
    wait = wait_for_next(integration, now)
    if wait is None or not is_open(integration, now):
        return False
    newest = integration.sync_runs.filter(mode=Mode.UPCOMING).order_by("-created_at").first()
    if newest:
        looked_at = max(looked_at, newest.created_at)
        if newest.status == Status.FAILED:
            wait = max(wait, COOL_DOWN)
    return now >= looked_at + wait


def wait_for_next(integration: Integration, now: datetime) -> timedelta | None:
    """Return how long to wait between two readings; None where no call is left for any."""
    counter = integration.practice_counter()
    starts_at = window_start(now, counter.limit.seconds)
    windows = BudgetWindow.objects.filter(
        key=counter.key, seconds=counter.row_seconds, starts_at__gte=starts_at
    )
    return spread(counter.limit, sum(window.used for window in windows), now)


def spread(limit: Limit, used: int, now: datetime) -> timedelta | None:
    """Return the wait that spreads the spare calls evenly over the rest of a window."""
    ceiling = limit.ceiling(Priority.LOW)
    spare = int(ceiling * (1 - KEPT)) - used
    if spare <= 0:
        return None
    ends_at = window_start(now, limit.seconds) + timedelta(seconds=limit.seconds)
    return max(SHORTEST, (ends_at - now) / spare)


def is_open(integration: Integration, now: datetime) -> bool:
    """Return whether people book and come now; where no hours are known, whether it is day."""
    zone = integration.clinic.zone
    spans = open_intervals(profile_of(integration), None, now.astimezone(zone).date(), zone)
    if spans is None:
        return hours.by_day(now, zone)
    return any(start - BEFORE_OPENING <= now < end for start, end in spans)
