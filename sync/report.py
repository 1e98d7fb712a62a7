"""Tell of runs on the command line: a table of the newest, and how one ended."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table

from clinics.templatetags.durations import duration
from sync.models import SyncRun
from sync.states import Status
from sync.wording import counts, share, situation, took


def table(runs: Iterable[SyncRun], now: datetime) -> Table:
    """Return them as a table for people."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "id",
        "clinic",
        "reads",
        "why",
        "status",
        "done",
        "records",
        "calls",
        "took",
        "age",
    ):
        grid.add_column(name, no_wrap=name in {"id", "status", "age"})
    for run in runs:
        grid.add_row(
            short(run),
            run.clinic.name,
            "everything" if run.is_full else run.mode,
            run.trigger,
            run.status,
            f"{share(run.checkpoint):.0%}",
            f"{run.checkpoint.records:,}",
            f"{run.checkpoint.calls:,}",
            duration(took(run, now)),
            duration(now - run.created_at),
        )
    return grid


def ended(run: SyncRun, now: datetime) -> str:
    """Say how a run stands after somebody worked on it: its end, or what it waits for."""
    name, checkpoint = run.clinic.name, run.checkpoint
    if run.status == Status.COMPLETED:
        return f"{name}: completed in {duration(took(run, now))}, {counts(checkpoint)}."
    so_far = f" Until now: {counts(checkpoint)}." if checkpoint.pages else ""
    return f"{name}: {run.get_status_display().lower()}. {situation(run, now)}{so_far}"


def short(run: SyncRun) -> str:
    """Return the start of its id, by which it is found."""
    return str(run.pk)[:8]
