"""Delete what is old in small bites, so that no statement holds up the others for long."""

from __future__ import annotations

from django.db.models import Model, QuerySet

#: Rows that one statement deletes at most, and its statements in one run.
AT_ONCE = 5_000
TIMES = 20


def prune(old: QuerySet[Model]) -> int:
    """Delete these rows and what hangs on them; returns how many rows. The next run goes on."""
    deleted = 0
    for _ in range(TIMES):
        keys = list(old.values_list("pk", flat=True)[:AT_ONCE])
        # With its condition again: a row may have been renewed meanwhile.
        _, counts = old.order_by().filter(pk__in=keys).delete()
        deleted += counts.get(old.model._meta.label, 0)
        if len(keys) < AT_ONCE:
            break
    return deleted
