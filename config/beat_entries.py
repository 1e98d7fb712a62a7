"""Entries of beat's schedule: the defaults come from settings, and what a person edits stays.

A default that was brought in carries a mark of what it was. As long as the entry still is that, a
new release may bring a new default; once somebody has edited it in the admin, none does.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import ModelEntry

#: Where the mark stands: among the headers of the task's messages, which nobody else reads.
MARK: Final = "default"
#: What a person can edit of an entry beside its schedule and headers. Named one by one: a column
#: that beat itself writes, or that a newer django-celery-beat brings, is nobody's edit.
EDITABLE: Final = (
    "task",
    "args",
    "kwargs",
    "queue",
    "exchange",
    "routing_key",
    "priority",
    "expires",
    "expire_seconds",
    "one_off",
    "start_time",
    "enabled",
    "description",
)


class Entry(ModelEntry):
    """One entry of the database's schedule."""

    @classmethod
    def from_entry(cls, name: str, app: Any = None, **entry: Any) -> Entry:
        """Return the entry of this name, made as the default says unless somebody edited it."""
        there = PeriodicTask.objects.filter(name=name).first()
        if there and is_edited(there):
            return cls(there, app=app)
        made: Entry = super().from_entry(name, app=app, **entry)
        row = PeriodicTask.objects.get(name=name)
        PeriodicTask.objects.filter(pk=row.pk).update(headers=json.dumps({MARK: _digest(row)}))
        return made


def is_edited(row: PeriodicTask) -> bool:
    """Return whether a person changed what was brought in; one without a mark is from before."""
    mark = json.loads(row.headers or "{}").get(MARK)
    return mark is not None and mark != _digest(row)


def _digest(row: PeriodicTask) -> str:
    """Return what an entry says: when, what, how, and whether at all."""
    headers = json.loads(row.headers or "{}")
    headers.pop(MARK, None)
    said = [
        str(row.schedule),
        *(str(getattr(row, name)) for name in EDITABLE),
        json.dumps(headers, sort_keys=True),
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]
