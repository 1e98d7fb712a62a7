"""What can go wrong with a call to a PMS, typed by the two questions that callers ask.

`may_have_happened`: could a write have taken effect although it failed for us?
`retry_at`: from when does it make sense to try again (None: at the caller's own schedule)?
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class PmsError(Exception):
    """A call that gave no usable answer. The message is ours and holds no patient data."""

    code: ClassVar[str] = "pms_error"
    may_have_happened: ClassVar[bool] = False

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


class Throttled(PmsError):
    """The PMS answered 429: it did nothing, and wants fewer calls."""

    code = "throttled"


class AgentOffline(PmsError):
    """The practice's agent is not connected; the PMS did not take the write."""

    code = "agent_offline"


class KeyExpired(PmsError):
    """The key of this session ended; a new one helps."""

    code = "key_expired"


class NotAuthorized(PmsError):
    """The PMS rejects our credential or our right to this call; a person has to act."""

    code = "not_authorized"


class TokenBusy(PmsError):
    """Another process is getting a new key right now."""

    code = "renewing_key"


class Refused(PmsError):
    """The PMS understood and said no for good (another 4xx); the same again would fail again."""

    code = "refused"
