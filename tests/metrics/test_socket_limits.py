"""Nobody connects or watches without bound, and who is slow is dropped."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from accounts import rates
from clinics.models import Clinic, User
from metrics import consumers, limits
from metrics.endings import Ended
from tests import make
from tests.metrics.web import Web, token_of, told, visit


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count from zero, under names of this test's own."""
    fresh = limits.Connects()
    for module in ("metrics.consumers", "metrics.admission", "metrics.stream", "metrics.limits"):
        monkeypatch.setattr(f"{module}.connects", fresh)
    rates.storage().reset()


@pytest.mark.django_db(transaction=True)
def test_one_address_connects_so_often_a_minute_and_no_more(
    web: Web, clinic: Clinic, staff: User, settings: Any
) -> None:
    settings.LIVE_CONNECTS_PER_MINUTE = 3
    told(clinic)
    token = token_of(staff)
    for _ in range(3):
        with web.socket(clinic, token=token) as socket:
            assert socket.next()["type"] == "snapshot"
    with web.socket(clinic, token=token) as socket:
        assert socket.farewell() == ("too_many_connects", 4429)
    # From here on before anything is looked up.
    path = f"/ws/clinics/{clinic.pk}/metrics"
    began = time.monotonic()
    assert {web.refusal(path) for _ in range(50)} == {429}
    assert time.monotonic() - began < 5


@pytest.mark.django_db(transaction=True)
def test_one_login_has_so_many_sockets_open_and_no_more(
    web: Web, clinic: Clinic, staff: User, settings: Any
) -> None:
    settings.LIVE_SOCKETS_OF_LOGIN = 2
    told(clinic)
    other = token_of(make.member(clinic.organization))
    # Two logins of one person are counted together.
    with web.socket(clinic, token=token_of(staff)) as one:
        assert one.next()["type"] == "snapshot"
        with web.socket(clinic, token=token_of(staff)) as two:
            assert two.next()["type"] == "snapshot"
            with web.socket(clinic, token=token_of(staff)) as three:
                assert three.farewell() == ("too_many_open", 4429)
            with web.socket(clinic, token=other) as four:
                assert four.next()["type"] == "snapshot"
            visit(clinic)
            told(clinic)
            assert one.next()["type"] == two.next()["type"] == "update"


@pytest.mark.django_db(transaction=True)
def test_one_process_holds_so_many_and_no_more(
    web: Web, clinic: Clinic, staff: User, settings: Any
) -> None:
    settings.LIVE_SOCKETS = 1
    told(clinic)
    with web.socket(clinic, token=token_of(staff)) as one:
        assert one.next()["type"] == "snapshot"
        other = token_of(make.member(clinic.organization))
        with web.socket(clinic, token=other) as two:
            assert two.farewell() == ("full", 1013)


def test_where_redis_is_away_connects_are_not_counted(
    monkeypatch: pytest.MonkeyPatch, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.LIVE_CONNECTS_PER_MINUTE = 1

    def away() -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(rates, "storage", away)
    connects = limits.Connects()
    for _ in range(3):
        connects.take("address 192.0.2.1")
    assert not connects.is_refused("address 192.0.2.1")
    assert caplog.messages == ["connects are not counted: Redis is away (ConnectionRefusedError)"]


def test_a_minute_later_an_address_may_connect_again(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LIVE_CONNECTS_PER_MINUTE = 1
    connects = limits.Connects()
    connects.take("address 192.0.2.2")
    with pytest.raises(Ended):
        connects.take("address 192.0.2.2")
    assert connects.is_refused("address 192.0.2.2")
    later = time.monotonic() + 61
    monkeypatch.setattr(limits.time, "monotonic", lambda: later)
    assert not connects.is_refused("address 192.0.2.2")


@pytest.mark.django_db(transaction=True)
def test_who_does_not_take_what_is_sent_is_closed_with_4408_and_gives_up_its_seat(
    clinic: Clinic, staff: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "TAKEN_WITHIN", 0.2)
    monkeypatch.setattr(consumers, "FAREWELL", 0.2)
    told(clinic)
    sent = asyncio.run(asyncio.wait_for(stuck(clinic.pk, token_of(staff)), 10))
    assert [each["type"] for each in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 4408
    assert not limits.seats.taken


async def stuck(clinic_id: UUID, token: str) -> list[dict[str, Any]]:
    """Serve a client that takes no message, but a short one at the end; return what it took."""
    taken: list[dict[str, Any]] = []
    scope = {
        "type": "websocket", "path": "/", "query_string": b"", "client": ("192.0.2.3", 1),
        "headers": [(b"authorization", f"Bearer {token}".encode())],
        "url_route": {"kwargs": {"clinic_id": clinic_id}},
    }  # fmt: skip
    waiting = [{"type": "websocket.connect"}]

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop()

    async def send(message: dict[str, Any]) -> None:
        if message.get("text", "").startswith('{"type":"snapshot"'):
            await asyncio.sleep(60)
        if message["type"] != "websocket.send":
            taken.append(message)

    await consumers.metrics(scope, receive, send)
    return taken


def test_who_connects_under_a_name_is_remembered_within_bounds(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.LIVE_CONNECTS_PER_MINUTE = 0
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    connects = limits.Connects()
    for number in range(25):
        with pytest.raises(Ended):
            connects.take(f"address {number} {timezone.now().timestamp()}")
    assert len(connects._refused) <= 10
