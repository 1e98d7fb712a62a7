"""Carry a run out at a terminal, or follow the worker that has it, until it ends or must wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from integrations.models import Integration
from sync import running
from sync.claiming import free_orphans
from sync.models import Checkpoint, SyncRun
from sync.progress import Display
from sync.requesting import Running, Wanted, request
from sync.states import Status
from sync.wording import situation

#: Seconds between two looks at a run that another process works on, or that waits.
GLANCE: Final = 1.0


def begin(integration: Integration, wanted: Wanted, now: datetime) -> tuple[SyncRun, bool]:
    """Return a run to carry out, and whether it is a new one: else the open one, made due now."""
    try:
        run = request(integration, wanted, now)
    except Running as open_already:
        return open_already.run, False
    # Ours: no worker is told of it before it would count as not taken up.
    SyncRun.objects.filter(pk=run.pk, told_at=None).update(told_at=now)
    return run, True


def carry_out(integration: Integration, wanted: Wanted, clock: Callable[[], datetime]) -> SyncRun:
    """Make a run, or take the open one, and work on it until it ends or has to wait."""
    run, _ = begin(integration, wanted, clock())
    running.carry_on(run.pk, clock, shift=None)
    return SyncRun.objects.select_related("clinic", "integration", "checkpoint").get(pk=run.pk)


def go_on(
    run: SyncRun,
    display: Display,
    *,
    waits: bool,
    clock: Callable[[], datetime],
    pause: Callable[[float], None],
) -> SyncRun:
    """Work on a run, and return it as it stands when it has ended, or, unless it `waits`, when it
    has to wait itself. Where another process works on it, it is followed."""
    told = ""
    while True:
        free_orphans(clock())
        running.carry_on(run.pk, clock, shift=None, progress=display)
        run = SyncRun.objects.select_related("clinic", "integration").get(pk=run.pk)
        now = clock()
        if not run.is_open:
            return run
        rests = run.status == Status.WAITING and run.due_at is not None and run.due_at > now
        if rests and not waits:
            return run
        words = situation(run, now) if rests else "Another process works on it; following."
        if words != told:
            display.say(words)
            told = words
        if not rests and run.status == Status.RUNNING:
            display(run, Checkpoint.objects.get(run=run))
        pause(GLANCE)
