"""Who may ask: the key as the user of HTTP Basic, and the headers that name the program.

A key does not run out; somebody revokes it and makes another. With its shard's suffix or without it
is the same key, and one of another shard is as unknown as a wrong one, says the documentation.
"""

import re

from integrations.sandbox.pms import Stage

from .accounts import ACCOUNTS
from .answers import denied, not_acceptable, unidentified
from .call import Call

# A name, then a mail address in brackets: the documented form, whatever stands after it.
_CONTACT = re.compile(r"\S.*\([^()\s@]+@[^()\s@]+\.[^()\s@]+\)")


def known(stage: Stage, call: Call) -> str:
    """Return the account that a call's key belongs to, or nothing."""
    given = call.request.authorization
    if given is None or given.type != "basic" or not given.username:
        return ""
    for office_id in ACCOUNTS:
        key = api_key(stage, office_id)
        if given.username in (key, key.rpartition("-")[0]):
            return office_id
    return ""


def admit(call: Call) -> None:
    """Refuse a call without a living key, or one that does not say who asks and for what."""
    if not call.office_id:
        raise denied()
    if not _CONTACT.match(call.request.headers.get("User-Agent", "")):
        raise unidentified()
    # Unverified: the vendor asks for the header and does not say what happens without it.
    if "application/json" not in call.request.headers.get("Accept", ""):
        raise not_acceptable()


def api_key(stage: Stage, office_id: str) -> str:
    """Return the account's present key."""
    return ACCOUNTS[office_id].api_key(stage.seed, _generation(stage, office_id))


def revoke(stage: Stage, office_id: str | None) -> int:
    """Revoke the key of an account, and return 1. Unless one is named, nothing: none runs out."""
    if office_id is None or office_id not in ACCOUNTS:
        return 0
    generations = stage.books.recall("cliniko_keys") or {}
    after = generations | {office_id: _generation(stage, office_id) + 1}
    stage.books.remember("cliniko_keys", after)
    return 1


def _generation(stage: Stage, office_id: str) -> int:
    return int((stage.books.recall("cliniko_keys") or {}).get(office_id, 1))
