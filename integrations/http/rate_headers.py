"""Numbers and times in an answer's headers: from when a PMS takes calls again.

What cannot be read is None, and the caller falls back on the PMS's documented window. What can be
read is kept within reason: a wrong clock must neither stop a practice for good nor let it storm.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

SHORTEST_WAIT: Final = timedelta(seconds=1)
LONGEST_WAIT: Final = timedelta(days=1)
#: A moment this long ago has only just passed; one before it tells of another clock than ours.
SLACK: Final = timedelta(seconds=5)


def whole_number(text: str | None, digits: int = 6) -> int | None:
    """Read a number of at most so many digits; None where it is none."""
    text = (text or "").strip()
    return int(text) if text.isdecimal() and len(text) <= digits else None


def retry_after(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """Return when the Retry-After header, seconds or an HTTP date, allows the next call."""
    text = headers.get("Retry-After")
    seconds = whole_number(text)
    if seconds is not None:
        return _within_reason(now + timedelta(seconds=seconds), now)
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return _within_reason(moment if moment.tzinfo else moment.replace(tzinfo=UTC), now)


def unix_time(text: str | None, now: datetime) -> datetime | None:
    """Return the moment that a header tells as seconds since 1970."""
    seconds = whole_number(text, digits=10)
    return None if seconds is None else _within_reason(datetime.fromtimestamp(seconds, UTC), now)


def _within_reason(moment: datetime, now: datetime) -> datetime | None:
    if moment < now - SLACK:
        return None
    return min(max(moment, now + SHORTEST_WAIT), now + LONGEST_WAIT)
