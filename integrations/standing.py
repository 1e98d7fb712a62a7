"""How a link fares, in words and numbers: whether its PMS answers, which calls are left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from integrations.contract import Limit, Priority, Scope
from integrations.http.budget import Counter, window_start
from integrations.models import Breaker, BudgetCap, BudgetWindow, Integration


def breaker_of(integration: Integration) -> Breaker:
    """Return its row, or one that was never needed."""
    try:
        return integration.breaker
    except Breaker.DoesNotExist:
        return Breaker(integration=integration)


def breaker_words(breaker: Breaker, now: datetime, integration: Integration) -> str:
    """Say whether the PMS answers, with times on the clinic's clock."""
    if breaker.opened_at is None:
        if not breaker.failures:
            return "answers"
        return f"answers, but not the last {breaker.failures} calls"
    since = f"away since {_clock(breaker.opened_at, now, integration)}"
    if breaker.probe_until and breaker.probe_until > now:
        return f"{since}, being tried right now"
    if breaker.retry_at and breaker.retry_at > now:
        return f"{since}, tried again at {_clock(breaker.retry_at, now, integration)}"
    return f"{since}, tried again with the next call"


def _clock(moment: datetime, now: datetime, integration: Integration) -> str:
    local = moment.astimezone(integration.clinic.zone)
    is_today = local.date() == now.astimezone(integration.clinic.zone).date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%d %b, %H:%M:%S}"


def limit_words(limit: Limit) -> str:
    """Say a limit in words: 200 calls an hour, 50 of them reserved for people."""
    spans = {60: "a minute", 3600: "an hour", 86_400: "a day"}
    span = spans.get(limit.seconds, f"in {limit.seconds} s")
    return f"{limit.calls} calls {span}, {limit.reserve} of them reserved for people"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Calls counted in the window of now, against what each priority may reach."""

    limit: Limit
    words: str
    starts_at: datetime
    ends_at: datetime
    high: int
    low: int

    @property
    def used(self) -> int:
        """Calls of both priorities."""
        return self.high + self.low

    @property
    def low_ceiling(self) -> int:
        """From this many calls in total, background work waits."""
        return self.limit.ceiling(Priority.LOW)

    @property
    def percent(self) -> int:
        """How full the bar is, 0 to 100."""
        return min(100, round(100 * self.used / self.limit.calls))


def use_of(counter: Counter, now: datetime) -> Use:
    """Return the calls counted in the window of now."""
    limit, row = counter.limit, counter.row_seconds
    starts_at = ends_at = window_start(now, row)
    if limit.moving:
        starts_at -= timedelta(seconds=limit.seconds)
    windows = BudgetWindow.objects.filter(key=counter.key, seconds=row, starts_at__gte=starts_at)
    used = windows.aggregate(high=Sum("used_high"), low=Sum("used_low"))
    return Use(
        limit=limit,
        words=limit_words(limit),
        starts_at=starts_at,
        ends_at=ends_at + timedelta(seconds=row),
        high=used["high"] or 0,
        low=used["low"] or 0,
    )


def calls_left(integration: Integration, priority: Priority, now: datetime) -> int:
    """Return how many calls the practice's own limits leave for a priority; the PMS's own word
    counts where it is lower."""
    counters = integration.counters([Scope.INTEGRATION])
    left = [each.limit.ceiling(priority) - use_of(each, now).used for each in counters]
    kept = min(each.limit.calls - each.limit.ceiling(priority) for each in counters)
    if told := BudgetCap.objects.filter(key=counters[0].key, until__gt=now).first():
        left.append(told.calls_left - kept)
    return max(0, min(left))
