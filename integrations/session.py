"""Put together what one integration needs to talk to its PMS: client, budget, keys, adapter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from integrations import registry
from integrations.contract import Adapter, Priority, Scope
from integrations.http import budget
from integrations.http.client import Client
from integrations.models import Integration
from integrations.tokens import StoredTokens


@dataclass(slots=True)
class Session:
    """One integration's adapter, whose every call spends the budget at one priority."""

    adapter: Adapter
    tokens: StoredTokens
    #: Calls made so far.
    calls: int = 0


def open_session(
    integration: Integration,
    priority: Priority,
    clock: Callable[[], datetime] = timezone.now,
) -> Session:
    """Return a session; opens no connection yet. Raises ValueError for an unusable credential."""

    def spend(scopes: Sequence[Scope]) -> None:
        budget.take(integration.counters(scopes), priority, clock())
        session.calls += 1

    client = Client(
        base_url=integration.base_url,
        spend=spend,
        user_agent=settings.PMS_USER_AGENT,
        timeout=settings.PMS_TIMEOUT,
    )
    tokens = StoredTokens(integration, clock)
    adapter = registry.connect(
        integration.pms, client, integration.account, integration.credential, tokens
    )
    tokens.issue = adapter.issue_token
    session = Session(adapter, tokens)
    return session
