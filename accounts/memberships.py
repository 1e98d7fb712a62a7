"""Who may give whom which role. One set of rules for the admin and the API."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model, QuerySet

from clinics.access import Access
from clinics.models import Clinic, Membership, Organization, Role
from clinics.permissions import ROLES, WORDS, Action

#: The longest that temporary access lasts.
LONGEST = timedelta(days=30)
#: The roles that manage access.
MANAGING = [role for role, actions in ROLES.items() if Action.MANAGE_ACCESS in actions]


class Refused(Exception):
    """This access cannot be given or ended so: a stable code, words for people, maybe a field.

    With a field another value of it would do; without one nothing would.
    """

    def __init__(self, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def people_only(access: Access) -> None:
    """Raise Refused for a program: a role that it gave would outlive its key."""
    if access.actor.key_id:
        raise Refused("not_for_keys", "Roles are given by people.")


def check(access: Access, given: Membership, clinics: Collection[Clinic], now: datetime) -> None:
    """Raise Refused unless this login may give this role as it will stand after saving.

    To be called in the transaction that saves: what it finds of the organization's other members
    stays true until that ends.
    """
    _one_at_a_time(given)
    _may_manage(access, given)
    if any(clinic.organization_id != given.organization_id for clinic in clinics):
        raise Refused("invalid", "Choose clinics of the same organization.", "clinics")
    if given.ends_at is None:
        given.reason = ""
    else:
        _check_temporary(given, now)
    _check_no_more_than_own(access, given, clinics)
    others = Membership.objects.filter(user_id=given.user_id, organization_id=given.organization_id)
    if given.ends_at is None and others.filter(ends_at=None).exclude(pk=given.pk).exists():
        raise Refused(
            "role_exists", "This person has a role in this organization already.", "username"
        )
    if given.pk and not _is_manager(given, bool(clinics)):
        _leave_one_manager(access, given)


def end(access: Access, membership: Membership, now: datetime) -> None:
    """End a role or temporary access at once; it stays on record. Raises Refused."""
    with transaction.atomic():
        _one_at_a_time(membership)
        _may_manage(access, membership, ending=True)
        _leave_one_manager(access, membership)
        if membership.ends_at and membership.ends_at <= now:
            return
        membership.reason = membership.reason or f"Ended by {access.actor.role or 'us'}"
        membership.ends_at = now
        membership.save(update_fields=["ends_at", "reason"])


def for_good(access: Access, organization: Organization) -> bool:
    """Return whether this login manages access there by more than temporary access.

    What it gave would outlive it otherwise.
    """
    user_id = access.actor.user_id
    # Of a key it is not asked here: what a key makes ends with it.
    return user_id is None or _managers(organization).filter(user_id=user_id).exists()


def _may_manage(access: Access, given: Membership, *, ending: bool = False) -> None:
    people_only(access)
    organization = given.organization
    if not access.may(Action.MANAGE_ACCESS, organization):
        raise Refused(
            "permission_denied",
            f"Your role does not let you {WORDS[Action.MANAGE_ACCESS]} there.",
        )
    if given.user_id == access.actor.user_id and not ending:
        whom = f"a clinic admin of {organization}" if access.is_operator else "another clinic admin"
        raise Refused("own_access", f"Nobody gives access to themselves. Ask {whom}.")
    if not access.is_operator and not for_good(access, organization) and not ending:
        raise Refused(
            "temporary_access",
            "Who has temporary access gives none to others: it would last longer. "
            f"Ask a clinic admin of {organization}.",
        )


def _check_temporary(given: Membership, now: datetime) -> None:
    if not given.reason.strip():
        raise Refused("invalid", "Say what the temporary access is for.", "reason")
    if given.ends_at and not now < given.ends_at <= now + LONGEST:
        raise Refused(
            "invalid",
            f"Temporary access ends in the future, and within {LONGEST.days} days.",
            "ends_at",
        )


def _check_no_more_than_own(access: Access, given: Membership, clinics: Collection[Clinic]) -> None:
    """Operators set organizations up, so they give what they do not have; nobody else does."""
    if access.is_operator:
        return
    rows: list[Model] = [*clinics] or [given.organization]
    for action in sorted(ROLES[Role(given.role)]):
        if not all(access.may(action, row) for row in rows):
            raise Refused(
                "more_than_own", f"This login gives nobody the right to {WORDS[action]}.", "role"
            )


def _managers(organization: Organization) -> QuerySet[Membership]:
    return Membership.objects.filter(
        organization=organization,
        clinics=[],
        role__in=MANAGING,
        ends_at=None,
        user__is_active=True,
    )


def _is_manager(given: Membership, is_narrowed: bool) -> bool:
    return given.role in MANAGING and given.ends_at is None and not is_narrowed


def _leave_one_manager(access: Access, given: Membership) -> None:
    """Raise Refused where the organization would have no clinic admin left."""
    managers = set(_managers(given.organization).values_list("pk", flat=True))
    if managers == {given.pk} and not access.is_operator:
        raise Refused(
            "last_clinic_admin",
            f"{given.organization} would be left without a clinic admin. "
            "Give that role to somebody else first.",
        )


def _one_at_a_time(given: Membership) -> None:
    """Wait for whoever else is changing members of this organization."""
    Organization.objects.select_for_update(no_key=True).get(pk=given.organization_id)
