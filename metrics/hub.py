"""Everything that is watched in this process, and its one ear for news."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, Final
from uuid import UUID
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from metrics import live
from metrics.feed import Feed
from metrics.watching import Watcher

logger = logging.getLogger(__name__)

#: Seconds that Redis has for each step, and in which it is left alone after a failure.
PATIENCE: Final = 2.0
LEFT_ALONE: Final = 1.0


class Hub:
    """The feeds of one event loop. One channel hears for all of them, so that a thousand sockets
    are no more to Redis than one."""

    def __init__(self) -> None:
        self.feeds: dict[UUID, Feed] = {}
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._listen_on())

    def join(self, watcher: Watcher) -> None:
        """Have somebody told of their clinic until they leave."""
        feed = self.feeds.get(watcher.clinic_id)
        if feed is None:
            feed = Feed(watcher.clinic_id, watcher.organization_id)
            self.feeds[watcher.clinic_id] = feed
            self._changed.set()
        feed.watchers.add(watcher)
        watcher.feed = feed

    def leave(self, watcher: Watcher) -> None:
        """Tell them no more."""
        feed = watcher.feed
        if feed is None:
            return
        feed.watchers.discard(watcher)
        if not feed.watchers and self.feeds.get(feed.clinic_id) is feed:
            del self.feeds[feed.clinic_id]
            feed.close()
            self._changed.set()

    async def _listen_on(self) -> None:
        """Hear of every feed's clinic, whatever becomes of Redis meanwhile."""
        layer = get_channel_layer()
        is_away = False
        while True:
            hearing: set[str] = set()
            listening = None
            try:
                async with asyncio.timeout(PATIENCE):
                    channel = await layer.new_channel()
                listening = asyncio.create_task(self._listen(layer, channel))
                listening.add_done_callback(lambda _: self._changed.set())
                while True:
                    self._changed.clear()
                    if listening.done():
                        listening.result()  # raises why
                    await self._hear_all(layer, channel, hearing)
                    if is_away:
                        is_away = False
                        logger.warning("news of numbers are heard again")
                    await self._changed.wait()
            except Exception as error:  # whatever Redis' client raises
                if not is_away:
                    logger.warning("news of numbers are not heard: %s", type(error).__name__)
                is_away = True
            finally:
                if listening:
                    listening.cancel()
                    # The layer says good-bye to Redis first, which may be silent.
                    await asyncio.wait({listening}, timeout=PATIENCE)
            with suppress(Exception):
                async with asyncio.timeout(PATIENCE):
                    await layer.flush()
            await asyncio.sleep(LEFT_ALONE)

    async def _hear_all(self, layer: Any, channel: str, hearing: set[str]) -> None:
        """Subscribe to what is watched, and to nothing else."""
        groups = {live.group(each): each for each in tuple(self.feeds)}
        for name in {live.ACCESS_GROUP, *groups} - hearing:
            async with asyncio.timeout(PATIENCE):
                await layer.group_add(name, channel)
            hearing.add(name)
            if feed := self.feeds.get(groups.get(name)):  # type: ignore[arg-type]
                feed.nudge()  # what was told before we heard
        for name in hearing - {live.ACCESS_GROUP, *groups}:
            async with asyncio.timeout(PATIENCE):
                await layer.group_discard(name, channel)
            hearing.discard(name)

    async def _listen(self, layer: Any, channel: str) -> None:
        while True:
            message = await layer.receive(channel)
            try:
                self._hear(message)
            except (KeyError, TypeError, ValueError):
                logger.warning("news in a form that is not known: of another release?")

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == live.ACCESS:
            self._suspect(set(message["who"]))
        elif feed := self.feeds.get(UUID(message["clinic"])):
            feed.hear(int(message["version"]))

    def _suspect(self, who: set[str]) -> None:
        for feed in self.feeds.values():
            if any(each.login.who in who for each in feed.watchers):
                feed.suspect()


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop: one in a process."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
