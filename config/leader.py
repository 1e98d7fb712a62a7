"""Beat that may run several times at once: only the one that holds a database lock ticks."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError, connections
from django_celery_beat.schedulers import DatabaseScheduler

from config.beat_entries import Entry

logger = logging.getLogger(__name__)

#: Key of the PostgreSQL advisory lock; any constant that nothing else in this database uses.
LOCK_KEY = 7_220_001
#: Seconds after which a standby asks for the lock again.
STANDBY_SECONDS = 3.0


class LeaderScheduler(DatabaseScheduler):
    """Run the schedule of the database (editable in the admin) while holding the leader's lock.

    The lock belongs to a database session of its own, since the scheduler closes the shared
    one at will. It is free again the moment this process or that session dies, and a standby
    takes over within STANDBY_SECONDS.
    """

    Entry = Entry

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.leading = False
        self._session = connections.create_connection("default")
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if not self._lead():
            return STANDBY_SECONDS
        return min(super().tick(*args, **kwargs), STANDBY_SECONDS)

    def close(self) -> None:
        self._session.close()
        super().close()

    def _lead(self) -> bool:
        """Return whether this beat holds the lock now, having tried to take it."""
        # A living session still has what it took, and asking again would stack the lock; a new
        # session has nothing.
        held = self.leading and self._session.connection is not None
        try:
            with self._session.cursor() as cursor:
                cursor.execute("SELECT %s OR pg_try_advisory_lock(%s)", [held, LOCK_KEY])
                holds = bool(cursor.fetchone()[0])
        except DatabaseError:
            self._session.close()
            holds = False
        if holds != self.leading:
            logger.info("this beat %s", "leads" if holds else "stands by")
            self.leading = holds
        return holds
