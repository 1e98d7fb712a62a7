"""Read Sikka's answers: typed errors first, then the list envelope.

Sikka's error codes also stand in success bodies, so the HTTP status decides, and the code only
says which refusal it was.
"""

from __future__ import annotations

import re
from typing import Any

from integrations.http.client import Reply
from integrations.http.errors import (
    AgentOffline,
    KeyExpired,
    NoAnswer,
    NotAuthorized,
    Refused,
    Throttled,
)

#: The request key ended (400, not 401) or is not known any more.
EXPIRED_CODES = frozenset({"API1025"})
#: 400s about who we are: application id or key, MID, request key, secret missing or invalid.
CREDENTIAL_CODES = frozenset({"API1001", "API1002", "API1003", "API1004", "API1005"})
AGENT_OFFLINE_CODE = "API2017"


def raise_for_error(reply: Reply) -> None:
    """Raise the typed error of an answer that is not a success; return for any 2xx."""
    if 200 <= reply.status < 300:
        return
    code = error_code(reply)
    what = f"Sikka answered {reply.status}{f' {code}' if code else ''}"
    if reply.status >= 500 or 300 <= reply.status < 400:
        raise NoAnswer(f"{what}.")
    if reply.status == 429:
        raise Throttled(f"{what}: too many calls.")
    if code in EXPIRED_CODES:
        raise KeyExpired(f"{what}: the request key has ended.")
    if reply.status == 412 or code == AGENT_OFFLINE_CODE:
        raise AgentOffline(f"{what}: the practice's computer is not connected to Sikka.")
    if reply.status in {401, 403} or code in CREDENTIAL_CODES:
        raise NotAuthorized(f"{what}: check the integration's credential and rights.")
    raise Refused(f"{what}: {_short_message(reply)}")


def error_code(reply: Reply) -> str:
    """Return the body's error_code, such as API1025; empty where there is none."""
    return str(reply.data.get("error_code", "")) if isinstance(reply.data, dict) else ""


def _short_message(reply: Reply) -> str:
    # The long message may repeat what was sent, and so patient data; the short one is generic.
    text = reply.data.get("short_message") if isinstance(reply.data, dict) else ""
    return str(text or "the request was refused")


def items(reply: Reply) -> list[dict[str, Any]]:
    """Return a list's items. An empty list is 204 without a body; some envelopes come wrapped in
    an array of one, and a single record without an envelope."""
    if reply.status == 204 or reply.data is None:
        return []
    data = reply.data
    if isinstance(data, list):
        if len(data) == 1 and isinstance(data[0], dict) and "items" in data[0]:
            data = data[0]
        else:
            return [item for item in data if isinstance(item, dict)]
    if not isinstance(data, dict):
        raise NoAnswer("Sikka's list is not in its documented form.")
    if "items" not in data:
        return [data]
    found = data["items"]
    if not isinstance(found, list):
        raise NoAnswer("Sikka's list is not in its documented form.")
    return [item for item in found if isinstance(item, dict)]


def has_next_page(reply: Reply) -> bool:
    """Return whether the envelope names a next page ("" where there is none)."""
    data = reply.data[0] if isinstance(reply.data, list) and reply.data else reply.data
    pagination = data.get("pagination") if isinstance(data, dict) else None
    return bool(isinstance(pagination, dict) and pagination.get("next"))


def write_id(reply: Reply) -> str:
    """Return the id of an accepted write, which Sikka tells only inside a sentence ("Id:275495")
    and in the address of its status. Raises NoAnswer when neither is there: the write may stand."""
    data = reply.data if isinstance(reply.data, dict) else {}
    for field, pattern in (
        ("long_message", r"\bId:\s*(\d+)"),
        ("more_information", r"[?&]id=(\d+)"),
    ):
        if match := re.search(pattern, str(data.get(field, ""))):
            return match.group(1)
    raise NoAnswer("Sikka accepted the write but did not tell its id.")
