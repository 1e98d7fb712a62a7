"""Tell every web process that a clinic's numbers have a new version."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Final
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

#: The types of the messages; metrics/hub.py hears them.
TOLD: Final = "metrics.told"
ACCESS: Final = "metrics.access"
#: The group that hears whose access has changed.
ACCESS_GROUP: Final = "metrics.access"
#: Seconds that telling may take, and for how long it is not tried again after a failure.
PATIENCE: Final = 1.0
LEFT_ALONE: Final = 5.0


def group(clinic_id: UUID | str) -> str:
    """Return the name of the group that hears of this clinic."""
    return f"metrics.{clinic_id}"


def publish(clinic_id: UUID, version: int) -> None:
    """Tell who watches that there is a new version. What is lost here is found at the next
    heartbeat: the numbers are in the database."""
    announcer.send(group(clinic_id), {"type": TOLD, "clinic": str(clinic_id), "version": version})


def publish_access(who: list[str]) -> None:
    """Tell that these people and API keys may do less than before (accounts/changes.py)."""
    announcer.send(ACCESS_GROUP, {"type": ACCESS, "who": who})


class Announcer:
    """Sends to groups, and knows for some seconds that Redis is away."""

    def __init__(self) -> None:
        self.away_until = 0.0

    def send(self, name: str, message: dict[str, Any]) -> bool:
        """Send to a group, within PATIENCE; return whether it was sent. Raises nothing.

        For code that runs in no event loop: tasks, commands, and requests' threads.
        """
        if time.monotonic() < self.away_until:
            return False
        try:
            async_to_sync(_send)(name, message)
        except Exception as error:  # whatever Redis' client raises: the rows are committed
            self.away_until = time.monotonic() + LEFT_ALONE
            logger.warning("nobody was told of news: %s", type(error).__name__)
            return False
        return True


async def _send(name: str, message: dict[str, Any]) -> None:
    async with asyncio.timeout(PATIENCE):
        await get_channel_layer().group_send(name, message)


announcer = Announcer()
