"""Ask PMSs about chosen writebacks here and now, instead of by a worker when they are due."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from writebacks import handing_on, polling, reconcile
from writebacks.due import CLAIM
from writebacks.models import Writeback
from writebacks.states import Status

#: What a PMS can be asked about.
ASKABLE = (Status.PENDING, Status.UNCONFIRMED)


def ask_now(integration_id: UUID, ids: Iterable[UUID], clock: Callable[[], datetime]) -> int:
    """Ask an integration's PMS about these of its writebacks, and about what else is due there.

    Call in its tenant's scope and outside of a transaction. Returns how many of them could be asked
    about; what became of each stands in its row. What a worker does at the same moment does no
    harm: each step is taken once.
    """
    now = clock()
    chosen = Writeback.objects.filter(
        integration_id=integration_id, pk__in=list(ids), status__in=ASKABLE
    )
    # As somebody waits for it, the practice's pace does not put it off.
    count = chosen.update(due_at=now, awaited_until=now + handing_on.ATTENTION)
    for ask in (polling.check, reconcile.reconcile):
        # One batch more than these need: others of the integration may be due, too.
        for _ in range(count // CLAIM + 2):
            if not count or ask(integration_id, clock) < CLAIM:
                break
    return count
