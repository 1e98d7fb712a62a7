"""When what did not arrive is sent again, as data: pure, and without chance."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

#: How long to wait after the first, second, … failed attempt: ten attempts within 75 h 35 min, as
#: the Standard Webhooks specification (1.0.0, "Deliverability and reliability") suggests.
WAITS: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
#: The longest that a receiver may ask us to wait (Retry-After).
LONGEST_WAIT: Final = timedelta(hours=24)

#: How long an endpoint is left alone after so many failures in a row, whatever is due to it: what
#: is dead must not take up the senders' time. A receiver may ask for a longer rest, up to the last.
RESTS: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=2),
    timedelta(minutes=5),
)
#: The longest rest that a receiver may ask for.
LONGEST_REST: Final = timedelta(hours=1)

#: An endpoint where everything failed for so long is disabled.
GIVEN_UP_AFTER: Final = timedelta(days=5)


def next_wait(failed: int, asked: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after this many failed attempts; None when it was the last one.

    `asked` is what the receiver wants at least, and counts up to LONGEST_WAIT.
    """
    if failed > len(WAITS):
        return None
    return max(WAITS[failed - 1], min(asked or timedelta(0), LONGEST_WAIT))


def rest(failures: int, asked: timedelta | None = None) -> timedelta:
    """Return how long an endpoint is left alone after so many failures in a row (from 1)."""
    usual = RESTS[min(failures, len(RESTS)) - 1]
    return max(usual, min(asked or timedelta(0), LONGEST_REST))


def asked_wait(retry_after: str, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for; None for one that says nothing (RFC 9110, 10.2.3:
    seconds, or a date)."""
    text = retry_after.strip()
    try:
        if text.isascii() and text.isdigit():
            return timedelta(seconds=min(int(text[:12]), 10**9))
        return max(parsedate_to_datetime(text) - now, timedelta(0))
    except (TypeError, ValueError, OverflowError):  # also a date without its zone
        return None
