"""A practice of each simulated PMS, and an adapter that speaks to it over real HTTP.

A PMS comes in here by its line in the registry, and by an entry of `WAYS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from clinics.records import AppointmentRecord, PatientRecord, Removed
from integrations import registry
from integrations.contract import Adapter, Manifest, Scope
from integrations.http.client import Client
from integrations.quality import DONE, Rule
from integrations.queries import Ability, Feed, Resource
from integrations.sandbox import RunningSandbox
from tests.integrations import lists
from tests.integrations.guards import OpenGuard

Json = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """How to get into a simulated PMS with what it offers: `system` and one of its offices."""

    credential: Callable[[Json, Json], Json]
    options: Callable[[Json], Json] = lambda office: {}
    #: What the simulated PMS has to be like to show all that the adapter can.
    knobs: Mapping[str, object] = field(default_factory=dict)


WAYS = {
    "cliniko": Way(lambda system, office: {"api_key": office["api_key"]}),
    "nookal": Way(lambda system, office: {"api_key": office["api_key"]}),
    "rest": Way(
        lambda system, office: {"token": office["token"]},
        options=lambda office: {"timezone": office["timezone"]},
    ),
    "sikka": Way(
        lambda system, office: {
            "app_id": system["app_id"],
            "app_key": system["app_key"],
            "secret_key": office["secret_key"],
        },
        # One of the systems that can change patients and tells its free slots.
        knobs={"dolphin": True},
    ),
}


@dataclass
class Keys:
    """A token source that lives as long as its practice."""

    practice: Practice = field(repr=False)
    value: str = ""

    def current(self) -> str:
        return self.value or self.renew("")

    def renew(self, rejected: str) -> str:
        self.value = self.practice.adapter().issue_token("").value
        return self.value


@dataclass
class Practice:
    """One practice of a simulated PMS, and its clock, which only a test moves."""

    pms: str
    sandbox: RunningSandbox
    system: Json
    office: Json
    #: Asked before each call; may raise what a budget raises.
    spend: Callable[[Sequence[Scope]], Any] = lambda scopes: None
    guard: OpenGuard = field(init=False)
    keys: Keys = field(init=False)
    _zones: dict[str, str] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.guard = OpenGuard(lambda scopes: self.spend(scopes))
        self.keys = Keys(self)

    def __str__(self) -> str:
        return self.pms

    @property
    def now(self) -> datetime:
        return self.sandbox.control.now

    def later(self, **span: float) -> datetime:
        return self.sandbox.control.advance(timedelta(**span).total_seconds())

    @property
    def id(self) -> str:
        return str(self.office["office_id"])

    @property
    def manifest(self) -> Manifest:
        return registry.manifest(self.pms)

    @property
    def credential(self) -> Json:
        return WAYS[self.pms].credential(self.system, self.office)

    def adapter(self, **credential: str) -> Adapter:
        """Return a new adapter, as a new process has it; some of the credential may be another."""
        client = Client(
            base_url=self.system["url"],
            guard=self.guard,
            user_agent="Frontdesk (test@example.org)",
            timeout=(2, 10),
            is_sandbox=True,
            clock=lambda: self.now,
            wait=lambda seconds: None,
        )
        options = WAYS[self.pms].options(self.office)
        return registry.connect(
            self.pms, client, self.id, {**self.credential, **credential}, options, self.keys
        )

    def skip_unless(self, rule: Rule) -> None:
        """Skip what the manifest says is not to be had, for the reason that it gives."""
        standing = self.manifest.quality[rule]
        if standing != DONE:
            pytest.skip(f"{self.pms}: {standing.reason}")

    def needs(self, ability: Ability) -> None:
        """Skip what this PMS cannot be asked, by its manifest."""
        if ability not in self.adapter().abilities:
            pytest.skip(f"{self.pms}: its manifest does not offer {ability}")

    # --- What there is, by its lists and in truth --------------------------------------------

    def zones(self) -> dict[str, str]:
        """Return the zone of each site, which are read once."""
        if not self._zones:
            sites = lists.records(self.adapter(), Resource.LOCATIONS, self.now)
            self._zones = {site.external_id: site.timezone for site in sites}
        return self._zones

    def feed(self, resource: Resource, **more: Any) -> Feed:
        return Feed(resource=resource, timezones=self.zones(), **more)

    def read(self, resource: Resource, **more: Any) -> list[Any]:
        feed = self.feed(resource, **more)
        pages = lists.pages(self.adapter(), feed, self.now)
        return [record for page in pages for record in page.records]

    def changed(self, resource: Resource, since: datetime) -> list[Any]:
        """Return what a sync would read, after one that began at that moment."""
        changes = self.adapter().lists[resource]
        found = self.read(resource, changed_since=since - changes.overlap)
        if resource is Resource.APPOINTMENTS and changes.needs_window:
            found += self.read(resource, first=self.days(-7), last=self.days(30))
        return found

    def days(self, number: int) -> date:
        return (self.now + timedelta(days=number)).date()

    def change(self, kind: str, action: str, id: str = "", **values: Any) -> str:
        """Let the practice's own people do something, and some time pass."""
        done = self.sandbox.control.change(self.id, kind, action, id, **values)
        self.later(minutes=1)
        return done

    @property
    def truth(self) -> Json:
        return self.sandbox.control.truth(self.id)

    @property
    def calls(self) -> int:
        return len(self.sandbox.control.calls())


def in_words_of_truth(records: Sequence[Any]) -> dict[str, Json]:
    """Return id → what a record says, as the sandbox tells what is true; the last one counts."""
    found: dict[str, Json] = {}
    for record in records:
        if isinstance(record, Removed):
            found.pop(record.external_id, None)
        else:
            found[record.external_id] = _words(record)
    return found


def _words(record: PatientRecord | AppointmentRecord) -> Json:
    if isinstance(record, PatientRecord):
        return {
            "first_name": record.first_name,
            "last_name": record.last_name,
            "birth_date": record.birth_date.isoformat() if record.birth_date else "",
            "email": record.email,
            "phone": record.phone,
            "is_active": record.is_active,
        }
    return {
        "patient_id": record.patient_id,
        "practitioner_id": record.practitioner_id,
        "location_id": record.location_id,
        "starts_at": record.starts_at,
        "ends_at": record.ends_at,
        "status": record.status,
        "description": record.description,
    }


def of_truth(records: dict[str, Json]) -> dict[str, Json]:
    """Return the sandbox's records with times as times, and "" for what is not told."""
    return {
        id: {name: _value(name, value) for name, value in record.items()}
        for id, record in records.items()
    }


def _value(name: str, value: Any) -> Any:
    if name in {"starts_at", "ends_at"}:
        return datetime.fromisoformat(value)
    return "" if value is None else value
