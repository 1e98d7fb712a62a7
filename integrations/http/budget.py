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

TAKE = "SELECT pms_budget_take(%s, %s, %s, %s)"
#: Until when the PMS itself refuses a priority that has to leave some of what is left.
TOLD_UNTIL = """
    SELECT until FROM pms_budget_caps
    WHERE key = %(key)s AND until > %(now)s AND calls_left <= %(leave)s
"""
#: When so many of the oldest rows have left a moving window that fewer calls than the ceiling stay.
MOVED_ON = """
    SELECT max(starts_at) FROM (
        SELECT starts_at, sum(used_high + used_low) OVER (ORDER BY starts_at DESC) AS since
        FROM pms_budget_windows
        WHERE key = %(key)s AND seconds = %(length)s AND starts_at > %(from)s
    ) AS rows WHERE since >= %(ceiling)s
"""
#: Only what lowers an unexpired cap is kept: answers overtake each other, and one that comes first
#: in the PMS's next window must not carry this one's cap over into it.
CAP = """
    INSERT INTO pms_budget_caps AS c (key, calls_left, until) VALUES (%(key)s, %(left)s, %(until)s)
    ON CONFLICT (key) DO UPDATE SET
        calls_left = excluded.calls_left,
        until = CASE WHEN c.until > %(now)s
            THEN greatest(c.until, excluded.until) ELSE excluded.until END
        WHERE c.until <= %(now)s OR excluded.calls_left <= c.calls_left
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
    # As text: to write lists and times is most of the driver's work.
    keys = ",".join(_quoted(counter.key) for counter in ordered)
    limits = ",".join(_limit_row(counter, priority, now) for counter in ordered)
    parameters = (f"{{{keys}}}", f"{{{limits}}}", priority is Priority.HIGH, now.isoformat())
    with connection.cursor() as cursor:
        cursor.execute(TAKE, parameters)
        left: int = cursor.fetchone()[0]
    if left < 0:
        raise _refusal(ordered, -left - 1, priority, now)
    return left


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _limit_row(counter: Counter, priority: Priority, now: datetime) -> str:
    """Write a limit as pms_budget_take reads it: length, span, ceiling, late, leave."""
    limit = counter.limit
    span = limit.seconds if limit.moving else 0
    ceiling = limit.ceiling(priority)
    late = released(limit, priority, now)
    return f"{{{counter.row_seconds},{span},{ceiling},{late},{limit.calls - ceiling}}}"


def _refusal(
    counters: Sequence[Counter], refused: int, priority: Priority, now: datetime
) -> BudgetExhausted:
    """Say why this one of the counters gave no call, and when it gives one again."""
    counter = counters[refused]
    limit = counter.limit
    ceiling = limit.ceiling(priority)
    what = f"All {ceiling} calls for {priority} priority are used"
    until = window_start(now, limit.seconds) + timedelta(seconds=limit.seconds)
    span = timedelta(seconds=limit.seconds + counter.row_seconds)
    same_key = [each.limit for each in counters if each.key == counter.key]
    values: dict[str, Any] = {
        "key": counter.key,
        "now": now,
        "leave": min(each.calls - each.ceiling(priority) for each in same_key),
        "length": counter.row_seconds,
        "from": now - span,
        "ceiling": ceiling,
    }
    with connection.cursor() as cursor:
        cursor.execute(TOLD_UNTIL, values)
        if row := cursor.fetchone():
            what = f"The PMS itself allows no call for {priority} priority"
            until = row[0]
        elif limit.moving:
            cursor.execute(MOVED_ON, values)
            oldest = cursor.fetchone()[0]
            until = (oldest or now) + span
    message = f"{what} until {until.astimezone(UTC):%H:%M:%S} UTC."
    return BudgetExhausted(message, retry_at=until)


def released(limit: Limit, priority: Priority, now: datetime) -> int:
    """Return LOW's ceiling for a practice where nobody asks for anything, late in its window.

    In the last part of a fixed window (BUDGET_RELEASE_SHARE of it, 0 by default: never) the reserve
    shrinks in step with the time that is left, so that somebody who comes late still finds some.
    The statement applies it only where HIGH had no demand in this window or the one before.
    """
    ceiling = limit.ceiling(priority)
    if priority is Priority.HIGH or limit.moving:
        return ceiling
    share: float = settings.BUDGET_RELEASE_SHARE
    if not share:
        return ceiling
    end = window_start(now, limit.seconds) + timedelta(seconds=limit.seconds)
    rest, last_part = end - now, timedelta(seconds=limit.seconds * share)
    if rest >= last_part:
        return ceiling
    # Rounded up: as long as the window lasts, one call at least is kept.
    return limit.calls + (-limit.reserve * rest) // last_part


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
