"""Claims and hand-outs: each row to one worker, each clinic in its turn, nothing lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from integrations.models import Integration
from tests import make
from writebacks import due
from writebacks.models import LEASE, Writeback
from writebacks.states import Status

pytestmark = pytest.mark.django_db


def test_only_what_is_due_is_handed_out_and_not_twice(integration: Integration) -> None:
    now = timezone.now()
    ready = make.writeback(integration, due_at=now)
    make.writeback(integration, due_at=now + timedelta(seconds=1))
    assert due.hand_out_queued(now) == [(str(ready.pk), (now + LEASE).isoformat())]
    assert due.hand_out_queued(now) == []
    again = due.hand_out_queued(now + LEASE)
    assert again[-1] == (str(ready.pk), (now + 2 * LEASE).isoformat()), "nobody took it: once more"


def test_no_clinic_waits_behind_anothers_many(
    integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "BATCH", 3)
    now = timezone.now()
    many = [make.writeback(integration, due_at=now - timedelta(hours=1)) for _ in range(5)]
    other = make.writeback(make.integration(make.clinic()), due_at=now)
    handed = [pk for pk, _ in due.hand_out_queued(now)]
    assert len(handed) == 3
    assert str(other.pk) in handed
    assert set(handed) - {str(other.pk)} <= {str(writeback.pk) for writeback in many}


def test_a_sender_that_vanished_leaves_an_unconfirmed_write(integration: Integration) -> None:
    now = timezone.now()
    gone = make.writeback(integration, status="submitting", due_at=now, attempts=1)
    busy = make.writeback(
        integration, status="submitting", due_at=now + timedelta(seconds=1), attempts=1
    )
    assert due.lapse(now) == 1
    gone.refresh_from_db()
    busy.refresh_from_db()
    assert (gone.status, gone.due_at, gone.waiting_for) == ("unconfirmed", now, "no_answer")
    assert busy.status == "submitting"


def test_integrations_come_longest_waiting_first(integration: Integration) -> None:
    now = timezone.now()
    other = make.integration(make.clinic())
    make.writeback(integration, status="pending", external_id="1", due_at=now)
    for number, minutes in (("2", 5), ("3", 1)):
        make.writeback(
            other, status="pending", external_id=number, due_at=now - timedelta(minutes=minutes)
        )
    assert due.hand_out_integrations(Status.PENDING, now) == [str(other.pk), str(integration.pk)]
    assert due.hand_out_integrations(Status.UNCONFIRMED, now) == []


@pytest.mark.django_db(transaction=True)
def test_workers_that_claim_at_once_never_get_the_same_row() -> None:
    integration = make.integration(make.clinic())
    now = timezone.now()
    for number in range(40):
        make.writeback(integration, status="pending", external_id=str(number), due_at=now)

    def claim(_: int) -> list[str]:
        try:
            return [str(row.pk) for row in due.claim(integration, Status.PENDING, now)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        claimed = [pk for rows in pool.map(claim, range(8)) for pk in rows]
    assert len(claimed) == len(set(claimed)) == 40
    assert set(Writeback.objects.values_list("due_at", flat=True)) == {now + LEASE}
