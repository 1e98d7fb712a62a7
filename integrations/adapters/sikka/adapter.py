"""What Frontdesk asks of Sikka: one office, by its key and by the application's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar, Final

from clinics.records import PatientRecord, PmsRecord, Removed, Unreadable
from integrations.adapters.sikka import (
    answers,
    availability,
    checks,
    log,
    mapping,
    money,
    reading,
    searching,
    writing,
)
from integrations.adapters.sikka import vocabulary as words
from integrations.adapters.sikka.calls import Calls, Credential
from integrations.adapters.sikka.manifest import MANIFEST
from integrations.commands import BookAppointment, Command
from integrations.contract import (
    Lookup,
    Manifest,
    Outcome,
    PreparedWrite,
    Receipt,
    SentWrite,
    State,
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client
from integrations.http.errors import ChangesNotTold, NoAnswer, NotAuthorized, Refused
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

#: Documented, and the same for every application.
BASE_URL: Final = "https://api.sikkasoft.com/v4"
#: Where a single record is asked for.
PATHS: Final = {Resource.PATIENTS: "/patients", Resource.APPOINTMENTS: "/appointments"}


@dataclass(slots=True)
class Sikka(AsInManifest):
    """One office's Sikka."""

    manifest: ClassVar[Manifest] = MANIFEST

    calls: Calls
    #: Practice id → IANA zone, once a single appointment was asked for.
    _zones: dict[str, str] | None = field(default=None, init=False, repr=False)

    @classmethod
    def connect(
        cls,
        client: Client,
        account: str,
        credential: Mapping[str, Any],
        options: Mapping[str, Any],
        tokens: TokenSource,
    ) -> Sikka:
        """Return the adapter of one office. Raises ValueError naming what its credential lacks.

        Without an account it can only tell whose credential it is, by `verify`.
        """
        return cls(Calls(client, Credential.read(account, credential), tokens))

    # --- Access ------------------------------------------------------------------------------

    def issue_token(self, refresh_value: str) -> Token:
        return self.calls.issue_token(refresh_value)

    def verify(self) -> Account:
        """Find the office among those that authorized the application, and compare its secret."""
        for row in self.calls.ours():
            if row.get("secret_key") and not self.calls.has_our_secret(row):
                raise NotAuthorized("Sikka knows another secret_key of this office.")
            office_id = mapping.usable_id(row.get("office_id"))
            return Account(id=office_id, name=mapping.storable(row.get("practice_name")))
        raise NotAuthorized("This office has not authorized the application, or not any more.")

    # --- Lists -------------------------------------------------------------------------------

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        """Read one page of a list, in one call.

        The first page of operatories is empty: its call asks for the customers by whom the others
        are asked for. Types of appointment that this office's system or the application's plan does
        not have are none. A plan without practice_events tells no changes: ChangesNotTold.
        """
        question = reading.question(feed, position, now)
        try:
            reply = self.calls.read(
                question.path,
                question.params,
                question.page,
                by_application=question.by_application,
            )
        except (Refused, answers.NotInPlan) as error:
            if question.resource is Resource.APPOINTMENT_TYPES:
                return Page(records=())
            if question.path == reading.EVENTS:
                raise ChangesNotTold(str(error)) from error
            raise
        return reading.read(question, reply, feed.timezones, self.calls.is_ours)

    # --- Single questions --------------------------------------------------------------------

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        """Read one patient or appointment by its id.

        The first appointment costs the application one call more, for the zones of the sites.
        """
        name = mapping.ID_FIELDS[resource]
        params = {name: external_id, **reading.ALL_FIELDS}
        rows = answers.items(self.calls.read(PATHS[resource], params))
        if not rows:
            return Removed(external_id=external_id)
        for row in rows:
            if str(row.get(name)) == external_id:
                zones = self._timezones() if resource is Resource.APPOINTMENTS else {}
                return mapping.record(resource, row, zones)
        raise NoAnswer("Sikka answered with other records than the one asked for.")

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        """Ask whom Sikka knows: one call, or two for a number that is in no first field."""
        for asked in searching.questions(query):
            reply = self.calls.read(PATHS[Resource.PATIENTS], {**asked, **reading.ALL_FIELDS})
            rows = [row for row in answers.items(reply) if searching.fits(query, row)]
            records = [mapping.record(Resource.PATIENTS, row, {}) for row in rows]
            if found := [record for record in records if isinstance(record, PatientRecord)]:
                return found
        return []

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        rows = self._slots(asked.practitioner_id, asked.location_id, asked.first, asked.last)
        try:
            return availability.free_times(rows, asked, now)
        except (KeyError, ValueError, OverflowError):
            return None  # not in the form that we know

    def balance(self, patient_id: str) -> Balance | None:
        rows = self.calls.rows("/patient_balance", {"patient_id": patient_id})
        return money.balance(rows, patient_id)

    def payments(self, patient_id: str) -> list[Payment]:
        rows = self.calls.rows("/transactions", {"patient_id": patient_id})
        return money.payments(rows, patient_id)

    def coverages(self, patient_id: str) -> list[Coverage]:
        raise Refused("Sikka cannot be asked for one patient's insurances.")

    # --- Words and times for a booking -------------------------------------------------------

    def vocabulary(self) -> Vocabulary:
        return words.read(self.calls.rows)

    def is_offered(self, booking: BookAppointment) -> bool | None:
        first, last = booking.starts_at.date(), booking.ends_at.date()
        rows = self._slots(booking.practitioner_id, booking.location_id, first, last)
        try:
            return availability.is_offered(rows, booking)
        except (KeyError, ValueError, OverflowError):
            return None  # not in the form that we know

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        return writing.prepare(command)

    def submit(self, prepared: PreparedWrite) -> Receipt:
        reply = self.calls.as_office(prepared.method, prepared.endpoint, json=prepared.body)
        return Receipt(reference=answers.write_id(reply))

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        return checks.outcomes(self.calls, writes, now, singly)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        return checks.created_ids(self.calls, writes, now, singly)

    def withdraw(self, reference: str) -> bool:
        # What becomes of a finished write is not documented: only a pending one is deleted.
        outcome = checks.status(self.calls, reference)
        if outcome is None or outcome.state is not State.PENDING:
            return False
        try:
            self.calls.as_application("DELETE", "/writebacks", {"id": reference})
        except Refused:
            return False
        return True

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        first, last = log.days(min(write.sent_at for write in writes), now)
        rows = list(checks.written(self.calls, first, last))
        office_id = self.calls.credential.office_id
        return [log.lookup(write, rows, first, office_id) for write in writes]

    def _slots(
        self, practitioner_id: str, location_id: str, first: date, last: date
    ) -> Iterator[dict[str, Any]]:
        params = availability.parameters(practitioner_id, location_id, first, last)
        return self.calls.rows("/appointments_available_slots", params)

    def _timezones(self) -> Mapping[str, str]:
        """Return the zone of each site that has a known one; asked for once."""
        if self._zones is None:
            sites = [mapping.record(Resource.LOCATIONS, row, {}) for row in self.calls.ours()]
            self._zones = mapping.timezones(sites)
        return self._zones


def base_url(credential: Mapping[str, Any]) -> str:
    """Return where Sikka's API is, the same for all."""
    return BASE_URL
