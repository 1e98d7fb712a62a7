"""Whose a run is: a lock that dies with its holder, a lease beside it, and who goes on after both.

The lock is one of a database session: PostgreSQL frees it the moment the process or its connection
is gone, so a killed worker's run goes on with the next tick. The lease ends what hangs without
dying. And whoever lost a run to another can write none of its pages any more, since each page is
written under the number of its claim.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q

from sync.models import Checkpoint, SyncRun
from sync.states import Status

#: A run that gave no sign for so long is taken from its worker. Longer than
#: CELERY_TASK_TIME_LIMIT, after which a task is killed.
LEASE: Final = timedelta(seconds=90)
#: What is handed out and not taken up within this time is handed out again.
HAND_OUT: Final = timedelta(seconds=60)
#: A run whose lock is free is taken for orphaned only so long after its claim.
SETTLED: Final = timedelta(seconds=5)
#: First key of our advisory locks; nothing else in this database uses it.
LOCKS: Final = 7_220_002

#: Claimed, and no session holds its lock: its worker is gone.
_ORPHANED = """
    UPDATE pms_sync_runs SET due_at = %(now)s
    WHERE status = 'running' AND beat_at < %(settled)s AND due_at > %(now)s AND NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = %(locks)s AND objid = pms_sync_runs.lock_key
    )"""


class Lost(Exception):
    """The run is another's by now, or has ended: nothing more may be written for it."""


def lock_key(integration_id: UUID | str) -> int:
    """Return the second key of an integration's lock, of 31 bits.

    Two integrations may share one; their runs then wait for each other, no more.
    """
    return zlib.crc32(str(integration_id).encode()) & 0x7FFF_FFFF


@contextmanager
def lock(integration_id: UUID | str) -> Iterator[bool]:
    """Hold an integration's lock; the value is False where another session has it."""
    keys = [LOCKS, lock_key(integration_id)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", keys)
        held = bool(cursor.fetchone()[0])
    try:
        yield held
    finally:
        if held and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", keys)


def claim(run_id: UUID, now: datetime) -> SyncRun | None:
    """Take a run up; None where it is not due, or another was faster."""
    with transaction.atomic():
        # The checkpoint before the run, as those do who plan its steps: no two wait for each other.
        # It waits for a page that the one before is just storing, and shuts it out afterwards.
        Checkpoint.objects.select_for_update(no_key=True).filter(pk=run_id).first()
        taken = SyncRun.objects.filter(_due(now), pk=run_id).update(
            status=Status.RUNNING,
            claims=F("claims") + 1,
            due_at=now + LEASE,
            beat_at=now,
            waiting_for="",
        )
        if not taken:
            return None
        run = SyncRun.objects.select_related("integration__clinic").get(pk=run_id)
        Checkpoint.objects.filter(pk=run_id).update(claim=run.claims)
    return run


def beat(run: SyncRun, now: datetime) -> None:
    """Give a sign of life, in a transaction of its own. Raises Lost."""
    ours = SyncRun.objects.filter(pk=run.pk, status=Status.RUNNING, claims=run.claims)
    if not ours.update(due_at=now + LEASE, beat_at=now):
        raise Lost


def free_orphans(now: datetime) -> None:
    """Make the runs due whose worker is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_ORPHANED, {"now": now, "settled": now - SETTLED, "locks": LOCKS})


def hand_out(now: datetime, most: int = 50) -> list[str]:
    """Return ids of runs to be taken up now, longest due first; each is told once in HAND_OUT."""
    with transaction.atomic():
        free_orphans(now)
        untold = Q(told_at=None) | Q(told_at__lte=now - HAND_OUT)
        due = SyncRun.objects.filter(_due(now), untold).order_by("due_at")
        ids = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:most])
        SyncRun.objects.filter(pk__in=ids).update(told_at=now)
    return [str(pk) for pk in ids]


def _due(now: datetime) -> Q:
    """Return what is true of a run to be taken up; of a running one, that its lease has lapsed."""
    return Q(status__in=[Status.QUEUED, Status.WAITING, Status.RUNNING], due_at__lte=now)
