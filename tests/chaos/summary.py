"""What a fault run prints at its end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from statistics import quantiles
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.chaos.run import Report

#: Findings that are printed; the rest is a number.
SHOWN = 40


def show(report: Report, console: Console) -> None:
    """Print the summary as a table, with every finding in words."""
    table = Table(title=f"Fault run, seed {report.options.seed}", show_header=False, pad_edge=False)
    for name, value in _lines(report).items():
        table.add_row(name, value)
    console.print(table)
    findings = [*report.verdict.findings, *report.spending.findings]
    for text in findings[:SHOWN]:
        console.print(f"! {text}", markup=False, highlight=False, soft_wrap=True)
    if len(findings) > SHOWN:
        console.print(f"! and {len(findings) - SHOWN} more")
    for text in report.verdict.to_decide:
        console.print(f"? {text}", markup=False, highlight=False, soft_wrap=True)
    console.print("As it must be." if report.clean else "NOT as it must be.")


def _lines(report: Report) -> dict[str, str]:
    verdict, answers, told = report.verdict, report.answers, report.told
    accepted = sum(answer.accepted for answer in answers)
    lines = {
        "asks": f"{len(answers)}: {accepted} accepted, {len(answers) - accepted} refused",
        "refusals": _counts(verdict.refusals),
        "attempts": f"{sum(answer.attempts for answer in answers)}, of which without an answer "
        f"{sum(len(answer.failures) for answer in answers)}",
        "writebacks": f"{len(told['writebacks'])}: {_counts(verdict.statuses)}",
        "failed for": _counts(verdict.failures),
        "left to a person": str(len(verdict.to_decide)),
        "kill -9": _counts(report.kills),
        "faults ordered": _counts(report.strikes),
        "faults that struck": _counts(report.faults_seen),
        "to confirmation": _waits(told),
        "calls": f"{report.arrived} arrived at the PMS",
    }
    for name, arrived, most, limit, full in report.spending.lines:
        lines[f"  {name}"] = f"{arrived} calls, at most {most} of {limit}; full {full} times"
    for kind in ("lost", "doubled", "untrue", "orphan"):
        lines[kind] = str(verdict.faults[kind])
    others = {kind: verdict.faults[kind] for kind in verdict.faults if kind not in lines}
    lines["other findings"] = _counts(others)
    lines["budgets passed"] = str(len(report.spending.findings))
    lines["audit"] = report.audit or "NOT verified"
    lines["time"] = ", ".join(f"{name} {value:.0f} s" for name, value in report.seconds.items())
    return lines


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items())) or "none"


def _waits(told: Mapping[str, Any]) -> str:
    """Return how long confirmed ones took from request to confirmation."""
    waits = [
        (
            datetime.fromisoformat(row["completed_at"]) - datetime.fromisoformat(row["created_at"])
        ).total_seconds()
        for row in told["writebacks"]
        if row["status"] == "completed"
    ]
    if len(waits) < 2:
        return "too few"
    cuts = quantiles(waits, n=20, method="inclusive")
    return f"p50 {cuts[9]:.0f} s, p95 {cuts[18]:.0f} s, longest {max(waits):.0f} s"
