"""A rate limit, which Nookal does not publish: here so many calls a minute and account.

All of it is unverified: the number (a knob), the window that begins with its first call, HTTP 429
with Retry-After in seconds, and that a refused call does not count.
"""

import math
from datetime import timedelta

from integrations.sandbox.books import moment, stamp
from integrations.sandbox.pms import Stage

TABLES = """
CREATE TABLE nookal_windows (
    office_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    calls INTEGER NOT NULL
)
"""

WINDOW = timedelta(seconds=60)


def spend(stage: Stage, office_id: str) -> int | None:
    """Take one call from an account's window, or return in how many seconds there will be one."""
    now, books = stage.clock.now(), stage.books
    row = books.one("SELECT * FROM nookal_windows WHERE office_id = ?", [office_id])
    started_at, calls = (moment(row["started_at"]), row["calls"]) if row else (now, 0)
    if not started_at <= now < started_at + WINDOW:
        started_at, calls = now, 0
    if calls >= stage.knobs.nookal_rate_limit:
        return math.ceil((started_at + WINDOW - now).total_seconds())
    books.run(
        "INSERT OR REPLACE INTO nookal_windows VALUES (?, ?, ?)",
        [office_id, stamp(started_at), calls + 1],
    )
    return None
