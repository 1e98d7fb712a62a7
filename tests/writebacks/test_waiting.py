"""An answer is held back until the outcome is known, and costs nobody else anything meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from clinics.models import Role, User
from integrations.models import Integration
from tests import make
from tests.writebacks.rest import Desk, code, desk, wrong
from writebacks import waiting
from writebacks.models import Writeback

pytestmark = pytest.mark.django_db
LIST = "/api/v1/writebacks"


class Sleeps:
    """A clock that only sleeping moves; something may happen during a given sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.events: dict[int, Callable[[], Any]] = {}

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if happens := self.events.get(len(self.slept)):
            happens()


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Sleeps:
    made = Sleeps()
    monkeypatch.setattr(waiting, "time", made)
    return made


@pytest.fixture(autouse=True)
def _seats(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two may wait at once; afterwards nobody sits any more."""
    monkeypatch.setattr(waiting, "seats", threading.BoundedSemaphore(2))
    yield
    assert waiting.seats._value == 2  # type: ignore[attr-defined]


@pytest.fixture
def front(api: Callable[[User], APIClient], staff: User, integration: Integration) -> Desk:
    return desk(api(staff), integration)


def becomes(status: str) -> Callable[[], Any]:
    ended = {"completed_at": timezone.now(), "due_at": None, "created_external_id": "9"}
    over = ended if status in ("completed", "failed") else {"submitted_at": timezone.now()}
    return lambda: Writeback.objects.update(status=status, failure_code="pms_failed", **over)


@pytest.mark.parametrize("status", ["completed", "failed", "unconfirmed"])
def test_an_ask_is_answered_as_soon_as_the_outcome_is_known(
    front: Desk, sleeps: Sleeps, status: str
) -> None:
    sleeps.events[3] = becomes(status)
    answer = front.ask("post", "appointments?wait=25", front.slot())
    assert (answer.status_code, answer.json()["status"]) == (202, status)
    assert sleeps.slept == [0.5, 0.5, 0.5]


def test_without_an_outcome_it_is_answered_when_the_time_is_over(
    front: Desk, sleeps: Sleeps
) -> None:
    answer = front.ask("post", "appointments?wait=2", front.slot())
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert sleeps.slept == [0.5] * 4


@pytest.mark.parametrize("query", ["", "?wait=0"])
def test_who_does_not_wait_is_answered_at_once(front: Desk, sleeps: Sleeps, query: str) -> None:
    assert front.ask("post", f"appointments{query}", front.slot()).status_code == 202
    assert sleeps.slept == []
    assert Writeback.objects.get().awaited_until is None


def test_the_row_says_until_when_somebody_waits(front: Desk, sleeps: Sleeps) -> None:
    before = timezone.now()
    front.ask("post", "appointments?wait=25", front.slot())
    until = Writeback.objects.get().awaited_until
    assert before + timedelta(seconds=25) <= until <= timezone.now() + timedelta(seconds=25)


def test_a_repeated_ask_waits_too_and_never_shortens_anothers_wait(
    front: Desk, sleeps: Sleeps
) -> None:
    body = front.slot()
    front.ask("post", "appointments?wait=55", body, "same")
    until = Writeback.objects.get().awaited_until
    again = front.ask("post", "appointments?wait=5", body, "same")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert sum(sleeps.slept) == 60
    assert Writeback.objects.get().awaited_until == until


def test_reading_one_waits_likewise(front: Desk, sleeps: Sleeps) -> None:
    made = make.writeback(front.integration)
    sleeps.events[2] = becomes("completed")
    answer = front.client.get(f"{LIST}/{made.pk}?wait=10")
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert sleeps.slept == [0.5, 0.5]
    made.refresh_from_db()
    assert made.awaited_until is not None


def test_one_who_may_only_look_waits_without_hurrying_the_practices_calls(
    front: Desk, sleeps: Sleeps, api: Callable[[User], APIClient]
) -> None:
    made = make.writeback(front.integration)
    reader = api(make.member(front.integration.organization, Role.READ_ONLY))
    assert reader.get(f"{LIST}/{made.pk}?wait=1").status_code == 200
    assert sleeps.slept == [0.5, 0.5]
    made.refresh_from_db()
    assert made.awaited_until is None


def test_nobody_waits_for_what_is_settled(front: Desk, sleeps: Sleeps) -> None:
    made = make.writeback(front.integration, status="unconfirmed")
    assert front.client.get(f"{LIST}/{made.pk}?wait=55").json()["status"] == "unconfirmed"
    assert sleeps.slept == []
    made.refresh_from_db()
    assert made.awaited_until is None


@pytest.mark.parametrize("value", ["-1", "56", "2.5", "soon", ""])
def test_another_time_than_that_is_400_and_asks_for_nothing(
    front: Desk, sleeps: Sleeps, value: str
) -> None:
    assert list(wrong(front.ask("post", f"appointments?wait={value}", front.slot()))) == ["wait"]
    assert not Writeback.objects.exists()
    made = make.writeback(front.integration)
    assert list(wrong(front.client.get(f"{LIST}/{made.pk}?wait={value}"))) == ["wait"]


def test_when_all_seats_are_taken_the_answer_comes_at_once(front: Desk, sleeps: Sleeps) -> None:
    for _ in range(2):
        waiting.seats.acquire()
    answer = front.ask("post", "appointments?wait=25", front.slot())
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert sleeps.slept == []
    waiting.seats.release(2)


def test_a_refusal_is_not_waited_for(front: Desk, sleeps: Sleeps) -> None:
    front.ask("post", "appointments", front.slot())
    assert code(front.ask("post", "appointments?wait=25", front.slot())) == "slot_taken"
    assert sleeps.slept == []


@pytest.mark.django_db(transaction=True)
def test_while_it_waits_it_holds_no_connection(integration: Integration, sleeps: Sleeps) -> None:
    made = make.writeback(integration)
    held = []
    for number in (1, 2):
        sleeps.events[number] = lambda: held.append(connection.connection is not None)
    waiting.wait_for(made, 1)
    assert held == [False, False]


def test_within_a_transaction_the_connection_stays(
    integration: Integration, sleeps: Sleeps
) -> None:
    made = make.writeback(integration)
    with transaction.atomic():
        waiting.wait_for(made, 1)
        assert connection.in_atomic_block
        assert Writeback.objects.filter(pk=made.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_wait_that_breaks_off_gives_its_seat_back(
    integration: Integration, sleeps: Sleeps
) -> None:
    made = make.writeback(integration)

    def break_off() -> None:
        raise ConnectionError

    sleeps.events[1] = break_off
    with pytest.raises(ConnectionError):
        waiting.wait_for(made, 5)
