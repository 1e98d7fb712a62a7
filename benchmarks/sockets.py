"""Sockets that note when they saw which number of bookings."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterable, Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

#: Handshakes at a time: all at once would measure the backlog of the listening socket.
AT_ONCE = 40


class Watching:
    """One socket: the number of bookings that it was told last, and when each came."""

    def __init__(self, clinic: str) -> None:
        self.clinic = clinic
        self.bookings = -1
        self.seen: list[tuple[float, int]] = []
        self.ended = ""
        self.begun = asyncio.Event()

    async def watch(self, address: str, token: str, gate: asyncio.Semaphore) -> None:
        url = f"ws://{address}/ws/clinics/{self.clinic}/metrics"
        headers = {"Authorization": f"Bearer {token}"}
        try:
            async with gate:
                opened = await connect(
                    url, additional_headers=headers, compression=None, open_timeout=60
                )
                self._take(await opened.recv())
            self.begun.set()
            await self._read(opened)
        except (ConnectionClosed, OSError, TimeoutError) as error:
            self.ended = repr(error)
            self.begun.set()

    async def _read(self, opened: ClientConnection) -> None:
        try:
            async for text in opened:
                self._take(text)
        finally:
            await opened.close()

    def _take(self, text: str | bytes) -> None:
        message = json.loads(text)
        numbers = message.get("metrics") or message.get("changed") or {}
        if "totalBookings" in numbers:
            self.bookings = numbers["totalBookings"]
            self.seen.append((time.perf_counter(), self.bookings))

    def took(self, changes: Iterable[tuple[float, int]]) -> list[float]:
        """Return how long after each change (when, and to how many bookings) this one saw it, or
        a later state that has it in it; endless where it never did."""
        return [
            next((at - when for at, total in self.seen if total >= wanted), math.inf)
            for when, wanted in changes
        ]


async def open_all(address: str, wanted: Sequence[tuple[str, str]]) -> list[Watching]:
    """Open a socket for each (clinic, token), and return once each has its first numbers."""
    gate = asyncio.Semaphore(AT_ONCE)
    sockets = [Watching(clinic) for clinic, _ in wanted]
    tasks = {
        asyncio.create_task(each.watch(address, token, gate))
        for each, (_, token) in zip(sockets, wanted, strict=True)
    }
    _running.update(tasks)
    await asyncio.gather(*(each.begun.wait() for each in sockets))
    return sockets


async def close_all() -> None:
    """Close what is open."""
    for each in _running:
        each.cancel()
    await asyncio.gather(*_running, return_exceptions=True)
    _running.clear()


_running: set[asyncio.Task[None]] = set()
