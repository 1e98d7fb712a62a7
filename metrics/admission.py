"""Let somebody watch a clinic: who they are, whether they may, and what they ask for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.authentication import KeyAuthentication, Program, TokenAuthentication, of_key
from accounts.rates import RateLimited
from clinics import access
from clinics.middleware import address_of
from clinics.models import Clinic
from clinics.permissions import Action
from metrics import logins
from metrics.calendar import Name
from metrics.endings import (
    BAD_QUESTION,
    NO_LOGIN,
    NOT_ALLOWED,
    TOO_MANY_CONNECTS,
    WRONG_ORIGIN,
    Ended,
    Ending,
)
from metrics.limits import connects
from metrics.logins import Login
from metrics.watching import Watcher
from tenancy import scope

#: What a browser offers beside its token, and is answered: the token itself is never sent back.
SUBPROTOCOL: Final = "frontdesk"
_BEARER: Final = "bearer."
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for."""

    period: Name = Name.WEEK
    last_id: int | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any], last_id: str = "") -> Question:
        """Read the address's parameters; `last_id` of a header wins. Raises Ended."""
        last = last_id or asked.get("last_id", "")
        try:
            period = Name(asked.get("period", Name.WEEK))
        except ValueError:
            raise Ended(BAD_QUESTION) from None
        if last and not _NUMBER.fullmatch(last):
            raise Ended(BAD_QUESTION)
        return cls(period, int(last) if last else None)


def of_socket(asgi_scope: Mapping[str, Any], clinic_id: UUID) -> Watcher:
    """Return who opened a socket, if they may watch this clinic. Raises Ended.

    By what REST takes too, or by a token as a subprotocol; by a session for our own pages only.
    """
    request = ASGIRequest({**asgi_scope, "method": "GET"}, BytesIO())
    question = Question.of(request.GET)
    connects.take(f"address {address_of(request)}")
    for each in asgi_scope.get("subprotocols", ()):
        if each.startswith(_BEARER):
            request.META["HTTP_AUTHORIZATION"] = f"Bearer {each.removeprefix(_BEARER)}"
    user, auth = _authenticated(request)
    login = logins.of(user, auth, request)
    if login.kind is logins.Kind.SESSION and not logins.is_own_page(request):
        raise Ended(WRONG_ORIGIN)
    connects.take(login.who)
    return _watcher(user, request, clinic_id, login, question)


def _authenticated(request: HttpRequest) -> tuple[Any, Any]:
    """Return the user, or the program, and what showed it: None for a session."""
    rest = Request(request)
    try:
        for each in (KeyAuthentication(), TokenAuthentication()):
            if found := each.authenticate(rest):
                return found
    except AuthenticationFailed as error:
        detail: Any = error.detail
        words = detail["detail"] if isinstance(detail, dict) else detail
        raise Ended(Ending(NO_LOGIN.code, str(words.code), str(words))) from None
    except RateLimited:
        raise Ended(TOO_MANY_CONNECTS) from None
    if "HTTP_AUTHORIZATION" in request.META:
        raise Ended(NO_LOGIN)  # one that is none of ours: a session is not taken in its stead
    store = import_module(settings.SESSION_ENGINE).SessionStore
    request.session = store(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
    return get_user(request), None


def _watcher(
    user: Any, request: HttpRequest, clinic_id: UUID, login: Login, question: Question
) -> Watcher:
    address = address_of(request)
    if isinstance(user, Program):
        found = of_key(user.key, address)
    else:
        found = access.of_person(user, address=address)
    with scope.within(found.scope):
        clinics = found.visible(Clinic.objects.all(), Action.VIEW_METRICS)
        clinic = clinics.filter(pk=clinic_id).first()
    if clinic is None:
        raise Ended(NOT_ALLOWED)
    return Watcher(clinic.pk, clinic.organization_id, login, question.period, question.last_id)
