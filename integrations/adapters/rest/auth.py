"""What a call says to be let in: always a header, never a part of the address."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.adapters.rest.description import Auth


@dataclass(frozen=True, slots=True)
class Credential:
    """The header of every call. Nothing of its value shows in a repr."""

    header: str
    value: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The header, as a call takes it."""
        return {self.header: self.value}


def credential(auth: Auth, given: Mapping[str, Any]) -> Credential:
    """Return what lets us in. Raises ValueError naming what the credential lacks, never a value."""
    token, username = (str(given.get(name) or "") for name in ("token", "username"))
    if auth.style == "basic":
        if not (token or username):
            raise ValueError("The credential lacks username and token.")
        if ":" in username:
            raise ValueError("The credential's username must be without a colon.")
        pair = f"{username}:{token}".encode()
        return Credential(auth.header, f"Basic {base64.b64encode(pair).decode()}")
    if not token:
        raise ValueError("The credential lacks token.")
    # Anything else could not be sent in a header, or would be another one.
    if not (token.isascii() and token.isprintable()) or token != token.strip():
        raise ValueError("The credential's token has characters that no header takes.")
    return Credential(auth.header, auth.prefix + token)
