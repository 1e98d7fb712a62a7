"""Sikka's calls: App-Id/App-Key for what spans offices, a Request-Key for one office's data."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar

from clinics.records import (
    AppointmentRecord,
    LocationRecord,
    OperatoryRecord,
    PatientRecord,
    PmsRecord,
    PractitionerRecord,
    Unreadable,
)
from integrations.adapters.sikka import answers, availability, log, mapping, writing
from integrations.adapters.sikka import vocabulary as words
from integrations.adapters.sikka.manifest import KEY_LIFETIME, MANIFEST, PAGE_SIZE
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
    Token,
    TokenSource,
    Vocabulary,
)
from integrations.http.client import Client, Reply
from integrations.http.errors import BudgetExhausted, KeyExpired, NoAnswer, Refused

#: A call with an office's key counts for the practice and for the application; a call with the
#: application's own key counts for the application alone, since one answer serves every practice.
OFFICE = (Scope.INTEGRATION, Scope.APPLICATION)
APPLICATION = (Scope.APPLICATION,)

#: Two renewals, by the refresh key and from the credential, must end within the renewer's lease.
KEY_TIMEOUT = (2.0, 4.0)
#: So many writes are asked for one by one: a list tells neither a new record's id nor a reason.
FEW = 2
#: An id is never cut: two might become one.
LONGEST_ID = 200


R = TypeVar("R", bound=PmsRecord)


@dataclass(frozen=True, slots=True)
class Credential:
    """What a practice's authorization gives us. Nothing of it shows in a repr."""

    office_id: str
    app_id: str = field(repr=False)
    app_key: str = field(repr=False)
    secret_key: str = field(repr=False)


@dataclass(slots=True)
class Sikka:
    """One office's Sikka."""

    manifest: ClassVar[Manifest] = MANIFEST

    client: Client
    credential: Credential
    tokens: TokenSource

    @classmethod
    def connect(
        cls, client: Client, account: str, credential: Mapping[str, Any], tokens: TokenSource
    ) -> Sikka:
        """Return the adapter of one office. Raises ValueError naming what its credential lacks."""
        missing = {"app_id", "app_key", "secret_key"} - {
            key for key in credential if credential[key]
        }
        if missing:
            raise ValueError(f"The credential lacks {', '.join(sorted(missing))}.")
        return cls(
            client,
            Credential(
                office_id=account,
                app_id=str(credential["app_id"]),
                app_key=str(credential["app_key"]),
                secret_key=str(credential["secret_key"]),
            ),
            tokens,
        )

    # --- Keys --------------------------------------------------------------------------------

    def issue_token(self, refresh_value: str) -> Token:
        body = {"app_id": self.credential.app_id, "app_key": self.credential.app_key}
        if refresh_value:
            body |= {"grant_type": "refresh_key", "refresh_key": refresh_value}
        else:
            body |= {
                "grant_type": "request_key",
                "office_id": self.credential.office_id,
                "secret_key": self.credential.secret_key,
            }
        reply = self.client.request(
            "POST",
            "/request_key",
            dialect=answers,
            scopes=OFFICE,
            json=body,
            timeout=KEY_TIMEOUT,
        )
        found = answers.records(reply)
        if not found or not found[0].get("request_key"):
            raise NoAnswer("Sikka's answer holds no request key.")
        # "85603 second(s)": a number with its unit.
        seconds = re.match(r"\s*(\d{1,9})", str(found[0].get("expires_in") or ""))
        return Token(
            value=str(found[0]["request_key"]),
            refresh_value=str(found[0].get("refresh_key") or refresh_value),
            lifetime=min(timedelta(seconds=int(seconds[1])), KEY_LIFETIME)
            if seconds
            else KEY_LIFETIME,
        )

    # --- Reading -----------------------------------------------------------------------------

    def locations(self) -> Iterator[LocationRecord | Unreadable]:
        path = "/authorized_practices"
        listed = self._pages(self._as_application, path, {"show": "all"})
        # One list for all offices: anything else than an exact match is another tenant.
        ours = (row for row in listed if str(row.get("office_id")) == self.credential.office_id)
        return _readable(mapping.location, ours)

    def practitioners(self) -> Iterator[PractitionerRecord | Unreadable]:
        return _readable(mapping.practitioner, self._pages(self._as_office, "/providers"))

    def operatories(self) -> Iterator[OperatoryRecord | Unreadable]:
        # The list of operatories must be asked for by cust_id, which the practices tell.
        practices = self._pages(self._as_office, "/practices")
        for customer in sorted({str(row["cust_id"]) for row in practices if row.get("cust_id")}):
            params = {"cust_id": customer}
            listed = self._pages(self._as_office, "/operatories", params)
            yield from _readable(mapping.operatory, listed)

    def patients(self) -> Iterator[PatientRecord | Unreadable]:
        fields = {"fields": "get_all"}
        return _readable(mapping.patient, self._pages(self._as_office, "/patients", fields))

    def appointments(
        self, first: date, last: date, timezones: Mapping[str, str]
    ) -> Iterator[AppointmentRecord | Unreadable]:
        params = {
            "startdate": first.isoformat(),
            "enddate": last.isoformat(),
            "fields": "get_all",
        }
        read = partial(mapping.appointment, timezones=dict(timezones))
        return _readable(read, self._pages(self._as_office, "/appointments", params))

    def vocabulary(self) -> Vocabulary:
        return words.read(partial(self._pages, self._as_office))

    def is_offered(self, booking: BookAppointment) -> bool | None:
        path = "/appointments_available_slots"
        rows = self._pages(self._as_office, path, availability.parameters(booking))
        try:
            return availability.is_offered(rows, booking)
        except (KeyError, ValueError):
            return None  # not in the form that we know

    # --- Writing -----------------------------------------------------------------------------

    def prepare(self, command: Command) -> PreparedWrite:
        return writing.prepare(command)

    def submit(self, prepared: PreparedWrite) -> Receipt:
        reply = self._as_office(prepared.method, prepared.endpoint, json=prepared.body)
        return Receipt(reference=answers.write_id(reply))

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        """Ask the list once for all of them, or one by one where that costs no more calls."""
        oldest_first = sorted(writes, key=lambda write: write.sent_at)
        references = list(dict.fromkeys(write.reference for write in oldest_first))
        left = len(references) if singly is None else singly
        asked: set[str] = set()
        if len(references) <= min(FEW, left):
            alone, references = references, []
            try:
                while alone:
                    outcome = self._status(alone[0])
                    if outcome is None:
                        asked.add(alone[0])
                        references.append(alone[0])
                    else:
                        yield alone[0], outcome
                    alone.pop(0)
            except BudgetExhausted:
                references += alone  # the list is not the practice's call
            if not references:
                return
        first, last = log.days(oldest_first[0].sent_at, now)
        listed = {str(row.get("id")): row for row in self._written(first, last)}
        for reference in references:
            state = mapping.listed_state(listed[reference]) if reference in listed else None
            if state in {State.PENDING, State.COMPLETED}:
                yield reference, Outcome(state=state)
            elif reference not in asked and left <= 0:
                yield reference, Outcome(state=State.PENDING)  # its turn comes
            else:
                # The list tells no failure's reason, and may close with a word that we do not know.
                outcome = None
                if reference not in asked:
                    left -= 1
                    outcome = self._status(reference)
                if outcome or reference in listed:
                    yield reference, outcome or Outcome(state=state or State.PENDING)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """Read the appointments that were made since, or ask one by one where they are few."""
        bookings = [write for write in writes if write.prepared.endpoint == writing.BOOK]
        found: dict[str, str] = {}
        if len(bookings) > FEW:
            first, last = log.days(min(write.sent_at for write in bookings), now)
            params = {
                "date_filter_on": "appointment_made_date",
                "startdate": first.isoformat(),
                "enddate": last.isoformat(),
                "fields": "get_all",
            }
            made = self._pages(self._as_office, "/appointments", params)
            found = mapping.made_by(bookings, list(made))
            yield from found.items()
        unread = [write for write in writes if write.reference not in found]
        for write in unread[:singly]:
            outcome = self._status(write.reference)
            if outcome and outcome.created_id:
                yield write.reference, outcome.created_id

    def withdraw(self, reference: str) -> bool:
        # What becomes of a finished write is not documented: only a pending one is deleted.
        outcome = self._status(reference)
        if outcome is None or outcome.state is not State.PENDING:
            return False
        try:
            self._as_application("DELETE", "/writebacks", {"id": reference})
        except Refused:
            return False
        return True

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        first, last = log.days(min(write.sent_at for write in writes), now)
        rows = list(self._written(first, last))
        return [log.lookup(write, rows, first, self.credential.office_id) for write in writes]

    def _status(self, reference: str) -> Outcome | None:
        """Ask for one write; None where Sikka does not know it."""
        try:
            reply = self._as_office("GET", "/writeback_status", {"id": reference})
        except Refused:
            return None  # this one write is not known here; that says nothing of the others
        rows = [item for item in answers.records(reply) if str(item.get("id")) == reference]
        return mapping.status_outcome(rows[0]) if rows else None

    def _written(self, first: date, last: date) -> Iterator[dict[str, Any]]:
        """Yield this office's rows of the list of writes, which spans the whole application."""
        params = {"startdate": first.isoformat(), "enddate": last.isoformat()}
        for row in self._pages(self._as_application, "/writebacks", params):
            if str(row.get("office_id")) == self.credential.office_id:
                yield row

    # --- Sending -----------------------------------------------------------------------------

    def _as_office(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Send with the office's key; one that has ended is renewed once."""

        def send(key: str) -> Reply:
            return self.client.request(
                method,
                path,
                dialect=answers,
                scopes=OFFICE,
                headers={"Request-Key": key},
                params=params,
                json=json,
            )

        key = self.tokens.current()
        try:
            return send(key)
        except KeyExpired:
            return send(self.tokens.renew(key))

    def _as_application(
        self, method: str, path: str, params: Mapping[str, str] | None = None
    ) -> Reply:
        headers = {"App-Id": self.credential.app_id, "App-Key": self.credential.app_key}
        return self.client.request(
            method, path, dialect=answers, scopes=APPLICATION, headers=headers, params=params
        )

    def _pages(
        self,
        send: Callable[[str, str, Mapping[str, str]], Reply],
        path: str,
        params: Mapping[str, str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield every item of a list. `offset` counts pages, not records."""
        page = 0
        while True:
            where = {**(params or {}), "offset": str(page), "limit": str(PAGE_SIZE)}
            reply = send("GET", path, where)
            found = answers.items(reply)
            yield from found
            if not found or not answers.has_next_page(reply):
                return
            page += 1


def _readable(
    read: Callable[[dict[str, Any]], R], items: Iterator[dict[str, Any]]
) -> Iterator[R | Unreadable]:
    """Map each item; one that cannot be read is told as such and stops no other."""
    for item in items:
        try:
            record = read(item)
        except KeyError as missing:
            yield Unreadable(f"has no {missing.args[0]}")
        except mapping.UnreadableRecord as error:
            yield Unreadable(str(error))
        except (ValueError, OverflowError):
            yield Unreadable("has a date, time or number that cannot be read")
        else:
            usable = record.external_id.isprintable() and 0 < len(record.external_id) <= LONGEST_ID
            yield record if usable else Unreadable("has no usable id")
