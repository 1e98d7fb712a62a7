"""The only place where sockets are opened: to a PMS, and to who asked to be told what happens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any, Final

import requests
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.response import HTTPResponse
from urllib3.util import Timeout

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

#: What stands behind the ? of an address; a name that comes several times as pairs.
Params = Mapping[str, str] | Sequence[tuple[str, str]]

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
    params: Params,
    json: Mapping[str, Any] | None,
    form: Mapping[str, str] | None = None,
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
            params=list(params.items()) if isinstance(params, Mapping) else list(params),
            json=json,
            data=form,
            timeout=timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        if _never_connected(error):
            raise NotReached("The PMS could not be reached.") from None
        # `from None`: requests' own messages hold the URL with its parameters.
        raise NoAnswer(f"The PMS did not answer ({type(error).__name__}).") from None
    return Answer(response.status_code, response.headers, response.content)


class NotDelivered(Exception):
    """What was pushed was not answered. `code` says why, in a word: it holds nothing of it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def push(
    url: str, body: bytes, *, headers: Mapping[str, str], seconds: float, allow_private: bool
) -> Answer:
    """Post these bytes once, and return status and headers of the answer; its body is not read.

    The answer has to begin, and its headers to end, within so many seconds in all, however busily
    the other side keeps sending. TLS, redirects and addresses as in `send`; `allow_private` is what
    a sandbox is there. Raises NotDelivered with a code: private_address, not_https, bad_url,
    unknown_host, no_tls, not_reached, timeout or no_answer.
    """
    if not allow_private and not url.startswith("https://"):
        raise NotDelivered("not_https")
    try:
        response = _session(allow_private, hurried=True).post(
            url,
            data=body,
            headers={**headers, "Connection": "close"},
            timeout=Timeout(total=seconds),  # type: ignore[arg-type]  # requests takes it as it is
            allow_redirects=False,
            stream=True,
        )
    except requests.RequestException as error:
        raise NotDelivered(_code(error)) from None
    with closing(response):  # and not kept: there are many receivers
        return Answer(response.status_code, response.headers, b"")


class _NoTls(NewConnectionError):
    """There was a connection, and no TLS on it."""


class _NotPublic(NewConnectionError):
    """The address is one that is not talked to."""


class _TlsConnection(HTTPSConnection):
    """Whatever goes wrong before the request is written is told as a connection that never was:
    a certificate that is not the host's, a handshake that breaks off or takes too long."""

    def connect(self) -> None:
        try:
            super().connect()
        except (OSError, ValueError, SSLError) as error:
            raise _NoTls(self, f"no TLS ({type(error).__name__})") from error


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
                raise _NotPublic(self, "not a public address")
        connection = super()._new_conn()
        with suppress(OSError):  # it may be broken off already, and have no peer any more
            if is_public(connection.getpeername()[0]):
                return connection
        connection.close()
        raise _NotPublic(self, "not a public address")


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


class _Hurried(HTTPConnection):
    """Ends an answer that has not come when its time is up, also one that comes byte by byte."""

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        late = threading.Event()
        # What is left of a `Timeout(total=...)`; by itself it would begin anew with each byte.
        watch = threading.Timer(float(self.timeout or 0), _cut, [self.sock, late])
        watch.start()
        try:
            return super().getresponse()
        finally:
            watch.cancel()
            if late.is_set():
                # Headers that were cut off look like headers that ended.
                raise TimeoutError("the answer took too long")


class _HurriedTls(_Hurried, _TlsConnection): ...


class _HurriedPublic(_Hurried, _PublicConnection): ...


def _cut(connection: socket.socket, late: threading.Event) -> None:
    late.set()
    with suppress(OSError):
        # Not TLS's own: that would change the connection under the thread that reads from it.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _PublicPool(HTTPSConnectionPool):
    ConnectionCls = _PublicConnection


class _HurriedPool(HTTPConnectionPool):
    ConnectionCls = _Hurried


class _HurriedTlsPool(HTTPSConnectionPool):
    ConnectionCls = _HurriedTls


class _HurriedPublicPool(HTTPSConnectionPool):
    ConnectionCls = _HurriedPublic


#: The pools without TLS and with it, by whether addresses may be private and whether in a hurry.
_POOLS: Final[Mapping[tuple[bool, bool], dict[str, type[HTTPConnectionPool]]]] = {
    (False, False): {"http": HTTPConnectionPool, "https": _PublicPool},
    (True, False): {"http": HTTPConnectionPool, "https": _TlsPool},
    (False, True): {"http": _HurriedPool, "https": _HurriedPublicPool},
    (True, True): {"http": _HurriedPool, "https": _HurriedTlsPool},
}


class _Adapter(requests.adapters.HTTPAdapter):
    def __init__(self, pools: dict[str, type[HTTPConnectionPool]]) -> None:
        self._pools = pools
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools


class _Session(requests.Session):
    """Keeps connections and nothing else: every practice's calls go through the same session."""

    def __init__(self, pools: dict[str, type[HTTPConnectionPool]]) -> None:
        super().__init__()
        for scheme in pools:
            self.mount(f"{scheme}://", _Adapter(pools))
        # No proxy and no .netrc of this machine.
        self.trust_env = False
        # A cookie of one practice's answer must not go out with another practice's request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no target: requests would parse it even where it does not follow."""


def _session(is_sandbox: bool, hurried: bool = False) -> _Session:
    """Return this thread's session for sandboxes or for the world outside."""
    sessions: dict[tuple[bool, bool], _Session] = _local.__dict__.setdefault("sessions", {})
    kind = (is_sandbox, hurried)
    if kind not in sessions:
        sessions[kind] = _Session(_POOLS[kind])
    return sessions[kind]


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, UNSENDABLE):
        return True
    return isinstance(_reason(error), NewConnectionError | ConnectTimeoutError)


def _reason(error: requests.RequestException) -> object:
    """Return what urllib3 has to say below what requests says."""
    reason = error.args[0] if error.args else None
    return reason.reason if isinstance(reason, MaxRetryError) else reason


def _code(error: requests.RequestException) -> str:
    """Return in a word why something that was pushed was not answered."""
    if isinstance(error, UNSENDABLE):
        return "bad_url"
    match _reason(error):
        case NameResolutionError():
            return "unknown_host"
        case _NotPublic():
            return "private_address"
        case _NoTls():
            return "no_tls"
        case NewConnectionError():
            return "not_reached"
        case ConnectTimeoutError() | ReadTimeoutError():
            return "timeout"
    return "no_answer"
