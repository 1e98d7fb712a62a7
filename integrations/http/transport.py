"""The only place where sockets to a PMS are opened."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
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


def _session() -> requests.Session:
    """Return this thread's session: connections are kept, and no proxy of ours is guessed."""
    session: requests.Session | None = getattr(_local, "session", None)
    if session is None:
        session = _local.session = requests.Session()
        session.trust_env = False
    return session


def _never_connected(error: requests.RequestException) -> bool:
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError)
