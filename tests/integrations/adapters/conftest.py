"""One office of Sikka whose every answer a test writes down before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import responses

from integrations.adapters.sikka.adapter import Sikka
from integrations.contract import Scope
from integrations.http.client import Client
from integrations.http.errors import PmsError
from integrations.queries import Resource
from tests.integrations.adapters.cliniko_account import account  # noqa: F401 (a fixture)
from tests.integrations.adapters.cliniko_practice import (  # noqa: F401 (fixtures)
    _sandbox,
    practice,
)
from tests.integrations.guards import NOW, OpenGuard
from tests.integrations.lists import records

URL = "https://sikka.example/v4"
CREDENTIAL = {"app_id": "the-app-id", "app_key": "the-app-key", "secret_key": "the-secret-key"}


@dataclass
class Keys:
    """A token source that counts, and whose keys are told apart by number."""

    number: int = 1
    rejected: list[str] = field(default_factory=list)
    #: What a renewal runs into, instead of bringing a new key.
    failure: PmsError | None = None

    def current(self) -> str:
        return f"key-{self.number}"

    def renew(self, rejected: str) -> str:
        self.rejected.append(rejected)
        if self.failure:
            raise self.failure
        self.number += 1
        return self.current()


@dataclass
class Office:
    """The adapter of one office, its keys, what it spent, and the answers it gets."""

    pms: responses.RequestsMock
    account: str = "D1"
    keys: Keys = field(default_factory=Keys)
    spent: list[Sequence[Scope]] = field(default_factory=list)
    guard: OpenGuard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = OpenGuard(self.spent.append)

    @property
    def sikka(self) -> Sikka:
        client = Client(
            base_url=URL,
            guard=self.guard,
            user_agent="Frontdesk/test",
            timeout=(1, 1),
            clock=lambda: NOW,
            wait=lambda seconds: None,
        )
        return Sikka.connect(client, self.account, CREDENTIAL, {}, self.keys)

    def read(self, resource: Resource, **feed: Any) -> list[Any]:
        """Read a list to its end."""
        return records(self.sikka, resource, NOW, **feed)

    def answers(
        self, method: str, path: str, json: Any = None, status: int = 200, **more: Any
    ) -> None:
        """Give this answer to the next call; answers of one address come in their order."""
        values = {"json": json} if json is not None else {"body": b""}
        self.pms.add(method, f"{URL}{path}", **(values | {"status": status} | more))

    def lists(self, path: str, *items: dict[str, Any], following: str = "") -> None:
        """Answer a GET with one page of a list; `following` is the address of the next one."""
        self.answers("GET", path, envelope(*items, following=following))

    @property
    def requests(self) -> list[Any]:
        return [call.request for call in self.pms.calls]

    @property
    def asked(self) -> list[str]:
        """Every call so far, as "METHOD /path"."""
        return [f"{call.method} {urlsplit(call.url).path[3:]}" for call in self.requests]

    def params(self, number: int) -> dict[str, str]:
        return dict(self.requests[number].params)


def envelope(*items: dict[str, Any], following: str = "") -> dict[str, Any]:
    """A list as Sikka's public API documentation shows it: every number is a string."""
    return {
        "offset": "0",
        "limit": "5000",
        "total_count": str(len(items)),
        "execution_time": "47",
        "pagination": {"first": "x", "previous": "", "current": "x", "next": following, "last": ""},
        "items": list(items),
    }


def message(code: str, status: int = 400, **more: str) -> dict[str, str]:
    """The six fields of an answer that holds no record, whether it is an error or not."""
    return {
        "http_code": str(status),
        "http_code_desc": "As said",
        "error_code": code,
        "short_message": "Short words",
        "long_message": "Long words with firstname=Ada",
        "more_information": "",
        **more,
    }


@pytest.fixture
def office() -> Iterator[Office]:
    """Fails where an answer was written down that nobody asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as pms:
        yield Office(pms)
