"""What the login at hand may see and do. Every query for a person or a program starts here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from clinics.models import Clinic, Membership, Organization, Role, User
from clinics.permissions import OPERATOR, ROLES, Action
from tenancy import scope
from tenancy.scope import Actor, Scope

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What may be done in one organization, or at some of its clinics only."""

    organization_id: UUID
    actions: frozenset[Action]
    #: Empty: all of the organization's.
    clinic_ids: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who asks, and everything that they may do; worked out anew for each request."""

    actor: Actor = field(default_factory=Actor)
    holdings: tuple[Holding, ...] = ()
    is_operator: bool = False

    @property
    def scope(self) -> Scope:
        """The scope of the database that this access works in."""
        return Scope(
            organizations=frozenset(each.organization_id for each in self.holdings),
            user_id=self.actor.user_id,
            everywhere=self.is_operator,
            actor=self.actor,
        )

    def may(self, action: Action, row: models.Model | None = None) -> bool:
        """Return whether this may be done with the row; without one, whether anywhere at all."""
        if self.is_operator and action in OPERATOR:
            return True
        able = [each for each in self.holdings if action in each.actions]
        if row is None:
            return bool(able)
        organization = (
            row.pk if isinstance(row, Organization) else getattr(row, "organization_id", None)
        )
        clinic = row if isinstance(row, Clinic) else getattr(row, "clinic", None)
        return any(
            each.organization_id == organization
            and (not each.clinic_ids or (clinic is not None and clinic.pk in each.clinic_ids))
            for each in able
        )

    def visible(self, rows: models.QuerySet[M], action: Action) -> models.QuerySet[M]:
        """Narrow a tenant's table to the rows with which this may be done."""
        if self.is_operator and action in OPERATOR:
            return rows
        able = [each for each in self.holdings if action in each.actions]
        whole = [each.organization_id for each in able if not each.clinic_ids]
        some = [clinic for each in able for clinic in each.clinic_ids]
        wanted = Q(**{f"{organization_path(rows.model)}__in": whole})
        if some and (path := clinic_path(rows.model)):
            wanted |= Q(**{f"{path}__in": some})
        return rows.filter(wanted)


#: Nobody in particular: may nothing.
NOBODY = Access()


def organization_path(model: type[models.Model]) -> str:
    """Return the lookup of a row's tenant."""
    return "pk" if model is Organization else "organization_id"


def clinic_path(model: type[models.Model]) -> str:
    """Return the lookup of a row's clinic; empty for what belongs to a whole organization."""
    if model is Clinic:
        return "pk"
    for name in ("clinic", "integration"):
        try:
            model._meta.get_field(name)
        except FieldDoesNotExist:
            continue
        return "clinic_id" if name == "clinic" else "integration__clinic_id"
    return ""


def of_person(
    user: AbstractBaseUser | AnonymousUser, now: datetime | None = None, address: str = ""
) -> Access:
    """Return what a person may do now, by the memberships that have not ended: one query."""
    if not isinstance(user, User) or not user.is_active:
        return replace(NOBODY, actor=Actor(address=address))
    with scope.within(Scope(user_id=user.pk)):
        memberships = list(
            Membership.objects.current(now or timezone.now()).filter(user=user).order_by("pk")
        )
    roles = [str(each.label) for each in memberships]
    return Access(
        actor=Actor(
            user_id=user.pk,
            membership_id=memberships[0].pk if len(memberships) == 1 else None,
            role=", ".join(dict.fromkeys((["operator"] if user.is_superuser else []) + roles)),
            address=address,
        ),
        holdings=tuple(holding_of(each) for each in memberships),
        is_operator=user.is_superuser,
    )


def holding_of(membership: Membership) -> Holding:
    """Return what a membership allows."""
    return Holding(
        organization_id=membership.organization_id,
        actions=ROLES[Role(membership.role)],
        clinic_ids=frozenset(membership.clinics),
    )


def admit(request: HttpRequest, access: Access) -> None:
    """Do the rest of the request with this access, in the database too."""
    request.access = access  # type: ignore[attr-defined]
    scope.enter(access.scope)


def of(request: Any) -> Access:
    """Return the access of a request: Django's or the REST framework's."""
    found: Access = getattr(getattr(request, "_request", request), "access", NOBODY)
    return found
