"""What is due, and taking it on: a claim moves the due time past a lease, so nothing is lost.

The dispatcher goes from integration to integration by the index `writeback_due`, whose entries
stand by status, integration and due time: of each it reads the row that waits longest, however many
lie behind that one. Turns (writebacks/turns.py) keep it fair and keep messages from piling up.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

from integrations.models import Integration
from tenancy import scope
from writebacks.models import LEASE, LostRace, Writeback
from writebacks.states import Event, Status
from writebacks.turns import Turn

#: Rows that one task takes on at most; the next one takes the rest.
BATCH = 200
#: Rows of one integration that a task claims at most: one list of the PMS answers for all of them.
CLAIM = 1000
#: Queued writes, and integrations of each other status, that a tick hands out at most: with one
#: every few seconds more than workers do meanwhile, since each of them makes a call.
HAND_OUTS = 100
#: The same of queued writes alone, each of which is a row to be moved: a tick stays short.
WRITES = 60
#: Queued writes of one integration that a tick hands out at most. Its next share follows once
#: fewer than half of them are left: so many of its messages stand before another's, and no more.
SHARE = 20

#: Every integration that has rows of a status in line, with its longest waiting row (a loose index
#: scan: one step in the index for each integration); then those that have something due, by
#: how long they have been waiting: since that row came due, or since their last turn.
_WAITING = """
    WITH RECURSIVE head AS (
        (SELECT integration_id, organization_id, due_at FROM pms_writebacks
         WHERE status = %(status)s AND due_at IS NOT NULL
         ORDER BY integration_id, due_at LIMIT 1)
        UNION ALL
        SELECT next.* FROM head, LATERAL (
            SELECT integration_id, organization_id, due_at FROM pms_writebacks
            WHERE status = %(status)s AND due_at IS NOT NULL
              AND integration_id > head.integration_id
            ORDER BY integration_id, due_at LIMIT 1
        ) AS next
    ), waiting AS (
        SELECT integration_id, organization_id, since FROM (
            SELECT head.*, turn.lease_until,
                   greatest(head.due_at, turn.handed_out_at) AS since
            -- A look-up for each: the planner cannot know how many heads there are, and would
            -- compare each with all turns.
            FROM head LEFT JOIN LATERAL (
                SELECT handed_out_at, lease_until FROM pms_turns
                WHERE integration_id = head.integration_id AND status = %(status)s LIMIT 1
            ) AS turn ON true
            WHERE head.due_at <= %(now)s
            ORDER BY since, head.integration_id
            -- Keeps it apart: only of as many as are wanted it is asked whether they are open.
            OFFSET 0
        ) AS turn
        WHERE {open} LIMIT %(hand_outs)s
    )"""

#: Nobody has been told of it, or who was told has taken it up or had time enough.
_OPEN = "turn.lease_until IS NULL OR turn.lease_until <= %(now)s"

#: The same, and also where less than half of the last share is left: its rows are due together.
_OPEN_FOR_QUEUED = (
    _OPEN  # noqa: S608  (of pieces that stand here)
    + """ OR (
        SELECT count(*) FROM (
            SELECT FROM pms_writebacks AS left_over
            WHERE left_over.status = %(status)s AND left_over.due_at = turn.lease_until
              AND left_over.integration_id = turn.integration_id
            LIMIT %(half)s
        ) AS untaken
    ) < %(half)s"""
)

#: In one order, so that two dispatchers at once wait for each other and never in a circle; the
#: second one then finds the turn taken and hands out nothing.
_TAKE_TURNS = """
    INSERT INTO pms_turns AS turn
        (integration_id, organization_id, status, handed_out_at, lease_until)
    SELECT integration_id, organization_id, %(status)s, %(now)s, %(lease_until)s FROM {given}
    ORDER BY integration_id
    ON CONFLICT (integration_id, status)
    DO UPDATE SET handed_out_at = excluded.handed_out_at, lease_until = excluded.lease_until"""

_HAND_OUT_INTEGRATIONS = (
    _WAITING.format(open=_OPEN)  # noqa: S608
    + ", taken AS ("
    + _TAKE_TURNS.format(given="waiting")
    + f" WHERE {_OPEN} RETURNING integration_id"
    + """)
    SELECT integration_id FROM taken JOIN waiting USING (integration_id)
    ORDER BY since, integration_id"""
)

_HAND_OUT_QUEUED = (
    _WAITING.format(open=_OPEN_FOR_QUEUED)  # noqa: S608
    + """, picked AS (
        SELECT own.id, own.place, waiting.since FROM waiting, LATERAL (
            SELECT id, row_number() OVER (ORDER BY due_at) AS place FROM pms_writebacks
            WHERE status = %(status)s AND integration_id = waiting.integration_id
              AND due_at <= %(now)s
            ORDER BY due_at
            LIMIT (SELECT least(%(share)s, ceil(%(hand_outs)s::float / count(*))) FROM waiting)
        ) AS own
        ORDER BY own.place, waiting.since LIMIT %(hand_outs)s
    ), locked AS (
        SELECT id FROM pms_writebacks
        WHERE id IN (SELECT id FROM picked) AND status = %(status)s AND due_at <= %(now)s
        FOR NO KEY UPDATE SKIP LOCKED
    ), moved AS (
        UPDATE pms_writebacks AS writeback SET due_at = %(lease_until)s FROM locked
        WHERE writeback.id = locked.id AND writeback.status = %(status)s
          AND writeback.due_at <= %(now)s
        RETURNING writeback.id, writeback.integration_id, writeback.organization_id
    ), taken AS ("""
    + _TAKE_TURNS.format(
        given="(SELECT DISTINCT integration_id, organization_id FROM moved) AS given"
    )
    + """)
    SELECT id FROM moved JOIN picked USING (id) ORDER BY place, since, id"""
)


def lapse(now: datetime) -> int:
    """Turn writes whose sender vanished into unconfirmed ones, to be looked for."""
    lapsed = Writeback.objects.filter(status=Status.SUBMITTING, due_at__lte=now)
    count = 0
    for writeback in lapsed.order_by("due_at")[:BATCH]:
        try:
            # What follows from it, such as telling of it, is the tenant's own.
            with scope.organizations(writeback.organization_id):
                writeback.advance(
                    Event.LEASE_LAPSED, now, waiting_for="no_answer", look_count=0, due_at=now
                )
            count += 1
        except LostRace:
            continue
    return count


def hand_out_queued(now: datetime) -> list[tuple[str, str]]:
    """Return due queued writes, each clinic's oldest first, as (id, due time in ISO 8601).

    Each clinic's first comes before any clinic's second. Their due time is moved on to the one
    returned, so that they are handed out again only if nobody has taken them until then; a message
    of an earlier hand-out is worth nothing by then.
    """
    next_due = now + LEASE
    handed = _hand_out(_HAND_OUT_QUEUED, Status.QUEUED, now)
    return [(pk, next_due.isoformat()) for pk in handed]


def hand_out_integrations(status: Status, now: datetime) -> list[str]:
    """Return the ids of integrations that have due rows in this state, longest waiting first.

    They are not returned again before somebody has claimed their rows, or a lease has passed.
    """
    return _hand_out(_HAND_OUT_INTEGRATIONS, status, now)


def _hand_out(statement: str, status: Status, now: datetime) -> list[str]:
    """Find and take in one statement, which is committed before anybody is told."""
    with connection.cursor() as cursor:
        cursor.execute(statement, _parameters(status, now))
        return [str(row[0]) for row in cursor.fetchall()]


def _parameters(status: Status, now: datetime) -> dict[str, Any]:
    return {
        "status": status.value,
        "now": now,
        "lease_until": now + LEASE,
        "hand_outs": min(HAND_OUTS, WRITES) if status == Status.QUEUED else HAND_OUTS,
        "share": SHARE,
        "half": -(-SHARE // 2),
    }


def claim(integration: Integration, status: Status, now: datetime) -> list[Writeback]:
    """Take the due rows of one state, oldest first, by moving their due time past a lease.

    With that the integration's turn is taken up: what comes due from now on is handed out anew.
    """
    with transaction.atomic():
        writebacks = list(
            Writeback.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(integration=integration, status=status, due_at__lte=now)
            .order_by("due_at")[:CLAIM]
        )
        Writeback.objects.filter(pk__in=[writeback.pk for writeback in writebacks]).update(
            due_at=now + LEASE
        )
        Turn.objects.filter(integration=integration, status=status).exclude(
            lease_until=None
        ).update(lease_until=None)
    for writeback in writebacks:
        writeback.integration = integration
        writeback.due_at = now + LEASE
    return writebacks


def wait_until(writebacks: list[Writeback], due_at: datetime) -> None:
    """Put rows that were claimed together off, where nobody has moved them on meanwhile. Leaves no
    event: nothing has happened."""
    claimed = Writeback.objects.filter(
        pk__in=[each.pk for each in writebacks],
        status__in={each.status for each in writebacks},
        due_at__in={each.due_at for each in writebacks},
    )
    claimed.update(due_at=due_at)
