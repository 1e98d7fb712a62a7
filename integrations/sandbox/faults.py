"""What goes wrong on purpose: faults asked for by name, and shares of all calls."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase

from .chance import draw
from .knobs import Knobs


class Fault(StrEnum):
    """One way in which a call can go wrong, as its caller sees it."""

    LOST_ANSWER = "lost_answer"
    """The call is carried out, then the connection drops."""
    DROPPED_REQUEST = "dropped_request"
    """The connection drops and nothing was carried out."""
    ERROR = "error"
    """500, nothing carried out."""
    UNAVAILABLE = "unavailable"
    """503, nothing carried out."""
    THROTTLED = "throttled"
    """429 of the minute's window, nothing carried out."""
    DAILY_QUOTA = "daily_quota"
    """429 of the practice's daily quota, nothing carried out."""
    SLOW = "slow"
    """Carried out at once, answered late: a caller with a shorter timeout hears nothing."""
    GARBAGE = "garbage"
    """Carried out, answered by 200 with JSON that breaks off in the middle."""


REFUSALS = frozenset({Fault.ERROR, Fault.UNAVAILABLE, Fault.THROTTLED, Fault.DAILY_QUOTA})


@dataclass
class Order:
    """Faults that were asked for: the next `count` calls that match `on` get this one."""

    on: str
    fault: Fault
    count: int = 1
    seconds: float = 5.0

    def matches(self, method: str, path: str) -> bool:
        return fnmatchcase(f"{method} {path}", self.on)


@dataclass(frozen=True)
class Strike:
    """The fault that one call gets."""

    fault: Fault
    seconds: float = 0.0


@dataclass
class Faults:
    """Decides which fault, if any, a call gets: what was ordered first, then the shares.

    The shares are drawn from the seed and from how many calls of the same method and path came
    before, so that traffic elsewhere does not change them. Both are forgotten at a restart.
    """

    seed: int
    orders: list[Order] = field(default_factory=list)
    _seen: Counter[str] = field(default_factory=Counter)

    def order(self, order: Order) -> None:
        self.orders.append(order)

    def clear(self) -> None:
        self.orders.clear()
        self._seen.clear()

    def next(self, method: str, path: str, knobs: Knobs) -> Strike | None:
        for order in self.orders:
            if order.matches(method, path):
                order.count -= 1
                self.orders = [waiting for waiting in self.orders if waiting.count > 0]
                return Strike(order.fault, order.seconds)
        kind = f"{method} {path}"
        self._seen[kind] += 1
        return self._by_share(kind, self._seen[kind], knobs)

    def _by_share(self, kind: str, nth: int, knobs: Knobs) -> Strike | None:
        def happens(fault: Fault, share: float) -> bool:
            return draw(self.seed, fault, kind, nth) < share

        if happens(Fault.ERROR, knobs.errors):
            return Strike(Fault.ERROR)
        if happens(Fault.THROTTLED, knobs.throttled):
            return Strike(Fault.THROTTLED)
        share, seconds = knobs.slow
        if happens(Fault.SLOW, share):
            return Strike(Fault.SLOW, seconds)
        return None
