"""Read Cliniko's answers: the HTTP status decides, and the body at most says whose answer it is.

Bodies of refusals are JSON, empty or a page of HTML, and may repeat what was sent. Of all of them
only the names of the fields that a 422 complains of are told on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from integrations.contract import RateSignal, Scope
from integrations.http import rate_headers
from integrations.http.client import Reply
from integrations.http.errors import PASSING_STATUS, NoAnswer, NotAuthorized, Refused, Throttled

#: Length of the documented window; used where a 429 does not say when it ends.
WINDOW = timedelta(seconds=60)
#: What a field's name looks like. A key of another shape might be a value, and is not told.
FIELD_NAME = re.compile(r"[a-z][a-z0-9_.]{0,39}")
#: As many names as a person reads.
MOST_NAMES = 8


class NotFound(Refused):
    """There is no such record, or it is hidden, or not open to online booking."""


class Forbidden(NotAuthorized):
    """The key is good, and its user's role lacks the right to this one thing."""


#: Refusals that may come with any body, or none, and how they are told.
REFUSALS = {
    400: (Refused, "it does not accept the request."),
    # A key of another region is answered the same as a wrong one.
    401: (NotAuthorized, "check the integration's API key and its region."),
    403: (Forbidden, "the API key's user has no right to this."),
    404: (NotFound, "there is no such record, or it is not open to this."),
}


def raise_for_error(reply: Reply, now: datetime) -> None:
    """Raise the typed error of an answer that is not a success; return for one that is.

    A success holds an object, except a 204, which is documented to hold nothing.
    """
    status, in_its_words = reply.status, isinstance(reply.data, dict)
    what = f"Cliniko answered {status}"
    if status == 204 or (200 <= status < 300 and in_its_words):
        return
    if status < 400 or status >= 500 or status in PASSING_STATUS:
        raise NoAnswer(f"{what}.")
    if status == 429:
        raise Throttled(f"{what}: too many calls.", retry_at=_resets_at(reply, now))
    if status in REFUSALS:
        kind, told = REFUSALS[status]
        raise kind(f"{what}: {told}")
    if not in_its_words:
        # Not as Cliniko says no: something in front of it spoke, and decides nothing.
        raise NoAnswer(f"{what}.")
    names = ", ".join(refused_fields(reply)) if status == 422 else ""
    raise Refused(f"{what}: it does not accept {names or 'the request'}.")


def rate_signal(reply: Reply, now: datetime) -> RateSignal | None:
    """Return what the answer says of the key's own limit.

    Only the reset of a 429 is documented. What is left is believed where it is told, too.
    """
    if reply.status == 429:
        return RateSignal(Scope.INTEGRATION, 0, _resets_at(reply, now))
    left = rate_headers.whole_number(reply.headers.get("X-RateLimit-Remaining"))
    resets_at = rate_headers.unix_time(reply.headers.get("X-RateLimit-Reset"), now)
    if left is None or resets_at is None:
        return None
    return RateSignal(Scope.INTEGRATION, left, resets_at)


def refused_fields(reply: Reply) -> list[str]:
    """Return the names of the fields that a 422 complains of, never what it says of them."""
    errors = reply.data.get("errors") if isinstance(reply.data, dict) else None
    if not isinstance(errors, dict):
        return []
    return sorted(name for name in errors if FIELD_NAME.fullmatch(name))[:MOST_NAMES]


def rows(reply: Reply, name: str) -> tuple[list[Any], bool]:
    """Return a list's records, and whether there is a next page.

    The address of that page is not read: pages are asked for by what they begin with. Raises
    NoAnswer for another form than the documented one: what proves absence is never guessed.
    """
    data = reply.data if isinstance(reply.data, dict) else {}
    found, links = data.get(name), data.get("links")
    if not isinstance(found, list) or not isinstance(links, dict):
        raise NoAnswer("Cliniko's list is not in its documented form.")
    return found, bool(links.get("next"))


def total(reply: Reply) -> int | None:
    """Return how many records a list says that it has."""
    told = reply.data.get("total_entries") if isinstance(reply.data, dict) else None
    return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None


def record(reply: Reply) -> Mapping[str, Any]:
    """Return the single record that an answer holds. Raises NoAnswer where it holds none."""
    data = reply.data
    if not isinstance(data, dict) or not data.get("id"):
        raise NoAnswer("Cliniko's answer holds no record.")
    return data


def _resets_at(reply: Reply, now: datetime) -> datetime:
    """Return when a 429 ends: the later of its two headers, else after a whole window."""
    told = (
        rate_headers.unix_time(reply.headers.get("X-RateLimit-Reset"), now),
        rate_headers.retry_after(reply.headers, now),
    )
    return max((moment for moment in told if moment), default=now + WINDOW)
