"""What a call can come to, and what follows from it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import models


class Outcome(models.TextChoices):
    """What a call came to."""

    REACHED_BOOKED = "reached_booked", "Reached: booked"
    REACHED_WILL_THINK = "reached_will_think", "Reached: will think"
    NO_ANSWER = "no_answer", "No answer"
    LEFT_MESSAGE = "left_message", "Left a message"
    WRONG_NUMBER = "wrong_number", "Wrong number"
    DO_NOT_CALL = "do_not_call", "Do not call"


#: A person spoke with the patient: contact, as a visit is.
REACHED: Final = (Outcome.REACHED_BOOKED, Outcome.REACHED_WILL_THINK)
#: After these a person may say on which date to call again.
CALLS_AGAIN: Final = (Outcome.REACHED_WILL_THINK, Outcome.NO_ANSWER, Outcome.LEFT_MESSAGE)
#: The longest that somebody may be put off, in days.
LONGEST: Final = 366


def again_on(
    outcome: Outcome, today: date, *, no_answer_days: int, will_think_days: int
) -> date | None:
    """Return the date from which the patient may stand on the list again; None where no date says
    it: never, or for as long as the number is the wrong one."""
    if outcome in (Outcome.NO_ANSWER, Outcome.LEFT_MESSAGE):
        return today + timedelta(days=no_answer_days)
    if outcome in REACHED:
        # A booking shows in the PMS soon, and the call is contact: scoring does the rest.
        return today + timedelta(days=will_think_days)
    return None
