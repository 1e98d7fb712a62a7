"""One account of the simulated Cliniko, over real HTTP, and our copy of what it tells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clinics.records import (
    Removed,
    Unreadable,
)
from integrations.adapters.cliniko.adapter import Cliniko
from integrations.commands import (
    BookAppointment,
)
from integrations.http.client import Client
from integrations.queries import Feed, FreeTimes, Resource
from integrations.sandbox import RunningSandbox, running
from tests.integrations.adapters.cliniko_account import NoKeys
from tests.integrations.guards import OpenGuard

#: A Monday, 10:00 in Sydney.
MONDAY = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)
SYDNEY, ADELAIDE = ZoneInfo("Australia/Sydney"), ZoneInfo("Australia/Adelaide")
OFFICE = "cliniko-1"
BOOKING_PATH = "POST /individual_appointments"


@pytest.fixture(scope="module", name="cliniko_sandbox")
def _sandbox() -> Iterator[RunningSandbox]:
    with running(now=MONDAY, frozen=True, cliniko_rate_limit=100_000) as started:
        yield started


@dataclass
class Practice:
    """One account of the sandbox with an adapter, and our copy of what it tells."""

    sandbox: RunningSandbox
    key: str = ""
    copy: dict[Resource, dict[str, Any]] = field(default_factory=dict)
    unreadable: list[Unreadable] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        offices = self.sandbox.systems["cliniko"]["offices"]
        self.key = self.key or next(
            each["api_key"] for each in offices if each["office_id"] == OFFICE
        )

    @property
    def cliniko(self) -> Cliniko:
        client = Client(
            base_url=self.sandbox.systems["cliniko"]["url"],
            guard=OpenGuard(self._spend),
            user_agent="Frontdesk/test (tests@example.org)",
            timeout=(5, 5),
            is_sandbox=True,
            clock=lambda: self.now,
            wait=lambda seconds: None,
        )
        return Cliniko.connect(client, "1", {"api_key": self.key}, {}, NoKeys())

    def _spend(self, scopes: object) -> None:
        self.calls += 1

    @property
    def now(self) -> datetime:
        return self.sandbox.control.now

    def read(self, resource: Resource, between: Callable[[], None] | None = None, **bounds: Any):
        """Read a feed to its end into our copy; `between` happens after each page but the last."""
        cliniko, position = self.cliniko, ""
        told = self.copy.setdefault(resource, {})
        while True:
            page = cliniko.page(Feed(resource=resource, **bounds), position, self.now)
            for record in page.records:
                if isinstance(record, Removed):
                    told.pop(record.external_id, None)
                elif isinstance(record, Unreadable):
                    self.unreadable.append(record)
                else:
                    told[record.external_id] = record
            position = page.next
            assert len(position) <= 1000
            if not position:
                return told
            if between:
                between()

    def change(self, kind: str, action: str, id: str = "", **more: Any) -> str:
        return self.sandbox.control.change(OFFICE, kind, action, id, **more)

    @property
    def truth(self) -> dict[str, Any]:
        return self.sandbox.control.truth(OFFICE)

    def told(self) -> dict[str, Any]:
        """Our copy in the words of the sandbox's truth."""
        return {
            "patients": {
                id: {
                    "first_name": record.first_name,
                    "last_name": record.last_name,
                    "birth_date": record.birth_date.isoformat() if record.birth_date else "",
                    "email": record.email,
                    "phone": record.phone,
                    "is_active": record.is_active,
                }
                for id, record in self.copy[Resource.PATIENTS].items()
            },
            "appointments": {
                id: {
                    "patient_id": record.patient_id,
                    "practitioner_id": record.practitioner_id,
                    "location_id": record.location_id,
                    "starts_at": record.starts_at.isoformat(),
                    "ends_at": record.ends_at.isoformat(),
                    "status": record.status,
                    "description": record.description,
                }
                for id, record in self.copy[Resource.APPOINTMENTS].items()
            },
        }


@pytest.fixture
def practice(cliniko_sandbox: RunningSandbox) -> Practice:
    return fresh(cliniko_sandbox)


def fresh(sandbox: RunningSandbox) -> Practice:
    """The account as it is in the beginning."""
    sandbox.control.reset()
    sandbox.control.set_now(MONDAY)
    return Practice(sandbox)


def first(practice: Practice, kind: str, **having: Any) -> str:
    """The id of some record that is as said, by the sandbox's truth."""
    return next(
        id
        for id, record in practice.truth[kind].items()
        if all(record[name] == value for name, value in having.items())
    )


def free(practice: Practice, days: int = 14) -> FreeTimes:
    """A question for the first practitioner's standard consultations from today on."""
    sites, people = practice.read(Resource.LOCATIONS), practice.read(Resource.PRACTITIONERS)
    types = practice.read(Resource.APPOINTMENT_TYPES)
    kind = next(id for id, each in types.items() if each.name == "Standard consultation")
    practice.calls = 0
    today = practice.now.astimezone(SYDNEY).date()
    return FreeTimes(
        practitioner_id=next(id for id, each in people.items() if each.last_name == "Lang"),
        location_id=next(id for id, each in sites.items() if each.timezone == SYDNEY.key),
        appointment_type=kind,
        first=today,
        last=today + timedelta(days=days - 1),
        timezone=SYDNEY.key,
        minutes=30,
    )


def booking(practice: Practice, **changes: Any) -> BookAppointment:
    """A booking of the first free time of the day after tomorrow."""
    asked = free(practice)
    day = asked.first + timedelta(days=2)
    times = practice.cliniko.free_times(asked, practice.now)
    assert times is not None
    start = next(each for each in times if each.starts_at.astimezone(SYDNEY).date() == day)
    values = {
        "patient_id": first(practice, "patients", is_active=True),
        "practitioner_id": asked.practitioner_id,
        "operatory_id": "",
        "location_id": asked.location_id,
        "starts_at": start.starts_at.astimezone(SYDNEY),
        "ends_at": start.ends_at.astimezone(SYDNEY),
        "description": "Asked by phone.",
        "type": asked.appointment_type,
    }
    return BookAppointment(**(values | changes))
