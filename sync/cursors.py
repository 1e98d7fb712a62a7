"""How current our copy of each list is, as the runs that read it leave it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from integrations.models import Integration
from integrations.queries import Changes, Resource
from sync.models import Cursor, SyncRun
from sync.plan import Kind, Step
from sync.states import Mode

#: After so long the PMS is asked once more whether it tells what changed: plans are upgraded.
ASKED_AGAIN: Final = timedelta(days=7)


def as_told(
    integration: Integration, lists: Mapping[Resource, Changes], now: datetime
) -> dict[Resource, Changes]:
    """Return the PMS's lists, those without changes of which it lately refused to tell them."""
    refused = set(
        integration.cursors.filter(changes_refused_at__gt=now - ASKED_AGAIN).values_list(
            "resource", flat=True
        )
    )
    return {
        resource: replace(changes, told=False) if resource in refused else changes
        for resource, changes in lists.items()
    }


def note_refusal(run: SyncRun, resource: Resource, now: datetime) -> None:
    """Note that the PMS does not tell what changed in a list."""
    known = Cursor.objects.filter(integration=run.integration_id, resource=resource)
    known.update(changes_refused_at=now)


def move(run: SyncRun, step: Step, *, pages_read: int, is_doubted: bool) -> None:
    """Note how current the list is once a step has read it: as of the run's start, never its end.

    A look at today and tomorrow alone puts the regular reading off in nothing; `is_doubted` says
    that more had vanished from it than is believed.
    """
    if run.mode == Mode.UPCOMING and step.kind is Kind.WINDOW:
        return
    values: dict[str, Any] = {"looked_at": run.started_at}
    if step.kind is not Kind.WINDOW:
        values["read_until"] = run.started_at
    if step.kind is Kind.CHANGES:
        values["changes_refused_at"] = None
    if step.kind is Kind.FULL and not is_doubted:
        values |= {"full_at": run.started_at, "full_pages": pages_read}
    known = Cursor.objects.filter(integration=run.integration_id, resource=step.resource)
    if not known.update(**values) and "read_until" in values:
        Cursor.objects.create(
            integration_id=run.integration_id,
            organization_id=run.organization_id,
            resource=step.resource,
            **values,
        )
    # What the PMS said before we began to read is here; what it said since may not be.
    known.filter(wanted_at__lte=run.started_at).update(wanted_at=None)
