"""Webhooks from a PMS: the addresses that it calls. What it says is believed only as far as that a
list is worth reading (sync/wanting.py); its body carries nothing into our tables.

Sikka's carry a secret that is the same each time, for the whole application: SIKKA_CALLBACK_KEYS.
A described service signs by the Standard Webhooks specification, with its integration's own secret.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from integrations.models import Integration
from integrations.queries import Resource
from sync import wanting
from sync.models import UnknownAccount
from tenancy import scope
from webhooks import signing

#: Bytes of a body; the PMSs' are below one thousand.
LONGEST: Final = 64 * 1024
BOTH: Final = (Resource.PATIENTS, Resource.APPOINTMENTS)
#: Sikka's events. One of another kind is about what we do not keep, or new to us.
SIKKA_EVENTS: Final[Mapping[str, tuple[Resource, ...]]] = {
    "Data_Refresh": BOTH,
    "patient": (Resource.PATIENTS,),
    "appointments": (Resource.APPOINTMENTS,),
}
#: How a described service calls what has changed: the word before the dot, as in client.updated.
REST_WORDS: Final[Mapping[str, tuple[Resource, ...]]] = {
    "client": (Resource.PATIENTS,),
    "patient": (Resource.PATIENTS,),
    "contact": (Resource.PATIENTS,),
    "appointment": (Resource.APPOINTMENTS,),
    "booking": (Resource.APPOINTMENTS,),
}
#: The ids of offices are shorter; whatever else stands there is none.
_OFFICE_ID: Final = re.compile(r"[!-~]{1,100}")


class Unusable(Exception):
    """A body that nobody can use; the argument is the status to answer with."""


@csrf_exempt
@require_POST
def from_sikka(request: HttpRequest) -> HttpResponse:
    """Take one of Sikka's. An office that is not connected is counted, and answered like any
    other: after five refusals Sikka would stop telling of all of them."""
    try:
        body = _body(request)
        if not _is_sikkas(request.headers.get("callback-key", "")):
            return HttpResponse(status=401)
        told = _object(body)
    except Unusable as error:
        return HttpResponse(status=error.args[0])
    office, event = told.get("office_id"), told.get("event")
    if (
        not isinstance(event, str)
        or not isinstance(office, str)
        or not _OFFICE_ID.fullmatch(office)
    ):
        return HttpResponse(status=400)
    now = timezone.now()
    with scope.acting("webhook from Sikka"), scope.everywhere():
        known = list(Integration.objects.filter(pms="sikka", account=office))
        if not known:
            _count("sikka", office, now)
        wanting.note(known, SIKKA_EVENTS.get(event, ()), now)
    return HttpResponse(status=204)


@csrf_exempt
@require_POST
def from_rest(request: HttpRequest, integration_id: UUID) -> HttpResponse:
    """Take one of a described service: signed within the last five minutes, by the secret in its
    integration's credential. One that comes twice asks twice for the same reading, no more."""
    try:
        body = _body(request)
        with scope.acting("webhook from a REST service"), scope.everywhere():
            integration = Integration.objects.filter(pk=integration_id, pms="rest").first()
            secret = str(integration.credential.get("webhook_secret") or "") if integration else ""
            # An integration that there is not is answered like a wrong signature.
            if not integration or not signing.is_signed(body, request.headers, secret):
                return HttpResponse(status=401)
            told = _object(body)
            event = told.get("type") or told.get("event")
            word = event.partition(".")[0].lower() if isinstance(event, str) else ""
            wanting.note([integration], REST_WORDS.get(word, BOTH), timezone.now())
    except Unusable as error:
        return HttpResponse(status=error.args[0])
    return HttpResponse(status=204)


def _body(request: HttpRequest) -> bytes:
    """Return the body, or raise Unusable(413) without having read all of a longer one."""
    length = request.headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > LONGEST:
        raise Unusable(413)
    body = request.read(LONGEST + 1)  # a chunked one has no length
    if len(body) > LONGEST:
        raise Unusable(413)
    return body


def _is_sikkas(key: str) -> bool:
    """Return whether it is one of our keys, in the same time whichever it is or is not."""
    given = key.encode()
    found = [hmac.compare_digest(given, each.encode()) for each in settings.SIKKA_CALLBACK_KEYS]
    return any(found)


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise Unusable(400) from None
    if not isinstance(told, dict):
        raise Unusable(400)
    return told


def _count(pms: str, account: str, now: datetime) -> None:
    """Count a webhook about a practice that no clinic is connected to."""
    same = UnknownAccount.objects.filter(pms=pms, account=account)
    if not same.update(times=F("times") + 1, last_told_at=now):
        _, is_new = UnknownAccount.objects.get_or_create(
            pms=pms, account=account, defaults={"first_told_at": now, "last_told_at": now}
        )
        if not is_new:  # another was first in this moment
            same.update(times=F("times") + 1, last_told_at=now)
