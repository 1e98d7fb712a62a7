"""Tell every web process that a clinic's numbers have a new version."""

from __future__ import annotations

import logging
from typing import Final
from uuid import UUID

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

#: The type of the message; the consumers' method is `metrics_told`.
TOLD: Final = "metrics.told"


def group(clinic_id: UUID | str) -> str:
    """Return the name of the group that hears of this clinic."""
    return f"metrics.{clinic_id}"


def publish(clinic_id: UUID, version: int) -> None:
    """Tell who watches that there is a new version. What is lost here is found at the next
    heartbeat: the numbers are in the database."""
    layer = get_channel_layer()
    try:
        async_to_sync(layer.group_send)(group(clinic_id), {"type": TOLD, "version": version})
    except Exception as error:  # whatever Redis' client raises: the numbers are committed
        logger.warning("nobody was told of new numbers: %s", type(error).__name__)
