"""Write how far a run has come: only who holds its claim can, and learns at once of having lost it.

By hand, since each page does: Django's way to a statement took a twentieth of a page's time.
"""

from __future__ import annotations

from typing import Any, Final

from django.db import connection
from psycopg.types.json import Jsonb

from sync.claiming import Lost
from sync.models import Checkpoint, SyncRun

_HOLD: Final = "SELECT FROM pms_sync_checkpoints WHERE run_id = %s AND claim = %s FOR NO KEY UPDATE"
_WRITE: Final = "UPDATE pms_sync_checkpoints SET {} WHERE run_id = %s AND claim = %s"


def hold(run: SyncRun) -> None:
    """Lock the run's checkpoint until the transaction ends. Raises Lost."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [run.pk, run.claims])
        if cursor.rowcount != 1:
            raise Lost


def write(run: SyncRun, checkpoint: Checkpoint, **values: Any) -> None:
    """Change the checkpoint, here and in the database: nobody else does. Raises Lost."""
    changes = ", ".join(f"{name} = %s" for name in values)
    new: list[Any] = [
        Jsonb(value) if isinstance(value, list) else value for value in values.values()
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE.format(changes), [*new, run.pk, run.claims])
        if cursor.rowcount != 1:
            raise Lost
    for name, value in values.items():
        setattr(checkpoint, name, value)
