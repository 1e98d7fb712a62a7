"""Why somebody is told no more: the codes with which a socket closes, and words for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Ending:
    """One reason. The codes are of the range that RFC 6455 leaves to applications."""

    code: int
    name: str
    message: str

    def as_json(self) -> dict[str, Any]:
        """Return the message that goes before the closing."""
        return {"type": "error", "code": self.name, "message": self.message}


class Ended(Exception):
    """This stream of messages is over; `ending` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.message)
        self.ending = ending


BAD_QUESTION: Final = Ending(
    4400, "invalid", "Ask with period=week or period=month, and last_id as the number of a message."
)
NO_LOGIN: Final = Ending(4401, "not_authenticated", "Log in: by a session, a token or an API key.")
LOGIN_EXPIRED: Final = Ending(4401, "login_expired", "This login has expired. Log in again.")
LOGIN_ENDED: Final = Ending(4401, "login_ended", "This login was ended. Log in again.")
#: The same for a clinic that does not exist: nobody learns here which do.
NOT_ALLOWED: Final = Ending(
    4403, "permission_denied", "This login may not see the numbers of this clinic."
)
WRONG_ORIGIN: Final = Ending(
    4403, "wrong_origin", "With a session, only pages of Frontdesk itself may open this."
)
TOO_SLOW: Final = Ending(4408, "too_slow", "What was sent was not taken in time. Connect again.")
TOO_MANY_CONNECTS: Final = Ending(
    4429, "too_many_connects", "Too many connections in the last minute. Wait for one."
)
TOO_MANY_OPEN: Final = Ending(
    4429, "too_many_open", "This login has too many of these open. Close some of them."
)
TOO_MANY_MESSAGES: Final = Ending(4429, "too_many_messages", "Nothing needs to be sent here.")
#: A stream has lasted long enough; nothing is wrong.
OVER: Final = Ending(1000, "over", "Connect again.")
#: RFC 6455's registry: unsupported data, and try again later.
GARBAGE: Final = Ending(1003, "unsupported", "Send JSON objects here, or nothing at all.")
AWAY: Final = Ending(1013, "try_again", "The numbers cannot be read just now. Try again soon.")
FULL: Final = Ending(1013, "full", "Too many are watching here just now. Try again soon.")
