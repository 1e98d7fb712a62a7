"""One practice's view of its PMS: retry → breaker → budget → transport, for every request."""

from __future__ import annotations

import json as jsonlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from integrations.contract import RateSignal, Scope
from integrations.http import retry, transport
from integrations.http.errors import NoAnswer, PmsError
from integrations.http.transport import Params


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its JSON read, whatever content type it claimed; None for an empty body."""

    status: int
    headers: Mapping[str, str]
    data: Any


class Dialect(Protocol):
    """How one PMS says no, and what it tells of its own count; a module of its adapter."""

    def raise_for_error(self, reply: Reply, now: datetime) -> None:
        """Raise the typed error of an answer that is none; return for a success."""

    def rate_signal(self, reply: Reply, now: datetime) -> RateSignal | None:
        """Return what the answer says of the PMS's own limits, if anything."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to make one call: the calls left after it, and whether the PMS failed before it."""

    calls_left: int | None
    after_failures: bool
    given_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call that was made. `path` has no identifiers; `status` is None where none came."""

    method: str
    path: str
    number: int
    milliseconds: int
    status: int | None
    error: PmsError | None
    signal: RateSignal | None


class Guard(Protocol):
    """The breaker, budget and log of one integration at one priority; it knows the database."""

    def before(self, scopes: Sequence[Scope]) -> Pass:
        """Give leave to make one call charged to these scopes, or raise CircuitOpen or
        BudgetExhausted; then nothing may be sent."""

    def after(self, leave: Pass, attempt: Attempt) -> None:
        """Take note of how the call went."""


@dataclass(slots=True)
class Client:
    """Sends requests to one base URL, in one PMS's dialect."""

    base_url: str
    guard: Guard = field(repr=False)
    user_agent: str
    timeout: tuple[float, float]
    #: A sandbox may be at a private address and without TLS; a PMS never is.
    is_sandbox: bool = False
    clock: Callable[[], datetime] = field(default=lambda: datetime.now().astimezone(), repr=False)
    wait: Callable[[float], None] = field(default=time.sleep, repr=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        dialect: Dialect,
        scopes: Sequence[Scope],
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        json: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        timeout: tuple[float, float] | None = None,
        reads: bool = False,
    ) -> Reply:
        """Return a successful answer, or raise the PmsError that says why there is none.

        The body is `json`, or the fields of a `form`. `reads` says that a POST changes nothing. A
        read that failed on the way is repeated a few times within about a second; every
        attempt asks the guard first, and so spends a call.
        """

        def send() -> transport.Answer:
            return transport.send(
                method,
                self.base_url.rstrip("/") + path,
                headers={
                    "User-Agent": self.user_agent,
                    "Accept": "application/json",
                    **(headers or {}),
                },
                params=params or {},
                json=json,
                form=form,
                timeout=timeout or self.timeout,
                is_sandbox=self.is_sandbox,
            )

        number = 0
        while True:
            number += 1
            started = time.monotonic()
            try:
                return self._attempt(number, method, path, send, dialect, scopes)
            except PmsError as error:
                # Spreads callers out, no more: nothing depends on its being unpredictable.
                jitter = random.random()  # noqa: S311
                decision = retry.decide(
                    number, error, "GET" if reads else method, jitter, time.monotonic() - started
                )
                if isinstance(decision, retry.Stop):
                    raise
                self.wait(decision.wait)

    def _attempt(
        self,
        number: int,
        method: str,
        path: str,
        send: Callable[[], transport.Answer],
        dialect: Dialect,
        scopes: Sequence[Scope],
    ) -> Reply:
        leave = self.guard.before(scopes)
        started = time.monotonic()
        status, failure, signal = None, None, None
        try:
            answer = send()
            status = answer.status
            reply = Reply(status, answer.headers, _read(answer))
            now = self.clock()
            signal = dialect.rate_signal(reply, now)
            dialect.raise_for_error(reply, now)
            return reply
        except PmsError as error:
            failure = error
            raise
        finally:
            self.guard.after(
                leave,
                Attempt(
                    method=method,
                    path=without_identifiers(path),
                    number=number,
                    milliseconds=round((time.monotonic() - started) * 1000),
                    status=status,
                    error=failure,
                    signal=signal,
                ),
            )


def without_identifiers(path: str) -> str:
    """Return the path with {id} for every part that holds a digit: /appointments/{id}."""
    parts = path.split("?")[0].split("/")
    return "/".join("{id}" if any(map(str.isdigit, part)) else part for part in parts)


def _read(answer: transport.Answer) -> Any:
    if not answer.body.strip():
        return None
    try:
        return jsonlib.loads(answer.body)
    except (ValueError, RecursionError):  # the latter for what is nested without end
        if answer.status >= 400:
            return None  # the status alone says enough: a proxy's HTML page, say
        raise NoAnswer("The PMS's answer could not be read as JSON.") from None
