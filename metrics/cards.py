"""The live page's cards: each number beside that of the period before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from metrics import wording
from metrics.calendar import Name

#: The words for the period before, and for the one that is shown.
BEFORE: Final = {Name.WEEK: "the week before", Name.MONTH: "the month before"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One number as it is shown. `kind` says to the page's script how to write a newer one."""

    name: str
    label: str
    kind: str
    shown: str
    is_enough: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    shows: Callable[[float | None], str]
    #: What stands behind a difference of two such numbers.
    unit: str = ""


_COUNT: Final = _Kind("number", wording.number)
_AVERAGE: Final = _Kind("number", wording.number)
_SHARE: Final = _Kind("percent", wording.percent, " points")
_CHANGE: Final = _Kind("change", wording.signed_percent)

_CARDS: Final = (
    ("totalBookings", "Bookings", _COUNT),
    ("totalBookingsChange", "Change in bookings", _CHANGE),
    ("activePatients", "Active patients", _COUNT),
    ("newPatients", "New patients", _COUNT),
    ("dailyAverage", "Bookings a day", _AVERAGE),
    ("missedAppointments", "Missed", _COUNT),
    ("missedAppointmentsPercentage", "Share missed", _SHARE),
)


def of(
    numbers: Mapping[str, Any], previous: Mapping[str, Any] | None, period: Name
) -> tuple[Card, ...]:
    """Return the cards of a period's numbers; `previous` is None where nothing is known of the
    period before."""
    return tuple(
        Card(
            name=name,
            label=label,
            kind=kind.name,
            shown=kind.shows(numbers[name]),
            is_enough=numbers[name] is not None,
            note=_note(kind, numbers[name], (previous or {}).get(name), BEFORE[period]),
        )
        for name, label, kind in _CARDS
    )


def _note(kind: _Kind, value: float | None, previous: float | None, before: str) -> str:
    if kind is _CHANGE:
        return f"against {before}" if value is not None else f"nothing to compare in {before}"
    if value is None:
        return ""
    if previous is None:
        return f"{before} is not known"
    difference = round(value - previous, 1)
    return f"{wording.signed(difference)}{kind.unit} against {kind.shows(previous)} {before}"
