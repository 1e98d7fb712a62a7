"""Read a service's answers: the HTTP status decides, as in any REST API.

Bodies of refusals may repeat what was sent. Of all of them only the names of the fields that are
complained of are told on, where they stand in one of the common forms.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from integrations.contract import RateSignal, Scope
from integrations.http import rate_headers
from integrations.http.client import Reply
from integrations.http.errors import PASSING_STATUS, NoAnswer, NotAuthorized, Refused, Throttled

#: The wait after a 429 that does not say how long: no service publishes less than a minute.
WINDOW = timedelta(seconds=60)
#: A number of this size is a moment since 1970, not seconds from now.
UNIX_TIME = 10**9
#: What a field's name looks like. A key of another shape might be a value, and is not told.
FIELD_NAME = re.compile(r"[a-z][a-z0-9_.]{0,39}")
#: As many names as a person reads.
MOST_NAMES = 8


class Missing(Refused):
    """There is no such record (404), or it is no more (410)."""


def raise_for_error(reply: Reply, now: datetime) -> None:
    """Raise the typed error of an answer that is not a success; return for any 2xx."""
    status = reply.status
    what = f"The service answered {status}"
    if 200 <= status < 300:
        return
    if status < 400 or status in PASSING_STATUS:
        raise NoAnswer(f"{what}.")
    if status >= 500:
        raise NoAnswer(f"{what}.", retry_at=rate_headers.retry_after(reply.headers, now))
    if status == 429:
        raise Throttled(f"{what}: too many calls.", retry_at=_resets_at(reply, now))
    if status in {401, 403}:
        raise NotAuthorized(f"{what}: check the integration's credential and its rights.")
    if status in {404, 410}:
        raise Missing(f"{what}: there is nothing at this address.")
    if status == 409:
        raise Refused(f"{what}: it is in conflict with what is there.")
    names = ", ".join(refused_fields(reply))
    raise Refused(f"{what}: it does not accept {names or 'the request'}.")


def rate_signal(reply: Reply, now: datetime) -> RateSignal | None:
    """Return what the answer says of the service's own limit.

    Many services tell it in X-RateLimit-Remaining and X-RateLimit-Reset, the latter as seconds or
    as UNIX time. Believed where both can be read; it only ever lowers what is left.
    """
    if reply.status == 429:
        return RateSignal(Scope.INTEGRATION, 0, _resets_at(reply, now))
    left = rate_headers.whole_number(reply.headers.get("X-RateLimit-Remaining"))
    resets_at = _told_reset(reply, now)
    if left is None or resets_at is None:
        return None
    return RateSignal(Scope.INTEGRATION, left, resets_at)


def refused_fields(reply: Reply) -> list[str]:
    """Return the names of the fields that are complained of, never what is said of them."""
    found: Any = reply.data
    if isinstance(found, dict) and isinstance(found.get("error"), dict):
        found = found["error"]
    if isinstance(found, dict):
        found = found.get("errors") or found.get("fields")
    names = found if isinstance(found, dict) else {}
    return sorted(name for name in names if FIELD_NAME.fullmatch(name))[:MOST_NAMES]


def _resets_at(reply: Reply, now: datetime) -> datetime:
    """Return when a 429 ends: the later of what is told, else after a minute."""
    told = (rate_headers.retry_after(reply.headers, now), _told_reset(reply, now))
    return max((moment for moment in told if moment), default=now + WINDOW)


def _told_reset(reply: Reply, now: datetime) -> datetime | None:
    text = reply.headers.get("X-RateLimit-Reset")
    number = rate_headers.whole_number(text, digits=10)
    if number is None:
        return None
    if number >= UNIX_TIME:
        return rate_headers.unix_time(text, now)
    return now + min(timedelta(seconds=max(1, number)), rate_headers.LONGEST_WAIT)
