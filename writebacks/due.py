"""What is due, and taking it on: a claim moves the due time past a lease, so nothing is lost."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Min, Window
from django.db.models.functions import RowNumber

from integrations.models import Integration
from writebacks.models import LEASE, LostRace, Writeback
from writebacks.states import Event, Status

#: Rows that one task or tick takes on at most; the next one takes the rest.
BATCH = 200


def lapse(now: datetime) -> int:
    """Turn writes whose sender vanished into unconfirmed ones, to be looked for."""
    lapsed = Writeback.objects.filter(status=Status.SUBMITTING, due_at__lte=now)
    count = 0
    for writeback in lapsed.order_by("due_at")[:BATCH]:
        try:
            writeback.advance(
                Event.LEASE_LAPSED, now, waiting_for="no_answer", look_count=0, due_at=now
            )
            count += 1
        except LostRace:
            continue
    return count


def hand_out_queued(now: datetime) -> list[tuple[str, str]]:
    """Return due queued writes, each clinic's oldest first, as (id, due time in ISO 8601).

    Their due time is moved on to the one returned, so that they are handed out again only if
    nobody has taken them until then; a message of an earlier hand-out is worth nothing by then.
    """
    rank = Window(RowNumber(), partition_by=["clinic_id"], order_by=["due_at"])
    due = (
        Writeback.objects.filter(status=Status.QUEUED, due_at__lte=now)
        .annotate(rank=rank)
        .order_by("rank", "due_at")[:BATCH]
    )
    next_due = now + LEASE
    handed = []
    for writeback in due:
        # Each by itself and only if it is still due: one postponed meanwhile keeps its time.
        still_due = Writeback.objects.filter(
            pk=writeback.pk, status=Status.QUEUED, due_at=writeback.due_at
        )
        if still_due.update(due_at=next_due):
            handed.append((str(writeback.pk), next_due.isoformat()))
    return handed


def integrations_with_due(status: Status, now: datetime) -> list[str]:
    """Return the ids of integrations that have due rows in this state, longest waiting first."""
    rows = (
        Writeback.objects.filter(status=status, due_at__lte=now)
        .values("integration_id")
        .annotate(oldest=Min("due_at"))
        .order_by("oldest")
    )
    return [str(row["integration_id"]) for row in rows]


def claim(integration: Integration, status: Status, now: datetime) -> list[Writeback]:
    """Take the due rows of one state, oldest first, by moving their due time past a lease."""
    with transaction.atomic():
        writebacks = list(
            Writeback.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(integration=integration, status=status, due_at__lte=now)
            .order_by("due_at")[:BATCH]
        )
        Writeback.objects.filter(pk__in=[writeback.pk for writeback in writebacks]).update(
            due_at=now + LEASE
        )
    for writeback in writebacks:
        writeback.integration = integration
        writeback.due_at = now + LEASE
    return writebacks


def wait_until(writebacks: list[Writeback], due_at: datetime) -> None:
    """Put claimed rows off, where nobody has moved them on meanwhile. Leaves no event: nothing
    has happened."""
    for writeback in writebacks:
        claimed = Writeback.objects.filter(
            pk=writeback.pk, status=writeback.status, due_at=writeback.due_at
        )
        if claimed.update(due_at=due_at):
            writeback.due_at = due_at
