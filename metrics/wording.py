"""What the live page says: numbers, ages and how current they are, in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from metrics.freshness import State

#: What stands where a share of nothing, or a comparison with nothing, would stand.
TOO_LITTLE: Final = "not enough data"
#: The page's own state beside those of the numbers: it does not reach us.
OFFLINE: Final = "offline"

#: Before a percent sign; no line breaks there.
NARROW: Final = "\N{NARROW NO-BREAK SPACE}"

_STATES: Final[Mapping[str, tuple[str, str]]] = {
    State.LIVE: ("Live", "The numbers follow {pms} and what is booked here."),
    State.STALE: (
        "Stale",
        "{pms} was due to be looked at and was not: what changed there since may be missing.",
    ),
    State.AWAY: (
        "PMS away",
        "{pms} cannot be asked now: these are the last numbers that we have of it.",
    ),
    State.UNCONNECTED: ("Not connected", "Nothing was read of a PMS for this clinic yet."),
    OFFLINE: (
        "Offline",
        "This page does not reach Frontdesk, and tries again by itself. It shows what it was told "
        "last.",
    ),
}


def states(pms: str) -> dict[str, tuple[str, str]]:
    """Return each state's word and sentence; `pms` is the title of the clinic's PMS, or ""."""
    name = pms or "The PMS"
    return {state: (word, says.format(pms=name)) for state, (word, says) in _STATES.items()}


def ago(age: timedelta) -> str:
    """Return how long ago something was, in its largest unit; config/assets/frontdesk/metrics.js
    says the same in the browser."""
    seconds = max(0, int(age.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def number(value: float | None) -> str:
    """Return a number with at most one digit after the point; None is too little data."""
    if value is None:
        return TOO_LITTLE
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}".removesuffix(".0")


def percent(value: float | None) -> str:
    """Return a share: "12.5 %"."""
    return TOO_LITTLE if value is None else f"{number(value)}{NARROW}%"


def signed(value: float | None) -> str:
    """Return a difference with its sign; nothing has none: "+3", "+1.5", "0"."""
    if not value:
        return number(value)
    return f"{'+' if value > 0 else '−'}{number(abs(value))}"


def signed_percent(value: float | None) -> str:
    """Return a change in percent: "+8.3 %"."""
    return TOO_LITTLE if value is None else f"{signed(value)}{NARROW}%"


def counted(value: float, word: str) -> str:
    """Return "1 booking", "12 bookings"."""
    return f"{number(value)} {word}{'' if value == 1 else 's'}"
