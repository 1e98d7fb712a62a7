"""Look for writes whose answers were lost: by the records that they would have made or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from clinics.records import AppointmentRecord, PatientRecord, Removed, Unreadable
from integrations.adapters.rest import matching
from integrations.adapters.rest.proving import (
    CLOCK_SKEW,
    LONGEST_SHORT_ID,
    Proving,
    reference,
    was_made_before,
)
from integrations.adapters.rest.reading import Told
from integrations.adapters.rest.writing import Wish
from integrations.contract import Lookup, SentWrite
from integrations.queries import Feed, Resource

#: Something stands there that could be it, and has no reference to be adopted by.
PERHAPS: Final = ("",)
#: Appointments are looked for on the day that was asked for, in whatever zone that is.
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a list has that a new record would be among, and whether it was read to its end."""

    records: tuple[Told, ...]
    is_whole: bool
    #: Whether it has nothing but what changed since then: also what was removed, if that is told.
    is_recent: bool


@dataclass(slots=True)
class Finding:
    """Looks for several lost writes of one service in as few calls as it allows."""

    proving: Proving
    now: datetime
    scans: dict[Resource, Scan] = field(default_factory=dict, init=False)

    def lookups(self, writes: Sequence[SentWrite]) -> list[Lookup]:
        """Return what there is of each write, in order."""
        wishes = [self.proving.wish(write.prepared) for write in writes]
        for resource in Resource:
            new = [
                (write, wish)
                for write, wish in zip(writes, wishes, strict=True)
                if wish and wish.is_new and wish.resource is resource
            ]
            if new:
                self.scans[resource] = self._scan(resource, new)
        return [
            self._lookup(write, wish) if wish else Lookup(covered=False)
            for write, wish in zip(writes, wishes, strict=True)
        ]

    def _lookup(self, write: SentWrite, wish: Wish) -> Lookup:
        if wish.is_new:
            return self._made(write, wish)
        if not self.proving.reading.listing(wish.resource).one:
            return Lookup(covered=False)
        shown = self.proving.reading.one(wish.resource, wish.external_id)
        if wish.is_shown_by(shown):
            found = reference(wish, wish.external_id, shown, write.sent_at)
            return Lookup(same=(found,), covered=True)
        if isinstance(shown, Unreadable):
            return Lookup(covered=False)
        changed_at = getattr(shown, "changed_at", None)
        # Changed by somebody since, or perhaps: to send it again might undo what they did.
        is_old = changed_at is not None and changed_at < write.sent_at - CLOCK_SKEW
        return Lookup(similar=() if is_old or changed_at is None else PERHAPS, covered=True)

    def _made(self, write: SentWrite, wish: Wish) -> Lookup:
        """Look for a new record among those that were read for all."""
        scan = self.scans[wish.resource]
        same: list[tuple[datetime, str]] = []
        similar = False
        for record in scan.records:
            if not isinstance(record, AppointmentRecord | PatientRecord):
                # One that cannot be read may be it; so may one that somebody took away since.
                similar = similar or scan.is_recent or not isinstance(record, Removed)
                continue
            if was_made_before(record, write.sent_at):
                continue
            if wish.is_shown_by(record) and not _is_over(record):
                if len(record.external_id) <= LONGEST_SHORT_ID:
                    found = reference(wish, record.external_id, record, self.now)
                    same.append((record.made_at or write.sent_at, found))
                else:
                    similar = True
            elif _resembles(wish, record):
                similar = True
        return Lookup(
            same=tuple(found for _, found in sorted(same)),
            similar=PERHAPS if similar else (),
            covered=scan.is_whole,
        )

    def _scan(self, resource: Resource, new: Sequence[tuple[SentWrite, Wish]]) -> Scan:
        """Read the part of a list that the new records would be in: what changed since the first
        was sent, else the days that they were asked for, else all of it."""
        listing = self.proving.reading.listing(resource)
        told = listing.told
        earliest = min(write.sent_at for write, _ in new) - CLOCK_SKEW - told.overlap
        feed = Feed(resource=resource)
        starts = [wish.values["starts_at"] for _, wish in new if wish.values.get("starts_at")]
        if told.told and (told.furthest is None or self.now - earliest < told.furthest):
            feed = Feed(resource=resource, changed_since=earliest)
        elif listing.window and len(starts) == len(new):
            first, last = min(starts).astimezone(UTC), max(starts).astimezone(UTC)
            feed = Feed(resource=resource, first=(first - DAY).date(), last=(last + DAY).date())
        pages = list(self.proving.reading.pages(feed))
        records = tuple(record for page in pages for record in page.records)
        return Scan(records, is_whole=not pages[-1].next, is_recent=feed.changed_since is not None)


def _is_over(record: AppointmentRecord | PatientRecord) -> bool:
    """Return whether somebody has called it off since: then a person has to say what is meant."""
    return isinstance(record, AppointmentRecord) and record.status == "cancelled"


def _resembles(wish: Wish, record: AppointmentRecord | PatientRecord) -> bool:
    """Return whether a record could be it, kept by the service otherwise than it was asked for."""
    values = wish.values
    if isinstance(record, AppointmentRecord):
        return bool(
            record.patient_id == values.get("patient_id")
            and record.starts_at == values.get("starts_at")
        )
    named = matching.same("last_name", values.get("last_name"), record.last_name)
    born = values.get("birth_date")
    return named and (
        matching.same("first_name", values.get("first_name"), record.first_name)
        or (born is not None and born == record.birth_date)
    )
