"""A practice's card: its calls, its writebacks, and in one sentence how it is."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clinics import access, hours
from clinics.models import User
from integrations.contract import Priority
from integrations.http import budget
from integrations.models import Breaker, Integration, IntegrationStatus
from tests import make
from tests.conftest import Clock
from writebacks import pace
from writebacks.dashboard import PracticeCard, practice_cards
from writebacks.models import Writeback

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


def card_of(person: User, now: datetime | None = None) -> PracticeCard:
    (card,) = practice_cards(access.of_person(person), now or timezone.now())
    return card


def text_of(page: bytes) -> str:
    """What a person reads."""
    blocks = re.sub(r"</a>", "", page.decode())
    return " ".join(re.sub(r"<[^>]+>", " ", blocks).split())


def test_the_card_says_when_unconfirmed_writes_are_looked_for_and_which_need_a_person(
    integration: Integration, desk: User, clock: Clock
) -> None:
    client = Client()
    client.force_login(desk)
    assert "all known" in text_of(client.get("/admin/").content)
    soon = clock.now + timedelta(minutes=12)
    looked_for = make.writeback(
        integration, status="unconfirmed", waiting_for="no_answer", due_at=soon
    )
    page = text_of(client.get("/admin/").content)
    assert "Unconfirmed 1 next look 10:12 Completed" in page
    make.writeback(integration, status="unconfirmed", waiting_for="person", due_at=None)
    page = client.get("/admin/").content
    assert "Unconfirmed 2 1 needs a person; next look 10:12 Completed" in text_of(page)
    address = (
        f"/admin/writebacks/writeback/?clinic__id__exact={integration.clinic_id}&standing=person"
    )
    assert address.replace("&", "&amp;") in page.decode()
    (found,) = client.get(address).context["cl"].result_list
    assert found != looked_for


def test_the_card_says_when_the_next_look_is_the_nights_catch_up(
    integration: Integration, desk: User, clock: Clock
) -> None:
    night = hours.next_catch_up(clock.now, integration.clinic.zone)
    writeback = make.writeback(integration, status="unconfirmed", external_id="1", due_at=night)
    card = card_of(desk, clock.now)
    assert (card.next_look_at, card.at_night) == (night, True)
    client = Client()
    client.force_login(desk)
    assert "next look 02:00, at night" in text_of(client.get("/admin/").content)
    Writeback.objects.filter(pk=writeback.pk).update(due_at=clock.now)
    assert not card_of(desk, clock.now).at_night


def test_each_number_of_the_card_leads_to_a_list_of_just_so_many(
    integration: Integration, desk: User
) -> None:
    now = timezone.now()
    elsewhere = make.integration(make.clinic(integration.organization))
    ended = {"completed_at": now, "due_at": None}
    for each in (integration, elsewhere):
        first = make.writeback(each, waiting_for="waiting_for_budget")
        make.writeback(each, waiting_for="earlier_write", due_at=None, after=first)
        make.writeback(each, waiting_for="agent_offline")
        make.writeback(each, status="pending", external_id="1", withdraw_asked_at=now)
        make.writeback(each, status="unconfirmed", external_id="2")
        make.writeback(each, status="completed", external_id="3", **ended)
        make.writeback(each, status="completed", external_id="4", **ended | {"due_at": now})
        failed = make.writeback(each, status="failed", failure_code="refused", **ended)
        make.writeback(each, status="failed", failure_code="x", retry_of=failed, **ended)
        long_ago = ended | {"completed_at": now - timedelta(days=2)}
        make.writeback(each, status="failed", failure_code="x", **long_ago)
        make.writeback(each, status="completed", external_id="5", **long_ago)
        make.writeback(each, status="completed", external_id="6", **long_ago | {"due_at": now})
    client = Client()
    client.force_login(desk)
    card = next(
        card
        for card in practice_cards(access.of_person(desk), now)
        if card.clinic == integration.clinic
    )
    assert [(wait.standing, wait.count) for wait in card.waits] == [
        ("budget", 1),
        ("agent", 1),
        ("earlier", 1),
        ("withdrawing", 1),
        ("identifying", 2),
    ]
    assert (card.open, card.unconfirmed, card.completed) == (4, 1, 2)
    assert (card.failed, card.not_retried) == (2, 1)
    page = client.get("/admin/").content.decode()
    links = re.findall(
        rf'<a href="([^"]*clinic__id__exact={integration.clinic_id}&amp;standing=(\w+))">(\d+)</a>',
        page,
    )
    counts = {standing: int(number) for _, standing, number in links}
    assert counts == {
        "moving": 4,
        "unconfirmed": 1,
        "completed": 2,
        "failed": 2,
        **{wait.standing: wait.count for wait in card.waits},
    }
    for address, standing, number in links:
        listed = client.get(address.replace("&amp;", "&")).context["cl"].result_list
        assert len(listed) == int(number), standing
        assert {each.clinic for each in listed} == {integration.clinic}


def test_a_write_that_cannot_leave_makes_the_practices_computer_the_trouble(
    integration: Integration, desk: User
) -> None:
    make.writeback(integration, waiting_for="agent_offline")
    assert card_of(desk).health == ("warning", "The practice's computer is offline")


def test_the_card_says_until_when_checks_are_kept_together_by_day_alone(
    integration: Integration, desk: User, clock: Clock
) -> None:
    assert card_of(desk, clock.now).paced_until is None
    while pace.may_ask(integration, clock.now):
        pass
    until = pace.next_at(integration, clock.now)
    assert until > clock.now
    assert card_of(desk, clock.now).paced_until == until
    at_night = clock.now.replace(hour=9)  # 4:00 in New York
    assert card_of(desk, at_night).paced_until is None


def test_the_cards_alone_are_what_the_first_page_shows_and_for_nobody_else(
    integration: Integration, desk: User
) -> None:
    theirs = make.integration(make.clinic())
    client = Client()
    client.force_login(desk)
    cards = client.get("/admin/cards/")
    assert cards.status_code == 200
    assert integration.clinic.name in cards.content.decode()
    assert theirs.clinic.name not in cards.content.decode()
    assert b"<html" not in cards.content
    assert "no-store" in cards["Cache-Control"]
    answer = Client().get("/admin/cards/")
    assert (answer.status_code, integration.clinic.name.encode() in answer.content) == (302, False)


def test_the_first_page_carries_what_keeps_its_cards_up_to_date(desk: User) -> None:
    client = Client()
    client.force_login(desk)
    page = client.get("/admin/").content.decode()
    assert '<div data-live="/admin/cards/" data-every="5">' in page
    assert '<script src="/static/frontdesk/live.js" defer></script>' in page
    assert finders.find("frontdesk/live.js")


def test_the_cards_alone_take_as_many_queries_for_one_practice_as_for_many(
    integration: Integration, django_assert_num_queries: Any
) -> None:
    desk = make.member(integration.organization, is_staff=True)
    client = Client()
    client.force_login(desk)
    with CaptureQueriesContext(connection) as one:
        client.get("/admin/cards/")
    for _ in range(4):
        more = make.integration(make.clinic(integration.organization))
        make.writeback(more, waiting_for="waiting_for_budget")
        make.writeback(more, status="unconfirmed")
    with django_assert_num_queries(len(one)):
        client.get("/admin/cards/")


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
