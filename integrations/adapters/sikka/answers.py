"""Read Sikka's answers: typed errors first, then the list envelope.

Sikka's error codes also stand in success bodies, so the HTTP status decides, and the code only
says which refusal it was.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from integrations.adapters.sikka.manifest import PAGE_SIZE
from integrations.contract import RateSignal, Scope
from integrations.http import rate_headers
from integrations.http.client import Reply
from integrations.http.errors import (
    PASSING_STATUS,
    AgentOffline,
    KeyExpired,
    NoAnswer,
    NotAuthorized,
    NotReady,
    Refused,
    Throttled,
)

#: The request key ended (400, not 401) or is not known any more: it was deleted, say.
EXPIRED_CODES = frozenset({"API1025", "API1004"})
#: 400s about who we are: application id or key, MID, secret missing or invalid.
CREDENTIAL_CODES = frozenset({"API1001", "API1002", "API1003", "API1005"})
AGENT_OFFLINE_CODE = "API2017"
#: The application's plan does not include this one call; the credential itself is good.
NOT_IN_PLAN_CODE = "API2004"
#: A 500 for up to four hours after an installation (documented).
NOT_UPLOADED_CODE = "API2010"
#: Quotas of a practice and day (data volume, requests), besides the minute's limit.
DAILY_CODES = frozenset({"API2011", "API2012"})
#: Length of Sikka's own window (documented); used where a 429 does not say when it ends.
WINDOW_SECONDS = 60
#: How long to leave Sikka to it while it loads an office's data: Frontdesk's own choice, since an
#: office's program brings new data every 15 minutes at the most (documented).
LOADING = timedelta(minutes=5)


class NotUploaded(NoAnswer):
    """Sikka has no data of this office yet: for hours after its program was installed."""


class NotInPlan(NotAuthorized):
    """The application may not make this call, whoever's credential it is made with."""


def raise_for_error(reply: Reply, now: datetime) -> None:
    """Raise the typed error of an answer that is not a success; return for any 2xx."""
    if 200 <= reply.status < 300:
        return
    code = error_code(reply)
    what = f"Sikka answered {reply.status}{f' {code}' if code else ''}"
    if code == NOT_UPLOADED_CODE:
        raise NotUploaded(f"{what}: the practice's data is not there yet.")
    if reply.status >= 500 or 300 <= reply.status < 400:
        raise NoAnswer(f"{what}.")
    if reply.status == 429:
        signal = rate_signal(reply, now)
        retry_at = signal.resets_at if signal else None
        raise Throttled(f"{what}: too many calls.", retry_at=retry_at)
    if reply.status == 400 and code in EXPIRED_CODES:
        raise KeyExpired(f"{what}: the request key has ended.")
    if reply.status == 412 or code == AGENT_OFFLINE_CODE:
        raise AgentOffline(f"{what}: the practice's computer is not connected to Sikka.")
    if code == NOT_IN_PLAN_CODE:
        raise NotInPlan(f"{what}: the application's plan does not include this call.")
    if reply.status in {401, 403} or code in CREDENTIAL_CODES:
        raise NotAuthorized(f"{what}: check the integration's credential and rights.")
    if not code or reply.status in PASSING_STATUS:
        # Not in Sikka's own words: something in front of it spoke, and decides nothing.
        raise NoAnswer(f"{what}.")
    raise Refused(f"{what}: {_short_message(reply)}")


def rate_signal(reply: Reply, now: datetime) -> RateSignal | None:
    """Return what the answer says of Sikka's own limits.

    Each answer's headers tell what is left of the application's minute and the seconds until it
    resets. A used-up daily quota of a practice comes as 429, too, and waiting a minute does not
    help; its day is taken to end at midnight UTC, which is unverified.
    """
    if reply.status == 429 and error_code(reply) in DAILY_CODES:
        midnight = (now.astimezone(UTC) + timedelta(days=1)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return RateSignal(Scope.INTEGRATION, 0, midnight)
    left = rate_headers.whole_number(reply.headers.get("X-Rate-Limit-Remaining"))
    reset = rate_headers.whole_number(reply.headers.get("X-Rate-Limit-Reset"))
    if reply.status == 429:
        # Retry-After is not documented, and believed where it is sent instead.
        resets_at = rate_headers.retry_after(reply.headers, now)
        if reset is not None or resets_at is None:
            seconds = WINDOW_SECONDS if reset is None else max(1, reset)
            resets_at = now + timedelta(seconds=seconds)
        return RateSignal(Scope.APPLICATION, 0, resets_at)
    if left is None or reset is None:
        return None
    return RateSignal(Scope.APPLICATION, left, now + timedelta(seconds=reset))


def error_code(reply: Reply) -> str:
    """Return the body's error_code, such as API1025; empty where there is none."""
    code = str(reply.data.get("error_code", "")) if isinstance(reply.data, dict) else ""
    return code if re.fullmatch(r"API\d{3,5}", code) else ""


def _short_message(reply: Reply) -> str:
    # The long message may repeat what was sent, and so patient data; the short one is generic.
    text = reply.data.get("short_message") if isinstance(reply.data, dict) else ""
    return str(text or "the request was refused")


def raise_if_loading(reply: Reply, now: datetime) -> None:
    """Raise NotReady for a list that Sikka is just loading: it would lack some of its records.

    Only for what was read: a write with this header was accepted all the same.
    """
    if str(reply.headers.get("Data-Insert") or "").strip().lower() == "in progress":
        raise NotReady("Sikka is loading the practice's data.", retry_at=now + LOADING)


def rows(reply: Reply) -> list[Any]:
    """Return a page's items, whatever they are. Raises NoAnswer where there is no list."""
    if reply.status == 204:
        return []
    data = _unwrapped(reply)
    found = data.get("items") if isinstance(data, dict) else None
    if not isinstance(found, list):
        raise NoAnswer("Sikka's list is not in its documented form.")
    return found


def items(reply: Reply) -> list[dict[str, Any]]:
    """Return a list's items. Only 204 is an empty list: what proves absence is never guessed."""
    found = rows(reply)
    if not all(isinstance(item, dict) for item in found):
        raise NoAnswer("Sikka's list is not in its documented form.")
    return found


def records(reply: Reply) -> list[dict[str, Any]]:
    """Return the records of an answer that may also be a single one without a list's envelope."""
    data = _unwrapped(reply)
    return [data] if isinstance(data, dict) and "items" not in data else items(reply)


def has_next_page(reply: Reply, page: int) -> bool:
    """Return whether the envelope names a next page ("" where there is none).

    Where it does not say, the count of all records decides: an end is never guessed.
    """
    data = _unwrapped(reply)
    pagination = data.get("pagination") if isinstance(data, dict) else None
    if isinstance(pagination, dict) and "next" in pagination:
        return bool(pagination["next"])
    return (total(reply) or 0) > (page + 1) * PAGE_SIZE


def total(reply: Reply) -> int | None:
    """Return how many records the whole list has, where the envelope tells it."""
    data = _unwrapped(reply)
    found = str(data.get("total_count") or "") if isinstance(data, dict) else ""
    return int(found) if re.fullmatch(r"[0-9]{1,12}", found) else None


def _unwrapped(reply: Reply) -> Any:
    """Return what was answered without the array of one that some envelopes come in."""
    data = reply.data
    return data[0] if isinstance(data, list) and len(data) == 1 else data


def write_id(reply: Reply) -> str:
    """Return the id of an accepted write, which Sikka tells only inside a sentence ("Id:275495")
    and in the address of its status. Raises NoAnswer when neither is there: the write may stand."""
    data = _unwrapped(reply)
    data = data if isinstance(data, dict) else {}
    for field, pattern in (
        ("long_message", r"\bId:\s*(\d+)"),
        ("more_information", r"[?&]id=(\d+)"),
    ):
        if match := re.search(pattern, str(data.get(field, ""))):
            return match.group(1)
    raise NoAnswer("Sikka accepted the write but did not tell its id.")
