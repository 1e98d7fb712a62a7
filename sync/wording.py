"""A run in words: what it reads, how far it is, and what holds it up."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from clinics.templatetags.durations import duration
from sync.models import Checkpoint, SyncRun
from sync.plan import Kind, Step
from sync.states import Status

#: Why a run waits, by the code of the error that stopped it.
REASONS: Final = {
    "waiting_for_budget": "the calls of this window are used up",
    "pms_away": "the PMS is away",
    "not_ready": "the PMS is still loading the practice's data itself",
    "throttled": "the PMS wants fewer calls",
    "renewing_key": "the key is being renewed",
}
#: A run that should have been taken up, and was not for so long, finds no worker.
UNHEARD: Final = timedelta(minutes=2)


def step_words(step: Step, zone: ZoneInfo) -> str:
    """Say what a step reads, with times on the clinic's clock."""
    name = step.resource.replace("_", " ").capitalize()
    if step.kind is Kind.CHANGES and step.changed_since:
        return f"{name} changed since {step.changed_since.astimezone(zone):%d %b, %H:%M}"
    if step.kind is Kind.WINDOW and step.first and step.last:
        return f"{name} of {step.first:%d %b} to {step.last:%d %b}"
    return f"All {name.lower()}"


def steps_of(checkpoint: Checkpoint) -> list[Step]:
    """Return the steps of a run that has begun; none before."""
    return [Step.from_json(kept) for kept in checkpoint.steps]


def share(checkpoint: Checkpoint) -> float:
    """Return how much of its steps is done, 0 to 1. The PMS's word for a total may be wrong."""
    if not checkpoint.steps:
        return 0.0
    done = float(checkpoint.step)
    if checkpoint.step < len(checkpoint.steps) and checkpoint.step_total:
        done += min(1.0, checkpoint.step_records / checkpoint.step_total)
    return done / len(checkpoint.steps)


def read_words(checkpoint: Checkpoint) -> str:
    """Say how much of the step under way is here: 430 of 650 records, 5 pages."""
    total = checkpoint.step_total
    of = f" of {max(total, checkpoint.step_records):,}" if total is not None else ""
    pages = checkpoint.step_pages
    return f"{checkpoint.step_records:,}{of} records, {pages:,} page{'' if pages == 1 else 's'}"


def situation(run: SyncRun, now: datetime, *, quoting: bool = True) -> str:
    """Say in a sentence or two how a run stands; without the error's own words if not `quoting`."""
    zone = run.clinic.zone
    due = f"{run.due_at.astimezone(zone):%H:%M:%S}" if run.due_at else ""
    match Status(run.status):
        case Status.QUEUED:
            if run.due_at and run.due_at > now:
                return f"It begins at {due}."
            if run.due_at and now - run.due_at > UNHEARD:
                return "No worker has taken it up: does one for syncs run?"
            return "A worker takes it up within seconds."
        case Status.RUNNING:
            ago = duration(now - run.beat_at) if run.beat_at else "–"
            return f"It is being read; the last sign of it was {ago} ago."
        case Status.WAITING:
            why = REASONS.get(run.waiting_for, "the last try failed")
            said = f" {run.error_message}" if quoting and run.waiting_for not in REASONS else ""
            return f"It waits until {due}, since {why}; it goes on by itself.{said}"
        case Status.COMPLETED:
            return "All of it is here."
        case Status.CANCELLED:
            return "A person ended it; what was read until then is kept."
    return run.error_message if quoting else "What came in the way is for those who see patients."


def counts(checkpoint: Checkpoint) -> str:
    """Say what came of the records: 737 records on 9 pages for 12 calls: 4 new, …"""
    told = {
        "new": checkpoint.created,
        "changed": checkpoint.updated,
        "as before": checkpoint.unchanged,
        "removed": checkpoint.removed,
        "set aside": checkpoint.set_aside,
    }
    parts = ", ".join(f"{number:,} {words}" for words, number in told.items() if number)
    what = (
        f"{_counted(checkpoint.records, 'record')} on {_counted(checkpoint.pages, 'page')} "
        f"for {_counted(checkpoint.calls, 'call')}"
    )
    return f"{what}: {parts}" if parts else what


def took(run: SyncRun, now: datetime) -> timedelta | None:
    """Return how long it took, or takes already, since a worker first began it."""
    if run.started_at is None:
        return None
    return (run.finished_at or now) - run.started_at


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"
