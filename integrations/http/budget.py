"""The practice's calls, counted in PostgreSQL: exact over all processes, durable, never above.

One counter a window and limit, with two ceilings: HIGH may use all of it, LOW leaves the reserve.
Windows are fixed and start at multiples of their length in UNIX time (an hour's at :00 UTC).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from integrations.contract import Limit, Priority
from integrations.http.errors import BudgetExhausted

#: One statement decides: a row that would pass the ceiling is neither inserted nor updated.
TAKE = """
    INSERT INTO pms_budget_windows AS w (key, seconds, starts_at, used_high, used_low)
    SELECT %(key)s, %(seconds)s, %(starts_at)s, %(high)s, %(low)s WHERE %(ceiling)s >= 1
    ON CONFLICT (key, seconds, starts_at) DO UPDATE
    SET used_high = w.used_high + excluded.used_high, used_low = w.used_low + excluded.used_low
    WHERE w.used_high + w.used_low < %(ceiling)s
    RETURNING used_high + used_low
"""


@dataclass(frozen=True, slots=True)
class Counter:
    """One limit of one owner: `key` names the practice or the application."""

    key: str
    limit: Limit


def window_start(now: datetime, seconds: int) -> datetime:
    """Return the start of the fixed window that `now` falls into (UTC)."""
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, UTC)


def take(counters: Sequence[Counter], priority: Priority, now: datetime) -> None:
    """Spend one call of every counter, or of none; committed before the call is made.

    Raises BudgetExhausted with `retry_at`, the end of the window that is used up. Must not run
    inside a transaction of the caller, whose rollback would un-count a call that was made.
    """
    # The same order everywhere, so that two calls with the same counters cannot deadlock.
    ordered = sorted(counters, key=lambda counter: (counter.key, counter.limit.seconds))
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        for counter in ordered:
            limit = counter.limit
            starts_at = window_start(now, limit.seconds)
            cursor.execute(
                TAKE,
                {
                    "key": counter.key,
                    "seconds": limit.seconds,
                    "starts_at": starts_at,
                    "high": int(priority is Priority.HIGH),
                    "low": int(priority is Priority.LOW),
                    "ceiling": limit.ceiling(priority),
                },
            )
            if cursor.fetchone() is None:
                ends_at = starts_at + timedelta(seconds=limit.seconds)
                raise BudgetExhausted(
                    f"All {limit.ceiling(priority)} calls for {priority} priority are used until "
                    f"{ends_at:%H:%M:%S} UTC.",
                    retry_at=ends_at,
                )
