"""A clinic's numbers in this process: each version is read once, however many watch."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.utils import timezone

from clinics.models import Clinic
from metrics import freshness, logins, tasks
from metrics.messages import Version
from metrics.models import Told
from metrics.threads import looked_up
from tenancy import scope

if TYPE_CHECKING:
    from metrics.watching import Watcher

logger = logging.getLogger(__name__)

#: Seconds between two looks at the database without news, and two heartbeats to who watches.
HEARTBEAT: Final = 15.0
#: Seconds between two looks at least, and after one that failed.
APART: Final = 0.2
RETRY: Final = 2.0
#: So many versions before the newest are at hand for who resumes; older ones are read.
AT_HAND: Final = 20


class Feed:
    """What one clinic's watchers in this process share. Lives while there are any."""

    def __init__(self, clinic_id: UUID, organization_id: UUID) -> None:
        self.clinic_id, self.organization_id = clinic_id, organization_id
        self.watchers: set[Watcher] = set()
        self.newest: Version | None = None
        #: Set once the database has answered.
        self.looked = asyncio.Event()
        self._past: dict[int, dict[str, Any]] = {}
        self._reading = asyncio.Lock()
        self._nudged = asyncio.Event()
        self._suspects = False
        self._task = asyncio.create_task(self._run())
        self.nudge()

    def hear(self, version: int) -> None:
        """Take the news that there is this version."""
        if self.newest is None or version > self.newest.number:
            self.nudge()

    def nudge(self) -> None:
        """Have the database looked at soon."""
        self._nudged.set()

    def suspect(self) -> None:
        """Have every login looked at soon: somebody may do less than before."""
        self._suspects = True
        self.nudge()

    def close(self) -> None:
        """End; nobody watches any more."""
        self._task.cancel()

    async def numbers_of(self, version: int) -> dict[str, Any] | None:
        """Return what was told as this version; None where that is not known any more."""
        async with self._reading:  # many ask for the same one when they come back together
            if version not in self._past:
                told = await looked_up(_numbers_of, self.clinic_id, self.organization_id, version)
                if told is None:
                    return None
                self._remember(version, told)
            return self._past[version]

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + HEARTBEAT
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at):
                    await self._nudged.wait()
            self._nudged.clear()
            beats = loop.time() >= beat_at
            try:
                if beats or self._suspects:
                    await self._look_at_logins()
                await self._look()
            except Exception as error:  # the database is away: what is known stands, and ages
                logger.warning("clinic %s is not watched: %s", self.clinic_id, type(error).__name__)
                self._suspects = True
                loop.call_later(RETRY, self.nudge)
            if beats:
                beat_at = loop.time() + HEARTBEAT
            for each in tuple(self.watchers):
                each.wake(beats=beats)
            await asyncio.sleep(APART)

    async def _look(self) -> None:
        known = self.newest
        newest = await looked_up(_newest_of, self.clinic_id, self.organization_id, known)
        if newest is not None:
            self._remember(newest.number, newest.numbers)
        self.newest = newest
        self.looked.set()

    async def _look_at_logins(self) -> None:
        self._suspects = False  # before: who is suspected from here on is looked at again
        watching = {each.login for each in self.watchers}
        ended = await looked_up(
            logins.ended, watching, self.clinic_id, self.organization_id, timezone.now()
        )
        for each in tuple(self.watchers):
            if ending := ended.get(each.login):
                each.end(ending)

    def _remember(self, version: int, numbers: dict[str, Any]) -> None:
        self._past[version] = numbers
        for oldest in sorted(self._past)[:-AT_HAND]:
            del self._past[oldest]


def _newest_of(clinic_id: UUID, organization_id: UUID, known: Version | None) -> Version | None:
    """Return the newest version and how current it is; asks for a first one where there is none."""
    with scope.organizations(organization_id):
        clinic = Clinic.objects.get(pk=clinic_id)
        told = Told.objects.filter(clinic=clinic, version__gt=known.number if known else 0)
        newest = told.order_by("-version").first()
        found = freshness.of(clinic, timezone.now())
    if newest is not None:
        return Version(newest.version, newest.numbers, found)
    if known is not None:
        return Version(known.number, known.numbers, found)
    tasks.ask(clinic_id)
    return None


def _numbers_of(clinic_id: UUID, organization_id: UUID, version: int) -> dict[str, Any] | None:
    with scope.organizations(organization_id):
        told = Told.objects.filter(clinic=clinic_id, version=version)
        return told.values_list("numbers", flat=True).first()
