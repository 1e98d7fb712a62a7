"""The service's rate limit: so many calls a minute and account, told in headers and Retry-After."""

import math
from dataclasses import dataclass
from datetime import timedelta

from integrations.sandbox.books import moment, stamp

from .call import Call

TABLES = """
CREATE TABLE rest_windows (
    office_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    calls INTEGER NOT NULL
)
"""

WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class Standing:
    """What an account has left of its window, which begins with its first call."""

    limit: int
    remaining: int
    resets_in: int
    spent: bool = False

    def headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.resets_in),
        }

    def used_up(self) -> "Standing":
        return Standing(self.limit, 0, self.resets_in, spent=True)


def spend(call: Call) -> Standing:
    """Take one call from the account's window, or say that none is left. Refused calls are free."""
    books, limit, now = call.stage.books, call.stage.knobs.rest_rate_limit, call.stage.clock.now()
    row = books.one("SELECT * FROM rest_windows WHERE office_id = ?", [call.account.id])
    started_at, calls = (moment(row["started_at"]), row["calls"]) if row else (now, 0)
    if not timedelta() <= now - started_at < WINDOW:
        started_at, calls = now, 0
    resets_in = math.ceil((started_at + WINDOW - now).total_seconds())
    if calls >= limit:
        return Standing(limit, 0, resets_in, spent=True)
    books.run(
        "INSERT OR REPLACE INTO rest_windows VALUES (?, ?, ?)",
        [call.account.id, stamp(started_at), calls + 1],
    )
    return Standing(limit, limit - calls - 1, resets_in)
