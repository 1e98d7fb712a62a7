"""System checks: misconfiguration told as a named warning before it hurts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections


@register(Tags.database)
def web_role_is_restricted(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn where the role of DATABASE_URL could walk around row-level security."""
    messages: list[CheckMessage] = []
    for alias in databases or []:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
            )
            row = cursor.fetchone()
        if row and row[0]:
            messages.append(
                Warning(
                    "DATABASE_URL connects as a superuser or with BYPASSRLS.",
                    hint="Give the web a plain role of its own, and name the owner of the tables "
                    "in DATABASE_OWNER_URL for migrations.",
                    id="frontdesk.W001",
                )
            )
    return messages
