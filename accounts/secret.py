"""Random secrets that are shown once, and what is kept of them."""

from __future__ import annotations

import hashlib
import secrets

#: Random bytes of a secret; in the 43 characters below each stands for six bits.
BYTES = 32
PATTERN = r"[A-Za-z0-9_-]{43}"


def new() -> str:
    """Return 256 random bits as text that fits into a header."""
    return secrets.token_urlsafe(BYTES)


def hashed(text: str) -> str:
    """Return what is stored. A fast hash is enough: random bits cannot be guessed from a list."""
    return hashlib.sha256(text.encode()).hexdigest()
