"""What a PMS itself says is free, kept for some seconds: people look at several days in a row."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, Self

from django.core.cache import cache
from redis.exceptions import RedisError

from integrations import live
from integrations.models import Integration
from integrations.queries import Ability, FreeTime, FreeTimes

logger = logging.getLogger(__name__)

#: How long what was told is told again, in seconds. A time may be taken meanwhile; that is so
#: between any look and the booking, which the PMS then refuses.
KEPT: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The free times; None where the PMS does not tell them, which is not the same as none."""

    times: list[FreeTime] | None
    asked_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON keeps it."""
        times = self.times
        return {
            "asked_at": self.asked_at.isoformat(),
            "times": times
            if times is None
            else [[each.starts_at.isoformat(), each.ends_at.isoformat()] for each in times],
        }

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        """Return what `as_json` was made of."""
        read = datetime.fromisoformat
        times = kept["times"]
        return cls(
            asked_at=read(kept["asked_at"]),
            times=times
            if times is None
            else [FreeTime(starts_at=read(start), ends_at=read(end)) for start, end in times],
        )


def told(integration: Integration, asked: FreeTimes, clock: live.Clock) -> Told:
    """Return what the PMS says, or said some seconds ago. Raises what asking it raises."""
    key = _key(integration, asked)
    if kept := _kept(key):
        return Told.from_json(kept)
    adapter = live.adapter_of(integration, clock, asked=Ability.FREE_TIMES)
    now = clock()
    if Ability.FREE_TIMES not in adapter.abilities:
        return Told(times=None, asked_at=now)
    answer = Told(times=_in_utc(adapter.free_times(asked, now)), asked_at=now)
    _keep(key, answer.as_json())
    return answer


def _in_utc(times: list[FreeTime] | None) -> list[FreeTime] | None:
    if times is None:
        return None
    return [
        FreeTime(starts_at=each.starts_at.astimezone(UTC), ends_at=each.ends_at.astimezone(UTC))
        for each in times
    ]


def _key(integration: Integration, asked: FreeTimes) -> str:
    question = json.dumps([str(integration.pk), asdict(asked)], default=str, sort_keys=True)
    return f"free-times.{hashlib.sha256(question.encode()).hexdigest()}"


def _kept(key: str) -> Any:
    """Return what is in the cache; without Redis the PMS is asked each time."""
    try:
        return cache.get(key)
    except (RedisError, OSError) as error:
        logger.warning("free times are not kept: Redis is away (%s)", type(error).__name__)
        return None


def _keep(key: str, value: dict[str, Any]) -> None:
    try:
        cache.set(key, value, KEPT)
    except (RedisError, OSError):
        return  # said already, where it was looked for
