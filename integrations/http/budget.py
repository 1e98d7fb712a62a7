"""The practice's calls, counted in PostgreSQL: exact over all processes, durable, never above.

One counter a window and limit, with two ceilings: HIGH may use all of it, LOW leaves the reserve.
One statement (the function `pms_budget_take`, made by a migration) takes a call of every limit or
of none, and is committed before the call is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from integrations.contract import Limit, Priority, RateSignal
from integrations.http.errors import BudgetExhausted

TAKE = """
    SELECT refused, until, calls_left FROM pms_budget_take(
        %s::text[], %s::integer[], %s::timestamptz[], %s::integer[], %s::integer[], %s::integer[],
        %s, %s)
"""
#: Only what lowers an unexpired cap is kept: answers overtake each other.
CAP = """
    INSERT INTO pms_budget_caps AS c (key, calls_left, until) VALUES (%(key)s, %(left)s, %(until)s)
    ON CONFLICT (key) DO UPDATE SET
        calls_left = CASE WHEN c.until > %(now)s
            THEN least(c.calls_left, excluded.calls_left) ELSE excluded.calls_left END,
        until = greatest(c.until, excluded.until)
"""
#: Rows that a moving window is cut into: the finer, the less a call counts for too long.
SLICES = 12


@dataclass(frozen=True, slots=True)
class Counter:
    """One limit of one owner: `key` names the practice or the application."""

    key: str
    limit: Limit

    @property
    def row_seconds(self) -> int:
        """How much of time one row of this counter spans."""
        limit = self.limit
        return max(1, limit.seconds // SLICES) if limit.moving else limit.seconds


def window_start(now: datetime, seconds: int) -> datetime:
    """Return the start of the fixed window that `now` falls into (UTC)."""
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def take(counters: Sequence[Counter], priority: Priority, now: datetime) -> int | None:
    """Spend one call of every counter, or of none; committed before the call is made.

    Returns how many calls are left for this priority (None without counters). Raises
    BudgetExhausted with `retry_at`, when the limit that refused gives calls again. Must not run
    inside a transaction of the caller, whose rollback would un-count a call that was made.
    """
    if not counters:
        return None
    _refuse_open_transaction()
    # The same order everywhere, so that two calls with the same counters cannot deadlock.
    ordered = sorted(counters, key=lambda counter: (counter.key, counter.limit.seconds))
    limits = [counter.limit for counter in ordered]
    starts = [window_start(now, counter.row_seconds) for counter in ordered]
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE,
            [
                [counter.key for counter in ordered],
                [counter.row_seconds for counter in ordered],
                starts,
                [limit.seconds for limit in limits],
                [limit.ceiling(priority) for limit in limits],
                [released(limit, priority, now) for limit in limits],
                priority is Priority.HIGH,
                now,
            ],
        )
        refused, until, calls_left = cursor.fetchone()
    if refused:
        limit = limits[refused - 1]
        what = f"All {limit.ceiling(priority)} calls for {priority} priority are used"
        if until and not limit.moving:
            what = "The PMS itself allows no call"
        until = until or starts[refused - 1] + timedelta(seconds=limit.seconds)
        message = f"{what} until {until.astimezone(UTC):%H:%M:%S} UTC."
        raise BudgetExhausted(message, retry_at=until)
    return int(calls_left)


def released(limit: Limit, priority: Priority, now: datetime) -> int:
    """Return LOW's ceiling for a practice where nobody asks for anything, late in its window.

    In the last part of a fixed window (BUDGET_RELEASE_SHARE of it, 0 by default: never) the reserve
    shrinks in step with the time that is left, so that somebody who comes late still finds some.
    The statement applies it only where HIGH had no demand in this window or the one before.
    """
    ceiling = limit.ceiling(priority)
    share: float = settings.BUDGET_RELEASE_SHARE
    if priority is Priority.HIGH or limit.moving or not share:
        return ceiling
    start = window_start(now, limit.seconds)
    rest = 1 - (now - start).total_seconds() / limit.seconds
    if rest >= share:
        return ceiling
    return limit.calls - round(limit.reserve * rest / share)


def observe(counters: Iterable[Counter], signal: RateSignal, now: datetime) -> None:
    """Believe a PMS that says that less is left than we thought; more is never believed.

    The cap stands for all counters of the signal's scope until it resets.
    """
    keys = {counter.key for counter in counters if counter.limit.scope is signal.scope}
    with connection.cursor() as cursor:
        for key in sorted(keys):
            left = max(0, signal.calls_left)
            values: dict[str, Any] = {
                "key": key,
                "left": left,
                "until": signal.resets_at,
                "now": now,
            }
            cursor.execute(CAP, values)


def _refuse_open_transaction() -> None:
    """Raise RuntimeError inside a transaction, as `transaction.atomic(durable=True)` does."""
    blocks = connection.atomic_blocks
    # A test that runs in a transaction of its own marks that one, for this very purpose.
    if blocks and not getattr(blocks[-1], "_from_testcase", False):
        raise RuntimeError("A call to a PMS must not be made inside a transaction.")
