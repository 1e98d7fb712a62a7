"""Why a clinic's numbers cannot be had, or not be made newer, over REST."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException

from integrations.refusals import ClinicNotConnected
from metrics import away, refreshing
from metrics.freshness import Freshness


class NotCountedYet(APIException):
    """Nothing was added up yet: zeros would be no honest answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not_counted_yet"
    default_detail = (
        "This clinic's appointments are being added up for the first time; see Retry-After."
    )
    #: Seconds: those between two looks of the dispatcher.
    wait = 5


class RefreshedJustNow(APIException):
    """The PMS was asked seconds ago; each time costs some of the practice's calls."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "refreshed_just_now"
    default_detail = "The PMS was asked a few seconds ago; see Retry-After."

    def __init__(self, wait: int = 0) -> None:
        super().__init__()
        self.wait = wait


class ApiUnavailable(APIException):
    """The PMS is away; `fallback_data` has what we know."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "CLINIKO_API_UNAVAILABLE"
    default_detail = (
        "Unable to fetch the latest data from Cliniko. Likewise `NOOKAL_…`, `REST_…` and "
        "`SIKKA_API_UNAVAILABLE`. `fallback_data` has the last numbers and their age; see "
        "Retry-After."
    )

    def __init__(
        self, problem: dict[str, Any], wait: int, fallback_data: dict[str, Any] | None = None
    ) -> None:
        super().__init__(problem["message"], problem["code"])
        self.details = problem["details"]
        self.wait = wait
        self.fallback_data = fallback_data


@contextmanager
def over_rest(now: datetime, fallback: Callable[[Freshness], dict[str, Any]]) -> Iterator[None]:
    """Raise what a refresh raises as an answer of the API; `fallback` makes what an answer holds
    instead of new numbers."""
    try:
        yield
    except refreshing.NotConnected:
        raise ClinicNotConnected from None
    except refreshing.TooSoon as error:
        raise RefreshedJustNow(_seconds(error.again_at, now)) from None
    except refreshing.Away as error:
        problem = away.problem_of(error.freshness) or {}
        wait = _seconds(error.again_at, now)
        raise ApiUnavailable(problem, wait, fallback(error.freshness)) from None


def _seconds(moment: datetime, now: datetime) -> int:
    return max(1, math.ceil((moment - now).total_seconds()))
