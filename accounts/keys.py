"""Make, replace and end API keys. Nobody gives a key more than they may do themselves.

What a key makes ends no later than it does, and is revoked with it: a leaked key leaves nothing.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from accounts import changes, secret
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
    """The key was replaced, revoked or expired before, or lost a clinic: it is not replaced.

    Or it was the key that asked, which ended meanwhile.
    """


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
    """Make a key.

    Raises MoreThanOwn, ForeignClinic or WrongEnd, or KeyEnded where a key asks that has ended.
    """
    with transaction.atomic():
        _one_at_a_time(organization.pk)
        latest = _latest_end(access, now)
        key = ApiKey(
            organization=organization,
            name=name,
            scopes=sorted(set(scopes)),
            clinics=sorted(set(clinics)),
            expires_at=expires_at or _sooner(now + USUAL_LIFE, latest),
            rate_limit=rate_limit,
        )
        check(access, key, now)
        if latest and key.expires_at > latest:
            raise WrongEnd(
                f"A key made by a key ends no later than that one, on {latest.isoformat()}."
            )
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

    The old one works on until the overlap ends. Where a key asks, also for itself, the new one ends
    no later than that key. Raises KeyEnded, or MoreThanOwn: whoever sees the new secret could use
    it.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError(f"an overlap of {overlap}")
    with transaction.atomic():
        _one_at_a_time(key.organization_id)
        latest = _latest_end(access, now)
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
                expires_at=_sooner(now + (old.expires_at - old.created_at), latest),
            ),
            access,
            now,
        )
        old.replaced_by = issued.key
        old.expires_at = min(old.expires_at, now + overlap)
        old.save(update_fields=["replaced_by", "expires_at"])
    return issued


def revoke(key: ApiKey, now: datetime) -> None:
    """End a key and all that followed from it at once; a second time changes nothing."""
    with transaction.atomic():
        _one_at_a_time(key.organization_id)
        ending = _with_all_it_made(key)
        ApiKey.objects.filter(pk__in=ending, revoked_at=None).update(revoked_at=now)
        changes.announce(map(changes.key, ending))
    key.refresh_from_db(fields=["revoked_at"])


def _with_all_it_made(key: ApiKey) -> set[UUID]:
    """Return the key, what it made or replaced, what those did, and so on."""
    found = {key.pk}
    newest = found
    while newest:
        made = ApiKey.objects.filter(created_by_key__in=newest).values_list("pk", flat=True)
        newest = set(made) - found
        found = found | newest
    return found


def _one_at_a_time(organization_id: UUID) -> None:
    """Wait for whoever else is changing keys there: none is made beside a revocation."""
    Organization.objects.select_for_update(no_key=True).get(pk=organization_id)


def _latest_end(access: Access, now: datetime) -> datetime | None:
    """Return when the key that asks ends; None where a person does. Raises KeyEnded.

    It is read anew: it may have been revoked since its request was let in.
    """
    if not access.actor.key_id:
        return None
    asks = ApiKey.objects.working(now).filter(pk=access.actor.key_id).first()
    if asks is None:
        raise KeyEnded("The API key that asks for this has ended.")
    return asks.expires_at


def _sooner(end: datetime, latest: datetime | None) -> datetime:
    return min(end, latest) if latest else end


def save(key: ApiKey, access: Access, now: datetime) -> Issued:
    """Give a checked key its secret and store it; to be called once."""
    key.prefix = "".join(secrets.choice(PREFIX_LETTERS) for _ in range(PREFIX_LENGTH))
    text = f"fd_{key.prefix}_{secret.new()}"
    key.hashed = secret.hashed(text)
    key.created_at = now
    if access.actor.user_id:
        key.created_by = User.objects.get(pk=access.actor.user_id)
    if access.actor.key_id:
        key.created_by_key = ApiKey.objects.get(pk=access.actor.key_id)
    key.save(force_insert=True)
    return Issued(key, text)
