"""What Frontdesk asks of Cliniko: one account, by its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from clinics.records import PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.cliniko import (
    access,
    answers,
    finding,
    listings,
    mapping,
    paging,
    searching,
    slots,
    submitting,
    vocabulary,
    writing,
)
from integrations.adapters.cliniko.calls import Calls
from integrations.adapters.cliniko.fields import ID, written
from integrations.adapters.cliniko.manifest import MANIFEST
from integrations.commands import BookAppointment, Command
from integrations.contract import (
    Lookup,
    Manifest,
    Outcome,
    PreparedWrite,
    Receipt,
    SentWrite,
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client
from integrations.http.errors import NoAnswer, Refused
from integrations.queries import (
    Account,
    Balance,
    Coverage,
    Feed,
    FreeTime,
    FreeTimes,
    Page,
    PatientQuery,
    Payment,
    Resource,
)
from integrations.system import AsInManifest

#: A key does not end; so often Cliniko is asked whether it still takes it.
KEY_LIFETIME: Final = timedelta(hours=24)
#: Seconds to connect and to read, so that this ends within the renewer's lease.
KEY_TIMEOUT: Final = (2.0, 4.0)


@dataclass(slots=True)
class Cliniko(AsInManifest):
    """One account of Cliniko."""

    manifest: ClassVar[Manifest] = MANIFEST

    calls: Calls

    @classmethod
    def connect(
        cls,
        client: Client,
        account: str,
        credential: Mapping[str, Any],
        options: Mapping[str, Any],
        tokens: TokenSource,
    ) -> Cliniko:
        """Return the adapter of the account that the key belongs to.

        Raises ValueError for a key that is missing or cannot be one.
        """
        return cls(Calls(client, access.api_key(credential)))

    # --- Access ------------------------------------------------------------------------------

    def issue_token(self, refresh_value: str) -> Token:
        """Return the key, which is the practice's own, if Cliniko still takes it."""
        self._account(KEY_TIMEOUT)
        return Token(value=self.calls.key, refresh_value="", lifetime=KEY_LIFETIME)

    def verify(self) -> Account:
        return self._account()

    def _account(self, timeout: tuple[float, float] | None = None) -> Account:
        """Ask whose key it is, by the settings that need no role of their own (the vendor says so
        of all settings, and not of these)."""
        reply = self.calls.get("/settings/public", timeout=timeout)
        told = reply.data.get("account") if isinstance(reply.data, dict) else None
        if not isinstance(told, dict) or not told.get("id"):
            raise NoAnswer("Cliniko's settings do not tell whose account it is.")
        return Account(id=str(told["id"]), name=str(told.get("name") or ""))

    # --- Lists -------------------------------------------------------------------------------

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        at = paging.position_of(position)
        parts = listings.LISTS[feed.resource]
        listing = parts[at.part]
        order = "updated_at" if feed.changed_since else "created_at"
        since = written(feed.changed_since) if feed.changed_since else ""
        bounds = listings.window(feed) if feed.resource is Resource.APPOINTMENTS else []
        params = paging.parameters(at, order, since, [*listing.filters, *bounds])
        reply = self.calls.get(listing.path, params)
        rows, has_more = answers.rows(reply, listing.name)
        total = answers.total(reply) if at.total is None else at.total
        keys = paging.keys(rows, order)
        after = paging.following(at, keys, has_more)
        if after is None and at.part + 1 < len(parts):
            after = paging.Position(part=at.part + 1)
        return Page(
            records=tuple(mapping.read(row, listing.read) for row in paging.unseen(at, rows, keys)),
            next=after.with_total(total).as_text() if after else "",
            part=str(at.part),
            total=total,
        )

    # --- Single questions --------------------------------------------------------------------

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        if not ID.fullmatch(external_id):
            return Removed(external_id=external_id)  # no record of Cliniko has such an id
        (listing,) = listings.LISTS[resource]
        filters = [("q[]", each) for each in listing.filters]
        try:
            reply = self.calls.get(f"{listing.path}/{external_id}", filters)
        except answers.NotFound:
            return Removed(external_id=external_id)
        found = mapping.read(answers.record(reply), listing.read)
        if found.external_id != external_id:
            raise NoAnswer("Cliniko's answer holds another record.")
        return found

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        filters = searching.filters(query)
        if not filters:
            return []  # nobody is asked for; everybody would answer to that
        rows = self.calls.some(listings.PATIENTS, filters)
        read = (mapping.read(row, mapping.patient) for row in rows)
        found = [record for record in read if isinstance(record, PatientRecord)]
        return [record for record in found if searching.fits(query, record)]

    def balance(self, patient_id: str) -> Balance | None:
        raise Refused("Cliniko's API tells no balances.")

    def payments(self, patient_id: str) -> list[Payment]:
        raise Refused("Cliniko's API tells no payments.")

    def coverages(self, patient_id: str) -> list[Coverage]:
        raise Refused("Cliniko's API tells no insurances.")

    # --- Words and times for a booking -------------------------------------------------------

    def vocabulary(self) -> Vocabulary:
        return vocabulary.read(self.calls)

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        if not asked.appointment_type:
            return None
        today = slots.today(asked, now)
        items: list[Any] = []
        try:
            for first, last in slots.windows(max(asked.first, today), asked.last):
                items += self.calls.starts(slots.path(asked), first, last, is_today=first == today)
        except answers.NotFound:
            return None
        return slots.free_times(asked, items)

    def is_offered(self, booking: BookAppointment) -> bool | None:
        """Look for the time among the free ones of its day; how long it lasts is the type's own
        matter, and not looked at."""
        day = booking.starts_at.date()
        asked = FreeTimes(
            practitioner_id=booking.practitioner_id,
            location_id=booking.location_id,
            appointment_type=booking.type,
            first=day,
            last=day,
            timezone=str(booking.starts_at.tzinfo),
            minutes=slots.minutes(booking.starts_at, booking.ends_at),
        )
        found = self.free_times(asked, self.calls.now)
        if found is None:
            return None
        return any(each.starts_at == booking.starts_at for each in found)

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        return writing.prepare(command)

    def submit(self, prepared: PreparedWrite) -> Receipt:
        return submitting.submit(self.calls, prepared)

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        return finding.outcomes(self.calls, writes)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        return finding.created_ids(writes)

    def withdraw(self, reference: str) -> bool:
        return False  # nothing waits in Cliniko: what it took is done

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        return finding.find(self.calls, writes)
