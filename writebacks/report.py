"""Tell of writebacks on the command line: a table, one's story, and both as JSON.

Ids, states, codes and times only. What was asked for, notes, and what a PMS said may name a
patient, and a terminal is no place for that: the admin shows them, and notes who looked.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from rich.table import Table

from clinics.templatetags.durations import duration
from writebacks.models import Writeback
from writebacks.wording import situation, why


def table(writebacks: Iterable[Writeback], now: datetime) -> Table:
    """Return them as a table for people."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("id", "clinic", "operation", "status", "why it waits", "age", "due"):
        # Ids, ages and times stay whole; the words give way on a narrow terminal.
        grid.add_column(name, no_wrap=name in {"id", "status", "age", "due"})
    for each in writebacks:
        grid.add_row(
            short(each),
            each.clinic.name,
            each.get_operation_display(),
            each.status,
            why(each) or "–",
            duration(now - each.created_at),
            _due(each, now),
        )
    return grid


def as_json(writeback: Writeback) -> dict[str, Any]:
    """Return one for programs."""
    moments = ("created_at", "submitted_at", "last_checked_at", "completed_at", "due_at")
    return {
        "id": str(writeback.pk),
        "organization": str(writeback.organization_id),
        "clinic": str(writeback.clinic_id),
        "integration": str(writeback.integration_id),
        "operation": writeback.operation,
        "status": writeback.status,
        "result": writeback.result,
        "waiting_for": writeback.waiting_for,
        "failure_code": writeback.failure_code,
        "external_id": writeback.external_id,
        "created_external_id": writeback.created_external_id,
        "attempts": writeback.attempts,
        "check_count": writeback.check_count,
        "api_calls": writeback.api_calls,
        "after": _id(writeback.after_id),
        "retry_of": _id(writeback.retry_of_id),
        **{name: _moment(getattr(writeback, name)) for name in moments},
    }


def story_as_json(writeback: Writeback) -> dict[str, Any]:
    """Return one with its timeline, for programs."""
    events = [
        {
            "at": _moment(event.at),
            "event": event.event,
            "from_status": event.from_status,
            "to_status": event.to_status,
            "calls": event.calls,
        }
        for event in writeback.events.all()
    ]
    return as_json(writeback) | {"events": events}


def story(writeback: Writeback, now: datetime) -> list[str]:
    """Return one's story in lines for people, with times on the clinic's clock."""
    zone = writeback.clinic.zone
    lines = [
        f"{writeback.get_operation_display()} {writeback.pk}",
        f"{writeback.status}: {situation(writeback, now, quoting=False)}",
        "",
        *_facts(writeback),
        "",
        f"Timeline ({zone.key})",
    ]
    before: datetime | None = None
    for event in writeback.events.all():
        gap = f"+{duration(event.at - before)}" if before else ""
        who = f", by user {event.person_id}" if event.person_id else ""
        calls = f", {event.calls} call{'' if event.calls == 1 else 's'}" if event.calls else ""
        local = event.at.astimezone(zone)
        said = f"{event.get_event_display()}{calls}{who}"
        lines.append(f"  {local:%Y-%m-%d %H:%M:%S}  {gap:>12}  {event.to_status:<11}  {said}")
        before = event.at
    return lines


def short(writeback: Writeback) -> str:
    """Return the start of its id, by which it is found."""
    return str(writeback.pk)[:8]


def _facts(writeback: Writeback) -> list[str]:
    clinic, integration = writeback.clinic, writeback.integration
    asked_by = (
        f"user {writeback.requested_by_id}"
        if writeback.requested_by_id
        else f"API key {writeback.requested_by_key_id}"
        if writeback.requested_by_key_id
        else "nobody: by the command line"
    )
    told = {
        "clinic": f"{clinic.name} ({clinic.pk})",
        "PMS": f"{integration.manifest.title} {integration.account}",
        "asked by": asked_by,
        "its id in the PMS": writeback.external_id,
        "id of what it made": writeback.created_external_id,
        "attempts": writeback.attempts,
        "checks": writeback.check_count,
        "calls": writeback.api_calls,
        "failure": writeback.failure_code,
        "waits for": writeback.after_id,
        "waited for by": ", ".join(str(each.pk) for each in writeback.dependents.all()),
        "repeats": writeback.retry_of_id,
        "repeated as": getattr(getattr(writeback, "retried_as", None), "pk", None),
    }
    return [f"  {label:<20}{value}" for label, value in told.items() if value not in (None, "")]


def _due(writeback: Writeback, now: datetime) -> str:
    if writeback.due_at is None:
        return "–"
    wait = writeback.due_at - now
    return f"in {duration(wait)}" if wait >= timedelta(0) else f"{duration(-wait)} ago"


def _id(value: Any) -> str | None:
    return None if value is None else str(value)


def _moment(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
