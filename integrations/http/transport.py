"""The only place where sockets to a PMS are opened."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
)

from integrations.http.errors import NoAnswer, NotReached

_local = threading.local()


@dataclass(frozen=True, slots=True)
class Answer:
    """A PMS's answer: status, headers (case-insensitive) and the raw body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str],
    json: Mapping[str, Any] | None,
    timeout: tuple[float, float],
) -> Answer:
    """Send one request once and return whatever was answered.

    Redirects are not followed. Raises NotReached where surely nothing was sent, else NoAnswer.
    """
    try:
        response = _session().request(
            method,
            url,
            headers=dict(headers),
            params=dict(params),
            json=json,
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if _never_connected(error):
            raise NotReached("The PMS could not be reached.") from None
        # `from None`: requests' own messages hold the URL with its parameters.
        raise NoAnswer(f"The PMS did not answer ({type(error).__name__}).") from None
    return Answer(response.status_code, response.headers, response.content)


class _Session(requests.Session):
    """Keeps connections and nothing else: every practice's calls go through the same session."""

    def __init__(self) -> None:
        super().__init__()
        # No proxy and no .netrc of this machine.
        self.trust_env = False
        # A cookie of one practice's answer must not go out with another practice's request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target: requests would parse it even where it does not follow."""


def _session() -> _Session:
    """Return this thread's session."""
    session: _Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = _Session()
    return session


def _never_connected(error: requests.RequestException) -> bool:
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError)
