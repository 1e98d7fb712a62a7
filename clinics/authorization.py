"""The REST side of access: each view says what it needs, and a refusal says what is missing."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from clinics import access
from clinics.middleware import address_of
from clinics.models import User
from clinics.permissions import WORDS, Action, scope_for


class Permitted(BasePermission):
    """Lets in who may do, anywhere at all, what the view `needs`; its rows narrow that further.

    `needs` is an Action, or one for each of the view's actions. A view without it serves nobody.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user or not request.user.is_authenticated:
            return False
        admit_person(request)
        if getattr(view, "action", "") in (None, "metadata"):
            return True  # a method that no view has: the view answers that itself
        require(request, needed(view))
        return True


def admit_person(request: Request) -> None:
    """Give a request whose person logged in by a token what that person may do.

    For views without `Permitted` too: what they change is put down to that person.
    """
    person = request.user
    if isinstance(person, User) and access.of(request).actor.user_id != person.pk:
        address = address_of(request._request)
        access.admit(request._request, access.of_person(person, address=address))


def needed(view: Any) -> Action:
    """Return what the view's action needs."""
    needs = getattr(view, "needs", None)
    if isinstance(needs, dict):
        needs = needs.get(view.action)
    if needs is None:
        raise ImproperlyConfigured(f"{type(view).__name__} does not say what it needs.")
    return Action(needs)


def require(request: Request, action: Action, row: models.Model | None = None) -> None:
    """Refuse, naming what is missing, unless this may be done (with this row)."""
    found = access.of(request)
    if found.may(action, row):
        return
    if found.actor.key_id:
        scope = scope_for(action)
        if scope is None:
            raise PermissionDenied(f"No API key may {WORDS[action]}.", "not_for_keys")
        message = f"This API key lacks the scope {scope}: it may not {WORDS[action]}."
        raise PermissionDenied(message, "scope_missing")
    message = f"Your role does not let you {WORDS[action]}. Ask a clinic admin."
    raise PermissionDenied(message)
