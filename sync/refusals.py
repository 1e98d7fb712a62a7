"""Why a sync cannot be had, over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, NotFound

from integrations.registry import ADAPTERS
from sync.models import SyncRun


class UnknownPms(NotFound):
    default_code = "unknown_pms"
    default_detail = f"There is no such PMS here; there are {', '.join(sorted(ADAPTERS))}."


class InTheWay(APIException):
    """It cannot be done as things stand; the code says what is in the way."""

    status_code = status.HTTP_409_CONFLICT


class SyncRunning(InTheWay):
    default_code = "sync_running"
    default_detail = "A sync is under way already; `details` has its id as `run`."

    def __init__(self, runs: Sequence[SyncRun]) -> None:
        super().__init__()
        self.details: Any = {"run": str(runs[0].pk), "runs": [str(run.pk) for run in runs]}


class SyncEnded(InTheWay):
    default_code = "sync_ended"
    default_detail = "This sync has ended already."


class NotHeld(InTheWay):
    default_code = "not_held"
    default_detail = "Nothing was held back in this sync."


class NotNewest(InTheWay):
    default_code = "not_newest"
    default_detail = "A newer full sync has ended since; look at that one."
