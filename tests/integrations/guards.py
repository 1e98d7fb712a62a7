"""A guard that lets everything through and remembers it, and a client for plain HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from integrations.contract import RateSignal, Scope
from integrations.http.client import Attempt, Client, Pass, Reply

NOW = datetime(2030, 3, 5, 15, 0, tzinfo=UTC)


@dataclass
class OpenGuard:
    """Asks `spend` before each call, which may raise, and keeps what came of it."""

    spend: Callable[[Sequence[Scope]], Any] = lambda scopes: None
    attempts: list[Attempt] = field(default_factory=list)

    def before(self, scopes: Sequence[Scope]) -> Pass:
        self.spend(scopes)
        return Pass(calls_left=None, after_failures=False, given_at=NOW)

    def after(self, leave: Pass, attempt: Attempt) -> None:
        self.attempts.append(attempt)


class PlainDialect:
    """Every status is an answer, and none tells of limits."""

    def raise_for_error(self, reply: Reply, now: datetime) -> None:
        return

    def rate_signal(self, reply: Reply, now: datetime) -> RateSignal | None:
        return None


class PlainClient(Client):
    """A client in the plain dialect, of a sandbox, which waits for nothing."""

    def request(self, *arguments: Any, **named: Any) -> Reply:
        return super().request(*arguments, **({"dialect": PlainDialect()} | named))


def plain_client(
    address: str, spend: Callable[[Sequence[Scope]], Any] = lambda scopes: None, **options: Any
) -> PlainClient:
    values = {
        "guard": OpenGuard(spend),
        "user_agent": "Frontdesk/test",
        "timeout": (2, 2),
        "is_sandbox": True,
        "wait": lambda seconds: None,
    }
    return PlainClient(base_url=address, **(values | options))
