"""Claims and hand-outs: each row to one worker, each clinic in its turn, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from integrations.models import Integration
from tenancy import scope
from tests import make
from writebacks import due
from writebacks.models import LEASE, Writeback
from writebacks.states import Event, Status
from writebacks.tasks import dispatch

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
    monkeypatch.setattr(due, "HAND_OUTS", 3)
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


def test_one_clinic_at_most_fills_its_share_until_that_is_taken_up(
    integration: Integration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "SHARE", 4)
    now = timezone.now()
    many = [make.writeback(integration, due_at=now - timedelta(hours=9 - n)) for n in range(9)]
    first = due.hand_out_queued(now)
    assert [pk for pk, _ in first] == [str(writeback.pk) for writeback in many[:4]]
    second = now + timedelta(seconds=5)
    assert due.hand_out_queued(second) == [], "all four still stand before other clinics' writes"
    for writeback in many[:2]:
        writeback.refresh_from_db()
        writeback.advance(Event.CLAIMED, second, attempts=1, due_at=second + LEASE)
    assert due.hand_out_queued(second) == [], "two of four are left"
    many[2].refresh_from_db()
    many[2].advance(Event.CLAIMED, second, attempts=1, due_at=second + LEASE)
    third = [pk for pk, _ in due.hand_out_queued(second)]
    assert third == [str(writeback.pk) for writeback in many[4:8]]


def test_who_was_left_out_comes_first_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "HAND_OUTS", 2)
    now = timezone.now()
    busy = [make.integration(make.clinic()) for _ in range(2)]
    for each in busy:
        for number in range(3):
            make.writeback(each, due_at=now - timedelta(hours=2, minutes=number))
    quiet = make.writeback(make.integration(make.clinic()), due_at=now - timedelta(seconds=1))
    first = clinics_of(due.hand_out_queued(now))
    assert first == {each.clinic_id for each in busy}
    # Everything of theirs was taken up; the rest of it has waited for two hours.
    Writeback.objects.filter(due_at=now + LEASE).update(due_at=None)
    second = due.hand_out_queued(now + timedelta(seconds=5))
    assert second[0][0] == str(quiet.pk)


def clinics_of(handed: list[tuple[str, str]]) -> set[UUID]:
    ids = [pk for pk, _ in handed]
    return set(Writeback.objects.filter(pk__in=ids).values_list("clinic_id", flat=True))


def pending(of: Integration, number: int, due_at: datetime) -> Writeback:
    return make.writeback(of, status="pending", external_id=str(number), due_at=due_at)


def test_an_integration_is_handed_out_once_until_its_rows_are_claimed(
    integration: Integration,
) -> None:
    now = timezone.now()
    later = now + timedelta(seconds=5)
    first = pending(integration, 1, now)
    pending(integration, 2, later)
    assert due.hand_out_integrations(Status.PENDING, now) == [str(integration.pk)]
    assert due.hand_out_integrations(Status.PENDING, later) == [], "a message is on its way"
    assert due.hand_out_integrations(Status.UNCONFIRMED, later) == []
    assert due.claim(integration, Status.PENDING, now) == [first]
    assert due.hand_out_integrations(Status.PENDING, later) == [str(integration.pk)]


def test_what_the_broker_lost_is_handed_out_again_after_a_lease(integration: Integration) -> None:
    now = timezone.now()
    check = pending(integration, 1, now)
    send = make.writeback(integration, due_at=now)
    assert due.hand_out_integrations(Status.PENDING, now) == [str(integration.pk)]
    assert len(due.hand_out_queued(now)) == 1
    just_before, then = now + LEASE - timedelta(seconds=1), now + LEASE
    assert due.hand_out_integrations(Status.PENDING, just_before) == []
    assert due.hand_out_queued(just_before) == []
    assert due.hand_out_integrations(Status.PENDING, then) == [str(integration.pk)]
    assert due.hand_out_queued(then) == [(str(send.pk), (then + LEASE).isoformat())]
    check.refresh_from_db()
    assert check.due_at == now, "the row itself stays due, whatever happens to messages"


def test_a_clinic_that_was_served_waits_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "HAND_OUTS", 1)
    monkeypatch.setattr(due, "CLAIM", 1)
    now = timezone.now()
    many, one = (make.integration(make.clinic()) for _ in range(2))
    for number in range(3):
        pending(many, number, now - timedelta(hours=1))
    pending(one, 1, now - timedelta(minutes=1))
    assert due.hand_out_integrations(Status.PENDING, now) == [str(many.pk)]
    assert len(due.claim(many, Status.PENDING, now)) == 1, "there is more of it"
    assert due.hand_out_integrations(Status.PENDING, now + timedelta(seconds=5)) == [str(one.pk)]


def test_a_tick_is_five_statements_however_much_is_due(integration: Integration) -> None:
    now = timezone.now()
    for rows in (1, 30):
        other = make.integration(make.clinic())
        for number in range(rows):
            make.writeback(other, due_at=now)
            pending(other, number, now)
        with (
            CaptureQueriesContext(connection) as queries,
            patch("celery.app.task.Task.apply_async") as sent,
        ):
            dispatch()
        assert len(queries) == 5
        assert sent.call_count == min(rows, due.SHARE) + 1


@pytest.mark.parametrize(
    ("statement", "status"),
    [(due._HAND_OUT_INTEGRATIONS, Status.PENDING), (due._HAND_OUT_QUEUED, Status.QUEUED)],
)
def test_a_tick_reads_due_rows_by_the_index_alone(
    integration: Integration, statement: str, status: Status
) -> None:
    now = timezone.now()
    fill(20_000, now)
    Writeback.objects.filter(status=Status.PENDING).update(status=status)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE pms_writebacks, pms_turns")
        cursor.execute("SET LOCAL ROLE frontdesk_web")
        with scope.everywhere():
            cursor.execute(
                "EXPLAIN (ANALYZE, FORMAT JSON) " + statement, due._parameters(status, now)
            )
            ((plan,),) = cursor.fetchall()
        cursor.execute("RESET ROLE")
    nodes = list(all_nodes(plan[0]["Plan"]))
    of_writebacks = [
        node
        for node in nodes
        if node.get("Relation Name") == "pms_writebacks" and "Scan" in node["Node Type"]
    ]
    assert {node["Node Type"] for node in of_writebacks} <= {"Index Scan", "Index Only Scan"}
    assert {node["Index Name"] for node in of_writebacks} <= {
        "writeback_due",
        "pms_writebacks_pkey",
    }
    heads = [node for node in of_writebacks if node["Index Name"] == "writeback_due"]
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in heads) <= 40 + 40 * due.SHARE
    sorted_rows = [node["Actual Rows"] for node in nodes if "Sort" in node["Node Type"]]
    assert max(sorted_rows) <= due.HAND_OUTS


def fill(rows: int, now: datetime) -> None:
    """Many rows of 40 clinics: one in ten is pending and due, the others have ended."""
    template = make.writeback(
        make.integration(make.clinic()), due_at=None, status="completed", completed_at=now
    )
    others = [make.integration(make.clinic()) for _ in range(40)]
    columns = [str(field.column) for field in Writeback._meta.concrete_fields]
    values = {
        "id": "gen_random_uuid()",
        "organization_id": "o.organization_id",
        "clinic_id": "o.clinic_id",
        "integration_id": "o.id",
        "idempotency_key": "'filled ' || n",
        "external_id": "n::text",
        "status": "CASE n %% 10 WHEN 0 THEN 'pending' ELSE 'completed' END",
        "due_at": "CASE n %% 10 WHEN 0 THEN %(now)s - n * interval '1 second' END",
        "completed_at": "CASE n %% 10 WHEN 0 THEN NULL ELSE %(now)s END",
    }
    chosen = ", ".join(values.get(column, f"t.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO pms_writebacks ({', '.join(columns)}) SELECT {chosen} "  # noqa: S608
            "FROM pms_writebacks AS t, pms_integrations AS o, generate_series(1, %(each)s) AS n "
            "WHERE t.id = %(template)s AND o.id = ANY(%(ids)s)",
            {
                "now": now,
                "each": rows // 40,
                "template": template.pk,
                "ids": [each.pk for each in others],
            },
        )


def all_nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from all_nodes(child)


@pytest.mark.django_db(transaction=True)
def test_dispatchers_at_once_never_hand_out_the_same() -> None:
    now = timezone.now()
    for number in range(6):
        each = make.integration(make.clinic())
        for place in range(5):
            make.writeback(each, due_at=now)
            pending(each, place, now - timedelta(minutes=number))

    def hand_out(_: int) -> list[str]:
        try:
            rows = [pk for pk, _ in due.hand_out_queued(now)]
            return rows + due.hand_out_integrations(Status.PENDING, now)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        handed = [pk for ids in pool.map(hand_out, range(4)) for pk in ids]
    assert len(handed) == len(set(handed)) == 30 + 6
