"""Somebody who watches a clinic: what they are sent next, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.utils import timezone

from metrics import messages
from metrics.calendar import Name
from metrics.endings import AWAY, LOGIN_EXPIRED, OVER, Ended, Ending
from metrics.logins import Login
from metrics.messages import Version

if TYPE_CHECKING:
    from metrics.feed import Feed

#: Seconds between two updates at least: what changes meanwhile comes as one.
APART: Final = 0.5
#: Seconds in which the first look at the database has to be done.
PATIENCE: Final = 10.0


class Watcher:
    """One socket or stream.

    There is no queue: what comes next is worked out when the one before was taken. So who is slow
    skips states, never the last one, and costs no memory.
    """

    def __init__(
        self,
        clinic_id: UUID,
        organization_id: UUID,
        login: Login,
        period: Name,
        last_id: int | None = None,
        lasts: timedelta | None = None,
    ) -> None:
        self.clinic_id, self.organization_id = clinic_id, organization_id
        self.login, self.period, self.last_id = login, period, last_id
        over_at = timezone.now() + lasts if lasts else login.ends_at
        self._ends_at = min(login.ends_at, over_at)
        self._last_word = OVER if over_at < login.ends_at else LOGIN_EXPIRED
        self.feed: Feed | None = None
        #: The numbers (of all periods) that they know, and as which version.
        self._told: dict[str, Any] | None = None
        self._version = 0
        self._woken = asyncio.Event()
        self._beats = False
        self._ending: Ending | None = None
        self._next_at = 0.0

    def wake(self, *, beats: bool = False) -> None:
        """Have them sent what is new, and a heartbeat in any case if it `beats`."""
        self._beats = self._beats or beats
        self._woken.set()

    def end(self, ending: Ending) -> None:
        """Have them sent nothing more."""
        self._ending = ending
        self._woken.set()

    async def messages(self) -> AsyncGenerator[dict[str, Any]]:
        """Yield what to send, as it comes. Raises Ended, and never stops otherwise."""
        newest = await self._first()
        if newest is not None:
            yield self._tell(newest)
        while True:
            await self._wait()
            newest = self._feed.newest
            beats, self._beats = self._beats, False
            if newest is not None and self._is_news(newest):
                yield self._tell(newest)
            if beats:
                yield messages.heartbeat(newest, timezone.now())

    @property
    def _feed(self) -> Feed:
        assert self.feed is not None, "has joined"  # noqa: S101
        return self.feed

    async def _first(self) -> Version | None:
        """Return the newest version, knowing then what they know already; None before a first."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._feed.looked.wait()
                if self.last_id is not None:
                    self._told = await self._feed.numbers_of(self.last_id)
        except TimeoutError:
            raise Ended(AWAY) from None
        return self._feed.newest

    async def _wait(self) -> None:
        """Return when there may be something to send, and the time for it has come."""
        left = (self._ends_at - timezone.now()).total_seconds()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await self._woken.wait()
                pause = self._next_at - asyncio.get_running_loop().time()
                if self._ending is None and pause > 0:
                    await asyncio.sleep(pause)
        except TimeoutError:
            raise Ended(self._last_word) from None
        self._woken.clear()
        if self._ending:
            raise Ended(self._ending)

    def _is_news(self, newest: Version) -> bool:
        if self._told is None:
            return True
        if newest.number == self._version:
            return False
        if messages.is_news(self.period, self._told, newest):
            return True
        self._told, self._version = newest.numbers, newest.number
        return False

    def _tell(self, newest: Version) -> dict[str, Any]:
        now = timezone.now()
        if self._told is None:
            message = messages.snapshot(self.clinic_id, self.period, newest, now)
        else:
            message = messages.update(self.period, self._told, newest, now)
        self._told, self._version = newest.numbers, newest.number
        self._next_at = asyncio.get_running_loop().time() + APART
        return message
