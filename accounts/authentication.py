"""How a request shows who sent it: a program's API key, or a person's access token."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken
from rest_framework_simplejwt.tokens import Token

from accounts import rates, secret, tokens
from accounts.models import ApiKey
from clinics import access
from clinics.access import Access, Holding
from clinics.middleware import address_of
from clinics.models import User
from clinics.permissions import SCOPES, KeyScope
from tenancy import scope
from tenancy.scope import Actor

#: What tells an API key from an access token.
_BEARER = re.compile(r"\s*Bearer\s+fd_.*", re.DOTALL)
_FORMAT = re.compile(rf"Bearer (fd_[a-z0-9]{{8}}_{secret.PATTERN})")
#: How exactly it is known when a key was last used.
USE_NOTED = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Program:
    """Who sent a request that came with an API key. Stands where a person would."""

    key: ApiKey
    pk: None = None
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True
    is_staff: bool = False
    is_superuser: bool = False

    def __str__(self) -> str:
        return self.key.name


class KeyAuthentication(BaseAuthentication):
    """Takes `Authorization: Bearer fd_…`, counts the request, and leaves other tokens alone."""

    def authenticate(self, request: Request) -> tuple[Program, ApiKey] | None:
        header = str(request.META.get("HTTP_AUTHORIZATION", ""))
        if not _BEARER.fullmatch(header):
            return None
        now = timezone.now()
        key = _working(header, now)
        rates.take(request._request, key)
        access.admit(request._request, of_key(key, address_of(request._request)))
        _note_use(key, now)
        return Program(key), key

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


def _working(header: str, now: datetime) -> ApiKey:
    found = _FORMAT.fullmatch(header)
    key = None
    if found:
        # Whose key it is tells the row; before that nothing of a tenant may be read.
        with scope.everywhere():
            key = ApiKey.objects.filter(hashed=secret.hashed(found[1])).first()
    if key is None:
        raise AuthenticationFailed("This API key is not known. Check how it was copied.", "bad_key")
    if key.revoked_at:
        raise AuthenticationFailed("This API key was revoked. Ask for a new one.", "key_revoked")
    if key.expires_at <= now:
        raise AuthenticationFailed("This API key has expired. Ask for a new one.", "key_expired")
    return key


def of_key(key: ApiKey, address: str = "") -> Access:
    """Return what a key may do: its scopes' actions, in its organization or at its clinics."""
    return Access(
        actor=Actor(key_id=str(key.pk), role=f"key {key.name}", address=address),
        holdings=(
            Holding(
                organization_id=key.organization_id,
                actions=frozenset().union(*(SCOPES[KeyScope(each)] for each in key.scopes)),
                clinic_ids=frozenset(key.clinics),
            ),
        ),
    )


def _note_use(key: ApiKey, now: datetime) -> None:
    """Write down that the key was used; whoever finds the row taken leaves it to the other."""
    noted = now - USE_NOTED
    if key.last_used_at and key.last_used_at > noted:
        return
    with transaction.atomic():
        rows = ApiKey.objects.filter(Q(last_used_at=None) | Q(last_used_at__lte=noted), pk=key.pk)
        if rows.select_for_update(skip_locked=True, no_key=True).values("pk"):
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


class TokenAuthentication(JWTAuthentication):
    """Takes an access token whose family holds; the person is read anew for each request."""

    def get_user(self, validated_token: Token) -> Any:
        family = tokens.family_of(validated_token.get(tokens.FAMILY))
        if family is None:
            raise InvalidToken("This access token belongs to no login. Log in again.")
        user: User = family.user
        if not user.is_active:
            raise AuthenticationFailed(tokens.INACTIVE[1], tokens.INACTIVE[0])
        if not tokens.holds(family) or family.ends_at <= timezone.now():
            raise AuthenticationFailed("This login was ended. Log in again.", "token_revoked")
        return user
