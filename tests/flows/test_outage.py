"""A PMS that is away, or that rejects us: it costs next to nothing, and work resumes by itself."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3.util.connection

from integrations.contract import Priority
from integrations.http import retry, transport
from integrations.http.errors import PmsError, TokenBusy
from integrations.models import Breaker, Integration, IntegrationStatus
from integrations.queries import Resource
from integrations.sandbox import RunningSandbox, running
from integrations.session import open_session
from integrations.tasks import refresh_tokens
from integrations.tokens import LEASE, StoredTokens
from tests.conftest import Clock
from tests.flows.practices import Practice
from tests.integrations.lists import records
from tests.integrations.threads import at_once
from writebacks.models import Writeback
from writebacks.operations import Operation
from writebacks.states import Status
from writebacks.tasks import dispatch

BOOK, LIST, KEY = "POST /appointment", "GET /writebacks", "POST /request_key"


class Power:
    """The switch of a sandbox that comes back at its address with all that it knew."""

    def __init__(self, state: Path) -> None:
        self._state, self._stack, self._port = state, ExitStack(), 0
        self.on()

    def on(self) -> None:
        self.sandbox = self._stack.enter_context(
            running(seed=7, port=self._port, state=self._state, delay="20-20")
        )
        self._port = urlsplit(self.sandbox.address).port or 0

    def off(self) -> None:
        self._stack.close()


@pytest.fixture
def power(clock: Clock, tmp_path: Path) -> Iterator[Power]:
    switch = Power(tmp_path / "sandbox.db")
    yield switch
    switch.off()


@pytest.fixture
def sandbox(power: Power) -> RunningSandbox:
    """The sandbox of the practice; in this file it has a switch."""
    return power.sandbox


@pytest.fixture
def knocks(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When somebody tried to connect to the PMS: seconds since this test began."""
    began, found = practice.clock.now, []
    port = urlsplit(practice.sandbox.address).port
    connect = urllib3.util.connection.create_connection

    def noted(address: tuple[str, int], *rest: Any, **more: Any) -> Any:
        if address[1] == port:
            found.append((practice.clock.now - began).total_seconds())
        return connect(address, *rest, **more)

    monkeypatch.setattr(urllib3.util.connection, "create_connection", noted)
    # Two attempts of a read within a second are as good as within none.
    monkeypatch.setattr(retry, "FIRST_WAIT", 0.0)
    return found


def accepted_by_the_pms(practice: Practice, body: dict[str, Any], count: int) -> list[str]:
    """Have the PMS take so many writes, past everything that counts calls; returns their ids."""
    address = urlsplit(practice.sandbox.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=5)
    headers = {"Request-Key": practice.integration.access_key, "Content-Type": "application/json"}
    ids = []
    for _ in range(count):
        connection.request("POST", f"{address.path}/appointment", json.dumps(body), headers)
        said = json.loads(connection.getresponse().read())
        ids.append(said["long_message"].partition("Id:")[2].strip(" ."))
    connection.close()
    return ids


def test_an_outage_costs_a_handful_of_attempts_and_loses_nothing(
    practice: Practice, power: Power, knocks: list[float]
) -> None:
    clock = practice.clock
    practice.sandbox.control.knobs(rate_limit=100_000, delay="90000-90000")
    one = practice.book()
    body = one.request_body
    ids = accepted_by_the_pms(practice, body, 999)
    assert len(set(ids)) == 999

    def like_the_first(key: str, **fields: Any) -> Writeback:
        return Writeback(
            organization_id=one.organization_id,
            clinic_id=one.clinic_id,
            integration_id=one.integration_id,
            operation=Operation.BOOK,
            command=one.command,
            method=one.method,
            endpoint=one.endpoint,
            request_body=body,
            request_hash="0" * 64,
            idempotency_key=key,
            expires_at=one.expires_at,
            due_at=clock.now,
            **fields,
        )

    power.off()
    knocks.clear()
    pending = {"status": Status.PENDING, "attempts": 1, "submitted_at": clock.now}
    Writeback.objects.bulk_create(
        [like_the_first(f"check {each}", external_id=each, **pending) for each in ids]
        + [like_the_first(f"book {number}") for number in range(200)]
    )
    Writeback.objects.filter(pk=one.pk).update(due_at=clock.now)

    # 1,000 due checks and 200 queued bookings meet a PMS that is away: five attempts, then one
    # when the first rest of 15 seconds is over.
    practice.pass_time(30)
    assert knocks == [*[5.0] * 5, 20.0]
    states = Counter(Writeback.objects.values_list("status", flat=True))
    assert states == {Status.PENDING: 1000, Status.QUEUED: 200}, "nothing fails, nothing is lost"
    assert set(Writeback.objects.values_list("check_count", flat=True)) == {0}
    assert Breaker.objects.get().retry_at is not None

    # It is back. The next probe finds it so, and all goes on without anybody's doing.
    power.on()
    power.sandbox.control.knobs(rate_limit=100_000, delay="90000-90000")
    practice.pass_time(45)
    assert knocks == [*[5.0] * 5, 20.0, 50.0], "one connection, kept for all that follows"
    assert Breaker.objects.get().retry_at is None
    clock.advance(3600 - 75)  # the practice's calls of this hour were not enough for all
    practice.pass_time(40)  # a share of them with each tick
    assert Counter(Writeback.objects.values_list("status", flat=True)) == {Status.PENDING: 1200}
    checked = Writeback.objects.filter(check_count__gte=1, waiting_for__in=["", "pms"])
    assert checked.count() >= 1000
    assert len(set(Writeback.objects.values_list("external_id", flat=True))) == 1200
    made = power.sandbox.control.calls(practice.office, limit=5000)
    assert sum(call["path"].endswith("/appointment") for call in made) == 1200


# --- Keys ----------------------------------------------------------------------------------------


def sixteen_at_once(practice: Practice) -> list[str]:
    """What 16 callers with a connection each get: the number of practitioners, or when to come."""

    def one(number: int) -> str:
        try:
            adapter = open_session(Integration.objects.get(), Priority.HIGH).adapter
            return str(len(records(adapter, Resource.PRACTITIONERS)))
        except TokenBusy as error:
            wait = (error.retry_at or practice.clock.now) - practice.clock.now
            return "busy" if timedelta() < wait <= timedelta(seconds=2) else "busy for too long"
        finally:
            transport._session(True).close()

    return at_once(16, one)


def test_16_callers_on_a_key_that_the_pms_calls_ended_cause_one_renewal(
    practice: Practice,
) -> None:
    practice.sandbox.control.expire_keys(practice.office)
    found = sixteen_at_once(practice)
    assert set(found) <= {"4", "busy"}
    assert "4" in found
    assert practice.calls().count(KEY) == 1
    practice.clock.advance(2)
    assert sixteen_at_once(practice) == ["4"] * 16, "whoever was busy comes again, once"
    assert practice.calls().count(KEY) == 1


def test_16_callers_on_a_key_that_we_know_has_ended_cause_one_renewal(practice: Practice) -> None:
    Integration.objects.update(key_expires_at=practice.clock.now - timedelta(seconds=1))
    found = sixteen_at_once(practice)
    assert set(found) <= {"4", "busy"}
    assert "4" in found
    assert practice.calls().count(KEY) == 1
    assert practice.calls()[0] == KEY, "the ended key is not even tried"


class Killed(BaseException):
    """What a kill -9 looks like from here: nothing after the call runs."""


def test_a_killed_refresher_blocks_a_booking_no_longer_than_its_lease(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.sandbox.control.expire_keys(practice.office)

    def killed(self: StoredTokens) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(StoredTokens, "_issue", killed)
        with pytest.raises(Killed):
            records(
                open_session(Integration.objects.get(), Priority.HIGH).adapter,
                Resource.PRACTITIONERS,
            )
    writeback = practice.book()
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("queued", "renewing_key")
    assert practice.calls().count(KEY) == 0

    practice.pass_time(10)
    assert practice.see(writeback)["status"] == "queued"
    practice.pass_time(int(LEASE.total_seconds()) - 10)
    assert practice.see(writeback)["status"] == "pending", "15 seconds after the kill"
    assert practice.calls().count(KEY) == 1


def test_a_rejected_credential_stops_the_background_and_ends_by_itself(practice: Practice) -> None:
    writeback = practice.book()
    right = practice.integration.credential
    Integration.objects.update(
        credential=right | {"secret_key": "wrong"},
        refresh_key="wrong",
        key_expires_at=practice.clock.now,
    )
    heard = len(practice.calls())

    # Somebody who books finds out, at the price of two calls: by the refresh key, by the secret.
    waiting = practice.book("waiting", hour=10)
    assert practice.see(waiting)["waiting_for"] == "not_authorized"
    assert practice.calls()[heard:] == [KEY, KEY]
    integration = Integration.objects.get()
    assert integration.status == IntegrationStatus.ERROR
    assert integration.error_message.startswith("Sikka answered 401 API2003")

    # The background stands still, without a call.
    heard = len(practice.calls())
    Writeback.objects.filter(pk=waiting.pk).update(due_at=practice.clock.now + timedelta(hours=1))
    practice.pass_time(120)
    seen = practice.see(writeback)
    assert (seen["status"], seen["waiting_for"]) == ("pending", "not_authorized")
    assert seen["check_count"] == 0
    with pytest.raises(PmsError):
        records(
            open_session(Integration.objects.get(), Priority.LOW).adapter, Resource.PRACTITIONERS
        )
    assert practice.calls()[heard:] == []
    assert Integration.objects.get().error_message == integration.error_message

    # Somebody who waits may try.
    another = practice.book("another", hour=11)
    assert practice.see(another)["waiting_for"] == "not_authorized"
    assert practice.calls()[heard:] == [KEY, KEY]

    # A person mends the credential; the next tick of the renewal brings all back.
    Integration.objects.update(credential=right)
    assert refresh_tokens() == 1
    assert Integration.objects.get().status == IntegrationStatus.ACTIVE
    assert Integration.objects.get().error_message == ""
    Writeback.objects.update(due_at=practice.clock.now)
    dispatch()
    practice.pass_time(60)
    for booking in (writeback, waiting, another):
        assert practice.see(booking)["status"] == "completed"
    assert len(practice.in_pms()) == 3
