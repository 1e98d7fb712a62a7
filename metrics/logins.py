"""Who watches, for as long as they watch: by which login, until when, and whether it still holds.

A request is let in once; a socket stays open for hours. So what let it in is kept here, and all
logins that watch a clinic are looked at together, in a handful of queries.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from accounts import changes, tokens
from accounts.authentication import Program, of_key
from accounts.models import ApiKey, TokenFamily
from clinics import access
from clinics.access import Access
from clinics.models import Clinic, Membership, User
from clinics.permissions import Action
from metrics.endings import LOGIN_ENDED, NO_LOGIN, NOT_ALLOWED, Ended, Ending
from tenancy import scope


class Kind(StrEnum):
    """What showed who it is."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105
    KEY = "key"


@dataclass(frozen=True, slots=True)
class Login:
    """What let somebody in."""

    kind: Kind
    #: The session's key, the token's family or the API key's id. Never logged.
    id: str
    ends_at: datetime
    user_id: int | None = None
    #: Of a session: another one once the person's password changed or they signed out.
    auth_hash: str = ""

    @property
    def who(self) -> str:
        """Return whose it is, to be counted by: a person's logins are counted together."""
        return changes.key(self.id) if self.user_id is None else changes.person(self.user_id)


def of(user: Any, auth: Any, request: HttpRequest) -> Login:
    """Return the login of a request that was let in: by its key, its token or its session.

    Raises Ended where nobody was let in.
    """
    if isinstance(user, Program):
        return Login(Kind.KEY, str(user.key.pk), user.key.expires_at)
    if not isinstance(user, User):
        raise Ended(NO_LOGIN)
    if auth is not None:
        ends_at = datetime.fromtimestamp(auth["exp"], UTC)
        return Login(Kind.TOKEN, str(auth[tokens.FAMILY]), ends_at, user.pk)
    session = Session.objects.filter(pk=request.session.session_key or "").first()
    if session is None:
        raise Ended(NO_LOGIN)
    auth_hash = user.get_session_auth_hash()
    return Login(Kind.SESSION, session.pk, session.expire_date, user.pk, auth_hash)


def is_own_page(request: HttpRequest) -> bool:
    """Return whether the page that asks is one of ours.

    A browser sends its cookies along for every page that opens a socket, and asks nobody.
    """
    origin = request.META.get("HTTP_ORIGIN", "")
    try:
        own = urlsplit(origin).netloc == request.get_host()
    except (DisallowedHost, ValueError):
        return False
    return own or origin in settings.CSRF_TRUSTED_ORIGINS


def ended(
    logins: Collection[Login], clinic_id: UUID, organization_id: UUID, now: datetime
) -> dict[Login, Ending]:
    """Return those that hold no more, or may not see this clinic's numbers any more."""
    with scope.organizations(organization_id):
        clinic = Clinic.objects.filter(pk=clinic_id).first()
        if clinic is None:
            return dict.fromkeys(logins, NOT_ALLOWED)
        holding = _holding(logins, now)
        allowed = {
            who
            for who, found in _accesses(logins, clinic, now).items()
            if found.may(Action.VIEW_METRICS, clinic)
        }
    return {
        each: LOGIN_ENDED if each not in holding else NOT_ALLOWED
        for each in logins
        if each not in holding or each.who not in allowed
    }


def _holding(logins: Collection[Login], now: datetime) -> set[Login]:
    """Return those that nobody has ended."""
    ids = {kind: {each.id for each in logins if each.kind is kind} for kind in Kind}
    people = User.objects.filter(pk__in={each.user_id for each in logins}, is_active=True)
    hashes: dict[int | None, set[str]] = {
        each.pk: {each.get_session_auth_hash(), *each.get_session_auth_fallback_hash()}
        for each in people
    }
    open_sessions = Session.objects.filter(pk__in=ids[Kind.SESSION], expire_date__gt=now)
    families = TokenFamily.objects.filter(pk__in=ids[Kind.TOKEN], ends_at__gt=now)
    held = {
        Kind.SESSION: set(open_sessions.values_list("pk", flat=True)),
        Kind.TOKEN: {
            str(each.pk) for each in families.select_related("user") if tokens.holds(each)
        },
        Kind.KEY: {
            str(each)
            for each in ApiKey.objects.working(now)
            .filter(pk__in=ids[Kind.KEY])
            .values_list("pk", flat=True)
        },
    }
    return {
        each
        for each in logins
        if each.id in held[each.kind]
        and (each.user_id is None or each.user_id in hashes)
        and (each.kind is not Kind.SESSION or each.auth_hash in hashes[each.user_id])
    }


def _accesses(logins: Collection[Login], clinic: Clinic, now: datetime) -> dict[str, Access]:
    """Return what each may do at the clinic's organization."""
    keys = ApiKey.objects.filter(pk__in={each.id for each in logins if each.kind is Kind.KEY})
    found = {changes.key(each.pk): of_key(each) for each in keys}
    memberships: dict[int, list[Membership]] = {}
    for each in Membership.objects.current(now).filter(
        organization=clinic.organization_id, user_id__in={each.user_id for each in logins}
    ):
        memberships.setdefault(each.user_id, []).append(each)
    for user_id, theirs in memberships.items():
        holdings = tuple(access.holding_of(each) for each in theirs)
        found[changes.person(user_id)] = Access(holdings=holdings)
    return found
