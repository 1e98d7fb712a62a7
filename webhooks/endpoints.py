"""Set endpoints up, change and end them. What is sent is health data, so whoever says where it
goes must be allowed to see it themselves, and for good (docs/adr/0009-webhooks.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction

from accounts.memberships import for_good
from accounts.models import ApiKey
from clinics.access import Access
from clinics.models import Clinic, Organization
from clinics.permissions import WORDS, Action
from webhooks import addresses, signing
from webhooks.models import Delivery, Endpoint, Notice, Reason, Status

#: Endpoints that one organization may have, so that no event becomes a flood.
MOST: Final = 50
#: How long a replaced secret may still sign, at most.
LONGEST_OVERLAP: Final = timedelta(days=7)
#: What whoever says where events go must be allowed to do there.
NEEDED: Final = (Action.MANAGE_ACCESS, Action.VIEW_WRITEBACKS, Action.VIEW_PATIENTS)
#: Changes that say where what goes; anything else needs only MANAGE_ACCESS.
DIRECTING: Final = frozenset({"url", "event_types", "clinics"})


class MoreThanOwn(Exception):
    """Events would go where somebody says who may not see them; says what is missing."""


class ForeignClinic(Exception):
    """The endpoint is narrowed to a clinic that its organization does not have."""


class TooMany(Exception):
    """The organization has as many endpoints as it may."""


@dataclass(frozen=True, slots=True)
class Issued:
    """An endpoint and its new secret: the only time that it is shown."""

    endpoint: Endpoint
    secret: str = field(repr=False)


def check(access: Access, organization: Organization) -> None:
    """Raise MoreThanOwn unless this login may say where the organization's events go."""
    for action in NEEDED:
        if not access.may(action, organization):
            whose = "This API key" if access.actor.key_id else "Your role"
            raise MoreThanOwn(
                f"{whose} cannot say where events go: it does not let you {WORDS[action]} in the "
                "whole organization. Ask a clinic admin."
            )
    if not for_good(access, organization):
        raise MoreThanOwn(
            "Who has temporary access sets up no webhooks: they would last longer. "
            "Ask a clinic admin of the whole organization."
        )


def check_new(access: Access, organization: Organization) -> None:
    """Raise MoreThanOwn or TooMany unless this login may set up another endpoint there."""
    check(access, organization)
    if Endpoint.objects.filter(organization=organization, deleted_at=None).count() >= MOST:
        raise TooMany(f"An organization has {MOST} webhooks at most. Delete one first.")


def create(
    access: Access, organization: Organization, values: Mapping[str, Any], now: datetime
) -> Issued:
    """Set up an endpoint with a new secret.

    `values`: url, and maybe description, event_types, clinics and is_active. Raises MoreThanOwn,
    ForeignClinic, TooMany, or ValidationError for the address.
    """
    with transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        check_new(access, organization)
        endpoint = Endpoint(organization=organization, secret=signing.new_secret(), created_at=now)
        _set(endpoint, values)
        _signed_by(endpoint, access)
        if not values.get("is_active", True):
            _switched_off(endpoint, now)
        endpoint.save(force_insert=True)
    return Issued(endpoint, endpoint.secret)


def change(access: Access, endpoint: Endpoint, values: Mapping[str, Any], now: datetime) -> None:
    """Change an endpoint, also to or from active; the object is what stands in the database after.

    Raises as `create` does.
    """
    with transaction.atomic():
        fresh = _locked(endpoint)
        directing = any(
            name in values and values[name] != getattr(fresh, name) for name in DIRECTING
        )
        activates = values.get("is_active") is True and not fresh.is_active
        if directing or activates:
            check(access, fresh.organization)
            _signed_by(fresh, access)
        _set(fresh, values)
        if activates:
            fresh.is_active, fresh.disabled_at, fresh.disabled_reason = True, None, ""
            fresh.failures, fresh.failing_since, fresh.rests_until = 0, None, None
        fresh.save(
            update_fields=[
                *("url", "description", "event_types", "clinics", "set_by", "set_by_key"),
                *("is_active", "disabled_at", "disabled_reason"),
                *("failures", "failing_since", "rests_until"),
            ]
        )
        if values.get("is_active") is False:
            disable(fresh, Reason.BY_HAND, now)
    endpoint.refresh_from_db()


def rotate(access: Access, endpoint: Endpoint, overlap: timedelta, now: datetime) -> Issued:
    """Give the endpoint a new secret; the old one signs beside it until the overlap ends.

    Raises MoreThanOwn: with the secret one could tell the receiver anything.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError(f"an overlap of {overlap}")
    with transaction.atomic():
        fresh = _locked(endpoint)
        check(access, fresh.organization)
        fresh.old_secret, fresh.old_secret_until = "", None
        if overlap:
            fresh.old_secret, fresh.old_secret_until = fresh.secret, now + overlap
        fresh.secret = signing.new_secret()
        fresh.save(update_fields=["secret", "old_secret", "old_secret_until"])
    endpoint.refresh_from_db()
    return Issued(endpoint, endpoint.secret)


def disable(endpoint: Endpoint, reason: Reason, now: datetime) -> bool:
    """Tell the endpoint nothing any more, and give up what is on its way; once is enough.

    Unless a person did it, a notice is left, which is mailed soon. Returns whether it was active.
    """
    with transaction.atomic():
        disabled = Endpoint.objects.filter(pk=endpoint.pk, is_active=True).update(
            is_active=False, disabled_at=now, disabled_reason=reason
        )
        if disabled and reason != Reason.BY_HAND:
            Notice.objects.create(
                organization_id=endpoint.organization_id,
                endpoint=endpoint,
                at=now,
                reason=reason,
                failing_since=endpoint.failing_since,
                mail_due_at=now,
            )
        give_up(endpoint, now)
    return bool(disabled)


def give_up(endpoint: Endpoint, now: datetime) -> int:
    """Cancel what is on its way to an endpoint that is not active; returns how many it was."""
    open_ones = Delivery.objects.filter(endpoint=endpoint, status=Status.PENDING)
    return open_ones.filter(endpoint__is_active=False).update(
        status=Status.CANCELLED, due_at=None, ended_at=now
    )


def delete(endpoint: Endpoint, now: datetime) -> None:
    """Take the endpoint away at once, with its address and secrets; its deliveries stay on record
    for as long as others do."""
    with transaction.atomic():
        disable(endpoint, Reason.BY_HAND, now)
        Endpoint.objects.filter(pk=endpoint.pk).update(
            deleted_at=now, url="", secret="", old_secret="", old_secret_until=None
        )


def key_works(endpoint: Endpoint, now: datetime) -> bool:
    """Return whether the API key that set the endpoint up, if one did, or what replaced it works.

    What a key makes ends with it: a leaked key leaves nothing behind once it is revoked.
    """
    pk: UUID | None = endpoint.set_by_key_id
    while pk is not None:
        key = ApiKey.objects.get(pk=pk)
        if key.revoked_at:
            return False
        if key.replaced_by_id is None:
            return key.expires_at > now
        pk = key.replaced_by_id
    return True


def _locked(endpoint: Endpoint) -> Endpoint:
    rows = Endpoint.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "organization"
    )
    return rows.get(pk=endpoint.pk, deleted_at=None)


def _set(endpoint: Endpoint, values: Mapping[str, Any]) -> None:
    """Take on what is asked for, in one form whatever way it was written."""
    if "url" in values and values["url"] != endpoint.url:
        addresses.validate(values["url"])
        endpoint.url = values["url"]
    if "description" in values:
        endpoint.description = values["description"]
    if "event_types" in values:
        endpoint.event_types = sorted(set(values["event_types"]))
    if "clinics" in values:
        clinics = sorted(set(values["clinics"]))
        # One that it is narrowed to already may have been deleted since.
        new = set(clinics) - set(endpoint.clinics)
        own = Clinic.objects.filter(organization_id=endpoint.organization_id, pk__in=new)
        if own.count() != len(new):
            raise ForeignClinic("A webhook is for clinics of its own organization.")
        endpoint.clinics = clinics


def _signed_by(endpoint: Endpoint, access: Access) -> None:
    endpoint.set_by_id = access.actor.user_id
    endpoint.set_by_key_id = UUID(access.actor.key_id) if access.actor.key_id else None


def _switched_off(endpoint: Endpoint, now: datetime) -> None:
    endpoint.is_active = False
    endpoint.disabled_at, endpoint.disabled_reason = now, Reason.BY_HAND
