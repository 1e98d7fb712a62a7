"""Read Nookal's answers: HTTP says 200 to a refusal as well, and the body's `status` decides.

Nookal publishes no list of its error codes, so a failure is told by its words where it has some.
They may repeat what was sent, and are read but never told on; of a body only a code that looks
like one of Nookal's is.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from integrations.contract import RateSignal, Scope
from integrations.http import rate_headers
from integrations.http.client import Reply
from integrations.http.errors import PASSING_STATUS, NoAnswer, NotAuthorized, Refused, Throttled

#: How Nookal's codes look, as far as any were seen: L003, L000_1.
CODE = re.compile(r"[A-Z]\d{3}(_\d{1,3})?")
#: Seen in answers to calls without a key. They decide only where no words come along: a code
#: seems to belong to a function rather than to a cause (unverified).
KEY_CODES = frozenset({"L000_1", "L003"})
#: Seen: "Missing variable: api_key". The other words are guesses (unverified).
KEY_WORDS = re.compile(
    r"\bapi[ _-]?key\b|\bunauthori[sz]ed\b|\bnot authori[sz]ed\b|\bpermission\b|\baccess denied\b",
    re.IGNORECASE,
)
#: No such answer was seen yet (unverified).
TOO_MANY_WORDS = re.compile(
    r"\btoo many (api )?(requests|calls)\b|\brate[ -]?limit|\bthrottl", re.IGNORECASE
)
#: No window is documented: the wait after "too many" that does not say how long.
WINDOW = timedelta(seconds=60)


def raise_for_error(reply: Reply, now: datetime) -> None:
    """Raise the typed error of an answer; return for a 2xx whose body says "success".

    A body that says neither success nor failure is no answer: it proves nothing.
    """
    status, said = reply.status, _said(reply)
    what = f"Nookal answered {status}"
    if 200 <= status < 300 and said == "success":
        return
    if 200 <= status < 300 and said != "failure":
        raise NoAnswer(f"{what} and said neither success nor failure.")
    if status < 200 or 300 <= status < 400 or status >= 500 or status in PASSING_STATUS:
        raise NoAnswer(f"{what}.")
    if said != "failure" and status not in {401, 403, 404, 429}:
        # Nookal itself says no with 200: something in front of it spoke, and decides nothing.
        raise NoAnswer(f"{what}.")
    if code := _code(reply):
        what = f"{what} {code}"
    if _wants_fewer_calls(reply):
        raise Throttled(f"{what}: too many calls.", retry_at=_resets_at(reply, now))
    if status in {401, 403} or _rejects_key(reply):
        raise NotAuthorized(f"{what}: check the integration's API key and its access level.")
    if status == 404:
        raise Refused(f"{what}: it does not know this function.")
    raise Refused(f"{what}: it does not accept the request.")


def rate_signal(reply: Reply, now: datetime) -> RateSignal | None:
    """Return that no call is left, where Nookal says so; it tells nothing before that."""
    if _wants_fewer_calls(reply):
        return RateSignal(Scope.INTEGRATION, 0, _resets_at(reply, now))
    return None


def _wants_fewer_calls(reply: Reply) -> bool:
    if reply.status == 429:
        return True
    failed = reply.status < 500 and _said(reply) == "failure"
    return failed and TOO_MANY_WORDS.search(_words(reply)) is not None


def _rejects_key(reply: Reply) -> bool:
    words = _words(reply)
    return bool(KEY_WORDS.search(words)) if words else _code(reply) in KEY_CODES


def _resets_at(reply: Reply, now: datetime) -> datetime:
    return rate_headers.retry_after(reply.headers, now) or now + WINDOW


def _said(reply: Reply) -> str:
    """Return the body's own verdict: success, failure, or whatever else stands there."""
    return str(reply.data.get("status", "")).lower() if isinstance(reply.data, dict) else ""


def _details(reply: Reply) -> dict[str, Any]:
    details = reply.data.get("details") if isinstance(reply.data, dict) else None
    return details if isinstance(details, dict) else {}


def _code(reply: Reply) -> str:
    """Return the error code; empty where there is none that looks like one of Nookal's."""
    code = str(_details(reply).get("errorCode", ""))
    return code if CODE.fullmatch(code) else ""


def _words(reply: Reply) -> str:
    """Return what Nookal wrote for people, in one line: for matching, never for telling."""
    details = _details(reply)
    alerts = details.get("alerts")
    if isinstance(alerts, dict):  # as Nookal's other lists sometimes come (unverified)
        alerts = list(alerts.values())
    found = [
        details.get("errorMessage"),
        details.get("errorDescription"),
        *(alerts if isinstance(alerts, list) else [alerts]),
    ]
    return " ".join(text for text in found if isinstance(text, str)).strip()
