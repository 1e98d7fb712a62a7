"""The live page's cards: each number beside that of the period before, and the insights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from clinics.templatetags.durations import duration
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
    if value == previous:
        return f"as in {before}"
    difference = round(value - previous, 1)
    return f"{wording.signed(difference)}{kind.unit} against {kind.shows(previous)} {before}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InsightCard:
    """A figure of metrics/insights as it is shown, or the statement that there is none."""

    name: str
    label: str
    shown: str
    is_enough: bool
    note: str
    definition: str
    #: What it is for, where that has to be said.
    use: str
    #: Whose share in it is told, and that share.
    people: tuple[tuple[str, str], ...]
    #: Of a prediction, how it did: for past visits, their number, the share predicted and seen.
    calibration: tuple[tuple[int, str, str], ...] = ()


def of_insights(figures: Mapping[str, Mapping[str, Any]]) -> tuple[InsightCard, ...]:
    """Return a card of each figure, in their order."""
    return tuple(_insight(name, figure) for name, figure in figures.items())


def _insight(name: str, figure: Mapping[str, Any]) -> InsightCard:
    state, _, why = figure["note"].partition(": ")
    is_enough = figure["enough"]
    return InsightCard(
        name=name,
        label=figure["label"],
        shown=_with_unit(figure) if is_enough else state,
        is_enough=is_enough,
        note=figure["note"] if is_enough else why[:1].upper() + why[1:],
        definition=figure["definition"],
        use=figure.get("use", ""),
        people=(
            *(
                (each["name"], wording.percent(each["value"]))
                for each in figure.get("perPractitioner", ())
            ),
            *((each, "hours not known") for each in figure.get("hoursUnknown", ())),
        ),
        calibration=tuple(
            (
                each["visits"],
                wording.percent(round(100 * each["predicted"], 1)),
                wording.percent(round(100 * each["seen"], 1)),
            )
            for each in figure.get("calibration", ())
        ),
    )


def _with_unit(figure: Mapping[str, Any]) -> str:
    value, unit = figure["value"], figure["unit"]
    match unit:
        case "percent":
            return wording.percent(value)
        case "money":
            return f"{value:,.0f} {figure.get('currency', '')}".strip()
        case "seconds":
            return duration(timedelta(seconds=value))
    return wording.counted(value, unit.removesuffix("s"))
