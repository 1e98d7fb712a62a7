"""Steps that cross each other: wishes and checks under way, an old write and the one after it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from clinics.models import Appointment, User
from integrations.contract import Lookup, Outcome, SentWrite, State
from integrations.http.errors import NoAnswer, NotReached, PmsError
from integrations.models import Integration
from tests import make
from writebacks import identifying, polling, reconcile, settling, slots, steering
from writebacks.models import LostRace, SlotHold, Writeback
from writebacks.requests import Rescheduling
from writebacks.services import Asker, Conflict, request
from writebacks.states import Event

pytestmark = pytest.mark.django_db


class Pms:
    """An adapter of a PMS that knows of nothing, and takes back or does not."""

    def __init__(self, gone: bool = False, error: PmsError | None = None) -> None:
        self.gone, self.error = gone, error
        self.withdrawn: list[str] = []

    def withdraw(self, reference: str) -> bool:
        self.withdrawn.append(reference)
        if self.error:
            raise self.error
        return self.gone

    def outcomes(
        self, writes: Sequence[SentWrite], now: datetime, singly: int | None = None
    ) -> Iterator[tuple[str, Outcome]]:
        yield from ()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a PMS answer checks and looks."""

    def use(pms: Pms) -> Pms:
        session = SimpleNamespace(adapter=pms, calls=0)
        monkeypatch.setattr(polling, "open_session", lambda *_, **__: session)
        return pms

    return use


def pending(integration: Integration, **fields: Any) -> Writeback:
    """One that the PMS accepted a moment ago."""
    values = {
        "status": "pending",
        "external_id": "7",
        "attempts": 1,
        "submitted_at": timezone.now(),
    }
    return make.writeback(integration, **(values | fields))


def send_again(writeback: Writeback, reference: str) -> None:
    """Send one that is queued again, and have it accepted."""
    now = timezone.now()
    attempt = {"attempts": writeback.attempts + 1, "submitted_at": now, "due_at": now}
    writeback.advance(Event.CLAIMED, now, **attempt)
    if reference:
        writeback.advance(Event.ACCEPTED, now, external_id=reference, due_at=now)
    else:
        writeback.advance(Event.NO_ANSWER, now, due_at=now)


# --- Withdrawals ---------------------------------------------------------------------------------


def test_what_a_person_sends_again_is_not_withdrawn_by_an_older_wish(
    integration: Integration, staff: User, answers: Any
) -> None:
    writeback, now = pending(integration, check_count=19), timezone.now()
    steering.withdraw(writeback, now, staff)
    settling.settle(writeback, Outcome(state=State.PENDING), now)
    assert writeback.status == "unconfirmed"
    steering.decide(writeback, "again", "It is not there.", now, staff)
    send_again(writeback, "8")
    pms = answers(Pms(gone=True))
    polling.check(integration.pk, timezone.now)
    writeback.refresh_from_db()
    assert (pms.withdrawn, writeback.status) == ([], "pending")


def test_a_withdrawal_that_was_not_sent_proves_nothing(
    integration: Integration, staff: User, answers: Any
) -> None:
    writeback = pending(integration)
    steering.withdraw(writeback, timezone.now(), staff)
    answers(Pms(error=NotReached("No connection.")))
    polling.check(integration.pk, timezone.now)
    writeback.refresh_from_db()
    assert (writeback.status, writeback.waiting_for) == ("pending", "not_reached")
    assert writeback.withdraw_asked_at is not None, "it is tried again"


@pytest.mark.parametrize("pms", [Pms(gone=False), Pms(error=NoAnswer("No answer."))])
def test_one_that_the_pms_does_not_know_any_more_counts_as_withdrawn_at_the_second_look(
    integration: Integration, staff: User, answers: Any, pms: Pms
) -> None:
    writeback = pending(integration)
    steering.withdraw(writeback, timezone.now(), staff)
    answers(pms)
    polling.check(integration.pk, timezone.now)
    writeback.refresh_from_db()
    assert (writeback.status, writeback.look_count) == ("pending", 1)
    polling.check(integration.pk, lambda: timezone.now() + timedelta(minutes=1))
    writeback.refresh_from_db()
    assert writeback.status == "cancelled"


def test_an_unconfirmed_one_with_a_wish_is_looked_for_without_a_fault(
    integration: Integration, answers: Any, caplog: pytest.LogCaptureFixture
) -> None:
    now = timezone.now()
    writeback = pending(
        integration, status="unconfirmed", check_count=20, withdraw_asked_at=now, due_at=now
    )
    answers(Pms())
    reconcile.reconcile(integration.pk, timezone.now)
    writeback.refresh_from_db()
    assert (writeback.status, writeback.look_count) == ("unconfirmed", 1)
    assert "IllegalMove" not in caplog.text


def test_one_that_is_surely_absent_and_not_wanted_is_not_sent_again(
    integration: Integration,
) -> None:
    now = timezone.now()
    writeback = pending(
        integration, status="unconfirmed", external_id="", look_count=1, withdraw_asked_at=now
    )
    then = now + timedelta(hours=1)
    reconcile._conclude(writeback, Lookup(covered=True), then, 0)
    assert writeback.status == "cancelled"


def test_a_check_under_way_does_not_put_off_a_fresh_withdrawal(
    integration: Integration, staff: User
) -> None:
    writeback, now = pending(integration, check_count=8), timezone.now()
    under_way = Writeback.objects.get(pk=writeback.pk)
    steering.withdraw(writeback, now, staff)
    with pytest.raises(LostRace):
        settling.settle(under_way, Outcome(state=State.PENDING), now)
    writeback.refresh_from_db()
    assert writeback.due_at == now


# --- One in the place of another -----------------------------------------------------------------


def test_a_write_that_a_person_discarded_is_not_taken_for_the_one_in_its_place(
    integration: Integration, staff: User
) -> None:
    now = timezone.now()
    writeback = pending(integration, status="unconfirmed", check_count=20)
    steering.decide(writeback, "again", "It failed there.", now, staff)
    send_again(writeback, "")
    found = Lookup(same=("7", "8"), covered=True)
    reconcile._conclude(writeback, found, now + timedelta(minutes=5), 0)
    assert (writeback.status, writeback.external_id) == ("pending", "8")


def test_of_two_changes_of_one_visit_the_second_waits_for_the_end_of_the_first(
    integration: Integration, staff: User
) -> None:
    now, clinic = timezone.now(), integration.clinic
    booking = make.booking(clinic)
    places = {name: getattr(booking, name) for name in ("practitioner", "operatory", "location")}
    tomorrow = now + timedelta(days=1)
    visit = make.record(
        Appointment,
        clinic,
        patient=booking.patient,
        starts_at=tomorrow,
        ends_at=tomorrow + timedelta(minutes=30),
        **places,
    )

    def move(days: int) -> Writeback:
        at = now + timedelta(days=days)
        ends_at = at + timedelta(minutes=30)
        asked = Rescheduling(appointment=visit, starts_at=at, ends_at=ends_at, **places)
        return request(clinic, asked, Asker(user=staff), now)[0]

    first = move(2)
    with pytest.raises(Conflict) as refused:
        move(3)
    assert refused.value.code == "being_changed"
    steering.withdraw(first, now, staff)
    assert move(3).status == "queued"


# --- What a person found -------------------------------------------------------------------------


def test_of_a_booking_that_a_person_found_the_id_is_read_and_the_slot_held_until_then(
    integration: Integration, staff: User
) -> None:
    now = timezone.now()
    booking = make.booking(integration.clinic, now + timedelta(days=1))
    writeback, _ = request(integration.clinic, booking, Asker(user=staff), now)
    unconfirmed = {"status": "unconfirmed", "external_id": "7", "submitted_at": now}
    Writeback.objects.filter(pk=writeback.pk).update(**unconfirmed)
    writeback.refresh_from_db()
    steering.decide(writeback, "completed", "I saw it.", now, staff)
    writeback.refresh_from_db()
    assert (writeback.status, writeback.due_at) == ("completed", now)
    with pytest.raises(slots.SlotTaken):
        request(integration.clinic, booking, Asker(user=staff), now)


def test_without_the_pmss_id_of_the_write_the_slot_is_held_until_its_time(
    integration: Integration, staff: User
) -> None:
    now = timezone.now()
    booking = make.booking(integration.clinic, now + timedelta(days=1))
    writeback, _ = request(integration.clinic, booking, Asker(user=staff), now)
    Writeback.objects.filter(pk=writeback.pk).update(status="unconfirmed", submitted_at=now)
    writeback.refresh_from_db()
    steering.decide(writeback, "completed", "I saw it.", now, staff)
    assert writeback.due_at == booking.starts_at
    assert SlotHold.objects.count() == 1
    identifying.identify(integration.pk, lambda: booking.starts_at)
    writeback.refresh_from_db()
    assert (writeback.status, writeback.due_at) == ("completed", None)
    assert not SlotHold.objects.exists()


def test_of_two_who_read_an_id_the_second_changes_nothing(integration: Integration) -> None:
    now = timezone.now()
    fields = {"status": "completed", "completed_at": now, "due_at": now}
    writeback = pending(integration, **fields)
    stale = Writeback.objects.get(pk=writeback.pk)
    writeback.advance(Event.IDENTIFIED, now, created_external_id="70", due_at=None)
    identifying._later(stale, now, 0)
    writeback.refresh_from_db()
    assert (writeback.created_external_id, writeback.due_at) == ("70", None)
