"""How often a practice's PMS is asked what became of its writes, by day.

A practice with a write now and then has it looked after at once. One with many in an hour has them
asked for together: each check then answers for all that came meanwhile, for a fraction of the
calls. It is a token bucket kept as one moment, up to which the checks so far are paid for (the
"generic cell rate algorithm").
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce, Greatest

from integrations.models import Integration

#: Checks that may be made at once for a practice that was quiet: those of one check's first half
#: hour (writebacks/backoff.py).
BURST = 5


def _interval() -> timedelta:
    return timedelta(hours=1) / settings.CHECKS_PER_HOUR


def may_ask(integration: Integration, now: datetime) -> bool:
    """Take one check of the practice's pace; False where it has none left."""
    interval = _interval()
    paid_until = Greatest(Coalesce(F("checks_paid_until"), Value(now)), Value(now)) + interval
    unpaced = Q(checks_paid_until=None) | Q(checks_paid_until__lte=now + (BURST - 1) * interval)
    taken = Integration.objects.filter(unpaced, pk=integration.pk)
    return bool(taken.update(checks_paid_until=paid_until))


def next_at(integration: Integration, now: datetime) -> datetime:
    """Return when the practice's pace allows the next check."""
    paid_until = Integration.objects.values_list("checks_paid_until", flat=True)
    return allows_at(paid_until.get(pk=integration.pk), now)


def allows_at(paid_until: datetime | None, now: datetime) -> datetime:
    """Return when the next check is allowed to one whose checks are paid for up to this moment."""
    return max(now, (paid_until or now) - (BURST - 1) * _interval())
