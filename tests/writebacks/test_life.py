"""Whatever happens, in whatever order: a writeback's life as hypothesis can spoil it.

Real rows in PostgreSQL, moved by the services, the workers' steps and the clock; a PMS with books
of its own (fake_pms.py), which alone knows what is true.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from clinics.models import Patient
from integrations.contract import State
from tests import make
from tests.conftest import START
from tests.writebacks.fake_pms import FakePms, Killed, opener
from writebacks import (
    catching_up,
    due,
    identifying,
    polling,
    reconcile,
    services,
    slots,
    steering,
    submission,
)
from writebacks.models import SlotHold, Writeback, WritebackEvent
from writebacks.operations import Operation
from writebacks.requests import NewPatient
from writebacks.states import TERMINAL, TRANSITIONS, Event, Status

WHO_OPENS = ("services", "submission", "polling", "identifying", "ending")
FATES = st.sampled_from(
    [
        *["accepted"] * 4, "done", "refused", "lost answer", "lost request", "offline", "budget",
        "killed before", "killed after", "slow answer",
    ]
)  # fmt: skip
WAITS = st.sampled_from([5, 30, 100, 600, 3600, 8 * 3600]).map(lambda s: timedelta(seconds=s))
QUESTIONS = st.sampled_from(["answered", "answered", "no answer", "budget"])
PICK = st.integers(0, 5)
#: What only a person's word can have brought about; it may be wrong.
BY_A_PERSON = {Event.DECIDED_COMPLETED, Event.DECIDED_FAILED, Event.DECIDED_AGAIN}
_names = itertools.count(1)


class Life(RuleBasedStateMachine):
    """One practice, a few writebacks, and everything that can happen to them."""

    patch: pytest.MonkeyPatch

    def __init__(self) -> None:
        super().__init__()
        self.integration = make.integration(make.clinic())
        self.clinic = self.integration.clinic
        self.practitioner = make.booking(self.clinic).practitioner
        self.pms = FakePms(START)
        for module in WHO_OPENS:
            self.patch.setattr(f"writebacks.{module}.open_session", opener(self.pms))
        #: Messages that workers were or may yet be given: (id, due time).
        self.messages: list[tuple[Any, Any]] = []
        self.ended: dict[Any, tuple[str, int]] = {}

    # --- What is asked for ------------------------------------------------------------------

    def rows(self) -> list[Writeback]:
        return list(Writeback.objects.filter(integration=self.integration).order_by("created_at"))

    def pick(self, number: int) -> Writeback | None:
        rows = self.rows()
        return rows[number % len(rows)] if rows else None

    def few(self) -> bool:
        return Writeback.objects.filter(integration=self.integration).count() < 5

    def sent_out(self, writeback: Writeback) -> None:
        if writeback.due_at:
            self.messages.append((writeback.pk, writeback.due_at))

    def ask_for(self, asked: Any, **options: Any) -> Writeback | None:
        key = f"key {next(_names)}"
        hashed = services.request_hash(asked.operation, self.clinic, asked.as_json())
        asker = services.Asker(idempotency_key=key, request_hash=hashed)
        try:
            writeback, is_new = services.request(self.clinic, asked, asker, self.pms.now, **options)
        except slots.SlotTaken:
            return None
        again, is_second = services.request(self.clinic, asked, asker, self.pms.now, **options)
        assert (is_new, is_second, again.pk) == (True, False, writeback.pk)
        self.sent_out(writeback)
        return writeback

    @initialize()
    def there_are_two_to_begin_with(self) -> None:
        self.ask(0)
        self.ask_for_a_new_patient_and_a_booking(4)

    @precondition(few)
    @rule(hour=st.integers(0, 3))
    def ask(self, hour: int) -> None:
        start = START + timedelta(days=1, hours=hour)
        taken = SlotHold.objects.filter(practitioner=self.practitioner, during__contains=start)
        was_taken = taken.exists()
        made = self.ask_for(make.booking(self.clinic, start, practitioner=self.practitioner))
        assert not (made and was_taken)

    @precondition(few)
    @rule(hour=st.integers(4, 6))
    def ask_for_a_new_patient_and_a_booking(self, hour: int) -> None:
        booking = make.booking(
            self.clinic,
            START + timedelta(days=1, hours=hour),
            practitioner=self.practitioner,
            patient=None,
        )
        first = self.ask_for(
            NewPatient(
                location=booking.location,
                practitioner=booking.practitioner,
                first_name="Nova",
                last_name=f"Invented {next(_names)}",
            )
        )
        self.ask_for(booking, after=first)

    @rule(number=PICK)
    def ask_again_for_one_that_failed(self, number: int) -> None:
        if (writeback := self.pick(number)) and self.few():
            asker = services.Asker(idempotency_key=f"key {next(_names)}", request_hash="0" * 64)
            with suppress(services.Conflict, slots.SlotTaken):
                made, is_new = steering.retry(writeback, asker, self.pms.now)
                assert is_new
                assert writeback.status in {Status.FAILED, Status.CANCELLED}
                # Failed by a person's word, who may have been wrong, it is the same request.
                if events(writeback) & BY_A_PERSON:
                    self.pms.again.add(key_of(made) or key_of(writeback))
                self.sent_out(made)

    # --- What workers do --------------------------------------------------------------------

    def work(self, step: Callable[[], Any]) -> None:
        with suppress(Killed):
            step()

    def meanwhile(self, what: str) -> Callable[[], None] | None:
        """What others do while a sender is at it."""

        def sleep_long() -> None:
            self.pms.now += timedelta(seconds=100)
            due.lapse(self.pms.now)
            for _ in range(3):
                self.pms.now += timedelta(seconds=40)
                reconcile.reconcile(self.integration.pk, self.pms.clock)

        def deliver_twice() -> None:
            for message in list(self.messages):
                submission.submit(*message, self.pms.clock)

        return {"sleep": sleep_long, "twice": deliver_twice}.get(what)

    @precondition(lambda self: self.messages)
    @rule(number=PICK, fate=FATES, others=st.sampled_from(["", "", "sleep", "twice"]))
    def submit(self, number: int, fate: str, others: str) -> None:
        """A message is delivered; it stays, and may come again, late."""
        message = self.messages[-1 - number % len(self.messages)]
        self.pms.next_write, self.pms.meanwhile = fate, self.meanwhile(others)
        self.work(lambda: submission.submit(*message, self.pms.clock))
        self.pms.meanwhile, self.pms.next_write = None, "accepted"

    @rule(fate=FATES)
    def tick(self, fate: str) -> None:
        """The dispatcher's tick: what is due is handed out, and some of it is taken up."""
        due.lapse(self.pms.now)
        for pk, due_at in due.hand_out_queued(self.pms.now):
            if Writeback.objects.filter(pk=pk, integration=self.integration).exists():
                writeback = Writeback.objects.get(pk=pk)
                assert writeback.due_at.isoformat() == due_at
                self.messages.append((writeback.pk, writeback.due_at))
                self.pms.next_write = fate
                self.work(lambda m=self.messages[-1]: submission.submit(*m, self.pms.clock))
        self.pms.next_write = "accepted"

    @rule(question=QUESTIONS)
    def check(self, question: str) -> None:
        self.pms.next_question = question
        polling.check(self.integration.pk, self.pms.clock)
        self.pms.next_question = "answered"

    @rule(question=QUESTIONS)
    def look(self, question: str) -> None:
        self.pms.next_question = question
        reconcile.reconcile(self.integration.pk, self.pms.clock)
        self.pms.next_question = "answered"

    @rule(question=st.sampled_from(["answered", "no answer"]))
    def identify(self, question: str) -> None:
        self.pms.next_question = question
        identifying.identify(self.integration.pk, self.pms.clock)
        self.pms.next_question = "answered"

    @precondition(lambda self: self.rows())
    @rule(
        wait=WAITS,
        fate=FATES,
        question=QUESTIONS,
        practice=st.sampled_from([None, State.COMPLETED, State.COMPLETED, State.FAILED]),
    )
    def all_goes_its_way(
        self, wait: timedelta, fate: str, question: str, practice: State | None
    ) -> None:
        """Time passes, the practice works, and each worker does its step."""
        self.pms.now += wait
        for write in list(self.pms.writes.values()):
            if practice and write.state is State.PENDING:
                self.pms.finish(write, practice)
        self.tick(fate)
        self.check(question)
        self.look("answered")
        self.identify("answered")

    @rule()
    def night(self) -> None:
        catching_up.catch_up(self.pms.now)

    # --- What people and the PMS do ---------------------------------------------------------

    @rule(number=PICK)
    def withdraw(self, number: int) -> None:
        if writeback := self.pick(number):
            with suppress(services.Conflict):
                steering.withdraw(writeback, self.pms.now)

    @rule(number=PICK, decision=st.sampled_from(["completed", "failed", "again"]))
    def decide(self, number: int, decision: str) -> None:
        if writeback := self.pick(number):
            if decision == "again" and writeback.status == Status.UNCONFIRMED:
                self.pms.again.add(key_of(writeback))
            with suppress(services.Conflict):
                steering.decide(writeback, decision, "Looked.", self.pms.now, None)
                self.sent_out(writeback)

    @rule(number=PICK)
    def look_again(self, number: int) -> None:
        if writeback := self.pick(number):
            with suppress(services.Conflict):
                steering.look_again(writeback, self.pms.now)

    @rule(wait=WAITS)
    def time_passes(self, wait: timedelta) -> None:
        self.pms.now += wait

    @precondition(lambda self: any(w.state is State.PENDING for w in self.pms.writes.values()))
    @rule(state=st.sampled_from([State.COMPLETED, State.COMPLETED, State.FAILED]))
    def the_practice_gets_to_it(self, state: State) -> None:
        oldest = next(w for w in self.pms.writes.values() if w.state is State.PENDING)
        self.pms.finish(oldest, state)

    @rule(covered=st.booleans(), shows_ids=st.booleans())
    def the_pms_tells_more_or_less(self, covered: bool, shows_ids: bool) -> None:
        self.pms.covered, self.pms.shows_ids = covered, shows_ids

    # --- What is always true ----------------------------------------------------------------

    @invariant()
    def nothing_is_sent_while_it_may_stand_already(self) -> None:
        assert self.pms.doubled == []

    @invariant()
    def no_event_is_lost_and_no_move_is_illegal(self) -> None:
        for writeback in self.rows():
            first, *steps = WritebackEvent.objects.filter(writeback=writeback)
            assert (first.event, first.from_status, first.to_status) == ("requested", "", "queued")
            status = first.to_status
            for step in steps:
                assert step.from_status == status
                status = TRANSITIONS[Status(status), Event(step.event)]
                assert step.to_status == status
            assert writeback.status == status

    @invariant()
    def what_has_ended_stays_so(self) -> None:
        for writeback in self.rows():
            if writeback.status in TERMINAL:
                happened = WritebackEvent.objects.filter(writeback=writeback).exclude(
                    event__in=[Event.IDENTIFIED, Event.NOT_IDENTIFIED]
                )
                end = (writeback.status, happened.count())
                assert self.ended.setdefault(writeback.pk, end) == end
            else:
                assert writeback.pk not in self.ended

    @invariant()
    def what_we_say_is_what_the_pms_has(self) -> None:
        for writeback in self.rows():
            if events(writeback) & BY_A_PERSON or key_of(writeback) in self.pms.again:
                continue
            stands = self.pms.of(key_of(writeback))
            if writeback.status == Status.COMPLETED:
                (only,) = stands
                assert only.state is State.COMPLETED
                assert writeback.created_external_id in {"", only.created_id}
            elif writeback.status in {Status.FAILED, Status.CANCELLED}:
                again = getattr(writeback, "retried_as", None)
                assert not stands or again, f"{writeback.status} though the PMS has it"
            elif writeback.status == Status.QUEUED:
                assert not stands, "it would be sent a second time"

    @invariant()
    def a_slot_is_held_exactly_as_long_as_it_has_to_be(self) -> None:
        for writeback in self.rows():
            # Until our own copy has the visit: its id may have to be read yet.
            is_open = writeback.status not in TERMINAL or writeback.due_at is not None
            is_held = SlotHold.objects.filter(writeback=writeback).exists()
            assert is_held == (is_open and writeback.operation == Operation.BOOK)

    @invariant()
    def whoever_waits_for_another_goes_on_or_ends_with_it(self) -> None:
        for writeback in self.rows():
            if writeback.after is None:
                continue
            first = writeback.after
            if first.status in {Status.FAILED, Status.CANCELLED}:
                assert writeback.status in {Status.FAILED, Status.CANCELLED}
            elif first.status not in TERMINAL or first.due_at:
                assert writeback.status in {Status.QUEUED, Status.CANCELLED}
                assert writeback.due_at is None
                assert writeback.endpoint == ""
            elif writeback.endpoint:
                assert writeback.patient_id == first.patient_id
                patient = Patient.objects.get(pk=writeback.patient_id)
                assert patient.external_id == first.created_external_id


def key_of(writeback: Writeback) -> str:
    """What tells one request from another in the fake's books."""
    return writeback.request_body.get("key", "")


def events(writeback: Writeback) -> set[str]:
    return set(WritebackEvent.objects.filter(writeback=writeback).values_list("event", flat=True))


@pytest.mark.django_db
def test_no_order_of_events_loses_doubles_or_falsely_confirms_a_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Life.patch = monkeypatch
    run(
        Life,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
