"""One practice's view of its PMS: every request spends budget first, then goes out once."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrations.contract import Scope
from integrations.http import transport
from integrations.http.errors import NoAnswer

#: Called before each request with the scopes it is charged to; raises BudgetExhausted.
Spend = Callable[[Sequence[Scope]], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with its JSON read, whatever content type it claimed; None for an empty body."""

    status: int
    headers: Mapping[str, str]
    data: Any


@dataclass(slots=True)
class Client:
    """Sends requests to one base URL. Makes no decision of its own about the answers."""

    base_url: str
    spend: Spend = field(repr=False)
    user_agent: str
    timeout: tuple[float, float]

    def request(
        self,
        method: str,
        path: str,
        *,
        scopes: Sequence[Scope],
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Spend one call of each scope's limits, then send. Raises BudgetExhausted, NotReached
        or NoAnswer; every complete HTTP answer, of whatever status, is returned."""
        self.spend(scopes)
        answer = transport.send(
            method,
            self.base_url.rstrip("/") + path,
            headers={
                "User-Agent": self.user_agent,
                "Accept": "application/json",
                **(headers or {}),
            },
            params=params or {},
            json=json,
            timeout=self.timeout,
        )
        return Reply(answer.status, answer.headers, _read(answer))


def _read(answer: transport.Answer) -> Any:
    if not answer.body.strip():
        return None
    try:
        return jsonlib.loads(answer.body)
    except ValueError:
        if answer.status >= 400:
            return None  # the status alone says enough: a proxy's HTML page, say
        raise NoAnswer("The PMS's answer could not be read as JSON.") from None
