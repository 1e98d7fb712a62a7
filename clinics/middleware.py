"""Each request begins without any access, and goes on with what its session may do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control

from clinics import access
from tenancy import scope
from tenancy.scope import Actor, Scope

#: Pages that tell nothing of any tenant, and answer while the database is away.
NOBODYS = frozenset({"/healthz", "/readyz"})


class AccessMiddleware:
    """Give a request with a session its person's access; one with a token gets it at its login.

    After the authentication middleware. However the request ends, its scope ends with it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        nul = "\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")
        if nul and request.path.startswith("/admin/"):
            # The database takes none. The API says so itself, with the parameter's name.
            raise BadRequest("An address cannot hold the character NUL.")
        if request.path in NOBODYS:
            return self.get_response(request)
        address = address_of(request)
        with scope.within(Scope(actor=Actor(address=address))):
            if request.user.is_authenticated:
                access.admit(request, access.of_person(request.user, address=address))
            response = self.get_response(request)
            # Whether somebody logged in by a token is known only now. No proxy's and no browser's
            # cache keeps what is about patients.
            logged_in = access.of(request) is not access.NOBODY
            if logged_in and not response.has_header("Cache-Control"):
                patch_cache_control(response, private=True, no_store=True)
            return response


def address_of(request: HttpRequest) -> str:
    """Return the address that the request came from; empty for none that is one."""
    text = request.META.get("REMOTE_ADDR", "")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
