"""A write that our own budget held back is not taken for one that the practice did not answer."""

from __future__ import annotations

from datetime import timedelta

from integrations.contract import Priority, Scope
from integrations.http import budget
from tests.flows.practices import Practice
from writebacks.models import Writeback
from writebacks.tasks import dispatch

BOOK = "POST /appointment"


def test_the_first_answer_of_an_offline_agent_is_followed_soon_however_long_the_budget_was_spent(
    practice: Practice,
) -> None:
    practice.sandbox.control.knobs(agent_offline=True)
    integration = practice.integration
    integration.budget_calls, integration.budget_reserve = 1, 0
    integration.save()
    practice.clock.advance(3600)
    budget.take(integration.counters([Scope.INTEGRATION]), Priority.HIGH, practice.clock.now)
    writeback = practice.book(days=2)
    for _ in range(5):
        assert practice.see(writeback)["waiting_for"] == "waiting_for_budget"
        practice.clock.advance(3600)
        budget.take(integration.counters([Scope.INTEGRATION]), Priority.HIGH, practice.clock.now)
        dispatch()
    assert practice.calls().count(BOOK) == 0
    integration.budget_calls = None
    integration.save()
    practice.clock.advance(3600)
    dispatch()
    seen = practice.see(writeback)
    assert (seen["waiting_for"], practice.calls().count(BOOK)) == ("agent_offline", 1)
    assert Writeback.objects.get().due_at == practice.clock.now + timedelta(seconds=10)
