"""Write an entry for what is no change of a table: reads and logins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from audit.models import Action
from tenancy.scope import NOTHING, current

_INSERT = """
    INSERT INTO public.audit_entries (action, record_type, organization_id, record_ids,
        patient_ids, fields, user_id, key_id, membership_id, role, address, details)
    VALUES (%s, %s, %s, %s, %s, '{}', %s, %s, %s, %s, %s, %s)
"""


def write(
    action: Action,
    record_type: str,
    *,
    record_ids: Iterable[object] = (),
    patient_ids: Iterable[UUID] = (),
    organization_id: UUID | None = None,
    user_id: int | None = None,
    details: dict[str, Any] | None = None,
) -> None:
    """Write one entry, done by the actor of the scope.

    `user_id` names the person where the scope does not know them yet: at a login. `details` hold
    counts and the like, and no patient's data. Raises DatabaseError where it cannot be written.
    """
    actor = (current() or NOTHING).actor
    # Not by the model: it would ask for the new row's id, which not every writer may read.
    columns: list[Any] = [
        action,
        record_type,
        organization_id,
        [str(record_id) for record_id in record_ids],
        list(patient_ids),
        actor.user_id if user_id is None else user_id,
        actor.key_id or "",
        actor.membership_id,
        actor.role,
        actor.address,
        Jsonb(details or {}),
    ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT, columns)
