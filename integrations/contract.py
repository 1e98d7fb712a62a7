"""What a PMS adapter is: words of the clinic in, HTTP out.

An adapter knows one PMS and nothing of Frontdesk's tables, settings or tasks. It is made for one
integration and one priority, with an HTTP client that already spends that practice's budget.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from clinics.records import PatientRecord, PmsRecord, Removed, Unreadable
from integrations.commands import BookAppointment, Command
from integrations.quality import Rule, Standing
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
from integrations.system import System


class Priority(enum.StrEnum):
    """Who waits for a call: a person (HIGH) or nobody (LOW: checks, syncs, tokens)."""

    HIGH = "high"
    LOW = "low"


class Scope(enum.StrEnum):
    """Whose counter a limit is: one practice's, or the vendor's application over all of them."""

    APPLICATION = "application"
    INTEGRATION = "integration"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` in each window of `seconds`; LOW stops at `calls - reserve` in total.

    Windows are fixed and start at multiples of their length in UNIX time (an hour's at :00 UTC).
    A `moving` one is any stretch of that length, for a PMS that counts so.
    """

    scope: Scope
    calls: int
    seconds: int
    reserve: int = 0
    moving: bool = False

    def ceiling(self, priority: Priority) -> int:
        """Return how many calls in total may have been made once this one is."""
        return self.calls if priority is Priority.HIGH else self.calls - self.reserve


@dataclass(frozen=True, slots=True)
class RateSignal:
    """What a PMS's answer says of its own count: how many calls are left, and until when."""

    scope: Scope
    calls_left: int
    resets_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialField:
    """One thing that the vendor gave the practice to let us in."""

    name: str
    label: str
    #: Nobody looks over a shoulder: it is asked for without an echo.
    is_secret: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Facts about a PMS that the rest of Frontdesk needs without asking its code."""

    name: str
    title: str
    limits: tuple[Limit, ...]
    operations: frozenset[str]
    #: How far back the PMS tells the outcome of a write.
    look_back: timedelta
    #: The lists that it has, each with how it tells what changed.
    lists: Mapping[Resource, Changes]
    #: What it can be asked beside its lists.
    abilities: frozenset[Ability]
    #: Records of a page: as many as the PMS gives, since fewer, larger pages cost fewer calls.
    page_size: int
    #: What `manage.py connect` asks for, in that order.
    credential: tuple[CredentialField, ...]
    #: How far the adapter has come, by rule; tests/integrations/contract holds it to it.
    quality: Mapping[Rule, Standing]
    #: Operations that only some systems behind it take; a profile says whether this one does.
    per_system: frozenset[str] = frozenset()
    #: Minutes between two readings of a list, where that is not the setting's.
    usual_minutes: Mapping[Resource, int] = field(default_factory=dict)
    #: Whether a write that it accepted and has not carried out can be taken back.
    withdraws: bool = False
    #: No appointment is booked without its type.
    books_by_type: bool = False
    #: Callers who do not say how to reach whom they belong to may be refused.
    wants_contact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedWrite:
    """One write in the PMS's own words, ready to be sent, and sent the same way each time."""

    method: str
    endpoint: str
    body: Mapping[str, Any]


class State(enum.StrEnum):
    """What a PMS says of a write that it accepted."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A PMS's answer to an accepted write: its id for the write, and whether it is done."""

    #: Unique among the practice's writes, also where the PMS answers at once and has no ids for
    #: them: then made of the record and what was done to it, as `find` would tell it.
    reference: str
    state: State = State.PENDING
    created_id: str = ""
    #: What people should know of a write that was done, say that it overlaps another appointment.
    #: It tells nothing of the patient.
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentWrite:
    """A write to look up: when it was sent, and under which reference if we know it."""

    prepared: PreparedWrite
    sent_at: datetime
    reference: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the PMS says became of one write."""

    state: State
    #: The id of what was created, where the PMS tells it.
    created_id: str = ""
    #: The PMS's reason for a failure, for people.
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a PMS's own log tells of a write whose answer was lost."""

    #: References of writes that are the same in all that we sent, oldest first.
    same: tuple[str, ...] = ()
    #: References of others that could be it if the log words things otherwise than we know; ""
    #: where a row has none. They are not adopted, but while one stands there nothing is absent.
    similar: tuple[str, ...] = ()
    #: Whether the log reaches back to the sending: only then its silence means anything.
    covered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A key for the PMS's API. Neither part shows in a repr."""

    value: str = field(repr=False)
    refresh_value: str = field(repr=False)
    lifetime: timedelta


@dataclass(frozen=True, slots=True)
class Term:
    """One of a PMS's own words: the value that is written, and what people call it."""

    value: str
    label: str

    def __str__(self) -> str:
        """Return the value, with what people call it where that tells more."""
        is_told = self.label.casefold() == self.value.casefold()
        return self.value if is_told else f"{self.value} ({self.label})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """What a PMS's own lists offer for a write, each in the PMS's order and each value once."""

    #: What may be written as an appointment's status.
    statuses: tuple[Term, ...] = ()
    appointment_types: tuple[Term, ...] = ()
    note_types: tuple[Term, ...] = ()
    payment_types: tuple[Term, ...] = ()
    #: Name of a list above → why the PMS would not show it: that it is empty then tells nothing.
    unread: Mapping[str, str] = field(default_factory=dict)


class TokenSource(Protocol):
    """Where an adapter takes its key from; kept and renewed outside of it."""

    def current(self) -> str:
        """Return a key that should work."""

    def renew(self, rejected: str) -> str:
        """Return a key other than the one that the PMS rejected as expired."""


class Adapter(System, Protocol):
    """One PMS. Every method may raise what `integrations.http.errors` names.

    What it does not name is not asked: of the single questions those of `abilities`, of the writes
    those of `operations`.
    """

    manifest: ClassVar[Manifest]

    def issue_token(self, refresh_value: str) -> Token:
        """Get a new key: by the refresh key where there is one, else from the credential."""

    def verify(self) -> Account:
        """Return whom the credential lets in, for as few calls as that takes (one)."""

    def page(self, feed: Feed, position: str, now: datetime) -> Page:
        """Read one page of a list, from a position that an earlier page told, or "" for the first.

        One call, where the PMS allows it. Each record of the page is told, in the PMS's order: one
        that cannot be read as Unreadable. Raises NotReady while the PMS itself is still loading,
        and ChangesNotTold where this practice, unlike others, may not ask what changed.
        """

    def lookup(self, resource: Resource, external_id: str) -> PmsRecord | Removed | Unreadable:
        """Read one patient or appointment by its id; Removed where the PMS has none."""

    def search_patients(self, query: PatientQuery) -> list[PatientRecord]:
        """Ask the PMS whom it knows by that; at most one page of them."""

    def free_times(self, asked: FreeTimes, now: datetime) -> list[FreeTime] | None:
        """Return the free times by the PMS's own list, in order; None where it does not say."""

    def balance(self, patient_id: str) -> Balance | None: ...

    def payments(self, patient_id: str) -> list[Payment]: ...

    def coverages(self, patient_id: str) -> list[Coverage]: ...

    def vocabulary(self) -> Vocabulary:
        """Read the PMS's lists of words. A list that it refuses stays empty and stops no other."""

    def is_offered(self, booking: BookAppointment) -> bool | None:
        """Ask whether the PMS's own list of free slots has this time; None where it does not say.

        Only asked where the integration's profile says that the PMS has such a list.
        """

    def prepare(self, command: Command) -> PreparedWrite:
        """Put what is asked into the PMS's words. Sends nothing.

        Raises Refused for what this PMS surely would not take; the message says what it lacks.
        """

    def submit(self, prepared: PreparedWrite) -> Receipt:
        """Send a write once. Never repeats it; errors say whether it may have happened."""

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        """Ask for many writes at once and yield (reference, outcome) as each becomes known.

        At most `singly` of them, oldest first, are asked for in a call of their own where the
        batch does not tell all; the others' outcomes are yielded as far as they are known, as
        pending at worst. A write that the PMS does not know is left out. May raise between two.
        """

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        """Read what completed writes have created, in as few calls as the PMS allows.

        Yields (reference, the PMS's id of the new record) of those that are certain, as each
        becomes known. At most `singly` are asked for in a call of their own, the first of `writes`
        first. May raise between two.
        """

    def withdraw(self, reference: str) -> bool:
        """Take back a write that the PMS has not carried out; False where it is too late.

        Only asked where the manifest says that it can.
        """

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        """Look for writes whose answers were lost; returns what there is of each, in order."""
