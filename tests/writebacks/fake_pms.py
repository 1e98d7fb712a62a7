"""A PMS of a test's own, with books that tell what really happened to each write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from integrations.commands import BookAppointment, Command, CreatePatient
from integrations.contract import (
    Lookup,
    Outcome,
    PreparedWrite,
    Priority,
    Receipt,
    SentWrite,
    State,
)
from integrations.http.errors import (
    AgentOffline,
    BudgetExhausted,
    NoAnswer,
    PmsError,
    Refused,
    TooLate,
)
from writebacks.operations import Operation

Clock = Callable[[], datetime]


class Killed(BaseException):
    """What a kill -9 looks like from here: nothing after the call runs."""


@dataclass
class Write:
    """One write that the PMS took."""

    reference: str
    key: str
    state: State = State.PENDING
    created_id: str = ""

    @property
    def stands(self) -> bool:
        """Whether its effect is there, or is to be expected."""
        return self.state is not State.FAILED


@dataclass
class FakePms:
    """The books, what the next call is to do, and what should not have been asked."""

    now: datetime
    writes: dict[str, Write] = field(default_factory=dict)
    #: What becomes of the next write, and of the next question; used up by it.
    next_write: str = "accepted"
    next_question: str = "answered"
    #: What happens while the next write is on its way, and before its answer is there.
    meanwhile: Callable[[], None] | None = None
    #: Whether the log reaches back to the sending, and new records show in reads.
    covered: bool = True
    shows_ids: bool = True
    #: Requests of which a person has said that they shall be sent again.
    again: set[str] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    posts: int = 0

    def clock(self) -> datetime:
        return self.now

    def of(self, key: str) -> list[Write]:
        """What stands in the books of one request."""
        return [write for write in self.writes.values() if write.key == key and write.stands]

    def take(self, key: str, state: State = State.PENDING) -> Write:
        if self.of(key) and key not in self.again:
            self.doubled.append(key)
        reference = f"w{len(self.writes) + self.posts}"
        write = self.writes[reference] = Write(reference, key)
        self.finish(write, state)
        return write

    def finish(self, write: Write, state: State) -> None:
        write.state = state
        if state is State.COMPLETED:
            write.created_id = f"made by {write.reference}"

    def question(self) -> None:
        """Let a question fail where that is its turn."""
        fate, self.next_question = self.next_question, "answered"
        if fate == "no answer":
            raise NoAnswer("no answer")
        if fate == "budget":
            raise BudgetExhausted("budget", retry_at=self.now + timedelta(minutes=20))


@dataclass
class FakeSession:
    """What stands in for integrations.session.Session."""

    pms: FakePms
    deadline: datetime | None = None
    calls: int = 0
    operations = frozenset(Operation)

    @property
    def adapter(self) -> FakeSession:
        return self

    def prepare(self, command: Command) -> PreparedWrite:
        """Put it so that no two requests look alike."""
        if isinstance(command, CreatePatient):
            return PreparedWrite(
                method="POST", endpoint="/patient", body={"key": command.last_name}
            )
        assert isinstance(command, BookAppointment)
        return PreparedWrite(
            method="POST", endpoint="/appointment", body={"key": command.patient_id}
        )

    def submit(self, prepared: PreparedWrite) -> Receipt:
        pms, key = self.pms, prepared.body["key"]
        fate, pms.next_write = pms.next_write, "accepted"
        if fate == "budget":
            raise BudgetExhausted("budget", retry_at=pms.now + timedelta(minutes=20))
        if fate == "killed before":
            raise Killed
        before, after = (pms.meanwhile, None) if fate != "slow answer" else (None, pms.meanwhile)
        pms.meanwhile = None
        if before:
            before()
        # As the guard of every call does: a sender that lost its claim does not send.
        if self.deadline and pms.now >= self.deadline:
            raise TooLate("too late")
        self.calls += 1
        pms.posts += 1
        errors: dict[str, PmsError] = {
            "offline": AgentOffline("offline"),
            "refused": Refused("refused"),
            "lost request": NoAnswer("no answer"),
        }
        if fate in errors:
            raise errors[fate]
        write = pms.take(key, State.COMPLETED if fate == "done" else State.PENDING)
        if after:
            after()
        if fate == "killed after":
            raise Killed
        if fate == "lost answer":
            raise NoAnswer("no answer")
        if fate == "done":
            return Receipt(
                reference=write.reference, state=State.COMPLETED, created_id=write.created_id
            )
        return Receipt(reference=write.reference)

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        self.calls += 1
        self.pms.question()
        for number, sent in enumerate(writes):
            if number and self.pms.next_question != "answered":
                self.pms.question()
            if write := self.pms.writes.get(sent.reference):
                # A list of many tells no ids.
                told = write.created_id if self.pms.shows_ids and len(writes) == 1 else ""
                yield write.reference, Outcome(state=write.state, created_id=told)

    def created_ids(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, str]]:
        self.calls += 1
        self.pms.question()
        for sent in writes if self.pms.shows_ids else ():
            if sent.reference in self.pms.writes:
                yield sent.reference, self.pms.writes[sent.reference].created_id

    def withdraw(self, reference: str) -> bool:
        self.calls += 1
        fate = self.pms.next_question
        if fate == "budget":
            self.pms.question()
        write = self.pms.writes.get(reference)
        gone = write is not None and write.state is State.PENDING
        if gone:
            del self.pms.writes[reference]
        self.pms.question()  # the answer alone may be lost
        return gone

    def find(self, writes: Sequence[SentWrite], now: datetime) -> list[Lookup]:
        self.calls += 1
        self.pms.question()
        return [
            Lookup(
                same=tuple(
                    each.reference
                    for each in self.pms.writes.values()
                    if each.key == sent.prepared.body["key"]
                ),
                covered=self.pms.covered,
            )
            for sent in writes
        ]


def opener(pms: FakePms) -> Callable[..., FakeSession]:
    """Return what stands in for integrations.session.open_session."""

    def open_session(
        integration: Any, priority: Priority, clock: Clock | None = None, **options: Any
    ) -> FakeSession:
        return FakeSession(pms, options.get("deadline"))

    return open_session
