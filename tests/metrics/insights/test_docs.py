"""What docs/insights.md says of each number is what its definition says."""

from __future__ import annotations

import re
from pathlib import Path

from metrics.insights import risk_inputs, risk_model, work
from metrics.insights.definitions import DEFINITIONS

TEXT = (Path(__file__).parents[3] / "docs" / "insights.md").read_text()
#: As words in a row, wherever the lines break.
WORDS = " ".join(TEXT.split())


def test_its_table_is_the_definitions() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", TEXT.split("\n## ")[0], re.MULTILINE)
    assert rows == [
        (
            each.name,
            " | ".join(
                (
                    each.label,
                    str(each.version),
                    each.unit,
                    each.sentence,
                    each.window,
                    f"{each.counted_from}: {each.least}",
                    each.exclusions,
                )
            ),
        )
        for each in DEFINITIONS
    ]


def test_each_has_one_definition_and_one_who_works_it_out() -> None:
    worked_out = [each for definitions, _ in work.WORKERS for each in definitions]
    assert {each.name for each in worked_out} == {each.name for each in DEFINITIONS}
    assert len(worked_out) == len(DEFINITIONS) == len({each.name for each in DEFINITIONS})


def test_its_numbers_of_the_risk_are_the_codes() -> None:
    model = risk_model
    for said in (
        f"at least {model.LEAST_VISITS} of them and {model.LEAST_MISSED} missed",
        f"(missed + {model.IMAGINED_MISSED}) ÷ (visits + {model.IMAGINED_VISITS})",
        f"(missed in it + {model.DRAWN}·*r*) ÷ (visits in it + {model.DRAWN})",
        f"the last {risk_inputs.CALIBRATES_DAYS} days",
        f"visits in the {risk_inputs.HISTORY_DAYS} days before | {'; '.join(model.HISTORIES)} |",
        f"to when it is | {'; '.join(model.LEADS)} |",
        f"longer than {work.LONGEST_MS // 1000} seconds",
    ):
        assert said in WORDS, said
