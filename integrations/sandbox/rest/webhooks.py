"""The service's webhooks, signed as the Standard Webhooks specification says.

The signature is the base64 of an HMAC with SHA-256 over "{id}.{timestamp}.{body}", with "v1," in
front; the secret is base64 behind "whsec_". The body is thin: what changed must be read.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from integrations.sandbox.chance import token
from integrations.sandbox.pms import Stage
from integrations.sandbox.webhooks import Delivery, WrongWebhook, taken

from .accounts import ACCOUNTS

EVENTS = tuple(
    f"{kind}.{what}"
    for kind in ("client", "appointment")
    for what in ("created", "updated", "deleted")
)
PREFIX = "whsec_"


def secret(seed: int, account_id: str) -> str:
    """Return the secret that an account's webhooks are signed with."""
    return PREFIX + base64.b64encode(ACCOUNTS[account_id].webhook_secret_bytes(seed)).decode()


def delivery(stage: Stage, account_id: str, url: str, options: Mapping[str, str]) -> Delivery:
    """Return a delivery of one event, signed with the account's secret unless another is given.

    Each has an id of its own, unless `id` repeats one, as an attempt to deliver it again does.
    """
    taken(options, ("event",), ("secret", "id"))
    if options["event"] not in EVENTS:
        raise WrongWebhook(f"event must be one of {', '.join(EVENTS)}")
    body = json.dumps({"type": options["event"], "account": account_id}).encode()
    message_id = options.get("id") or _next_id(stage)
    timestamp = str(int(stage.clock.now().timestamp()))
    key = _key(options.get("secret") or secret(stage.seed, account_id))
    signature = hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return Delivery(
        url,
        body,
        {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        },
    )


def _key(given: str) -> bytes:
    if given.startswith(PREFIX):
        try:
            return base64.b64decode(given.removeprefix(PREFIX), validate=True)
        except ValueError:
            pass
    raise WrongWebhook(f"secret must be {PREFIX} and base64")


def _next_id(stage: Stage) -> str:
    number = (stage.books.recall("rest_webhooks") or 0) + 1
    stage.books.remember("rest_webhooks", number)
    return "msg_" + token(stage.seed, "rest_webhook", number)
