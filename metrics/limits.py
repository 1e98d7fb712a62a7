"""How many may watch, and how often somebody may connect."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.conf import settings

from accounts import rates
from metrics.endings import FULL, TOO_MANY_CONNECTS, TOO_MANY_OPEN, Ended

#: So many addresses are remembered as refused; beyond that Redis is asked again for each.
REMEMBERED: Final = 10_000


class Seats:
    """The sockets and streams that are open in this process, each counted for its login."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def check(self, who: str) -> None:
        """Raise Ended where there is no seat, for this login or at all."""
        if self.taken[who] >= settings.LIVE_SOCKETS_OF_LOGIN:
            raise Ended(TOO_MANY_OPEN)
        if self.taken.total() >= settings.LIVE_SOCKETS:
            raise Ended(FULL)

    @contextmanager
    def seat(self, who: str) -> Iterator[None]:
        """Hold one seat. Raises Ended where there is none."""
        self.check(who)
        self.taken[who] += 1
        try:
            yield
        finally:
            self.taken[who] -= 1
            if not self.taken[who]:
                del self.taken[who]


class Connects:
    """Connections a minute of each address and login: counted in Redis, for all processes.

    Who is over it is refused by this process's own memory until the minute is over, so that a
    flood costs next to nothing. Where Redis is away nothing is counted.
    """

    def __init__(self) -> None:
        self._refused: dict[str, float] = {}
        self._counter = rates.Counter("connects")

    def is_refused(self, who: str) -> bool:
        """Return whether they are known to have had their connections of this minute."""
        return self._refused.get(who, 0.0) > time.monotonic()

    def take(self, who: str) -> None:
        """Count one. Raises Ended; not for the event loop, since it asks Redis."""
        limit = settings.LIVE_CONNECTS_PER_MINUTE
        counted = self._counter.count(f"live {who}", limit)
        if counted is None or counted[0] <= limit:
            return
        if len(self._refused) >= REMEMBERED:
            self._refused.clear()
        self._refused[who] = time.monotonic() + counted[1]
        raise Ended(TOO_MANY_CONNECTS)


seats = Seats()
connects = Connects()
