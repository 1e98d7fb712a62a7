"""The scope of the work at hand: whose rows the database may show and change, and who asks.

Each statement carries the scope with it (tenancy/postgresql), and policies of the tables compare
(tenancy/policies.py). So a scope cannot outlive its work on a pooled connection, and a query that
forgets to filter still finds nothing foreign.

Requests and tasks begin with NOTHING and enter a wider scope once they know for whom they work.
Outside of all scopes the role's own rights count: migrations, as the owner of the tables, see all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from uuid import UUID

from django.apps import apps
from django.db.models import Model

#: The table whose rows are the tenants; by its name, since this package knows none above it.
TENANT = "clinics.Organization"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, for the audit: a person, a program's key, or a task of our own."""

    user_id: int | None = None
    key_id: str | None = None
    #: The membership that allowed it, which may be a temporary one.
    membership_id: int | None = None
    #: In words: a role, a key's name, or the name of a task or command.
    role: str = ""
    #: The address that the request came from.
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose rows may be seen and changed."""

    organizations: frozenset[UUID] = frozenset()
    #: The person whose own memberships may be read, before it is known where they belong.
    user_id: int | None = None
    #: Over all tenants, in the tables that tell how things stand and hold no patient: for
    #: dispatchers, and for those who operate Frontdesk.
    everywhere: bool = False
    actor: Actor = field(default_factory=Actor)

    @cached_property
    def settings(self) -> dict[str, str]:
        """The settings of PostgreSQL that policies and the audit read."""
        return {
            "frontdesk.scope": "everywhere" if self.everywhere else "tenant",
            "frontdesk.organizations": ",".join(sorted(map(str, self.organizations))),
            "frontdesk.person": "" if self.user_id is None else str(self.user_id),
            "frontdesk.actor": json.dumps(
                {key: value for key, value in asdict(self.actor).items() if value not in (None, "")}
            ),
        }


NOTHING = Scope()

_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current() -> Scope | None:
    """Return the scope of the work at hand; None outside of all."""
    return _current.get()


def enter(scope: Scope) -> Token[Scope | None]:
    """Work in this scope from here on, until an enclosing `within` ends."""
    return _current.set(scope)


@contextmanager
def within(scope: Scope | None) -> Iterator[None]:
    """Work in this scope, and in the one before it afterwards."""
    token = _current.set(scope)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def organizations(*ids: UUID) -> Iterator[None]:
    """Work for these tenants, as whoever acts already."""
    with within(replace(current() or NOTHING, organizations=frozenset(ids), everywhere=False)):
        yield


@contextmanager
def everywhere() -> Iterator[None]:
    """Look over all tenants, at what tells how things stand; patients stay out of sight."""
    with within(replace(current() or NOTHING, everywhere=True)):
        yield


@contextmanager
def all_tenants() -> Iterator[None]:
    """Work for every tenant that there is now: for upkeep that must miss no row."""
    with everywhere():
        model = apps.get_model(TENANT)
        ids = frozenset(model._default_manager.values_list("pk", flat=True))
        with within(replace(current() or NOTHING, organizations=ids)):
            yield


@contextmanager
def tenant_of(model: type[Model], pk: object) -> Iterator[None]:
    """Work for the tenant of this row; raises DoesNotExist where there is none.

    The table must be one that `everywhere` shows.
    """
    with everywhere():
        owner = model._default_manager.values_list("organization_id", flat=True).get(pk=pk)
    with organizations(owner):
        yield


@contextmanager
def acting(role: str) -> Iterator[None]:
    """Work as a task or command of our own; for no tenant, until a scope is entered."""
    with within(Scope(actor=Actor(role=role))):
        yield
