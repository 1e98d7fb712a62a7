"""Put together what one integration needs to talk to its PMS: guard, client, keys, adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils import timezone

from integrations import registry
from integrations.contract import Adapter, Priority, Scope
from integrations.http import budget
from integrations.http.breaker import Breaker
from integrations.http.client import Attempt, Client, Guard, Pass
from integrations.http.errors import (
    BudgetExhausted,
    Halted,
    NoAnswer,
    NotAuthorized,
    NotReached,
    TooLate,
)
from integrations.models import Call, Integration, IntegrationStatus
from integrations.system import System
from integrations.tokens import StoredTokens, TrialTokens

Clock = Callable[[], datetime]

_COLUMNS = (
    "integration_id", "organization_id", "at", "status", "milliseconds", "attempt", "budget_left",
    "method", "path", "error", "priority", "correlation",
)  # fmt: skip
#: A line of the log may be lost in a crash; a call must not wait for its sake. In one statement,
#: since each page of a long list writes one.
_NOTE = f"""
    WITH quickly AS (SELECT set_config('synchronous_commit', 'off', true))
    INSERT INTO pms_calls ({", ".join(_COLUMNS)})
    SELECT %s::uuid, %s::uuid, %s::timestamptz, %s::int, %s::int, %s::int, %s::int,
        %s, %s, %s, %s, %s FROM quickly
"""  # noqa: S608 (of names that stand here)


@dataclass(slots=True)
class IntegrationGuard:
    """Breaker, budget and log of one integration's calls at one priority."""

    integration: Integration
    priority: Priority
    clock: Clock
    #: What the calls are made for: the id of a writeback or the name of a task.
    correlation: str
    #: A credential that the PMS rejects stops background work, except for what renews the key.
    even_if_rejected: bool
    #: No call starts after this moment: whoever claimed the work has lost it by then.
    deadline: datetime | None
    calls: int = 0

    def before(self, scopes: Sequence[Scope]) -> Pass:
        now = self.clock()
        if self.deadline and now >= self.deadline:
            raise TooLate("The time for this call has run out; nothing was sent.")
        rejected = self.integration.status == IntegrationStatus.ERROR
        if rejected and self.priority is Priority.LOW and not self.even_if_rejected:
            raise Halted("The PMS rejects our credential: a person has to look at it.")
        breaker = Breaker(self.integration.pk)
        standing = breaker.pass_or_refuse(now)
        try:
            left = budget.take(self.integration.counters(scopes), self.priority, now)
        except BudgetExhausted:
            if standing.is_probe:
                breaker.release()
            raise
        self.calls += 1
        return Pass(left, standing.after_failures, now)

    def after(self, leave: Pass, attempt: Attempt) -> None:
        now = self.clock()
        breaker = Breaker(self.integration.pk)
        # A 4xx is an answer, also where it leaves open what became of a write.
        answered = attempt.status is not None and 400 <= attempt.status < 500
        if _broken_off(attempt) or (
            isinstance(attempt.error, NoAnswer | NotReached) and not answered
        ):
            breaker.failed(now)
        elif leave.after_failures:
            breaker.answered()
        if signal := attempt.signal:
            counters = self.integration.counters([signal.scope])
            if any(signal.calls_left < counter.limit.calls for counter in counters):
                budget.observe(counters, signal, now)
        line = self.line(leave, attempt)
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [getattr(line, name) for name in _COLUMNS])

    def line(self, leave: Pass, attempt: Attempt) -> Call:
        """Return the call's line of the log."""
        broken_off = _broken_off(attempt)
        return Call(
            integration=self.integration,
            organization_id=self.integration.organization_id,
            at=leave.given_at,
            method=attempt.method,
            path=attempt.path[:200],
            status=attempt.status,
            error="broken_off" if broken_off else attempt.error.code if attempt.error else "",
            milliseconds=attempt.milliseconds,
            priority=self.priority,
            attempt=attempt.number,
            budget_left=leave.calls_left,
            correlation=self.correlation[:64],
        )


def _broken_off(attempt: Attempt) -> bool:
    """Return whether it took so long that its task was stopped: neither status nor error came."""
    return attempt.status is None and attempt.error is None


@dataclass(slots=True)
class Session:
    """One integration's adapter, whose every call passes the guard."""

    adapter: Adapter
    tokens: StoredTokens
    guard: IntegrationGuard = field(repr=False)

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self.guard.calls


def counting(session: Session) -> Callable[[], int]:
    """Return what tells how many calls the session has made since it was last asked."""
    counted = session.calls

    def calls_since() -> int:
        nonlocal counted
        calls, counted = session.calls - counted, session.calls
        return calls

    return calls_since


def open_session(
    integration: Integration,
    priority: Priority,
    clock: Clock = timezone.now,
    *,
    correlation: str = "",
    even_if_rejected: bool = False,
    deadline: datetime | None = None,
    timeout: tuple[float, float] | None = None,
) -> Session:
    """Return a session; opens no connection yet. Raises NotAuthorized for an unusable set-up.

    `timeout` is in seconds, to connect and to read; without one it is the settings'.
    """
    guard = IntegrationGuard(integration, priority, clock, correlation, even_if_rejected, deadline)
    tokens = StoredTokens(integration, clock)
    return Session(adapter_of(integration, guard, tokens, clock, timeout), tokens, guard)


def adapter_of(
    integration: Integration,
    guard: Guard,
    tokens: StoredTokens | TrialTokens,
    clock: Clock,
    timeout: tuple[float, float] | None = None,
) -> Adapter:
    """Return an integration's adapter, which asks this guard before each call, and makes it the
    way to new keys. Raises NotAuthorized for an unusable set-up."""
    client = Client(
        base_url=integration.base_url,
        guard=guard,
        user_agent=settings.PMS_USER_AGENT,
        timeout=timeout or settings.PMS_TIMEOUT,
        is_sandbox=integration.is_sandbox,
        clock=clock,
    )
    try:
        adapter = registry.connect(
            integration.pms,
            client,
            integration.account,
            integration.credential,
            integration.options,
            tokens,
        )
    except (KeyError, ValueError) as error:
        raise NotAuthorized(f"The integration is not set up: {error}") from error
    tokens.issue = adapter.issue_token
    return adapter


def system_of(integration: Integration) -> System:
    """Return what this practice's PMS has and can do, without a call: as its adapter says, or, of
    one that is not set up, the manifest."""
    try:
        return open_session(integration, Priority.LOW).adapter
    except NotAuthorized:
        return integration.manifest
