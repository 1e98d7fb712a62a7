"""Whether free times cover one that is asked for. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from integrations.commands import BookAppointment
from integrations.queries import FreeTime, FreeTimes


def question(asked: BookAppointment) -> FreeTimes:
    """Return the question for the free times of a booking's days."""
    lasts = asked.ends_at.astimezone(UTC) - asked.starts_at.astimezone(UTC)
    return FreeTimes(
        practitioner_id=asked.practitioner_id,
        location_id=asked.location_id,
        appointment_type=asked.type,
        first=asked.starts_at.date(),
        last=asked.ends_at.date(),
        timezone=str(asked.starts_at.tzinfo),
        minutes=int(lasts.total_seconds() // 60),
    )


def covers(free: Sequence[FreeTime], asked: BookAppointment) -> bool | None:
    """Return whether free times cover the time asked for; None where there are none at all.

    Times that follow each other count together. Closed, full and not told look alike.
    """
    if not free:
        return None
    covered = asked.starts_at.astimezone(UTC)
    for each in free:
        if each.starts_at <= covered < each.ends_at:
            covered = each.ends_at
    return covered >= asked.ends_at.astimezone(UTC)
