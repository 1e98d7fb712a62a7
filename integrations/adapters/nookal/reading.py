"""Which function a list is read by, and how a page of it becomes records. Pure functions.

Functions, their parameters and the longest page are from Nookal's reference and its PHP SDK.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from clinics.records import PatientRecord
from integrations.adapters.nookal import envelope, mapping
from integrations.adapters.nookal.manifest import MANIFEST
from integrations.http.client import Reply
from integrations.http.errors import NotAuthorized
from integrations.queries import Account, Feed, Page, PatientQuery, Resource


@dataclass(frozen=True, slots=True)
class Question:
    """One list of Nookal's, narrowed by parameters: the same question has the same answer."""

    function: str
    #: Where the list stands in the answer.
    name: str
    params: tuple[tuple[str, str], ...] = ()

    def page(self, number: int) -> dict[str, str]:
        """Return the parameters that ask for one page."""
        paging = {"page": str(number), "page_length": str(MANIFEST.page_size)}
        return {**dict(self.params), **paging}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list of ours comes from."""

    function: str
    name: str
    params: Mapping[str, str] = field(default_factory=dict)

    def asked(self, params: Mapping[str, str]) -> Question:
        """Return the question for it, or for the part of it that the parameters name."""
        return Question(self.function, self.name, tuple({**self.params, **params}.items()))


SOURCES: Final[Mapping[Resource, Source]] = {
    Resource.LOCATIONS: Source("getLocations", "locations"),
    Resource.PRACTITIONERS: Source(
        "getPractitioners", "practitioners", {"include_inactive_practitioners": "1"}
    ),
    # There is no getServices, but services is what the answer calls them.
    Resource.APPOINTMENT_TYPES: Source("getAppointmentTypes", "services"),
    Resource.PATIENTS: Source("getPatients", "patients"),
    Resource.APPOINTMENTS: Source("getAppointments", "appointments"),
}
SEARCH: Final = Source("searchPatients", "patients")


def question(feed: Feed) -> Question:
    """Return what to ask for a feed."""
    params = {}
    if feed.changed_since:
        # In which zone it is read is not documented: the manifest's overlap covers every one.
        params["last_modified"] = feed.changed_since.astimezone(UTC).strftime(mapping.MOMENT)
    if feed.first:
        params["date_from"] = feed.first.isoformat()
    if feed.last:
        params["date_to"] = feed.last.isoformat()
    return SOURCES[feed.resource].asked(params)


def page(feed: Feed, reply: Reply, number: int) -> Page:
    """Return a page as records, with the number of the next one as its position."""
    rows = envelope.rows(reply, SOURCES[feed.resource].name)
    following = envelope.next_page(reply, number)
    return Page(
        records=tuple(mapping.record(feed.resource, row, feed.timezones) for row in rows),
        # Behind a page with nothing on it there is nothing, whatever it says.
        next=str(following) if following and rows else "",
        total=envelope.total(reply),
    )


def account(reply: Reply) -> Account:
    """Return whom a key lets in, from the list of locations: Nookal tells no id of a practice.

    Its first location stands for it, and its number alone is no id: every practice counts from 1.
    So its name and place are part of the id, which stays when the key is exchanged, and changes
    when that location is renamed or moves. Raises NotAuthorized where the key opens no location.
    """
    found = [row for row in envelope.rows(reply, "locations") if isinstance(row, dict)]
    known = [row for row in found if mapping.usable_id(row.get("ID"))]
    if not known:
        raise NotAuthorized("The API key opens no location: tick some for it in Nookal.")
    # By length first: ids are numbers in texts, and 10 comes after 9.
    first = min(known, key=lambda row: (len(str(row["ID"])), str(row["ID"])))
    told = [mapping.text(first.get(name)) for name in ("Name", "AddressLine1", "Postcode")]
    digest = hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]
    return Account(id=f"{mapping.usable_id(first['ID'])[:60]}-{digest}", name=told[0])


def search(query: PatientQuery) -> Question | None:
    """Return what to ask for somebody; None where too little of them is given."""
    if query.email:
        return SEARCH.asked({"email": query.email})
    if query.last_name and query.birth_date:
        params = {
            "first_name": query.first_name,
            "last_name": query.last_name,
            "date_of_birth": query.birth_date.isoformat(),
        }
        return SEARCH.asked({name: value for name, value in params.items() if value})
    return None


def found(query: PatientQuery, rows: list[Any]) -> list[PatientRecord]:
    """Return who of an answer is asked for.

    A parameter that Nookal does not know is ignored, and then everybody is found: so each is held
    against the question once more. A name may be the beginning of the one in the record.
    """
    records = (mapping.record(Resource.PATIENTS, row, {}) for row in rows)
    return [each for each in records if isinstance(each, PatientRecord) and _fits(query, each)]


def _fits(query: PatientQuery, patient: PatientRecord) -> bool:
    if query.email:
        return folded(patient.email) == folded(query.email)
    return (
        patient.birth_date == query.birth_date
        and folded(patient.first_name).startswith(folded(query.first_name))
        and folded(patient.last_name).startswith(folded(query.last_name))
    )


def folded(written: str) -> str:
    """Return a name or address without what two ways to write it may differ in."""
    return " ".join(written.casefold().split())
