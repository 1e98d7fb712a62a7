"""System checks: misconfiguration told as a named warning before it hurts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

BYPASSES, OWNS = "frontdesk.W001", "frontdesk.W002"
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
