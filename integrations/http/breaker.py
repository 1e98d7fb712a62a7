"""A PMS that is away costs nothing: after failures in a row its integration is left alone.

The state of each integration stands in PostgreSQL, for all processes. Closed: calls go through.
Open: they are refused until `retry_at`. Then one caller probes, under a lease; its success closes
the breaker, its failure opens it for longer. Only failures on the way (no connection, no answer,
5xx) count: a 4xx is an answer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from integrations.http.errors import CircuitOpen

logger = logging.getLogger(__name__)

#: Failures in a row that open it.
THRESHOLD: Final = 5
#: How long it stays open the first time; doubled with each failed probe, up to the longest.
FIRST_REST: Final = timedelta(seconds=15)
LONGEST_REST: Final = timedelta(minutes=5)
#: A prober that was killed holds the others up for no longer than this.
PROBE_LEASE: Final = timedelta(seconds=30)

LOOK = "SELECT failures, retry_at, probe_until FROM pms_breakers WHERE integration_id = %(id)s"
PROBE = """
    UPDATE pms_breakers SET probe_until = %(lease)s
    WHERE integration_id = %(id)s AND retry_at <= %(now)s
    AND (probe_until IS NULL OR probe_until <= %(now)s)
"""
FAIL = """
    INSERT INTO pms_breakers AS b (integration_id, failures, rests)
    VALUES (%(id)s, 1, 0)
    ON CONFLICT (integration_id) DO UPDATE SET
        failures = b.failures + 1,
        probe_until = NULL,
        opened_at = CASE WHEN b.failures + 1 >= %(threshold)s
            THEN coalesce(b.opened_at, %(now)s) END,
        rests = CASE WHEN b.failures + 1 >= %(threshold)s
            AND (b.retry_at IS NULL OR b.retry_at <= %(now)s) THEN b.rests + 1 ELSE b.rests END,
        retry_at = CASE WHEN b.failures + 1 >= %(threshold)s
            AND (b.retry_at IS NULL OR b.retry_at <= %(now)s)
            -- Not 2 to the power of any number: an outage may last for weeks.
            THEN %(now)s + least(%(first)s * power(2, least(b.rests, 16)), %(longest)s)
            ELSE b.retry_at END
    -- Exactly one failure of an outage is its fifth, whatever the clocks of the callers say.
    RETURNING failures = %(threshold)s
"""
CLOSE = """
    WITH before AS (
        SELECT integration_id, opened_at FROM pms_breakers
        WHERE integration_id = %(id)s AND (failures > 0 OR retry_at IS NOT NULL) FOR UPDATE
    )
    UPDATE pms_breakers b SET failures = 0, rests = 0, opened_at = NULL, retry_at = NULL,
        probe_until = NULL
    FROM before WHERE b.integration_id = before.integration_id
    RETURNING before.opened_at
"""
RELEASE = "UPDATE pms_breakers SET probe_until = NULL WHERE integration_id = %(id)s"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a call that may go through stands: alone on trial, or after failures, or neither."""

    is_probe: bool
    after_failures: bool


@dataclass(frozen=True, slots=True)
class Breaker:
    """The breaker of one integration. Each step is one statement, committed by itself."""

    integration_id: UUID

    def pass_or_refuse(self, now: datetime) -> Standing:
        """Let a call through, or raise CircuitOpen."""
        with connection.cursor() as cursor:
            cursor.execute(LOOK, {"id": self.integration_id})
            found = cursor.fetchone()
            failures, retry_at, probe_until = found or (0, None, None)
            if retry_at is None:
                return Standing(is_probe=False, after_failures=failures > 0)
            if retry_at <= now:
                values: dict[str, Any] = {
                    "id": self.integration_id,
                    "now": now,
                    "lease": now + PROBE_LEASE,
                }
                cursor.execute(PROBE, values)
                if cursor.rowcount:
                    return Standing(is_probe=True, after_failures=True)
                retry_at = max(now + timedelta(seconds=1), probe_until or now)
        raise CircuitOpen("The PMS is away; it is left alone for a while.", retry_at=retry_at)

    def failed(self, now: datetime) -> None:
        """Count a failure on the way; the one that opens the breaker is logged."""
        values: dict[str, Any] = {
            "id": self.integration_id,
            "now": now,
            "threshold": THRESHOLD,
            "first": FIRST_REST,
            "longest": LONGEST_REST,
        }
        with connection.cursor() as cursor:
            cursor.execute(FAIL, values)
            if cursor.fetchone()[0]:
                logger.warning("integration %s: its PMS is away", self.integration_id)

    def answered(self) -> None:
        """Close it; writes nothing where nothing had failed. The end of an outage is logged."""
        if self._close():
            logger.warning("integration %s: its PMS is back", self.integration_id)

    def reset(self) -> None:
        """Close it because a person knows better; the next call goes through."""
        if self._close():
            logger.warning("integration %s: breaker reset by hand", self.integration_id)

    def _close(self) -> bool:
        """Return whether it was open."""
        with connection.cursor() as cursor:
            cursor.execute(CLOSE, {"id": self.integration_id})
            found = cursor.fetchone()
        return bool(found) and found[0] is not None

    def release(self) -> None:
        """Give the probe back unused: the call was not made after all."""
        with connection.cursor() as cursor:
            cursor.execute(RELEASE, {"id": self.integration_id})
