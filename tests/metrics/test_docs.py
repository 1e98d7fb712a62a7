"""What docs/metrics.md says of each number is what its definition says."""

from __future__ import annotations

import re
from pathlib import Path

from metrics import calendar, figures, overview
from metrics.definitions import DEFINITIONS, GROUPS
from metrics.models import Preferences

TEXT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()


def test_its_table_is_the_definitions() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT.split("\n## ")[0], re.MULTILINE)
    assert rows == [
        (
            each.name,
            f"{each.label} | {each.version} | `{each.group}` | {each.sentence} | {each.exclusions}",
        )
        for each in DEFINITIONS
    ]


def test_there_are_the_nine_of_the_dashboard_each_once() -> None:
    names = [each.name for each in DEFINITIONS]
    assert len(names) == len(set(names)) == 9
    assert [name for group in GROUPS.values() for name in group] == names
    assert figures.GROUPS is overview.GROUPS is GROUPS


def test_its_numbers_are_the_codes() -> None:
    assert f"{calendar.LONGEST} of them at most" in TEXT
    days = Preferences._meta.get_field("active_days")
    least, most = (each.limit_value for each in days.validators[-2:])
    assert f"({days.default} unless it says otherwise, from {least} to {most:,})" in TEXT
