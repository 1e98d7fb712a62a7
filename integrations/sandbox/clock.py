"""The sandbox's clock: real time, shifted or stopped when somebody asks for it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def real_time() -> datetime:
    return datetime.now(UTC)


class Clock:
    """Tells the sandbox's time in UTC. It runs with real time until it is moved or frozen."""

    def __init__(
        self,
        start: datetime | None = None,
        *,
        frozen: bool = False,
        source: Callable[[], datetime] = real_time,
    ) -> None:
        self._source = source
        self._offset = timedelta()
        self._stopped_at: datetime | None = None
        # In this order, a frozen clock stands at the start to the microsecond.
        self.freeze(frozen)
        if start is not None:
            self.set(start)

    @property
    def frozen(self) -> bool:
        return self._stopped_at is not None

    def now(self) -> datetime:
        return self._stopped_at or self._source() + self._offset

    def set(self, moment: datetime) -> None:
        if moment.tzinfo is None:
            raise ValueError("the moment needs a UTC offset, for example 2026-03-02T09:00:00+00:00")
        moment = moment.astimezone(UTC)
        self._offset = moment - self._source()
        if self.frozen:
            self._stopped_at = moment

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds))

    def freeze(self, frozen: bool) -> None:
        now = self.now()
        self._stopped_at = now if frozen else None
        self._offset = now - self._source()

    def saved(self) -> dict[str, object]:
        """Return what `restore` needs after a restart."""
        return {"offset": self._offset.total_seconds(), "frozen": self.frozen, "now": self._iso()}

    def restore(self, saved: dict[str, object]) -> None:
        """Go on where a clock left off: a frozen one at its moment, a running one at its offset."""
        if saved["frozen"]:
            self._stopped_at = datetime.fromisoformat(str(saved["now"]))
        else:
            self._stopped_at = None
            self._offset = timedelta(seconds=float(str(saved["offset"])))

    def _iso(self) -> str:
        return self.now().isoformat()
