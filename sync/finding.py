"""Find a run by the start of its id."""

from __future__ import annotations

import re
from typing import Final

from sync.models import SyncRun

#: Ids that a message shows.
SHOWN: Final = 5
_START_OF_ID: Final = re.compile(r"[0-9a-fA-F-]{4,36}")


class NotFound(LookupError):
    """It begins no run's id, or those of several; the message says what to do."""


def run_called(text: str) -> SyncRun:
    """Return the run whose id begins so. Raises NotFound."""
    found: list[SyncRun] = []
    if _START_OF_ID.fullmatch(text):
        known = SyncRun.objects.select_related("clinic", "integration")
        found = list(known.filter(pk__istartswith=text)[:SHOWN])
    if not found:
        raise NotFound(f"There is no run whose id begins with {text!r}: manage.py sync --list.")
    if len(found) > 1:
        ids = ", ".join(str(each.pk) for each in found)
        raise NotFound(f"{text!r} begins several ids: {ids}. Write more of the one.")
    return found[0]
