"""Transitions on real rows: conditional, recorded, and backed by the database's own rules."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from integrations.models import Integration
from tests import make
from writebacks.models import LostRace, Writeback
from writebacks.states import Event, IllegalMove, Status

pytestmark = pytest.mark.django_db


def test_a_transition_moves_the_row_and_writes_its_event(integration: Integration) -> None:
    writeback = make.writeback(integration)
    now = timezone.now()
    writeback.advance(Event.CLAIMED, now, calls=2, attempts=1, submitted_at=now)
    stored = Writeback.objects.get()
    assert (stored.status, stored.attempts, stored.api_calls) == (Status.SUBMITTING, 1, 2)
    event = stored.events.get()
    assert (event.from_status, event.event, event.to_status, event.at, event.calls) == (
        "queued",
        "claimed",
        "submitting",
        now,
        2,
    )


def test_of_two_who_claim_one_wins_and_the_other_learns_it(integration: Integration) -> None:
    make.writeback(integration)
    first, second = Writeback.objects.get(), Writeback.objects.get()
    first.advance(Event.CLAIMED, timezone.now(), attempts=1)
    with pytest.raises(LostRace):
        second.advance(Event.CLAIMED, timezone.now(), attempts=1)
    assert Writeback.objects.get().events.count() == 1


def test_a_sender_whose_attempt_was_given_up_cannot_come_back(integration: Integration) -> None:
    now = timezone.now()
    late = make.writeback(integration)
    late.advance(Event.CLAIMED, now, attempts=1)
    again = Writeback.objects.get()
    again.advance(Event.LEASE_LAPSED, now)
    again.advance(Event.ABSENT, now)
    again.advance(Event.CLAIMED, now, attempts=2)
    with pytest.raises(LostRace):
        late.advance(Event.ACCEPTED, now, external_id="77")
    stored = Writeback.objects.get()
    assert (stored.status, stored.external_id) == (Status.SUBMITTING, "")


def test_an_illegal_move_changes_nothing(integration: Integration) -> None:
    writeback = make.writeback(integration)
    with pytest.raises(IllegalMove):
        writeback.advance(Event.DONE, timezone.now())
    stored = Writeback.objects.get()
    assert stored.status == Status.QUEUED
    assert not stored.events.exists()


def test_an_ended_writeback_has_nothing_due_any_more(integration: Integration) -> None:
    writeback = make.writeback(integration)
    now = timezone.now()
    writeback.advance(Event.CLAIMED, now, attempts=1, due_at=now + timedelta(seconds=90))
    writeback.advance(Event.REFUSED, now, failure_code="refused")
    stored = Writeback.objects.get()
    assert (stored.due_at, stored.completed_at, stored.waiting_for) == (None, now, "")


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("ended_means_nothing_due", {"status": "completed"}),
        ("ended_means_nothing_due", {"completed_at": timezone.now()}),
        ("pending_has_a_pms_id", {"status": "pending"}),
        (
            "failed_has_a_reason",
            {"status": "failed", "due_at": None, "completed_at": timezone.now()},
        ),
    ],
)
def test_the_database_itself_refuses_a_row_that_contradicts_itself(
    integration: Integration, rule: str, fields: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match=rule), transaction.atomic():
        make.writeback(integration, **fields)


def test_two_writebacks_can_never_stand_for_the_same_write_in_the_pms(
    integration: Integration,
) -> None:
    make.writeback(integration, status="pending", external_id="7")
    with pytest.raises(IntegrityError, match="pms_write_once"), transaction.atomic():
        make.writeback(integration, status="pending", external_id="7")
    other = make.integration(make.clinic())
    make.writeback(other, status="pending", external_id="7")  # another practice's id 7 is its own
