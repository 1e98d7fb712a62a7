"""System checks: misconfiguration told as a named warning before it hurts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from integrations import registry
from integrations.models import Integration
from tenancy import scope

BYPASSES, OWNS, NO_CONTACT = "frontdesk.W001", "frontdesk.W002", "frontdesk.W003"
HINT = (
    "Give the web a plain role of its own, and name the owner of the tables in "
    "DATABASE_OWNER_URL for migrations: docs/operations.md."
)


@register(Tags.database)
def web_role_is_restricted(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where the role of DATABASE_URL could walk around row-level security."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolbypassrls, EXISTS (SELECT FROM pg_class "
                "WHERE relrowsecurity AND pg_has_role(relowner, 'USAGE')) "
                "FROM pg_roles WHERE rolname = current_user"
            )
            bypasses, owns = cursor.fetchone() or (False, False)
        if bypasses:
            messages.append(
                Warning(
                    "DATABASE_URL connects as a superuser or with BYPASSRLS.",
                    hint=HINT,
                    id=BYPASSES,
                )
            )
        elif owns:
            messages.append(
                Warning(
                    "DATABASE_URL connects as the owner of the tables, who could switch row-level "
                    "security off.",
                    hint=HINT,
                    id=OWNS,
                )
            )
    return messages


@register(Tags.database)
def callers_tell_whose_they_are(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where a practice's PMS wants its callers to name a contact, and none is set."""
    if "@" in settings.PMS_USER_AGENT:
        return []
    manifests = [registry.manifest(pms) for pms in registry.ADAPTERS]
    strict = {each.name: each.title for each in manifests if each.wants_contact}
    return [
        Warning(
            f"CONTACT_EMAIL is not set, and {strict[pms]} may refuse callers who name no contact.",
            hint="Set CONTACT_EMAIL to an address that somebody reads; it is sent with each call.",
            id=NO_CONTACT,
        )
        for alias in databases or []
        for pms in _connected(alias, strict)
    ]


def _connected(alias: str, pmss: Collection[str]) -> list[str]:
    """Return which of these PMSs practices are connected to; before the first migration none."""
    with connections[alias].cursor() as cursor:
        tables = connections[alias].introspection.table_names(cursor)
    if Integration._meta.db_table not in tables:
        return []
    with scope.everywhere():
        real = Integration.objects.using(alias).filter(pms__in=pmss, is_sandbox=False)
        return sorted(set(real.values_list("pms", flat=True)))
