"""The only place where sockets to a PMS are opened."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import requests
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    SSLError,
)

from integrations.http.errors import NoAnswer, NotReached

#: What of IPv6 is given out as addresses of the internet, and its part that translates to IPv4.
GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
NAT64: Final = IPv6Network("64:ff9b::/96")
#: What requests finds wrong before it opens a connection.
UNSENDABLE: Final = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidJSONError,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
)

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

    TLS is verified; redirects are not followed. Only a sandbox is asked without TLS or at an
    address that is not public. Raises NotReached where surely nothing was sent, else NoAnswer.
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


class _TlsConnection(HTTPSConnection):
    """Whatever goes wrong before the request is written is told as a connection that never was:
    a certificate that is not the host's, a handshake that breaks off or takes too long."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError, SSLError) as error:
            raise NewConnectionError(self, f"no TLS ({type(error).__name__})") from error


class _PublicConnection(_TlsConnection):
    """Refuses to talk to an address that is not public, whatever name led there.

    A base URL is data, and must not open our own network to whoever sets it. Names are looked up
    first, so that nothing is knocked at; then the socket's own peer decides, so that a name that
    changes its address between two look-ups gains nothing.
    """

    def _new_conn(self) -> socket.socket:
        with suppress(OSError, UnicodeError):  # a name that nobody has: urllib3 tells it better
            host = self.host.strip("[]")
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
            if not all(is_public(address[4][0]) for address in found):
                raise NewConnectionError(self, "not a public address")
        connection = super()._new_conn()
        with suppress(OSError):  # it may be broken off already, and have no peer any more
            if is_public(connection.getpeername()[0]):
                return connection
        connection.close()
        raise NewConnectionError(self, "not a public address")


def is_public(text: object) -> bool:
    """Return whether an address is one of the public internet, also where it wraps an IPv4 one."""
    address = ip_address(str(text).partition("%")[0])
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFF_FFFF)
        if wrapped is None:
            return address in GLOBAL_UNICAST and address.is_global
        address = wrapped
    return address.is_global and not address.is_multicast


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, pool: type[HTTPSConnectionPool]) -> None:
        self._pool = pool
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": self._pool}


class _Session(requests.Session):
    """Keeps connections and nothing else: every practice's calls go through the same session."""

    def __init__(self, is_sandbox: bool) -> None:
        super().__init__()
        self.mount("https://", _Adapter(_TlsPool if is_sandbox else _PublicPool))
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
    if isinstance(error, UNSENDABLE):
        return True
    reason = error.args[0] if error.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | NameResolutionError)
