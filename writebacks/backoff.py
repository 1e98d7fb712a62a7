"""When to ask again, as data. Pure functions of counts; the clock is the caller's."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_S, _M, _H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)

#: Wait before each check of a pending write; the last one repeats.
CHECK_WAITS: Final = (30 * _S, 1 * _M, 2 * _M, 5 * _M, 10 * _M, 15 * _M, 30 * _M, 1 * _H)
#: Checks before a write counts as unconfirmed: 14 h 3.5 min after it was sent.
MAX_CHECKS: Final = 20

#: Wait before each look for a write whose answer was lost. Absence counts as proven only after
#: two looks with time between them, in which the PMS can list what it took.
LOOK_WAITS: Final = (10 * _S, 30 * _S, 2 * _M, 10 * _M, 30 * _M, 1 * _H)
LOOKS_TO_PROVE_ABSENCE: Final = 2
#: The time that has to lie between two looks for the second one to count.
BETWEEN_LOOKS: Final = LOOK_WAITS[1]

#: Wait before sending again what surely did not happen, where the PMS named no time.
SEND_WAITS: Final = (10 * _S, 30 * _S, 1 * _M, 2 * _M, 5 * _M, 15 * _M)


#: Wait before the PMS's id of a confirmed booking is read, where it was not told with the
#: confirmation: one read then answers for all of the practice.
IDENTIFY_WAIT: Final = 2 * _H
#: The shortest wait for one that another writeback waits for, such as a new patient's first visit.
AWAITED_ID_WAIT: Final = 1 * _M

#: Checks that cost a call each, in one cycle by day; the oldest come first.
SINGLE_CHECKS: Final = 5
#: Ids that are read in a call each, at one time by day.
SINGLE_IDS: Final = 20

#: Wait after each failure in a row to ask at all, where the PMS named no time.
ASK_WAITS: Final = (1 * _M, 2 * _M, 5 * _M, 10 * _M, 30 * _M)


def check_wait(checks_done: int) -> timedelta:
    """Return how long after the last check (or the sending) the next one is due."""
    return CHECK_WAITS[min(checks_done, len(CHECK_WAITS) - 1)]


def look_wait(looks_done: int) -> timedelta:
    """Return how long to wait before the next look for a lost write."""
    return LOOK_WAITS[min(looks_done, len(LOOK_WAITS) - 1)]


def identify_wait(since_confirmed: timedelta, awaited: bool) -> timedelta:
    """Return how long to wait before the id of what was confirmed so long ago is read (again).

    Where another one waits for it the waits double, from a minute on.
    """
    if not awaited:
        return IDENTIFY_WAIT
    return min(max(since_confirmed, AWAITED_ID_WAIT), IDENTIFY_WAIT)


def ask_wait(failures: int) -> timedelta:
    """Return how long to wait after this many failures in a row (1 or more) to ask."""
    return ASK_WAITS[min(failures, len(ASK_WAITS)) - 1]


def send_wait(attempts: int) -> timedelta:
    """Return how long to wait before the next attempt, after this many (1 or more)."""
    return SEND_WAITS[min(attempts, len(SEND_WAITS)) - 1]
