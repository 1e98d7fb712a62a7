"""Why something cannot be done with a call, over REST."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException


class InTheWay(APIException):
    """It cannot be done as things stand; the code says what is in the way."""

    status_code = status.HTTP_409_CONFLICT


class CallHasOutcome(InTheWay):
    default_code = "already_called"
    default_detail = "This call has an outcome already; the message says whose."


class CallNotListed(InTheWay):
    default_code = "not_listed"
    default_detail = "This call is not on the list any more; look at the list anew."


class CallNotCalled(InTheWay):
    default_code = "not_called"
    default_detail = "This call has no outcome that could be taken back."
