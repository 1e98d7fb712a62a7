"""Read what $title answers: typed errors first, then a page of a list.

What stands here is true of most PMSs. Before it goes how this one says no, with its source.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from integrations.contract import RateSignal, Scope
from integrations.http import rate_headers
from integrations.http.client import Reply
from integrations.http.errors import PASSING_STATUS, NoAnswer, NotAuthorized, Refused, Throttled


def raise_for_error(reply: Reply, now: datetime) -> None:
    """Raise the typed error of an answer that is not a success; return for any 2xx."""
    status = reply.status
    what = f"$title answered {status}"
    if 200 <= status < 300:
        return
    if status == 429:
        signal = rate_signal(reply, now)
        retry_at = signal.resets_at if signal else None
        raise Throttled(f"{what}: too many calls.", retry_at=retry_at)
    if status in {401, 403}:
        raise NotAuthorized(f"{what}: check the integration's credential and rights.")
    is_refusal = 400 <= status < 500 and status not in PASSING_STATUS
    if not is_refusal or not isinstance(reply.data, dict):
        # Not in its own words: something in front of it spoke, and decides nothing.
        raise NoAnswer(f"{what}.")
    raise Refused(f"{what}.")


def rate_signal(reply: Reply, now: datetime) -> RateSignal | None:
    """Return what the answer says of its own limits: here, how long a 429 wants us to wait."""
    resets_at = rate_headers.retry_after(reply.headers, now) if reply.status == 429 else None
    return RateSignal(Scope.INTEGRATION, 0, resets_at) if resets_at else None


def rows(reply: Reply) -> list[Any]:
    """Return a page's items. Raises NoAnswer where there is no list: never an empty page."""
    found = reply.data.get("items") if isinstance(reply.data, dict) else None
    if not isinstance(found, list):
        raise NoAnswer("The list of $title is not in its documented form.")
    return found
