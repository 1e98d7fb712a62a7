"""A service that is known by its description alone: what Frontdesk asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from clinics.records import AppointmentTypeRecord, PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.rest import auth, availability, writing
from integrations.adapters.rest.description import Description
from integrations.adapters.rest.finding import Finding
from integrations.adapters.rest.manifest import MANIFEST
from integrations.adapters.rest.parsing import parse
from integrations.adapters.rest.proving import Proving, created_id
from integrations.adapters.rest.reading import Reading
from integrations.adapters.rest.write_options import CREATES
from integrations.commands import BookAppointment, Command
from integrations.contract import (
    Lookup,
    Manifest,
    Outcome,
    PreparedWrite,
    Receipt,
    SentWrite,
    Term,
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client
from integrations.http.errors import Refused
from integrations.queries import (
    Ability,
    Account,
    Balance,
    Changes,
    Coverage,
    Feed,
    FreeTime,
    FreeTimes,
    Page,
    PatientQuery,
    Payment,
    Resource,
)

#: A key is not seen to end: it is tried again after so long. Frontdesk's own choice.
KEY_LIFETIME = timedelta(hours=24)
#: The call that tries it must end within the renewer's lease.
KEY_TIMEOUT = (2.0, 4.0)
#: Types of appointment that are offered for choice; a list of more holds something else.
MOST_TYPES = 2000


@dataclass(slots=True)
class Rest:
    """One practice's service."""

    manifest: ClassVar[Manifest] = MANIFEST

    account_id: str
    reading: Reading

    @classmethod
    def connect(
        cls,
        client: Client,
        account: str,
        credential: Mapping[str, Any],
        options: Mapping[str, Any],
        tokens: TokenSource,
    ) -> Rest:
        """Return the adapter of one service. Raises ValueError naming what options or credential
        lack."""
        description = parse(options)
        return cls(
            account, Reading(client, description, auth.credential(description.auth, credential))
        )

    # --- What this service has ---------------------------------------------------------------

    @property
    def description(self) -> Description:
        """All that is known of this service."""
        return self.reading.description

    @property
    def lists(self) -> Mapping[Resource, Changes]:
        return {resource: each.told for resource, each in self.description.lists.items()}

    @property
    def abilities(self) -> frozenset[Ability]:
        """What this service can be asked beside its lists."""
        return self.description.abilities

    @property
    def operations(self) -> frozenset[str]:
        """What can be changed in this service."""
        return self.description.operations

    def issue_token(self, refresh_value: str) -> Token:
        """Return the key, which is the practice's own, if the service still takes it."""
        self.reading.account(self.account_id, KEY_TIMEOUT)
        key = self.reading.credential.value
        return Token(value=key, refresh_value="", lifetime=KEY_LIFETIME)

    # --- Reading -----------------------------------------------------------------------------

    def verify(self) -> Account:
        return self.reading.account(self.account_id)

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        return self.reading.page(feed, position)

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        return self.reading.one(resource, external_id)

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        return self.reading.search(query)

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        return self.reading.free_times(asked)

    def balance(self, patient_id: str) -> Balance | None:
        return None

    def payments(self, patient_id: str) -> list[Payment]:
        return []

    def coverages(self, patient_id: str) -> list[Coverage]:
        return []

    def vocabulary(self) -> Vocabulary:
        """Tell the words of the description, and read the types of appointment."""
        statuses = tuple(
            Term(word, self.description.status(word)) for word in self.description.words
        )
        if Resource.APPOINTMENT_TYPES not in self.description.lists:
            return Vocabulary(statuses=statuses)
        types: dict[str, Term] = {}
        try:
            for page in self.reading.pages(Feed(resource=Resource.APPOINTMENT_TYPES)):
                for each in page.records:
                    if isinstance(each, AppointmentTypeRecord) and each.is_active:
                        name = each.name if each.name.isprintable() else ""
                        types[each.external_id] = Term(each.external_id, name or each.external_id)
        except Refused as error:
            return Vocabulary(statuses=statuses, unread={"appointment_types": str(error)})
        return Vocabulary(statuses=statuses, appointment_types=tuple(types.values())[:MOST_TYPES])

    def is_offered(self, booking: BookAppointment) -> bool | None:
        free = self.reading.free_times(availability.question(booking))
        return None if free is None else availability.covers(free, booking)

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        return writing.prepare(self.description, command)

    def submit(self, prepared: PreparedWrite) -> Receipt:
        return Proving(self.reading).submit(prepared)

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        return Proving(self.reading).outcomes(writes, singly)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """The reference of a new record holds its id: no call is made."""
        for write in writes:
            operation = write.reference.partition(" ")[0]
            if operation in CREATES and (found := created_id(write.reference)):
                yield write.reference, found

    def withdraw(self, reference: str) -> bool:
        return False  # carried out at once: there is nothing left to take back

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        return Finding(Proving(self.reading), now).lookups(writes)
