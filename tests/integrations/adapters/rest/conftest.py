"""A service that is described by data: one whose answers a test writes down, and the simulated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
import responses

from integrations.adapters.rest import connect
from integrations.adapters.rest.adapter import Rest
from integrations.contract import Scope
from integrations.http.client import Client
from integrations.queries import Feed
from integrations.sandbox.client import ControlClient
from integrations.sandbox.running import running
from tests.integrations.guards import NOW, OpenGuard

URL = "https://service.example/api"
CREDENTIAL = {"token": "the-token"}


class NoKeys:
    """A token source that nobody may ask: a service's key does not end."""

    def current(self) -> str:
        raise AssertionError("a key was asked for")

    def renew(self, rejected: str) -> str:
        raise AssertionError("a key was renewed")


def adapter(client: Client, credential: Mapping[str, Any], options: Mapping[str, Any]) -> Rest:
    found = connect(client, "our-account", credential, options, NoKeys())
    assert isinstance(found, Rest)
    return found


@dataclass
class Service:
    """A service whose every answer a test writes down before it is asked for."""

    pms: responses.RequestsMock
    spent: list[Sequence[Scope]] = field(default_factory=list)

    def rest(self, options: Mapping[str, Any] | None = None, **credential: str) -> Rest:
        client = Client(
            base_url=URL,
            guard=OpenGuard(self.spent.append),
            user_agent="Frontdesk/test",
            timeout=(1, 1),
            clock=lambda: NOW,
            wait=lambda seconds: None,
        )
        return adapter(client, credential or CREDENTIAL, options or {})

    def answers(
        self, method: str, path: str, json: Any = None, status: int = 200, **more: Any
    ) -> None:
        """Give this answer to the next call; answers of one address come in their order."""
        values = {"json": json} if json is not None else {"body": b""}
        self.pms.add(method, f"{URL}{path}", **(values | {"status": status} | more))

    def lists(self, path: str, *items: Any, **more: Any) -> None:
        """Answer a GET with a page that says that it is the last."""
        self.answers("GET", path, {"data": list(items), "total": len(items)}, **more)

    @property
    def requests(self) -> list[Any]:
        return [call.request for call in self.pms.calls]

    @property
    def asked(self) -> list[str]:
        """Every call so far, as "METHOD /path"."""
        return [f"{call.method} {urlsplit(call.url).path[4:]}" for call in self.requests]

    def params(self, number: int = -1) -> dict[str, str]:
        return dict(self.requests[number].params)


@pytest.fixture
def service() -> Iterator[Service]:
    """Fails where an answer was written down that nobody asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as pms:
        yield Service(pms)


def read(rest: Rest, feed: Feed) -> list[Any]:
    """Read a list to its end."""
    found: list[Any] = []
    position = ""
    for _ in range(100):
        page = rest.page(feed, position, NOW)
        assert len(page.next) <= 1000
        found += page.records
        position = page.next
        if not position:
            return found
    raise AssertionError("the list has no end")


@dataclass
class House:
    """An account of the simulated service, over real HTTP."""

    control: ControlClient
    url: str
    account: dict[str, Any]
    guard: OpenGuard = field(default_factory=OpenGuard)

    def rest(self, options: Mapping[str, Any] | None = None) -> Rest:
        client = Client(
            base_url=self.url,
            guard=self.guard,
            user_agent="Frontdesk/test",
            timeout=(2, 10),
            is_sandbox=True,
            clock=lambda: self.control.now,
            wait=lambda seconds: None,
        )
        return adapter(client, {"token": self.account["token"]}, options or {})

    @property
    def id(self) -> str:
        return str(self.account["office_id"])

    @property
    def calls(self) -> int:
        return len(self.guard.attempts)

    @property
    def truth(self) -> dict[str, Any]:
        return self.control.truth(self.id)


@pytest.fixture
def houses() -> Iterator[list[House]]:
    with running(now=NOW, frozen=True, rest_rate_limit=100_000) as sandbox:
        rest = sandbox.systems["rest"]
        yield [House(sandbox.control, rest["url"], account) for account in rest["offices"]]


@pytest.fixture
def house(houses: list[House]) -> House:
    """Lakeside Wellness in Chicago: one site, 650 clients."""
    return houses[0]


def client_item(**changes: Any) -> dict[str, Any]:
    """A client as the usual description reads one."""
    return {
        "id": 5,
        "first_name": "Ada",
        "last_name": "Invented",
        "date_of_birth": "1990-05-17",
        "email": "ada@example.org",
        "phone": "312-555-0101",
        "active": True,
        "created_at": "2030-01-02T10:00:00Z",
        "updated_at": "2030-03-01T10:00:00Z",
        "deleted_at": None,
    } | changes


def visit_item(**changes: Any) -> dict[str, Any]:
    """An appointment as the usual description reads one."""
    return {
        "id": 7,
        "client_id": 5,
        "staff_id": 101,
        "site_id": 11,
        "service_id": 302,
        "starts_at": "2030-03-06T15:00:00Z",
        "ends_at": "2030-03-06T15:30:00Z",
        "duration_minutes": 30,
        "status": "booked",
        "notes": "Knee",
        "created_at": "2030-03-05T15:00:00Z",
        "updated_at": "2030-03-05T15:00:00Z",
        "deleted_at": None,
    } | changes
