"""Why a PMS cannot be asked now, over REST: a status and a code for each error of a call."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from rest_framework import status
from rest_framework.exceptions import APIException, NotFound

from integrations import live
from integrations.http.errors import LASTING, PmsError

#: Seconds after which to try again where an error does not say.
USUAL_WAIT: Final = 30


class ClinicNotConnected(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_code = "clinic_not_connected"
    default_detail = "This clinic is not connected to a PMS yet."


class NotOffered(NotFound):
    default_code = "not_offered"
    default_detail = "This clinic's PMS does not tell that; the message names the PMS."


class PmsUnavailable(APIException):
    """It passes by itself; `wait` is after how many seconds to try again."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "pms_away"
    default_detail = (
        "The PMS cannot be asked now; see Retry-After. Likewise `waiting_for_budget`: all calls of "
        "this practice are used; `throttled`, `not_ready`, `no_answer`, `not_reached`, "
        "`agent_offline`, `renewing_key`, `key_expired`, `too_late`."
    )

    def __init__(self, error: PmsError, now: datetime) -> None:
        super().__init__(str(error), error.code)
        seconds = (error.retry_at - now).total_seconds() if error.retry_at else USUAL_WAIT
        self.wait = max(1, math.ceil(seconds))


class PmsRefuses(APIException):
    status_code = status.HTTP_502_BAD_GATEWAY
    default_code = "refused"
    default_detail = (
        "The PMS refuses the question, and would again. Likewise `not_authorized`: it rejects the "
        "clinic's credential, and a clinic admin has to look at it."
    )


#: Of whatever a PMS is asked.
OF_A_CALL: Final = (PmsUnavailable, PmsRefuses)


@contextmanager
def over_rest(clock: live.Clock, what: str = "that") -> Iterator[None]:
    """Raise what asking a PMS raises as an answer of the API; `what` it was asked, in words."""
    try:
        yield
    except live.NotConnected:
        raise ClinicNotConnected from None
    except live.NotOffered as error:
        raise NotOffered(f"{error.title} does not tell {what}.") from None
    except PmsError as error:
        if error.fault in LASTING:
            raise PmsRefuses(str(error), error.code) from None
        raise PmsUnavailable(error, clock()) from None
