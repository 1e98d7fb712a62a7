"""What a person may do with a run beside asking for one: take it from whoever holds it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.db.models import F

from sync.claiming import LOCKS
from sync.models import Checkpoint, SyncRun
from sync.states import OPEN, Status

#: Milliseconds to wait until a session has ended and its lock is free.
PATIENCE: Final = 5000
#: Ends the sessions that hold a run's lock: those of a process that hangs or was suspended, which
#: would keep everybody else from it for as long as it lives. Only those of our own role.
_END_HOLDERS: Final = """
    SELECT pg_terminate_backend(pid, %(patience)s) FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 2
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %(locks)s AND objid = %(key)s
    AND pid <> pg_backend_pid() AND pg_has_role(usename, 'USAGE')
"""


def release(run: SyncRun, now: datetime) -> bool:
    """Make an open run due now, whoever holds it; False where it had ended.

    Its holder, if one lives, stores nothing more of it: what it has stored stays, and at most the
    page that was on its way is read again. What it waited for counts for nothing any more.
    """
    with transaction.atomic():
        # Before the run, as those do who store a page; claiming it sets the number anew.
        Checkpoint.objects.filter(pk=run.pk, run__status__in=OPEN).update(claim=0)
        freed = SyncRun.objects.filter(pk=run.pk, status__in=OPEN).update(
            status=Status.QUEUED,
            claims=F("claims") + 1,
            due_at=now,
            told_at=None,
            failures=0,
            waiting_for="",
            error_message="",
        )
    if freed:
        with connection.cursor() as cursor:
            values = {"locks": LOCKS, "key": run.lock_key, "patience": PATIENCE}
            cursor.execute(_END_HOLDERS, values)
    return bool(freed)
