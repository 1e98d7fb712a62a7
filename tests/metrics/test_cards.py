"""Numbers and insights as cards: written as people read them."""

from __future__ import annotations

import pytest

from metrics import cards, wording
from metrics.calendar import Name


@pytest.mark.parametrize(
    ("unit", "value", "shown"),
    [
        ("money", 1234.5, "1,234 AUD"),
        ("seconds", 95.2, "1 min 35 s"),
        ("minutes", 4, "4 minutes"),
        ("visits", 1.5, "1.5 visits"),
        ("patients", 1, "1 patient"),
    ],
)
def test_each_unit_is_written_as_people_read_it(unit: str, value: float, shown: str) -> None:
    figure = {"label": "A", "unit": unit, "value": value, "enough": True, "note": "Counted.",
              "definition": "B", "currency": "AUD"}  # fmt: skip
    assert cards.of_insights({"a": figure})[0].shown == shown


def test_a_difference_of_shares_is_one_of_points() -> None:
    names = ("totalBookings", "totalBookingsChange", "activePatients", "newPatients",
             "dailyAverage", "missedAppointments", "missedAppointmentsPercentage")  # fmt: skip
    found = cards.of(dict.fromkeys(names, 7.5), dict.fromkeys(names, 10.0), Name.MONTH)
    notes = {card.name: card.note for card in found}
    space = wording.NARROW
    assert (
        notes["missedAppointmentsPercentage"] == f"−2.5 points against 10{space}% the month before"
    )
    assert notes["totalBookingsChange"] == "against the month before"


def test_a_prediction_shows_how_it_did() -> None:
    figure = {
        "label": "Expected no-shows", "unit": "visits", "value": 2.5, "enough": True,
        "note": "Counted.", "definition": "B",
        "calibration": [
            {"from": 0.0, "to": 0.1, "visits": 120, "predicted": 0.0512, "missed": 6, "seen": 0.05},
            {"from": 0.1, "to": 0.2, "visits": 40, "predicted": 0.15, "missed": 7, "seen": 0.175},
        ],
    }  # fmt: skip
    space = wording.NARROW
    (card,) = cards.of_insights({"noShowRisk": figure})
    assert card.calibration == (
        (120, f"5.1{space}%", f"5{space}%"),
        (40, f"15{space}%", f"17.5{space}%"),
    )
