"""Find writebacks by how they stand, as an operator asks for them, and by any id of theirs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet

from clinics.finding import id_bounds
from writebacks.models import Writeback
from writebacks.states import TERMINAL, Status

#: Neither done nor failed, and nothing is in doubt: somebody waits for these.
OPEN: Final = (Status.QUEUED, Status.SUBMITTING, Status.PENDING)
#: Why an open one waits, where only a person can move it on: by the code in `waiting_for`.
REJECTED, PARKED = "not_authorized", "person"
#: Why it waits where that takes no person, likewise.
FOR_BUDGET, FOR_AGENT, FOR_EARLIER = "waiting_for_budget", "agent_offline", "earlier_write"
#: How far back completed and failed ones are counted.
RECENT: Final = timedelta(hours=24)
#: One that is overdue for longer than this is worth an operator's look.
LATE: Final = timedelta(minutes=1)
#: Confirmed, while the PMS's id of what was created is still to be read.
TO_BE_IDENTIFIED: Final = Q(status=Status.COMPLETED, due_at__isnull=False)

_NOT_ENDED = ~Q(status__in=TERMINAL)
_NEEDS_PERSON = _NOT_ENDED & Q(waiting_for__in=[REJECTED, PARKED])


@dataclass(frozen=True, slots=True)
class Standing:
    """An answer to what an operator asks; `holds` is true of the rows that stand so now."""

    label: str
    holds: Callable[[datetime], Q]


#: By the word that addresses and the command line use.
STANDINGS: Final[dict[str, Standing]] = {
    "open": Standing("Not ended yet", lambda now: _NOT_ENDED),
    "moving": Standing("On its way", lambda now: Q(status__in=OPEN)),
    "stuck": Standing("Stuck", lambda now: stuck(now)),
    "person": Standing("Needs a person", lambda now: _NEEDS_PERSON),
    "unconfirmed": Standing("Unconfirmed", lambda now: Q(status=Status.UNCONFIRMED)),
    "budget": Standing("Waiting for budget", lambda now: Q(waiting_for=FOR_BUDGET)),
    "agent": Standing("Practice's agent offline", lambda now: Q(waiting_for=FOR_AGENT)),
    "earlier": Standing("Waiting for an earlier one", lambda now: Q(waiting_for=FOR_EARLIER)),
    "withdrawing": Standing(
        "Being withdrawn", lambda now: Q(status=Status.PENDING, withdraw_asked_at__isnull=False)
    ),
    "identifying": Standing("Confirmed, its id to be read", lambda now: TO_BE_IDENTIFIED),
    "late": Standing("Overdue for more than a minute", lambda now: Q(due_at__lt=now - LATE)),
    "completed": Standing(
        "Completed within 24 hours",
        lambda now: Q(status=Status.COMPLETED, completed_at__gte=now - RECENT),
    ),
    "failed": Standing(
        "Failed within 24 hours",
        lambda now: Q(status=Status.FAILED, completed_at__gte=now - RECENT),
    ),
}


def stuck(now: datetime) -> Q:
    """Return what is true of those that do not move on by themselves, or should have long ago.

    One that waits for an earlier one has no due time of its own, and moves on with that.
    """
    goes_nowhere = Q(due_at=None) & ~Q(waiting_for=FOR_EARLIER)
    return _NEEDS_PERSON | (_NOT_ENDED & (goes_nowhere | Q(due_at__lt=now - LATE)))


def by_any_id(writebacks: QuerySet[Writeback], text: str) -> QuerySet[Writeback]:
    """Return those whose id begins so, or of which the PMS knows something by exactly this id."""
    text = text.strip()
    known = Q(external_id=text) | Q(created_external_id=text)
    if bounds := id_bounds(text):
        known |= Q(pk__range=bounds)
    return writebacks.filter(known) if text else writebacks
