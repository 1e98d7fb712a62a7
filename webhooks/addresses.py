"""Which addresses may be told anything. What a name leads to is looked at again when sending."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError

from integrations.http.transport import is_public
from webhooks.models import LONGEST_URL

#: Names that lead to the machine itself or into its network, wherever they are looked up.
OURS = ("localhost", ".localhost", ".local", ".internal")


def validate(url: str) -> None:
    """Raise ValidationError for an address that would never be sent to, saying why."""
    if len(url) > LONGEST_URL:
        raise ValidationError(f"An address has {LONGEST_URL} characters at most.")
    if not all("!" <= letter <= "~" for letter in url):
        raise ValidationError("Write the address without spaces, and its host in ASCII (xn--…).")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ValidationError("This is not the address of a web server.") from None
    allow_private = settings.WEBHOOKS_ALLOW_PRIVATE
    if not url.startswith(("https://", "http://") if allow_private else "https://"):
        raise ValidationError("Give an address that begins with https://.")
    if not host:
        raise ValidationError("This is not the address of a web server.")
    if "@" in parts.netloc:
        raise ValidationError("Give no name and password: signatures prove who sends.")
    if "#" in url:
        raise ValidationError("An address that is posted to has no part after #.")
    if not allow_private and _is_ours(host):
        raise ValidationError("Give an address of the public internet.")


def _is_ours(host: str) -> bool:
    host = host.rstrip(".").casefold()
    if host == OURS[0] or host.endswith(OURS[1:]):
        return True
    try:
        # Also 127.1, 0x7f000001 and 2130706433, which are looked up as what they stand for.
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        pass
    try:
        return not is_public(host)
    except ValueError:
        return False  # a name
