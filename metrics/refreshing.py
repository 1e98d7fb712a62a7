"""Have a clinic's appointments read from its PMS now, since somebody looks at their numbers.

Few calls, of those that are kept for people; the numbers follow by themselves once a page is
stored. However many ask, one run is made: all stand in line at the integration's row.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from clinics.models import Clinic
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.standing import breaker_of
from metrics import freshness
from metrics.freshness import Freshness
from sync import wanting
from sync.asking import ask
from sync.models import SyncRun
from sync.requesting import Wanted, covers
from sync.states import Status

#: Between the end of one reading and the begin of the next.
APART: Final = timedelta(seconds=15)
#: Between two tries of a PMS that did not answer the last one.
AWAY_APART: Final = timedelta(minutes=1)
#: What changed in so short a time is few pages. What is longer ago, or was never read, takes many:
#: they are not taken from the calls that are kept for people.
FEW_PAGES: Final = timedelta(days=3)
#: A credential that was rejected is tried again so often (integrations.tasks.refresh_tokens).
KEY_APART: Final = timedelta(minutes=10)


class NotConnected(Exception):
    """The clinic has no PMS."""


@dataclass(eq=False)
class TooSoon(Exception):
    """It was read seconds ago."""

    again_at: datetime


@dataclass(eq=False)
class Away(Exception):
    """The PMS cannot be asked, as is known already; it is tried again where that is of use."""

    freshness: Freshness
    again_at: datetime


@dataclass(frozen=True, slots=True)
class Refresh:
    """The run that brings what is new, and how current the numbers are until then."""

    run: SyncRun
    #: False where one was under way.
    is_new: bool
    freshness: Freshness


def refresh(clinic: Clinic, asker: dict[str, Any], now: datetime) -> Refresh:
    """Ask for a run, or return the one that is under way. Raises NotConnected, TooSoon or Away.

    `asker` is who asks, in the words of sync.requesting.Wanted.
    """
    with transaction.atomic():
        # Without it a run could be made, carried out and ended between our look and our asking.
        rows = Integration.objects.select_for_update(no_key=True)
        integration = rows.filter(clinic=clinic).first()
        if integration is None:
            raise NotConnected
        found = freshness.of(clinic, now)
        wanted = _wanted(found, asker, now)
        newest = integration.sync_runs.order_by("-created_at").first()
        if found.problem:
            # Raised outside: what was asked for stays.
            again_at = _try_again(integration, newest, wanted, now)
        else:
            return Refresh(*_run(integration, newest, wanted, now), found)
    raise Away(found, again_at)


def _wanted(found: Freshness, asker: dict[str, Any], now: datetime) -> Wanted:
    if found.last_updated is None:
        return Wanted(is_forced=True, **asker)
    return Wanted(
        is_forced=True,
        is_urgent=now - found.last_updated < FEW_PAGES,
        only=(Resource.APPOINTMENTS,),
        **asker,
    )


def _run(
    integration: Integration, newest: SyncRun | None, wanted: Wanted, now: datetime
) -> tuple[SyncRun, bool]:
    """Return the run that is to be waited for, and whether it was made just now."""
    if newest and newest.is_open:
        if not covers(newest, wanted):
            wanting.note([integration], wanted.only, now)
        if newest.status == Status.RUNNING or _tried_since(newest, now - APART):
            return newest, False
    for ended in integration.sync_runs.filter(finished_at__gt=now - APART):
        if ended.finished_at and ended.status != Status.CANCELLED and covers(ended, wanted):
            raise TooSoon(ended.finished_at + APART)
    asked = ask([integration], wanted, now)
    (run,) = asked.made or asked.running
    if not asked.made:
        run.refresh_from_db()
    return run, bool(asked.made)


def _try_again(
    integration: Integration, newest: SyncRun | None, wanted: Wanted, now: datetime
) -> datetime:
    """Have a PMS that is away tried again, unless it was just now; return when to ask next."""
    retry_at = breaker_of(integration).retry_at
    if retry_at and retry_at > now:
        return retry_at
    if integration.status == IntegrationStatus.ERROR:
        return now + KEY_APART
    if newest and newest.status not in (Status.QUEUED, Status.RUNNING):
        tried_at = newest.finished_at or newest.beat_at
        if tried_at and now < tried_at + AWAY_APART:
            return tried_at + AWAY_APART
    ask([integration], wanted, now)
    return now + APART


def _tried_since(run: SyncRun, moment: datetime) -> bool:
    return run.beat_at is not None and run.beat_at > moment
