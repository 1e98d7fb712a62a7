"""Sign what is sent and check what comes, by the Standard Webhooks specification
(standardwebhooks.com)."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

PREFIX: Final = "whsec_"
#: Random bytes of a secret; the specification wants 24 to 64.
BYTES: Final = 32


def new_secret() -> str:
    """Return a new secret as receivers' libraries take it: whsec_ and base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()


def headers(event_id: UUID, body: str, keys: Iterable[str], now: datetime) -> dict[str, str]:
    """Return the headers that prove who sent this body, when, and as which event.

    Each secret signs: during a rotation the receiver may know either.
    """
    name = str(event_id)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(name, now, body) for key in keys),
    }


def is_signed(body: bytes, headers: Mapping[str, str], key: str) -> bool:
    """Return whether the secret signed this body within five minutes of now, by our clock.

    False without a secret, and for headers or a secret that are none.
    """
    if not key:
        return False
    try:
        Webhook(key).verify(body, dict(headers), json_parse=False)
    except (WebhookVerificationError, EmptyWebhookSecretError, ValueError):
        # ValueError: a body or a signature whose characters or form are not those of one.
        return False
    return True
