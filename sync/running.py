"""Carry a run out: page after page, each stored together with how far the run has come.

A run may be killed at any moment, wait for days, and go on in another process. It works in shifts,
so that a long one holds up no worker: after each shift it is due again at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from clinics.models import Location
from clinics.services import resolve
from integrations.contract import Priority
from integrations.http.errors import ChangesNotTold, PmsError, Refused
from integrations.queries import Page
from integrations.session import Session, counting, open_session
from sync import checkpoints, cursors, ending, further, keeping, plan, vanishing
from sync.claiming import Lost, beat, claim, lock
from sync.models import Checkpoint, SetAside, SyncRun
from sync.pages import pages
from sync.plan import Kind, Step
from sync.states import Mode

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
#: Hears of each page that was stored.
Progress = Callable[[SyncRun, Checkpoint], None]

#: How long a worker stays with one run; well below CELERY_TASK_SOFT_TIME_LIMIT.
SHIFT: Final = timedelta(seconds=25)
#: Signs of life are given no more often than this.
BEAT: Final = timedelta(seconds=10)
MOST_TOTAL: Final = 2**31 - 1


class PagesRepeat(Refused):
    """The PMS's list cannot be read to its end: its pages go in a circle."""

    code = "pages_repeat"


def carry_on(
    run_id: UUID | str,
    clock: Clock = timezone.now,
    *,
    shift: timedelta | None = SHIFT,
    progress: Progress | None = None,
) -> None:
    """Take a due run up and work on it for a shift; without a shift, until it ends or must wait.

    Does nothing where it is not due or another worker has it.
    """
    known = SyncRun.objects.filter(pk=run_id).first()
    if known is None:
        return
    with lock(known.integration_id) as held:
        now = clock()
        run = claim(known.pk, now) if held else None
        if run is None:
            return
        until = now + shift if shift else None
        try:
            _work(run, clock, until, progress or _nobody)
        except Lost:
            logger.info("sync %s was taken on by somebody else", run.pk)


def _nobody(run: SyncRun, checkpoint: Checkpoint) -> None:
    """Hear of progress for nobody."""


def _work(run: SyncRun, clock: Clock, until: datetime | None, progress: Progress) -> None:
    checkpoint = Checkpoint.objects.get(run=run)
    if checkpoint.claim != run.claims:
        raise Lost
    shift: Shift | None = None
    try:
        session = open_session(
            run.integration,
            Priority.HIGH if run.is_urgent else Priority.LOW,
            clock,
            correlation=f"sync {run.pk}",
            # A person's try shows whether a credential that was rejected works again.
            even_if_rejected=run.requested_by_id is not None,
        )
        shift = Shift(run, checkpoint, session, clock, until, progress)
        shift.begin()
        while step := checkpoint.current:
            if not shift.read(Step.from_json(step)):
                ending.due_again(run, clock())
                return
        ending.finish(run, checkpoint, session.adapter.lists, clock())
    except PmsError as error:
        if shift:
            shift.note_calls()
        ending.stop(run, error, clock())
    except (Lost, OperationalError, InterfaceError, SoftTimeLimitExceeded):
        # Another's by now; or the database or the task's time is gone, and the next worker goes on.
        raise
    except KeyboardInterrupt:
        # Whoever ran it by hand has stopped it: the next worker goes on at once.
        with suppress(Lost):
            ending.due_again(run, clock())
        raise
    except Exception as error:
        # An error of ours: repeated without end, it would only cost calls.
        ending.broken(run, error, clock())
        raise


@dataclass(slots=True)
class Shift:
    """One worker's time with one run."""

    run: SyncRun
    checkpoint: Checkpoint
    session: Session
    clock: Clock
    until: datetime | None
    progress: Progress
    #: Calls since they were last noted down.
    calls: Callable[[], int] = field(init=False)
    beaten_at: datetime = field(init=False)
    #: Lists of which records have been set aside.
    troubled: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.calls = counting(self.session)
        self.beaten_at = self.clock()
        self.troubled = set(
            SetAside.objects.filter(integration=self.run.integration_id)
            .values_list("resource", flat=True)
            .distinct()
        )

    def begin(self) -> None:
        """Plan the steps, unless an earlier shift has."""
        if self.checkpoint.steps:
            return
        run, now = self.run, self.clock()
        steps = plan.make(
            Mode(run.mode),
            is_full=run.is_full,
            only=run.only,
            lists=cursors.as_told(run.integration, self.session.adapter.lists, now),
            read_until=dict(run.integration.cursors.values_list("resource", "read_until")),
            today=now.astimezone(run.clinic.zone).date(),
            now=now,
        )
        run.started_at = now
        run.is_full = bool(steps) and all(step.kind is Kind.FULL for step in steps)
        with transaction.atomic():
            self._write(steps=[step.as_json() for step in steps])
            SyncRun.objects.filter(pk=run.pk).update(started_at=now, is_full=run.is_full)

    def read(self, step: Step) -> bool:
        """Read a step to its end; False where the shift ended first."""
        while True:
            if not self.checkpoint.is_read:
                try:
                    self._read_pages(step)
                except ChangesNotTold:
                    if step.kind is not Kind.CHANGES:
                        raise
                    further.put_instead(self.run, self.checkpoint, self.clock(), self.calls())
                    return True
                if not self.checkpoint.is_read:
                    return False
            found = self._settle(step)
            if not found.look_again:
                break
            self._write(position="", is_read=False, is_second_look=True, step_records=0)
        self._close(step, found, self.clock())
        self.progress(self.run, self.checkpoint)
        return True

    def _read_pages(self, step: Step) -> None:
        """Store page after page, to the last one or to the end of the shift."""
        locations = Location.objects.filter(clinic=self.run.clinic_id)
        feed = step.feed(dict(locations.values_list("external_id", "timezone")))
        position = self.checkpoint.position
        told = pages(self.session.adapter, feed, position, self.clock, self.goes_on)
        for page, asked_at in told:
            now = self.clock()
            self._store(step, page, now, asked_at)
            self._beat(now)
            self.progress(self.run, self.checkpoint)

    def _settle(self, step: Step) -> vanishing.Found:
        """Find out what a full pass did not show any more."""
        if step.kind is not Kind.FULL:
            return vanishing.Found()
        here = self.checkpoint
        return vanishing.settle(
            self.run,
            here.step,
            step,
            self.session.adapter,
            self.clock(),
            self._hold,
            may_hide=here.step_pages > 1 and not here.is_second_look,
        )

    def goes_on(self) -> bool:
        """Return whether there is time for another page."""
        return self.until is None or self.clock() < self.until

    def note_calls(self) -> None:
        """Note the calls made since the last page."""
        self._write(calls=self.checkpoint.calls + self.calls())

    def _store(self, step: Step, page: Page, now: datetime, asked_at: datetime) -> None:
        """Keep a page's records and the run's new position, both or neither."""
        here = self.checkpoint
        if page.next and page.next == here.position:
            raise PagesRepeat("The PMS's list goes in a circle: a page leads to itself.")
        with transaction.atomic():
            # Before the records: who has lost the run must not wait for them either.
            self._hold()
            if not keeping.sight(self.run, here, page) and page.next:
                raise PagesRepeat("The PMS's list goes in a circle: a page came twice.")
            stored, set_aside = keeping.keep(
                self.run.integration,
                step.resource,
                page.records,
                now,
                asked_at,
                clears=step.resource in self.troubled,
                is_whole=step.kind is Kind.FULL,
            )
            total = page.total if page.total is not None and 0 <= page.total <= MOST_TOTAL else None
            self._write(
                position=page.next,
                is_read=not page.next,
                step_pages=here.step_pages + 1,
                step_records=here.step_records + len(page.records),
                step_total=total,
                pages=here.pages + 1,
                records=here.records + len(page.records),
                created=here.created + stored.created,
                updated=here.updated + stored.updated,
                unchanged=here.unchanged + stored.unchanged,
                removed=here.removed + stored.removed,
                set_aside=here.set_aside + set_aside,
                calls=here.calls + self.calls(),
            )
        if set_aside:
            self.troubled.add(step.resource)
        if self.run.failures:
            self.run.failures = 0
            SyncRun.objects.filter(pk=self.run.pk).update(failures=0)

    def _beat(self, now: datetime) -> None:
        """Give a sign of life, unless one was given a moment ago."""
        if now - self.beaten_at >= BEAT:
            beat(self.run, now)
            self.beaten_at = now

    def _close(self, step: Step, found: vanishing.Found, now: datetime) -> None:
        """Move the list's cursor to the run's start, and the checkpoint to the next step."""
        run, here, number = self.run, self.checkpoint, self.checkpoint.step
        with transaction.atomic():
            self._hold()
            resolve(run.clinic, now)
            needed = further.unread_lists(run, here, step, self.session.adapter.lists)
            cursors.move(run, step, pages_read=here.step_pages, is_doubted=bool(found.in_doubt))
            self._write(
                steps=[*here.steps, *(each.as_json() for each in needed)],
                step=number + 1,
                position="",
                is_read=False,
                is_second_look=False,
                step_pages=0,
                step_records=0,
                step_total=None,
                removed=here.removed + found.removed,
                vanished=here.vanished + found.in_doubt,
                calls=here.calls + self.calls(),
            )
            run.sightings.filter(step=number).delete()
        self._beat(now)

    def _hold(self) -> None:
        """Keep the run ours until the transaction ends. Raises Lost."""
        checkpoints.hold(self.run)

    def _write(self, **values: Any) -> None:
        """Change the checkpoint. Raises Lost."""
        checkpoints.write(self.run, self.checkpoint, **values)
