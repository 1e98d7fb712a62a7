"""A PMS of one folder: what an adapter needs to be synced, over lists that a test keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Removed,
    Unreadable,
)
from integrations.contract import Limit, Manifest, Scope
from integrations.queries import Ability, Account, Changes, Feed, Page, Resource

MANIFEST = Manifest(
    name="toy",
    title="Toy",
    limits=(Limit(Scope.INTEGRATION, calls=200, seconds=3600, reserve=50),),
    operations=frozenset(),
    look_back=timedelta(days=7),
    lists={
        Resource.LOCATIONS: Changes(),
        Resource.PRACTITIONERS: Changes(),
        Resource.PATIENTS: Changes(told=True, removals=True),
        Resource.APPOINTMENTS: Changes(told=True, removals=True),
    },
    abilities=frozenset(),
    page_size=10,
    credential=(),
    quality={},
)


@dataclass
class Pms:
    """The lists, when each record was last changed, and all that was asked."""

    records: dict[Resource, dict[str, PmsRecord | Removed | Unreadable]] = field(
        default_factory=lambda: {resource: {} for resource in Resource}
    )
    changed: dict[tuple[Resource, str], datetime] = field(default_factory=dict)
    lists: Mapping[Resource, Changes] = field(default_factory=lambda: MANIFEST.lists)
    page_size: int = 10
    asked: list[tuple[Feed, str]] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    #: What `verify` answers, and how often it was asked.
    lets_in: Account | Exception = field(
        default_factory=lambda: Account(id="toy-1", name="Toy practice")
    )
    verified: int = 0
    #: Called before each page; may raise what a PMS's answer raises, or change the lists.
    before: Callable[[Feed, str], None] = lambda feed, position: None
    #: What a page looks like to who asked; to bend it.
    bend: Callable[[Page], Page] = lambda page: page

    def put(self, resource: Resource, record: Any, at: datetime | None = None) -> None:
        self.records[resource][record.external_id] = record
        self.changed[resource, record.external_id] = at or datetime(2000, 1, 1, tzinfo=UTC)

    def delete(self, resource: Resource, external_id: str) -> None:
        del self.records[resource][external_id]

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        self.asked.append((feed, position))
        self.before(feed, position)
        rows = [
            record
            for external_id, record in sorted(self.records[feed.resource].items())
            if feed.changed_since is None
            or self.changed[feed.resource, external_id] >= feed.changed_since
        ]
        if feed.changed_since is None:
            rows = [each for each in rows if not isinstance(each, Removed)]
        start = int(position or 0)
        end = start + self.page_size
        more = str(end) if end < len(rows) else ""
        return self.bend(Page(records=tuple(rows[start:end]), next=more, total=len(rows)))

    def lookup(self, resource: Resource, external_id: str) -> Any:
        self.looked_up.append(external_id)
        return self.records[resource].get(external_id) or Removed(external_id=external_id)

    def verify(self) -> Account:
        self.verified += 1
        if isinstance(self.lets_in, Exception):
            raise self.lets_in
        return self.lets_in

    @property
    def read(self) -> list[tuple[str, str]]:
        """What was asked, as (resource, position)."""
        return [(str(feed.resource), position) for feed, position in self.asked]

    manifest = MANIFEST
    abilities: frozenset[Ability] = frozenset()
    operations = MANIFEST.operations

    def issue_token(self, refresh_value: str) -> Any:
        raise AssertionError("a toy has no keys")


#: The PMS that `connect` leads to; a fixture puts a fresh one here.
current = Pms()


def connect(*_: Any) -> Pms:
    return current


def base_url(credential: Mapping[str, Any]) -> str:
    return "https://toy.example"


def patient(number: int, **fields: Any) -> PatientRecord:
    values = {
        "external_id": f"p{number:05}",
        "first_name": "Ada",
        "last_name": f"Invented{number}",
        "birth_date": None,
        "email": f"ada{number}@example.org",
        "phone": "",
        "is_active": True,
    }
    return PatientRecord(**(values | fields))


def appointment(number: int, patient: int = 1, **fields: Any) -> AppointmentRecord:
    start = datetime(2030, 3, 5, 15, 0, tzinfo=UTC) + timedelta(hours=number)
    values = {
        "external_id": f"a{number:05}",
        "patient_id": f"p{patient:05}",
        "practitioner_id": "d1",
        "location_id": "l1",
        "operatory_id": "",
        "starts_at": start,
        "ends_at": start + timedelta(minutes=30),
        "status": "booked",
        "pms_status": "",
        "description": "",
    }
    return AppointmentRecord(**(values | fields))


def location(external_id: str = "l1") -> LocationRecord:
    return LocationRecord(external_id=external_id, name="Main street", timezone="America/New_York")


def practitioner(external_id: str = "d1") -> PractitionerRecord:
    return PractitionerRecord(
        external_id=external_id, first_name="Mara", last_name="Dentist", is_active=True
    )


def with_lookups(pms: Pms) -> None:
    pms.abilities = frozenset({Ability.LOOK_UP_PATIENT, Ability.LOOK_UP_APPOINTMENT})
