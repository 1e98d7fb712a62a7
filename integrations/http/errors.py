"""What can go wrong with a call to a PMS, typed by the questions that callers ask.

`may_have_happened`: could a write have taken effect although it failed for us?
`retry_at`: from when does it make sense to try again (None: at the caller's own schedule)?
`fault`: whose problem it is, and so who can mend it.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import ClassVar, Final

#: Request Timeout, Misdirected Request, Too Early (RFC 9110, 8470): about one attempt alone, so
#: no dialect takes them for a refusal.
PASSING_STATUS = frozenset({408, 421, 425})


class Fault(enum.StrEnum):
    """Whose problem an error is."""

    #: The PMS's gateway or the way to it: it passes by itself.
    PMS = "pms"
    #: The practice's own computer or agent.
    PRACTICE = "practice"
    #: Credential or rights: a person has to act.
    SETUP = "setup"
    #: What we asked for: the same again would fail again.
    REQUEST = "request"
    #: Nobody's: our own rules make the caller wait.
    NOBODY = "nobody"


#: What the same again would meet again, until a person changes something.
LASTING: Final = frozenset({Fault.SETUP, Fault.REQUEST})


class PmsError(Exception):
    """A call that gave no usable answer. The message is ours and holds no patient data."""

    code: ClassVar[str] = "pms_error"
    may_have_happened: ClassVar[bool] = False
    fault: ClassVar[Fault] = Fault.PMS

    def __init__(self, message: str, *, retry_at: datetime | None = None) -> None:
        super().__init__(message)
        self.retry_at = retry_at


class NoAnswer(PmsError):
    """The request left, and no answer or an unreadable or 5xx one came: anything may be true."""

    code = "no_answer"
    may_have_happened = True


class NotReached(PmsError):
    """No connection came about, so nothing was sent."""

    code = "not_reached"


class BudgetExhausted(PmsError):
    """The practice's calls are used up; nothing was sent."""

    code = "waiting_for_budget"
    fault = Fault.NOBODY


class CircuitOpen(PmsError):
    """The PMS failed several times in a row and is left alone for a while; nothing was sent."""

    code = "pms_away"


class NotReady(PmsError):
    """The PMS is loading the practice's data itself: what is read now would lack some of it."""

    code = "not_ready"


class Throttled(PmsError):
    """The PMS answered 429: it did nothing, and wants fewer calls."""

    code = "throttled"
    fault = Fault.NOBODY


class AgentOffline(PmsError):
    """The practice's agent is not connected; the PMS did not take the write."""

    code = "agent_offline"
    fault = Fault.PRACTICE


class KeyExpired(PmsError):
    """The key of this session ended; a new one helps."""

    code = "key_expired"
    fault = Fault.NOBODY


class TooLate(PmsError):
    """The caller's claim on the work has ended; nothing was sent."""

    code = "too_late"
    fault = Fault.NOBODY


class NotAuthorized(PmsError):
    """The PMS rejects our credential or our right to this call; a person has to act."""

    code = "not_authorized"
    fault = Fault.SETUP


class TokenBusy(PmsError):
    """Another process is getting a new key right now."""

    code = "renewing_key"
    fault = Fault.NOBODY


class Halted(PmsError):
    """Background work stands still while the PMS rejects our credential; nothing was sent.

    Not NotAuthorized: that is the PMS's own word, and would be stored as its newest.
    """

    code = "not_authorized"
    fault = Fault.SETUP


class Refused(PmsError):
    """The PMS understood and said no for good (another 4xx); the same again would fail again."""

    code = "refused"
    fault = Fault.REQUEST


class ChangesNotTold(Refused):
    """The PMS does not tell us what changed in a list, which can be read whole all the same."""

    code = "changes_not_told"
