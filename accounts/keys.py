"""Make, replace and end API keys. Nobody gives a key more than they may do themselves."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from accounts import secret
from accounts.memberships import for_good
from accounts.models import LONGEST_LIFE, USUAL_LIFE, USUAL_RATE, ApiKey
from clinics.access import Access
from clinics.models import Clinic, Organization, User
from clinics.permissions import SCOPES, WORDS, Action, KeyScope

PREFIX_LETTERS = string.ascii_lowercase + string.digits
PREFIX_LENGTH = 8
#: How long a replaced key may still work, at most.
LONGEST_OVERLAP = timedelta(days=7)


class MoreThanOwn(Exception):
    """The key would do what whoever asks for it may not; says what."""


class ForeignClinic(Exception):
    """The key is narrowed to a clinic that its organization does not have."""


class WrongEnd(Exception):
    """The key's end has passed already, or is too far away."""


class KeyEnded(Exception):
    """The key was replaced, revoked or expired before, or lost a clinic: it is not replaced."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A new key, and its secret: the only time that it can be shown."""

    key: ApiKey
    text: str = field(repr=False)


def issue(
    access: Access,
    organization: Organization,
    *,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    clinics: Iterable[UUID] = (),
    expires_at: datetime | None = None,
    rate_limit: int = USUAL_RATE,
) -> Issued:
    """Make a key. Raises MoreThanOwn, ForeignClinic or WrongEnd."""
    key = ApiKey(
        organization=organization,
        name=name,
        scopes=sorted(set(scopes)),
        clinics=sorted(set(clinics)),
        expires_at=expires_at or now + USUAL_LIFE,
        rate_limit=rate_limit,
    )
    check(access, key, now)
    return save(key, access, now)


def check(access: Access, key: ApiKey, now: datetime) -> None:
    """Raise MoreThanOwn, ForeignClinic or WrongEnd where this login may not give such a key."""
    if not now < key.expires_at <= now + LONGEST_LIFE:
        raise WrongEnd("A key ends in the future, and within two years.")
    rows: list[Model] = [key.organization]
    if key.clinics:
        rows = list(Clinic.objects.filter(organization=key.organization, pk__in=key.clinics))
        if len(rows) != len(key.clinics):
            raise ForeignClinic("A key is for clinics of its own organization.")
    for scope in key.scopes:
        for action in sorted(SCOPES[KeyScope(scope)]):
            if not all(access.may(action, row) for row in rows):
                raise MoreThanOwn(_lacking(access, scope, action))
    if not for_good(access, key.organization):
        raise MoreThanOwn(
            "Who has temporary access makes no keys: they would last longer. "
            "Ask a clinic admin of the whole organization."
        )


def _lacking(access: Access, scope: str, action: Action) -> str:
    whose = "This API key" if access.actor.key_id else "Your role"
    return (
        f"{whose} cannot give the scope {scope} there: it does not let you {WORDS[action]}. "
        "Ask a clinic admin of the whole organization."
    )


def rotate(access: Access, key: ApiKey, overlap: timedelta, now: datetime) -> Issued:
    """Replace a key by one of a new secret that may do the same for as long.

    The old one works on until the overlap ends. Raises KeyEnded, or MoreThanOwn: whoever sees the
    new secret could use it.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError(f"an overlap of {overlap}")
    with transaction.atomic():
        # With its organization, which the check asks about.
        rows = ApiKey.objects.select_for_update(of=("self",)).select_related("organization")
        old = rows.get(pk=key.pk)
        if old.replaced_by_id or old.revoked_at or old.expires_at <= now:
            raise KeyEnded("This key was replaced or has ended. Make a new one.")
        try:
            check(access, old, now)
        except ForeignClinic:
            raise KeyEnded("A clinic of this key was deleted. Make a new one.") from None
        issued = save(
            ApiKey(
                organization=old.organization,
                name=old.name,
                scopes=old.scopes,
                clinics=old.clinics,
                rate_limit=old.rate_limit,
                expires_at=now + (old.expires_at - old.created_at),
            ),
            access,
            now,
        )
        old.replaced_by = issued.key
        old.expires_at = min(old.expires_at, now + overlap)
        old.save(update_fields=["replaced_by", "expires_at"])
    return issued


def revoke(key: ApiKey, now: datetime) -> None:
    """End a key at once; a second time changes nothing."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now)
    key.refresh_from_db(fields=["revoked_at"])


def save(key: ApiKey, access: Access, now: datetime) -> Issued:
    """Give a checked key its secret and store it; to be called once."""
    key.prefix = "".join(secrets.choice(PREFIX_LETTERS) for _ in range(PREFIX_LENGTH))
    text = f"fd_{key.prefix}_{secret.new()}"
    key.hashed = secret.hashed(text)
    key.created_at = now
    if access.actor.user_id:
        key.created_by = User.objects.get(pk=access.actor.user_id)
    key.save(force_insert=True)
    return Issued(key, text)
