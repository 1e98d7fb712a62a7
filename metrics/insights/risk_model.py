"""The arithmetic of the no-show risk: rates, made cautious, added up as points. Pure.

Each input splits the visits of a year into groups. A group's rate of missed visits, drawn toward
the clinic's own where the group is small, is compared with the clinic's own as a difference of
log-odds: its points. A risk is the clinic's log-odds plus the points of its three groups. That the
inputs add up is an assumption, and the calibration shows how well it holds.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, Self

from metrics.insights.definitions import NO_SHOW_RISK

#: Before anything is known of a clinic: so many imagined visits, of which so many were missed.
IMAGINED_VISITS: Final = 20
IMAGINED_MISSED: Final = 1
#: Each group is imagined to have so many more visits, missed as often as the clinic's are.
DRAWN: Final = 20
#: The days that it learns from, before the day for which it speaks.
LEARNS_DAYS: Final = 365
#: With fewer visits, or fewer of them missed, it says nothing.
LEAST_VISITS: Final = NO_SHOW_RISK.least
LEAST_MISSED: Final = 10
#: Where the bins of the calibration begin, as risks; the last one ends at 1.
BINS: Final = (0.0, 0.025, 0.05, 0.1, 0.2, 0.35)

WEEKDAYS: Final = (*("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),)
#: Days from when it was made to its date.
LEADS: Final = ("up to 1 day", "2 to 7 days", "8 to 30 days", "over 30 days", "not known")
#: Of the patient's visits in the 365 days before, those missed.
HISTORIES: Final = ("no visits known", "none missed", "up to a fifth missed", "over a fifth missed")
GROUPS: Final = {"leadTime": LEADS, "history": HISTORIES, "weekday": WEEKDAYS}


class Inputs(NamedTuple):
    """What a risk is made of: a group of each input."""

    lead_time: str
    history: str
    weekday: str

    @property
    def groups(self) -> tuple[tuple[str, str], ...]:
        """Each input's name with its group."""
        return tuple(zip(GROUPS, self, strict=True))


class Cell(NamedTuple):
    """All visits of one date that share their inputs: how many, and how many were missed."""

    date: date
    inputs: Inputs
    visits: int
    missed: int


class Bin(NamedTuple):
    """Past visits whose risk lay in one bin: what was predicted of them, and what was seen."""

    low: float
    high: float
    visits: int
    predicted: float
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The clinic's own log-odds, and the points of each input's groups."""

    visits: int
    missed: int
    base: float
    points: dict[str, dict[str, float]]

    def risk(self, inputs: Inputs) -> float:
        """Return the risk, between 0 and 1, that such a visit is missed."""
        return expit(
            self.base + sum(self.points[name].get(group, 0) for name, group in inputs.groups)
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as a figure keeps it: numbers of the clinic, and of nobody in it."""
        return {
            "visits": self.visits,
            "missed": self.missed,
            "baseRate": round(expit(self.base), 4),
            "base": round(self.base, 4),
            "points": {
                name: {group: round(each, 4) for group, each in groups.items()}
                for name, groups in self.points.items()
            },
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return what `as_json` was made of, to four decimals."""
        return cls(**{name: kept[name] for name in ("visits", "missed", "base", "points")})


class Learner:
    """Counts visits, forgets those of too long ago, and says what they teach."""

    def __init__(self) -> None:
        self._visits: Counter[tuple[str, str]] = Counter()
        self._missed: Counter[tuple[str, str]] = Counter()
        self.visits = 0
        self.missed = 0

    def count(self, cell: Cell, sign: int = 1) -> None:
        """Add a cell's visits; with the sign -1 take them away again."""
        self.visits += sign * cell.visits
        self.missed += sign * cell.missed
        for group in cell.inputs.groups:
            self._visits[group] += sign * cell.visits
            self._missed[group] += sign * cell.missed

    def model(self) -> Model | None:
        """Return the model of what is counted now; None where that is too little."""
        if self.visits < LEAST_VISITS or self.missed < LEAST_MISSED:
            return None
        rate = (self.missed + IMAGINED_MISSED) / (self.visits + IMAGINED_VISITS)
        base = logit(rate)
        points = {
            name: {group: self._points((name, group), rate, base) for group in groups}
            for name, groups in GROUPS.items()
        }
        return Model(visits=self.visits, missed=self.missed, base=base, points=points)

    def _points(self, group: tuple[str, str], rate: float, base: float) -> float:
        own = (self._missed[group] + DRAWN * rate) / (self._visits[group] + DRAWN)
        return logit(own) - base


def learn(cells: Iterable[Cell], today: date) -> Model | None:
    """Return the model that speaks today; None where there is too little to learn from."""
    learner = Learner()
    for cell in cells:
        if today - timedelta(days=LEARNS_DAYS) <= cell.date < today:
            learner.count(cell)
    return learner.model()


def calibration(cells: Iterable[Cell], first: date, today: date) -> list[Bin]:
    """Hold what would have been predicted, from the first date to yesterday, against what was seen.

    Each day's visits are judged by the model of the days before it alone, as on its morning. Bins
    without visits are left out.
    """
    days = sorted((cell for cell in cells if cell.date < today), key=lambda cell: cell.date)
    judged: dict[int, list[tuple[float, Cell]]] = {}
    learner, forgotten = Learner(), 0
    for day, of_day in _by_date(days):
        if day >= first:
            while days[forgotten].date < day - timedelta(days=LEARNS_DAYS):
                learner.count(days[forgotten], -1)
                forgotten += 1
            if model := learner.model():
                for cell in of_day:
                    risk = model.risk(cell.inputs)
                    judged.setdefault(_bin(risk), []).append((risk, cell))
        for cell in of_day:
            learner.count(cell)
    return [_sum(at, judged[at]) for at in sorted(judged)]


def _by_date(cells: list[Cell]) -> Iterator[tuple[date, list[Cell]]]:
    begins = 0
    for at in range(1, len(cells) + 1):
        if at == len(cells) or cells[at].date != cells[begins].date:
            yield cells[begins].date, cells[begins:at]
            begins = at


def _bin(risk: float) -> int:
    return max(at for at, low in enumerate(BINS) if risk >= low)


def _sum(at: int, judged: list[tuple[float, Cell]]) -> Bin:
    visits = sum(cell.visits for _, cell in judged)
    high = BINS[at + 1] if at + 1 < len(BINS) else 1.0
    predicted = sum(risk * cell.visits for risk, cell in judged) / visits
    return Bin(BINS[at], high, visits, predicted, sum(cell.missed for _, cell in judged))


def logit(rate: float) -> float:
    """Return the log-odds of a rate between 0 and 1."""
    return math.log(rate / (1 - rate))


def expit(odds: float) -> float:
    """Return the rate of these log-odds."""
    return 1 / (1 + math.exp(-odds))
