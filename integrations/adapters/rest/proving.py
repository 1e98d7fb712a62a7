"""What became of a write: told by the record itself, since a service keeps no list of writes.

A write is done when the service shows what it asked for, and not before. The reference of one is
made of what it did, the record, and when the record was changed by it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from clinics.records import AppointmentRecord, PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.rest import writing
from integrations.adapters.rest.fields import ZoneUnknown, at
from integrations.adapters.rest.reading import Reading, Told
from integrations.adapters.rest.writing import Wish
from integrations.contract import Outcome, PreparedWrite, Receipt, SentWrite, State
from integrations.http.errors import NoAnswer, PmsError, Refused

#: An id of more characters has no room in a reference (100).
LONGEST_SHORT_ID: Final = 60
#: How much the service's clock may be before ours when a write is looked up.
CLOCK_SKEW: Final = timedelta(minutes=5)
#: The same where another write may have changed the record shortly before.
SMALL_SKEW: Final = timedelta(seconds=10)
UTC_ZONE: Final = ZoneInfo("UTC")
OTHER_WORDS: Final = "The PMS shows another description than was asked for."
PENDING: Final = Outcome(state=State.PENDING)


@dataclass(slots=True)
class Proving:
    """Sends writes to one service, and reads back what became of them."""

    reading: Reading

    def submit(self, prepared: PreparedWrite) -> Receipt:
        """Send a write once, and return it as done where the service shows what was asked for.

        The answer shows it, or one more call does. What neither shows is pending: an accepted
        write is no proof, and an error after it says nothing of the write.
        """
        if writing.wish(self.reading.description, prepared, UTC_ZONE) is None:
            raise Refused("The description of this service has changed since: ask again.")
        sent_at = self.reading.client.clock()
        reply = self.reading.send(prepared.method, prepared.endpoint, json=prepared.body or None)
        wish = self._known_wish(prepared)
        shown: Told | None = self._answered(wish, reply.data)
        external_id = wish.external_id or (shown.external_id if shown else "")
        if not external_id:
            raise NoAnswer("The service accepted the write but told no id of the new record.")
        if shown is None or not wish.is_shown_by(shown):
            shown = self._read_back(wish, external_id)
        if shown is None or not wish.is_shown_by(shown):
            return Receipt(reference=reference(wish, external_id, None, sent_at))
        return Receipt(
            reference=reference(wish, external_id, shown, sent_at),
            state=State.COMPLETED,
            created_id=external_id if wish.is_new else "",
            remark="" if wish.is_worded_as_asked(shown) else OTHER_WORDS,
        )

    def outcomes(
        self, writes: Sequence[SentWrite], singly: int | None
    ) -> Iterator[tuple[str, Outcome]]:
        """Read each write's record, oldest first, at most `singly` of them."""
        left = len(writes) if singly is None else singly
        for write in sorted(writes, key=lambda write: write.sent_at):
            wish = self.wish(write.prepared)
            external_id = wish and (wish.external_id or created_id(write.reference))
            if wish is None or not external_id or not self._can_ask(wish):
                yield write.reference, PENDING
                continue
            if left <= 0:
                yield write.reference, PENDING  # its turn comes
                continue
            left -= 1
            shown = self.reading.one(wish.resource, external_id)
            if wish.is_shown_by(shown):
                made = external_id if wish.is_new else ""
                yield write.reference, Outcome(state=State.COMPLETED, created_id=made)
            elif not isinstance(shown, Removed):
                yield write.reference, PENDING
            # One that the service has no record of is left out: that decides nothing.

    def wish(self, prepared: PreparedWrite) -> Wish | None:
        """Return what a write asks for; None where its description has changed since."""
        description = self.reading.description
        try:
            return writing.wish(description, prepared, description.zone)
        except ZoneUnknown:
            site_id = writing.location_of(description, prepared)
            # Where nobody knows the zone, none of its times can be told from another.
            zone = self.reading.zone_of(site_id)
            return writing.wish(description, prepared, zone) if zone else None

    def _known_wish(self, prepared: PreparedWrite) -> Wish:
        """The same once it is sent: whatever goes wrong now must not hide that."""
        with suppress(PmsError):
            if found := self.wish(prepared):
                return found
        # Its times may be hours off, and then nothing shows what was asked for: it is pending.
        found = writing.wish(self.reading.description, prepared, UTC_ZONE)
        assert found  # noqa: S101 (looked at before it was sent)
        return found

    def _answered(self, wish: Wish, data: Any) -> PmsRecord | Removed | Unreadable | None:
        """Return the record in a write's answer; None where it holds none."""
        listing = self.reading.listing(wish.resource)
        found = at(data, listing.record)
        if not isinstance(found, dict):
            return None
        try:
            told = self.reading.described(listing, found)
        except PmsError:
            return None
        return told if told.external_id else None

    def _read_back(self, wish: Wish, external_id: str) -> Told | None:
        if not self._can_ask(wish):
            return None
        try:
            return self.reading.one(wish.resource, external_id)
        except PmsError:
            return None

    def _can_ask(self, wish: Wish) -> bool:
        return bool(self.reading.listing(wish.resource).one)


def reference(wish: Wish, external_id: str, shown: object, sent_at: datetime) -> str:
    """Return a write's reference, which is unique among the practice's writes.

    Of a change it has the moment at which the record was changed, as the service tells it; else
    when it was sent. A record that was as asked before does not show the write: its moment is an
    older one, which another write may have already.
    """
    if wish.is_new:
        return f"{wish.operation} {short(external_id)}"
    changed_at = getattr(shown, "changed_at", None)
    if changed_at is None or changed_at < sent_at - SMALL_SKEW:
        changed_at = sent_at
    return f"{wish.operation} {short(external_id)} {changed_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def short(external_id: str) -> str:
    """Return an id as it stands in a reference: whole, or a digest that cannot be asked for."""
    if len(external_id) <= LONGEST_SHORT_ID and not external_id.startswith("~"):
        return external_id
    return f"~{hashlib.sha256(external_id.encode()).hexdigest()[:32]}"


def created_id(reference: str) -> str:
    """Return the id in the reference of a new record; "" where it had no room there."""
    found = reference.partition(" ")[2]
    return "" if found.startswith("~") else found


def was_made_before(record: AppointmentRecord | PatientRecord, sent_at: datetime) -> bool:
    """Return whether a record surely is older than a write."""
    return record.made_at is not None and record.made_at < sent_at - CLOCK_SKEW
