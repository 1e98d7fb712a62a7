"""Whether a failed call is made again within the same task, and why: a pure decision.

Only short waits are spent inside a task. Anything longer is the caller's due time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from integrations.http.errors import NoAnswer, NotReached, PmsError

ATTEMPTS: Final = 3
#: Seconds before the second attempt; doubled before the third.
FIRST_WAIT: Final = 0.2
#: Seconds that an attempt may have taken for another one to be made in the same task.
QUICK: Final = 2.0
#: Methods that may be repeated although the first one may have taken effect.
READS: Final = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Again:
    """Make the call once more after so many seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class Stop:
    """Make it no more; the reason is for tests and logs."""

    reason: str


def decide(
    attempt: int, error: PmsError, method: str, jitter: float, took: float = 0.0
) -> Again | Stop:
    """Decide after attempt number `attempt` (from 1), which took so many seconds; `jitter` is
    random in [0, 1).

    A read is repeated when it failed on the way; a write only when it surely did not happen.
    """
    if not isinstance(error, NoAnswer | NotReached):
        return Stop(f"{error.code}: trying at once would not help")
    if error.may_have_happened and method not in READS:
        return Stop("it may have happened: to be looked up, not repeated")
    if took > QUICK:
        return Stop("the next one may take as long, and a task has its time limit")
    if attempt >= ATTEMPTS:
        return Stop(f"{ATTEMPTS} attempts are enough for one task")
    return Again(FIRST_WAIT * 2 ** (attempt - 1) * (0.5 + jitter))
