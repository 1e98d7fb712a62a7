"""Why a clinic's numbers cannot be had, over REST."""

from __future__ import annotations

from rest_framework import status
from rest_framework.exceptions import APIException


class NotCountedYet(APIException):
    """Nothing was added up yet: zeros would be no honest answer."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "not_counted_yet"
    default_detail = (
        "This clinic's appointments are being added up for the first time; see Retry-After."
    )
    #: Seconds: those between two looks of the dispatcher.
    wait = 5
