"""An API key of Cliniko: which region's servers know it, and how it is shown to them."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

#: The name of the key in an integration's credential.
API_KEY: Final = "api_key"
#: Where a key without a region's suffix belongs (documented).
FIRST_SHARD: Final = "au1"
#: The documented form of a region. New ones appear, so there is no list.
SHARD: Final = re.compile(r"[a-z]{2}[0-9]{1,2}")


def api_key(credential: Mapping[str, Any]) -> str:
    """Return the key. Raises ValueError for what cannot be one; the message tells nothing of it."""
    key = str(credential.get(API_KEY) or "").strip()
    if not key:
        raise ValueError(f"The credential lacks {API_KEY}.")
    if not key.isascii() or not key.isprintable() or ":" in key or " " in key:
        raise ValueError("The API key holds characters that no key of Cliniko has.")
    return key


def base_url(credential: Mapping[str, Any]) -> str:
    """Return the address of the servers that know a credential's key."""
    return f"https://api.{shard(str(credential.get(API_KEY) or '').strip())}.cliniko.com/v1"


def shard(key: str) -> str:
    """Return the region that a key names after its last hyphen: its body may hold hyphens, too."""
    named = key.rpartition("-")[2] if "-" in key else ""
    return named if SHARD.fullmatch(named) else FIRST_SHARD


def authorization(key: str) -> str:
    """Return the header: HTTP Basic with the key as the user, and no password."""
    return f"Basic {b64encode(f'{key}:'.encode()).decode()}"
