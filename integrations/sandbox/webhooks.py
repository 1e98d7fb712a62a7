"""Webhooks of the simulated PMSs: one delivery at a time, when the control asks for it.

A PMS only makes a delivery. It is sent after the books are free again, since the receiver may well
call the PMS before it answers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol, runtime_checkable
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

# How long the receiver may take; Sikka's public API documentation has a limit and does not say it.
PATIENCE = 10.0  # seconds


class WrongWebhook(ValueError):
    """A delivery that cannot be made; the text says why."""


@dataclass(frozen=True)
class Delivery:
    """A POST that is ready to be sent."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@runtime_checkable
class Notifier(Protocol):
    """A PMS that has webhooks."""

    def delivery(self, office_id: str, url: str, options: Mapping[str, str]) -> Delivery:
        """Return a delivery of `options["event"]`, in the PMS's form. Raises WrongWebhook.

        Called inside a transaction of the books.
        """


def sent(delivery: Delivery) -> Response:
    """Send a delivery and tell what was answered: {"status": 204}, or an error without a status."""
    try:
        return _json({"status": send(delivery)}, 200)
    except (OSError, HTTPException) as error:
        return _json({"error": f"no answer from {delivery.url}: {error!r}"}, 400)


def send(delivery: Delivery) -> int:
    """POST a delivery and return the status answered. Redirects are not followed."""
    address = urlsplit(delivery.url)
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=PATIENCE)
    target = address._replace(scheme="", netloc="", fragment="").geturl() or "/"
    try:
        connection.request("POST", target, delivery.body, dict(delivery.headers))
        response = connection.getresponse()
        response.read()
    finally:
        connection.close()
    return response.status


def checked(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the address and the other options of an instruction. Raises WrongWebhook."""
    options = dict(body)
    for name, value in options.items():
        if not isinstance(value, str) or not value:
            raise WrongWebhook(f"{name} must be a string with something in it")
    url = options.pop("url", "")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise WrongWebhook("url must be an address that begins with http:// or https://")
    return url, options


def taken(options: Mapping[str, str], required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    """Refuse options that are missing or that nobody knows."""
    for name in required:
        if name not in options:
            raise WrongWebhook(f"{name} is required")
    for name in options:
        if name not in (*required, *optional):
            raise WrongWebhook(f"a webhook of this PMS has no {name}")


def _json(content: object, status: int) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/json")
