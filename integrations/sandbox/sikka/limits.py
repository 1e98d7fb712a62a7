"""The gateway's rate limit: so many calls a minute and application, told in headers.

The window of 60 seconds, the three headers and the relative reset are from Sikka's public API
documentation. Unverified: that the window begins with its first call, and that a refused call does
not count.
"""

import math
from dataclasses import dataclass
from datetime import timedelta

from integrations.sandbox.books import moment, stamp

from .call import Call

TABLES = """
CREATE TABLE sikka_windows (
    app_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    calls INTEGER NOT NULL
)
"""

WINDOW = timedelta(seconds=60)


@dataclass(frozen=True)
class Standing:
    """What an application has left of its window."""

    limit: int
    remaining: int
    resets_in: int
    refused: bool = False

    def headers(self) -> dict[str, str]:
        return {
            "X-Rate-Limit-Limit": str(self.limit),
            "X-Rate-Limit-Remaining": str(self.remaining),
            "X-Rate-Limit-Reset": str(self.resets_in),
        }

    def used_up(self) -> "Standing":
        return Standing(self.limit, 0, self.resets_in, refused=True)


def untouched(call: Call) -> Standing:
    """Return the standing of a caller who is not known, and therefore not counted."""
    limit = call.stage.knobs.rate_limit
    return Standing(limit, limit, int(WINDOW.total_seconds()))


def spend(call: Call) -> Standing:
    """Take one call from the application's window, or say that none is left."""
    books, limit = call.stage.books, call.stage.knobs.rate_limit
    row = books.one("SELECT * FROM sikka_windows WHERE app_id = ?", [call.app_id])
    started_at, calls = (moment(row["started_at"]), row["calls"]) if row else (call.now, 0)
    if not timedelta() <= call.now - started_at < WINDOW:
        started_at, calls = call.now, 0
    resets_in = math.ceil((started_at + WINDOW - call.now).total_seconds())
    if calls >= limit:
        return Standing(limit, 0, resets_in, refused=True)
    books.run(
        "INSERT OR REPLACE INTO sikka_windows VALUES (?, ?, ?)",
        [call.app_id, stamp(started_at), calls + 1],
    )
    return Standing(limit, limit - calls - 1, resets_in)
