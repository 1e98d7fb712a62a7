"""How likely coming appointments are to be missed: the whole as a figure, each one for a list.

For people who remind patients or plan their day. It refuses nobody anything: nothing that books or
answers a patient imports it, which import-linter holds.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from metrics.insights import risk_inputs
from metrics.insights.context import Context
from metrics.insights.definitions import NO_SHOW_RISK
from metrics.insights.figure import Figure, known, lacking
from metrics.insights.risk_inputs import CALIBRATES_DAYS
from metrics.insights.risk_model import (
    LEARNS_DAYS,
    LEAST_MISSED,
    LEAST_VISITS,
    Bin,
    Cell,
    Inputs,
    Model,
    calibration,
    learn,
)
from metrics.models import Insight

#: With every figure of it.
USE = "For reminding patients and planning only; never to refuse anybody an appointment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One appointment's risk, between 0 and 1, and the points that each input adds to it."""

    risk: float
    inputs: Inputs
    points: dict[str, float]


def figures(context: Context) -> dict[str, Figure]:
    """Return how many coming visits are expected to be missed, and what that rests on."""
    today = context.today
    cells = risk_inputs.cells(context)
    coming = [cell for cell in cells if cell.date >= today]
    past = [cell for cell in cells if cell.date < today]
    expects = sum(cell.visits for cell in coming)
    model = learn(past, today)
    if model is None:
        return {NO_SHOW_RISK.name: _cannot_learn(context, past, expects)}
    bins = calibration(past, today - timedelta(days=CALIBRATES_DAYS), today)
    expected = sum(model.risk(cell.inputs) * cell.visits for cell in coming)
    found = known(
        NO_SHOW_RISK,
        round(expected, 1),
        model.visits,
        appointments=expects,
        model=model.as_json(),
        calibration=[_shown(each) for each in bins],
        calibrationVisits=sum(each.visits for each in bins),
        use=USE,
    )
    return {NO_SHOW_RISK.name: found}


def model_of(insight: Insight | None) -> Model | None:
    """Return the model that was last worked out for a clinic; None where there is none."""
    kept = insight.figures.get(NO_SHOW_RISK.name, {}) if insight else {}
    if not kept.get("enough") or kept.get("version") != NO_SHOW_RISK.version:
        return None
    return Model.from_json(kept["model"])


def of_appointments(context: Context, model: Model, ids: Collection[UUID]) -> dict[UUID, Risk]:
    """Return the risk of each of these appointments that is still to come and can be judged."""
    found = risk_inputs.of_appointments(context, ids)
    return {
        pk: Risk(
            risk=round(model.risk(inputs), 3),
            inputs=inputs,
            points={name: model.points[name].get(group, 0) for name, group in inputs.groups},
        )
        for pk, inputs in found.items()
    }


def _cannot_learn(context: Context, past: list[Cell], expects: int) -> Figure:
    first = context.today - timedelta(days=LEARNS_DAYS)
    learned = [cell for cell in past if cell.date >= first]
    visits, missed = (sum(getattr(cell, name) for cell in learned) for name in ("visits", "missed"))
    why = (
        f"{missed:,} of {visits:,} visits of the last {LEARNS_DAYS} days were missed; it takes at "
        f"least {LEAST_MISSED} of {LEAST_VISITS}. Some PMSs do not tell who did not come."
    )
    return lacking(NO_SHOW_RISK, visits, why, appointments=expects, use=USE)


def _shown(each: Bin) -> dict[str, Any]:
    return {
        "from": each.low,
        "to": each.high,
        "visits": each.visits,
        "predicted": round(each.predicted, 4),
        "missed": each.missed,
        "seen": round(each.missed / each.visits, 4),
    }
