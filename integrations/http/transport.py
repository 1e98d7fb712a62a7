"""The only place where sockets to a PMS are opened."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any

import requests
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
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
    is_sandbox: bool,
) -> Answer:
    """Send one request once and return whatever was answered.

    Redirects are not followed. Only a sandbox is asked without TLS or at an address that is not
    public. Raises NotReached where surely nothing was sent, else NoAnswer.
    """
    if not is_sandbox and not url.startswith("https://"):
        raise NotReached("Only a sandbox may be asked without TLS: check the base URL.")
    try:
        response = _session(is_sandbox).request(
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


class _PublicConnection(HTTPSConnection):
    """Refuses to talk to an address that is not public, whatever name led there.

    It looks at the socket's own peer, so a name that changes its address between two look-ups
    gains nothing. A base URL is data, and must not open our own network to whoever sets it.
    """

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        if not ip_address(connection.getpeername()[0].partition("%")[0]).is_global:
            connection.close()
            raise NewConnectionError(self, "not a public address")
        return connection


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _PublicAdapter(requests.adapters.HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _PublicPool}


class _Session(requests.Session):
    """Keeps connections and nothing else: every practice's calls go through the same session."""

    def __init__(self, is_sandbox: bool) -> None:
        super().__init__()
        if not is_sandbox:
            self.mount("https://", _PublicAdapter())
        # No proxy and no .netrc of this machine.
        self.trust_env = False
        # A cookie of one practice's answer must not go out with another practice's request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target: requests would parse it even where it does not follow."""


def _session(is_sandbox: bool) -> _Session:
    """Return this thread's session for sandboxes or for the world outside."""
    sessions: dict[bool, _Session] = _local.__dict__.setdefault("sessions", {})
    if is_sandbox not in sessions:
        sessions[is_sandbox] = _Session(is_sandbox)
    return sessions[is_sandbox]


def _never_connected(error: requests.RequestException) -> bool:
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError)
