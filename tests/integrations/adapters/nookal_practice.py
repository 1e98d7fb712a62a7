"""One practice's Nookal whose every answer a test writes down before it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import responses

from integrations import registry
from integrations.adapters.nookal.adapter import BASE_URL, Nookal
from integrations.contract import Scope
from integrations.http.client import Client
from integrations.queries import Feed, Resource
from tests.integrations.guards import NOW, OpenGuard

KEY = "the-api-key"


@dataclass
class Practice:
    """The adapter of one practice, what it spent, and the answers it gets."""

    pms: responses.RequestsMock
    spent: list[Sequence[Scope]] = field(default_factory=list)

    @property
    def nookal(self) -> Nookal:
        client = Client(
            base_url=BASE_URL,
            guard=OpenGuard(self.spent.append),
            user_agent="Frontdesk/test",
            timeout=(1, 1),
            clock=lambda: NOW,
            wait=lambda seconds: None,
        )
        adapter = registry.connect("nookal", client, "1", {"api_key": KEY}, {}, None)
        assert isinstance(adapter, Nookal)
        return adapter

    def answers(self, function: str, json: Any = None, **more: Any) -> None:
        """Give this answer to the next call; answers of one function come in their order."""
        body = {"body": b""} if json is None and "body" not in more else {}
        self.pms.add("POST", f"{BASE_URL}/{function}", **({"json": json} if json else body), **more)

    def lists(self, function: str, name: str, *rows: Any, **paging: Any) -> None:
        self.answers(function, listing(name, *rows, **paging))

    @property
    def asked(self) -> list[str]:
        """Every function so far."""
        return [urlsplit(call.request.url).path.split("/")[-1] for call in self.pms.calls]

    def form(self, number: int) -> dict[str, str]:
        """What was sent with a call, but for the key, which always is in the form alone."""
        request = self.pms.calls[number].request
        assert request.method == "POST"
        assert KEY not in str(request.url)
        assert parse_qs(urlsplit(request.url).query) == {}
        sent = dict(parse_qsl(request.body, keep_blank_values=True))
        assert sent.pop("api_key") == KEY
        return sent


def read(practice: Practice, resource: Resource, *rows: Any, **feed: Any) -> list[Any]:
    """Return what one page with these rows is read as."""
    function, name = {
        Resource.LOCATIONS: ("getLocations", "locations"),
        Resource.PRACTITIONERS: ("getPractitioners", "practitioners"),
        Resource.APPOINTMENT_TYPES: ("getAppointmentTypes", "services"),
        Resource.PATIENTS: ("getPatients", "patients"),
        Resource.APPOINTMENTS: ("getAppointments", "appointments"),
    }[resource]
    practice.lists(function, name, *rows)
    page = practice.nookal.page(Feed(resource=resource, **feed), "", NOW)
    assert page.next == ""
    assert len(practice.asked) == 1
    return list(page.records)


@contextmanager
def practising() -> Iterator[Practice]:
    """Fails where an answer was written down that nobody asked for."""
    with responses.RequestsMock(assert_all_requests_are_fired=True) as pms:
        yield Practice(pms)


def success(results: Any, **more: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"api_call": "x", "results": results}, **more}


def failure(words: str) -> dict[str, Any]:
    return {"status": "failure", "details": {"errorMessage": words, "errorCode": "L000_9"}}


def listing(
    name: str, *rows: Any, page: Any = "1", following: Any = None, total: Any = None
) -> dict[str, Any]:
    """A list as the recorded answers show it."""
    return success(
        {name: list(rows)},
        details={"totalItems": len(rows) if total is None else total, "currentItems": len(rows)},
        settings={"currentPage": page, "nextPage": following, "pageLength": 200},
    )


def location(**fields: Any) -> dict[str, Any]:
    usual = {"ID": "1", "Name": "Invented Physio", "AddressLine1": "1 Elm", "Postcode": "3000"}
    return {**usual, "Timezone": "Australia/Sydney", **fields}


def patient(**fields: Any) -> dict[str, Any]:
    return {
        "ID": "5",
        "FirstName": "Ada",
        "LastName": "Invented",
        "DOB": "1980-01-31",
        "Email": "ada@example.com",
        "Mobile": "0491 570 006",
        "Home": "",
        "Work": "",
        "active": "1",
        "deceased": "0",
        "DateCreated": "2029-11-01 09:00:00",
        "DateModified": "2030-03-01 10:11:12",
        **fields,
    }


def appointment(**fields: Any) -> dict[str, Any]:
    """10:00 to 10:30 in summer time of Sydney (UTC+11)."""
    return {
        "ID": "10",
        "patientID": "5",
        "practitionerID": "7",
        "locationID": "1",
        "appointmentType": "Consultation",
        "appointmentTypeID": "3",
        "appointmentDate": "2030-03-12",
        "appointmentStartTime": "10:00:00",
        "appointmentEndTime": "10:30:00",
        "TimeZone": "Australia/Sydney",
        "appointmentStartDateTimeUTC": "2030-03-11 23:00:00",
        "appointmentEndDateTimeUTC": "2030-03-11 23:30:00",
        "status": "Pending",
        "arrived": "0",
        "DNA": "0",
        "cancelled": "0",
        "cancellationDate": None,
        "Notes": None,
        "dateCreated": "2030-03-05 15:00:00",
        "lastModified": "2030-03-05 15:00:00",
        **fields,
    }


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]
