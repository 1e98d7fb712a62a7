"""A practice's card: its calls, its writebacks, and in one sentence how it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from clinics import access
from clinics.models import User
from integrations.contract import Priority
from integrations.http import budget
from integrations.models import Breaker, Integration, IntegrationStatus
from tests import make
from writebacks.dashboard import practice_cards

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(integration: Integration) -> User:
    return make.member(integration.organization, is_staff=True)


def test_the_card_counts_calls_by_priority_and_writebacks_by_standing(
    integration: Integration, desk: User
) -> None:
    now = timezone.now()
    for priority in [Priority.HIGH, *[Priority.LOW] * 3]:
        budget.take([integration.practice_counter()], priority, now)
    make.writeback(integration, created_at=now - timedelta(minutes=2))
    make.writeback(integration, status="pending", external_id="1")
    make.writeback(integration, status="unconfirmed")
    for seconds in (30, 90):
        make.writeback(
            integration,
            status="completed",
            created_at=now - timedelta(seconds=seconds),
            completed_at=now,
            due_at=None,
        )
    long_ago = now - timedelta(days=2)
    make.writeback(
        integration, status="failed", failure_code="x", completed_at=long_ago, due_at=None
    )
    (card,) = practice_cards(access.of_person(desk), now)
    assert (card.total.used, card.total.limit, card.total.percent) == (4, 200, 2)
    assert [(bar.used, bar.limit) for bar in card.split] == [(1, 200), (3, 150)]
    assert (card.open, card.oldest_age) == (2, timedelta(minutes=2))
    assert (card.unconfirmed, card.completed, card.failed) == (1, 2, 0)
    assert card.average == timedelta(seconds=60)
    assert card.health == ("warning", "Some writes are not confirmed")


@pytest.mark.parametrize(
    ("used", "status", "health"),
    [
        (0, IntegrationStatus.ACTIVE, ("good", "Healthy")),
        (150, IntegrationStatus.ACTIVE, ("warning", "Background checks wait for the next hour")),
        (200, IntegrationStatus.ACTIVE, ("bad", "This hour's calls are used up")),
        (0, IntegrationStatus.SETUP_REQUIRED, ("warning", "Set-up is not finished")),
        (0, IntegrationStatus.ERROR, ("bad", "The PMS rejects our credential")),
    ],
)
def test_the_card_says_in_one_sentence_how_the_practice_is(
    integration: Integration,
    desk: User,
    used: int,
    status: IntegrationStatus,
    health: tuple[str, str],
) -> None:
    integration.status = status
    integration.save()
    now = timezone.now()
    for _ in range(used):
        budget.take([integration.practice_counter()], Priority.HIGH, now)
    (card,) = practice_cards(access.of_person(desk), now)
    assert card.health == health


REJECTED = ("bad", "The PMS rejects our calls")
PERSON = ("warning", "Some writes need a person")
AWAY = ("bad", "The PMS is away")


@pytest.mark.parametrize(
    ("status", "waiting_for", "health"),
    [
        ("queued", "not_authorized", REJECTED),
        ("pending", "not_authorized", REJECTED),
        ("unconfirmed", "not_authorized", REJECTED),
        ("unconfirmed", "person", PERSON),
        ("pending", "person", PERSON),
        ("unconfirmed", "no_answer", ("warning", "Some writes are not confirmed")),
        ("pending", "agent_offline", ("good", "Healthy")),
    ],
)
def test_a_practice_whose_writes_stand_still_is_not_healthy(
    integration: Integration,
    desk: User,
    status: str,
    waiting_for: str,
    health: tuple[str, str],
) -> None:
    make.writeback(integration, status=status, waiting_for=waiting_for, external_id="1")
    (card,) = practice_cards(access.of_person(desk), timezone.now())
    assert card.health == health


def test_what_has_ended_makes_no_practice_unwell(integration: Integration, desk: User) -> None:
    now = timezone.now()
    for waiting_for in ("not_authorized", "person"):
        make.writeback(
            integration,
            status="completed",
            completed_at=now,
            due_at=None,
            waiting_for=waiting_for,
        )
    (card,) = practice_cards(access.of_person(desk), now)
    assert card.health == ("good", "Healthy")


def test_the_worst_is_said_first(integration: Integration, desk: User) -> None:
    now = timezone.now()

    def health() -> tuple[str, str]:
        (card,) = practice_cards(access.of_person(desk), now)
        return card.health

    make.writeback(integration, status="unconfirmed", waiting_for="no_answer")
    make.writeback(integration, status="unconfirmed", waiting_for="person")
    assert health() == PERSON
    make.writeback(integration, waiting_for="not_authorized")
    assert health() == REJECTED
    breaker = Breaker.objects.create(integration=integration, failures=4)
    assert health() == REJECTED, "four failures do not open it"
    breaker.failures, breaker.opened_at, breaker.retry_at = 5, now, now - timedelta(seconds=1)
    breaker.save()
    assert health() == AWAY, "until a call has shown that it is back"
    integration.status = IntegrationStatus.ERROR
    integration.save()
    assert health() == ("bad", "The PMS rejects our credential")


def test_the_card_says_of_unconfirmed_writes_whether_anybody_looks_for_them(
    integration: Integration, desk: User
) -> None:
    client = Client()
    client.force_login(desk)
    looked_for = make.writeback(integration, status="unconfirmed", waiting_for="no_answer")
    assert "being looked for" in client.get("/admin/").content.decode()
    make.writeback(integration, status="unconfirmed", waiting_for="person", due_at=None)
    page = client.get("/admin/").content.decode()
    assert "1 needs a person" in page
    assert "being looked for" not in page
    address = (
        f"/admin/writebacks/writeback/?clinic__id__exact={integration.clinic_id}&standing=person"
    )
    assert address.replace("&", "&amp;") in page
    (found,) = client.get(address).context["cl"].result_list
    assert found != looked_for


def test_cards_take_three_queries_for_any_number_of_practices(
    django_assert_num_queries: Any,
) -> None:
    operator = make.member(make.organization(), is_superuser=True)
    for number in range(5):
        integration = make.integration(make.clinic())
        make.writeback(integration)
        if number % 2:
            Breaker.objects.create(integration=integration, opened_at=timezone.now())
    found = access.of_person(operator)
    with django_assert_num_queries(3):
        cards = practice_cards(found, timezone.now())
        assert len([card.clinic.organization.name for card in cards]) == 5
        assert [card.health for card in cards].count(AWAY) == 2


def test_an_operators_cards_lead_to_no_page_that_they_may_not_open(
    integration: Integration,
) -> None:
    make.writeback(integration, status="unconfirmed", waiting_for="person")
    operator = make.user(is_staff=True, is_superuser=True)
    member = make.member(integration.organization, is_staff=True)
    pages = []
    for person in (operator, member):
        client = Client()
        client.force_login(person)
        pages.append(client.get("/admin/").content.decode())
    for address in ("writebacks/writeback", "clinics/appointment"):
        assert [f"/admin/{address}/" in page for page in pages] == [False, True]
    assert "1 needs a person" in pages[0]
