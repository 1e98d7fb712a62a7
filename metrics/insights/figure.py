"""A worked-out number as it is kept and shown, or the plain statement that there is none."""

from __future__ import annotations

from typing import Any

from metrics.insights.definitions import Definition

Figure = dict[str, Any]


def known(definition: Definition, value: float | None, n: int, **details: Any) -> Figure:
    """Return a number that is worked out from `n` cases; no number where those are too few."""
    if n < definition.least or value is None:
        return lacking(definition, n, _too_few(definition, n), **details)
    note = f"Counted from {definition.counted_from}: {n:,}."
    return {**_base(definition), "value": value, "n": n, "enough": True, "note": note, **details}


def lacking(definition: Definition, n: int, why: str, **details: Any) -> Figure:
    """Return that there is not enough data, and why, as a whole sentence; never a zero."""
    note = f"Not enough data: {why}"
    return {**_base(definition), "value": None, "n": n, "enough": False, "note": note, **details}


def failed(definition: Definition) -> Figure:
    """Return that it could not be worked out this time."""
    note = "Not available: it could not be worked out this time."
    base = {**_base(definition), "value": None, "n": 0, "enough": False, "note": note}
    return {**base, "failed": True}


def share(part: int, whole: int) -> float | None:
    """Return a share in percent; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def _base(definition: Definition) -> Figure:
    return {
        "label": definition.label,
        "unit": definition.unit,
        "version": definition.version,
        "definition": definition.sentence,
    }


def _too_few(definition: Definition, n: int) -> str:
    if not n:
        return f"there are no {definition.counted_from}."
    return f"it takes at least {definition.least:,} {definition.counted_from}, and there are {n:,}."
