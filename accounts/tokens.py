"""People's tokens: a short access token, and a refresh token that works once.

Access tokens are signed and name their family; refresh tokens are random. Each refresh takes the
family's row, so that there is one order of what happens to a login. A refresh token that comes a
second time was copied by somebody, or its owner raced itself: nobody can tell which, so the family
ends, with the new token of whoever was first. An honest client that raced itself logs in again:
that is the price.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.crypto import constant_time_compare
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import AccessToken

from accounts import changes, secret
from accounts.models import RefreshToken, TokenFamily
from audit import logins
from audit.models import Action
from clinics.models import User

#: The claim of an access token that names its family.
FAMILY = "family"
_FORMAT = re.compile(rf"fdr_{secret.PATTERN}")


class Refused(Exception):
    """A token that gives nothing (any more), with a stable code and words for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


MALFORMED = ("refresh_malformed", "This is no refresh token. Send the one of your last answer.")
UNKNOWN = ("refresh_unknown", "This refresh token is not known. Log in again.")
REUSED = (
    "refresh_reused",
    "This refresh token was used before, so everything from its login has ended. Log in again.",
)
REVOKED = ("refresh_revoked", "This login was ended. Log in again.")
EXPIRED = ("refresh_expired", "This refresh token has expired. Log in again.")
INACTIVE = ("user_inactive", "This person cannot log in any more. Ask a clinic admin.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What a login and a refresh give; lives in whole seconds."""

    access: str = field(repr=False)
    expires_in: int
    refresh: str = field(repr=False)
    refresh_expires_in: int


def log_in(user: User, now: datetime) -> Pair:
    """Begin a family for somebody whose password was right."""
    family = TokenFamily.objects.create(
        user=user,
        auth_hash=user.get_session_auth_hash(),
        created_at=now,
        ends_at=now + timedelta(days=settings.LOGIN_DAYS),
    )
    return _issue(family, now)


def refresh(text: str, now: datetime) -> Pair:
    """Exchange a refresh token for new ones. Raises Refused, and revokes what is used twice."""
    if not _FORMAT.fullmatch(text):
        raise Refused(*MALFORMED)
    hashed = secret.hashed(text)
    known = RefreshToken.objects.filter(hashed=hashed).values_list("family_id", flat=True).first()
    if known is None:
        raise Refused(*UNKNOWN)
    with transaction.atomic():
        family = TokenFamily.objects.select_for_update(of=("self",)).select_related("user")
        outcome = _rotate(family.filter(pk=known).first(), hashed, now)
    if isinstance(outcome, Pair):
        return outcome
    raise Refused(*outcome)  # after the transaction, which holds the revocation


def _rotate(family: TokenFamily | None, hashed: str, now: datetime) -> Pair | tuple[str, str]:
    """Return new tokens, or why there are none; the family's row is ours meanwhile."""
    token = RefreshToken.objects.filter(hashed=hashed).first()
    if family is None or token is None:
        return UNKNOWN  # pruned in this moment
    if token.used_at:
        revoke(family.pk, now)
        changes.announce([changes.person(family.user_id)])
        logins.note(Action.REFRESH_REUSED, family.user_id)
        return REUSED
    if not holds(family):
        return REVOKED
    if min(token.expires_at, family.ends_at) <= now:
        return EXPIRED
    if not family.user.is_active:
        return INACTIVE
    token.used_at = now
    token.save(update_fields=["used_at"])
    return _issue(family, now)


def _issue(family: TokenFamily, now: datetime) -> Pair:
    text = f"fdr_{secret.new()}"
    idle = now + timedelta(days=settings.REFRESH_IDLE_DAYS)
    expires_at = min(idle, family.ends_at)
    RefreshToken.objects.create(
        family=family, hashed=secret.hashed(text), created_at=now, expires_at=expires_at
    )
    access = AccessToken.for_user(family.user)
    access[FAMILY] = str(family.pk)
    return Pair(
        access=str(access),
        expires_in=int(api_settings.ACCESS_TOKEN_LIFETIME.total_seconds()),
        refresh=text,
        refresh_expires_in=int((expires_at - now).total_seconds()),
    )


def holds(family: TokenFamily) -> bool:
    """Return whether neither a logout, a token used twice nor a new password has ended it."""
    user: User = family.user
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return family.revoked_at is None and any(
        constant_time_compare(family.auth_hash, each) for each in hashes
    )


def family_of(claim: object) -> TokenFamily | None:
    """Return the family that an access token names, with its person: one query."""
    try:
        pk = UUID(str(claim))
    except ValueError:
        return None
    return TokenFamily.objects.select_related("user").filter(pk=pk).first()


def log_out(text: str, now: datetime) -> None:
    """End the login that this refresh token is from, in whatever state the token is.

    It is noted where it ended something.
    """
    if not _FORMAT.fullmatch(text):
        return
    known = RefreshToken.objects.filter(hashed=secret.hashed(text))
    for pk, user_id in known.values_list("family_id", "family__user_id"):
        with transaction.atomic():
            if revoke(pk, now):
                changes.announce([changes.person(user_id)])
                logins.note(Action.LOGOUT, user_id)


def log_out_everywhere(user: User, now: datetime) -> None:
    """End every login of this person at once: refresh and access tokens, and the admin's sessions.

    The time goes into what sessions and families are compared with, so none is left out that
    begins or rotates in this moment with what was read before.
    """
    with transaction.atomic():
        user.signed_out_at = now
        user.save(update_fields=["signed_out_at"])
        TokenFamily.objects.filter(user=user, revoked_at=None).update(revoked_at=now)
        logins.note(Action.LOGOUT, user.pk, everywhere=True)


def revoke(family_id: UUID, now: datetime) -> bool:
    """End one login, and return whether it had not ended; a second time changes nothing."""
    families = TokenFamily.objects.filter(pk=family_id, revoked_at=None)
    return families.update(revoked_at=now) > 0
