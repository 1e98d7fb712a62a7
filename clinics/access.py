"""Who may see which organization's data. Every query for a user starts here."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

from clinics.models import Clinic, Membership, Role, User

M = TypeVar("M", bound=models.Model)

#: Roles that may ask for a change in the PMS.
MAY_BOOK = frozenset({Role.CLINIC_ADMIN, Role.STAFF})


def organizations_of(user: User | AnonymousUser) -> models.QuerySet[Membership, Any]:
    """Return the ids of the organizations that the user belongs to, as a subquery."""
    return Membership.objects.filter(user_id=user.pk or 0).values("organization_id")


def visible(queryset: models.QuerySet[M], user: User | AnonymousUser) -> models.QuerySet[M]:
    """Narrow rows of a tenant's table to what the user may see."""
    return queryset.filter(organization_id__in=organizations_of(user))


def may_book(user: User | AnonymousUser, clinic: Clinic) -> bool:
    """Return whether the user's role lets them ask for changes at this clinic."""
    return Membership.objects.filter(
        user_id=user.pk or 0, organization_id=clinic.organization_id, role__in=MAY_BOOK
    ).exists()
