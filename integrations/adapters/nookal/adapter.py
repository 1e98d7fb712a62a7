"""Nookal's calls: a form with the key in it for everything, reads included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from clinics.records import (
    AppointmentTypeRecord,
    PatientRecord,
    PmsRecord,
    Removed,
    Unreadable,
)
from integrations.adapters.nookal import (
    answers,
    availability,
    envelope,
    mapping,
    proof,
    reading,
    writing,
)
from integrations.adapters.nookal.manifest import MANIFEST
from integrations.adapters.nookal.reading import Question
from integrations.commands import BookAppointment, Command
from integrations.contract import (
    Lookup,
    Manifest,
    Outcome,
    PreparedWrite,
    Receipt,
    Scope,
    SentWrite,
    State,
    Term,
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client, Reply
from integrations.http.errors import NoAnswer, PmsError, Refused
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

#: Documented and the same for every practice.
BASE_URL: Final = "https://api.nookal.com/production/v2"
#: A key does not end; it is looked at once a day whether it still lets us in.
KEY_CHECK: Final = timedelta(days=1)
#: Pages of a question about one patient or one day: more of them are no such list.
MOST_PAGES: Final = 10
#: An id that is longer fits into no reference of a write.
LONGEST_CREATED_ID: Final = 80


@dataclass(slots=True)
class Nookal(AsInManifest):
    """One practice's Nookal."""

    manifest: ClassVar[Manifest] = MANIFEST

    client: Client
    api_key: str = field(repr=False)

    @classmethod
    def connect(
        cls,
        client: Client,
        account: str,
        credential: Mapping[str, Any],
        options: Mapping[str, Any],
        tokens: TokenSource,
    ) -> Nookal:
        """Return the adapter of one practice. Raises ValueError where its credential has no key."""
        key = str(credential.get("api_key") or "").strip()
        if not key:
            raise ValueError("The credential lacks api_key.")
        return cls(client, key)

    def issue_token(self, refresh_value: str) -> Token:
        """Return the API key itself, if it still lets us in: Nookal knows no others."""
        self._read("verify", {})
        return Token(value=self.api_key, refresh_value="", lifetime=KEY_CHECK)

    # --- Reading -----------------------------------------------------------------------------

    def verify(self) -> Account:
        question = reading.SOURCES[Resource.LOCATIONS].asked({})
        return reading.account(self._read(question.function, question.page(1)))

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        number = int(position or 1)
        question = reading.question(feed)
        return reading.page(feed, self._read(question.function, question.page(number)), number)

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        if resource is not Resource.PATIENTS:
            raise Refused("Nookal reads only patients by their id.")
        rows = self._first_page(reading.SEARCH.asked({"patient_id": external_id}))
        for row in rows:
            if isinstance(row, dict) and mapping.usable_id(row.get("ID")) == external_id:
                return mapping.record(resource, row, {})
        if rows:
            raise NoAnswer("Nookal answered with other patients than the one asked for.")
        return Removed(external_id=external_id)

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        question = reading.search(query)
        return reading.found(query, self._first_page(question)) if question else []

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        params = availability.parameters(
            asked.location_id, asked.practitioner_id, asked.first, asked.last
        )
        reply = self._read("getAppointmentAvailabilities", params)
        return availability.free_times(reply, asked, now)

    def balance(self, patient_id: str) -> Balance | None:
        return None  # its invoices are not read

    def payments(self, patient_id: str) -> list[Payment]:
        raise Refused("Payments are not read from Nookal.")

    def coverages(self, patient_id: str) -> list[Coverage]:
        raise Refused("Insurances are not read from Nookal.")

    def vocabulary(self) -> Vocabulary:
        """Return the documented statuses, and the types of appointment that are in use."""
        try:
            rows = list(self._rows(reading.SOURCES[Resource.APPOINTMENT_TYPES].asked({})))
        except Refused as error:
            unread = {"appointment_types": str(error)}
            return Vocabulary(statuses=writing.STATUSES, unread=unread)
        return Vocabulary(statuses=writing.STATUSES, appointment_types=_types(rows))

    def is_offered(self, booking: BookAppointment) -> bool | None:
        params = availability.parameters(
            booking.location_id,
            booking.practitioner_id,
            booking.starts_at.date(),
            booking.ends_at.date(),
        )
        reply = self._read("getAppointmentAvailabilities", params)
        return availability.is_free(reply, booking.starts_at, booking.ends_at)

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        return writing.prepare(command)

    def submit(self, prepared: PreparedWrite) -> Receipt:
        """Send it, and read back at once: who asked is waiting, and later costs as many calls.

        What does not show, or cannot be read now, is pending: `outcomes` looks again.
        """
        reply = self._call(prepared.endpoint, writing.form(prepared))
        new_id = _created_id(prepared, reply)
        reference = (
            proof.created(prepared, new_id)
            if new_id
            else proof.changed(prepared, self.client.clock())
        )
        question = (
            proof.day(prepared) if proof.takes_time(prepared) else proof.question(prepared, new_id)
        )
        try:
            rows = list(self._rows(question))
        except PmsError:
            return Receipt(reference=reference)
        row = proof.row_of(rows, prepared, new_id)
        if row is None or not (new_id or proof.shows(row, prepared)):
            return Receipt(reference=reference)
        return Receipt(
            reference=reference,
            state=State.COMPLETED,
            created_id=new_id,
            remark=proof.remark(row, rows, prepared),
        )

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        """Read the records back; one list answers for all writes that it shows."""
        asked: dict[Question, list[SentWrite]] = {}
        for write in sorted(writes, key=lambda each: each.sent_at):
            question = proof.question(write.prepared, proof.created_id(write))
            asked.setdefault(question, []).append(write)
        for number, (question, sharing) in enumerate(asked.items()):
            if singly is not None and number >= singly:
                yield from ((each.reference, Outcome(state=State.PENDING)) for each in sharing)
                continue  # their turn comes
            try:
                rows = list(self._rows(question))
            except Refused:  # of this one patient, say: that says nothing of the others
                yield from ((each.reference, Outcome(state=State.PENDING)) for each in sharing)
                continue
            for write in sharing:
                yield write.reference, proof.outcome(write, rows, now)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """Read the ids from the references, which have them: no call."""
        for write in writes:
            if new_id := proof.created_id(write):
                yield write.reference, new_id

    def withdraw(self, reference: str) -> bool:
        return False  # it is carried out at once

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        read: dict[Question, list[Any] | None] = {}
        found = []
        for write in writes:
            question = proof.question(write.prepared)
            if question not in read:
                try:
                    read[question] = list(self._rows(question))
                except Refused:
                    read[question] = None
            rows = read[question]
            # A list that Nookal does not show proves nothing.
            found.append(Lookup(covered=False) if rows is None else proof.lookup(write, rows))
        return found

    # --- Sending -----------------------------------------------------------------------------

    def _read(self, function: str, params: Mapping[str, str]) -> Reply:
        return self._call(f"/{function}", params, reads=True)

    def _call(self, path: str, params: Mapping[str, str], *, reads: bool = False) -> Reply:
        """Send a form. A key in an address would end up in logs on the way."""
        return self.client.request(
            "POST",
            path,
            dialect=answers,
            scopes=(Scope.INTEGRATION,),
            form={**params, "api_key": self.api_key},
            reads=reads,
        )

    def _first_page(self, question: Question) -> list[Any]:
        reply = self._read(question.function, question.page(1))
        return envelope.rows(reply, question.name)

    def _rows(self, question: Question) -> Iterator[Any]:
        """Yield every row of a short list. Raises NoAnswer for one that does not end."""
        number = 1
        for _ in range(MOST_PAGES):
            reply = self._read(question.function, question.page(number))
            rows = envelope.rows(reply, question.name)
            yield from rows
            following = envelope.next_page(reply, number)
            if following is None or not rows:
                return
            number = following
        raise NoAnswer("Nookal's list is longer than such a list can be.")


def base_url(credential: Mapping[str, Any]) -> str:
    """Return where Nookal's API is, the same for all."""
    return BASE_URL


def _created_id(prepared: PreparedWrite, reply: Reply) -> str:
    """Return the id of what a write created, "" for a write that only changes something.

    Raises NoAnswer where it is not told: the record may stand there.
    """
    name = writing.CREATED.get(prepared.endpoint)
    if name is None:
        return ""
    found = mapping.usable_id(envelope.results(reply).get(name))
    if not found or len(found) > LONGEST_CREATED_ID:
        raise NoAnswer("Nookal said success and did not tell the new record's id.")
    return found


def _types(rows: Sequence[Any]) -> tuple[Term, ...]:
    records = (mapping.record(Resource.APPOINTMENT_TYPES, row, {}) for row in rows)
    return tuple(
        Term(each.external_id, each.name or each.external_id)
        for each in records
        if isinstance(each, AppointmentTypeRecord) and each.is_active
    )
