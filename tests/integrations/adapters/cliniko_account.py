"""One account of Cliniko whose every answer a test writes down before it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses

from integrations.adapters.cliniko.adapter import Cliniko
from integrations.contract import Scope
from integrations.http.client import Client
from integrations.queries import Feed, Page, Resource
from tests.integrations.guards import NOW, OpenGuard

URL = "https://cliniko.example/v1"
KEY = "MS0x-abc-def-au4"


class NoKeys:
    """A token source that nobody may ask: the key is in the credential."""

    def current(self) -> str:
        raise AssertionError

    def renew(self, rejected: str) -> str:
        raise AssertionError


@dataclass
class Account:
    """The adapter of one account, what it spent, and the answers it gets."""

    pms: responses.RequestsMock
    spent: list[Sequence[Scope]] = field(default_factory=list)
    guard: OpenGuard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = OpenGuard(self.spent.append)

    @property
    def cliniko(self) -> Cliniko:
        client = Client(
            base_url=URL,
            guard=self.guard,
            user_agent="Frontdesk/test (tests@example.org)",
            timeout=(1, 1),
            clock=lambda: NOW,
            wait=lambda seconds: None,
        )
        return Cliniko.connect(client, "1", {"api_key": KEY}, {}, NoKeys())

    def answers(
        self, method: str, path: str, json: Any = None, status: int = 200, **more: Any
    ) -> None:
        """Give this answer to the next call; answers of one address come in their order."""
        values = {"json": json} if json is not None else {"body": b""}
        self.pms.add(method, f"{URL}{path}", **(values | {"status": status} | more))

    def lists(self, path: str, *items: Any, has_more: bool = False, name: str = "") -> None:
        """Answer a GET with one page of a list."""
        self.answers("GET", path, envelope(name or path.strip("/"), *items, has_more=has_more))

    def page(self, feed: Feed, position: str = "") -> Page:
        return self.cliniko.page(feed, position, NOW)

    @property
    def requests(self) -> list[Any]:
        return [call.request for call in self.pms.calls]

    @property
    def asked(self) -> list[str]:
        """Every call so far, as "METHOD /path"."""
        return [f"{call.method} {urlsplit(call.url).path[3:]}" for call in self.requests]

    def params(self, number: int = -1) -> dict[str, str]:
        """What stood behind the ? of a call, without filters."""
        return {name: value for name, value in self._query(number) if name != "q[]"}

    def filters(self, number: int = -1) -> list[str]:
        return [value for name, value in self._query(number) if name == "q[]"]

    def body(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].body)

    def _query(self, number: int) -> list[tuple[str, str]]:
        return parse_qsl(urlsplit(self.requests[number].url).query, keep_blank_values=True)


@pytest.fixture
def account() -> Iterator[Account]:
    """Fails where an answer was written down that nobody asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as pms:
        yield Account(pms)


def envelope(name: str, *items: Any, has_more: bool = False) -> dict[str, Any]:
    """A list as Cliniko's public API documentation shows it."""
    links = {"self": f"{URL}/{name}?page=1"}
    if has_more:
        links["next"] = f"{URL}/{name}?page=2"
    return {name: list(items), "total_entries": len(items), "links": links}


def link(path: str) -> dict[str, Any]:
    return {"links": {"self": f"https://api.au4.cliniko.com/v1/{path}"}}


def patient(id: Any = "82", **changes: Any) -> dict[str, Any]:
    item = {
        "id": id,
        "first_name": "Ada",
        "last_name": "Invented",
        "date_of_birth": "1984-12-10",
        "email": "ada@example.org",
        "patient_phone_numbers": [{"phone_type": "Mobile", "number": "0491 570 156"}],
        "created_at": "2029-01-02T03:04:05Z",
        "updated_at": "2030-02-03T04:05:06Z",
        "archived_at": None,
        "deleted_at": None,
        "merged_at": None,
    }
    return item | changes


def appointment(id: Any = "7", **changes: Any) -> dict[str, Any]:
    item = {
        "id": id,
        "starts_at": "2030-03-06T23:00:00Z",
        "ends_at": "2030-03-06T23:45:00Z",
        "created_at": "2030-03-05T14:59:00Z",
        "updated_at": "2030-03-05T15:00:00Z",
        "cancelled_at": None,
        "archived_at": None,
        "deleted_at": None,
        "cancellation_reason": None,
        "did_not_arrive": False,
        "patient_arrived": False,
        "notes": "Bring the referral.",
        "patient": link("patients/82"),
        "practitioner": link("practitioners/3"),
        "business": link("businesses/1"),
        "appointment_type": link("appointment_types/5"),
    }
    return item | changes


PATIENTS = Feed(resource=Resource.PATIENTS)
APPOINTMENTS = Feed(resource=Resource.APPOINTMENTS)
