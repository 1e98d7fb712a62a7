"""How a shift with a run ends: done, to be gone on with, waiting for something, or failed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from clinics import changes
from integrations.http.errors import (
    LASTING,
    BudgetExhausted,
    CircuitOpen,
    NotReady,
    PmsError,
    Throttled,
    TokenBusy,
)
from integrations.models import Integration, IntegrationStatus
from integrations.queries import Resource
from sync.claiming import Lost
from sync.models import Checkpoint, SyncRun
from sync.states import Status

#: Waits after failures in a row, without a page between; then the run has failed.
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 30, 60))
#: What passes by itself however long it takes, and is nobody's failure.
PASSES: Final = (BudgetExhausted, CircuitOpen, NotReady, Throttled, TokenBusy)
#: How long to wait for what passes and names no moment.
USUAL_WAIT: Final = timedelta(minutes=1)


def due_again(run: SyncRun, now: datetime) -> None:
    """Leave the run to the next worker who is free."""
    _move(run, status=Status.QUEUED, due_at=now, told_at=None)


def finish(
    run: SyncRun, checkpoint: Checkpoint, lists: Collection[Resource], now: datetime
) -> None:
    """End a run whose steps are all done; `lists` are those that the PMS has.

    Once each of them was read whole, the PMS's records are here, in however many runs.
    """
    held = checkpoint.vanished > 0
    text = (
        f"{checkpoint.vanished} records were not in the PMS's lists any more, too many to be "
        "believed, of one night or with those of the week before: look at the PMS, and accept them "
        "as gone or start a full sync again."
        if held
        else ""
    )
    status = Status.HELD if held else Status.COMPLETED
    with transaction.atomic():
        _end(run, status, now, error_message=text)
        read = set(run.integration.cursors.values_list("resource", flat=True))
        if read and read.issuperset(lists):
            _mark_imported(run.integration, now)


def stop(run: SyncRun, error: PmsError, now: datetime) -> None:
    """Let the run wait for what passes, and end it for what does not."""
    if error.fault in LASTING:
        _end(run, Status.FAILED, now, waiting_for=error.code, error_message=str(error)[:500])
        return
    failures = run.failures
    if isinstance(error, PASSES):
        due_at = error.retry_at or now + USUAL_WAIT
    else:
        failures += 1
        if failures > len(WAITS):
            _end(run, Status.FAILED, now, waiting_for=error.code, error_message=str(error)[:500])
            return
        due_at = max(error.retry_at or now, now + WAITS[failures - 1])
    _move(
        run,
        status=Status.WAITING,
        due_at=due_at,
        told_at=None,
        waiting_for=error.code,
        error_message=str(error)[:500],
        failures=failures,
    )


def broken(run: SyncRun, error: Exception, now: datetime) -> None:
    """End a run over an error of our own; its text is left out: it may hold a patient's data."""
    text = f"An error of Frontdesk itself ({type(error).__name__}); the log says more."
    _end(run, Status.FAILED, now, waiting_for="internal_error", error_message=text)


def _end(run: SyncRun, status: Status, now: datetime, **values: Any) -> None:
    _move(run, status=status, due_at=None, finished_at=now, **values)
    run.sightings.all().delete()


def _move(run: SyncRun, **values: Any) -> None:
    ours = SyncRun.objects.filter(pk=run.pk, status=Status.RUNNING, claims=run.claims)
    if not ours.update(**values):
        raise Lost
    # Also where no record changed: how current they are has.
    changes.announce(run.clinic_id)
    for name, value in values.items():
        setattr(run, name, value)


def _mark_imported(integration: Integration, now: datetime) -> None:
    """Note that all of the PMS's records are here, which sets a new integration going."""
    this = Integration.objects.filter(pk=integration.pk)
    this.filter(imported_at=None).update(imported_at=now)
    this.filter(status=IntegrationStatus.SETUP_REQUIRED).update(
        status=IntegrationStatus.ACTIVE, error_message=""
    )
