"""The rate limit: 200 calls a minute and user, and a key belongs to one user.

From the vendor's documentation: the number, and the 429 with `X-RateLimit-Reset` as UNIX seconds.
No other header is documented, so there is none. Unverified: that the window begins with its first
call, and that a refused call does not count.
"""

from datetime import datetime, timedelta

from integrations.sandbox.books import moment, stamp

from .call import Call

TABLES = """
CREATE TABLE cliniko_windows (
    office_id TEXT PRIMARY KEY,
    started_at TEXT NOT NULL,
    calls INTEGER NOT NULL
)
"""

WINDOW = timedelta(seconds=60)


def spend(call: Call) -> datetime | None:
    """Take one call from the account's window. If none is left, return when it starts anew."""
    books = call.stage.books
    row = books.one("SELECT * FROM cliniko_windows WHERE office_id = ?", [call.office_id])
    started_at, calls = (moment(row["started_at"]), row["calls"]) if row else (call.now, 0)
    if not timedelta() <= call.now - started_at < WINDOW:
        started_at, calls = call.now, 0
    if calls >= call.stage.knobs.cliniko_rate_limit:
        return started_at + WINDOW
    books.run(
        "INSERT OR REPLACE INTO cliniko_windows VALUES (?, ?, ?)",
        [call.office_id, stamp(started_at), calls + 1],
    )
    return None


def window_ends_at(call: Call) -> datetime:
    """Return when the account's window starts anew."""
    row = call.stage.books.one(
        "SELECT started_at FROM cliniko_windows WHERE office_id = ?", [call.office_id]
    )
    return (moment(row["started_at"]) if row else call.now) + WINDOW
